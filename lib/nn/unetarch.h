/* SPDX-License-Identifier: BSD-2-Clause */
/* The U-Nets as data: their convolutions in Keras order, and where their numbers lie. */
#ifndef AF_NN_UNETARCH_H
#define AF_NN_UNETARCH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * A U-Net of d poolings: d levels of two 3x3 convolutions with ReLU and a 2x2 maximum, two more
 * convolutions at the bottom, then d levels of a 2x2 transposed convolution, concatenation [up,
 * skip] and two convolutions; a 1x1 convolution and a sigmoid make the probability of a pixel to
 * be in focus. Dropout after the first convolution of each pair.
 *
 *   "unet"        16-32-64-128-256 channels, 1,940,817 parameters
 *   "unet-512"    16-32-64-128-256-512 channels, 7,780,369 parameters: the other published one.
 *                 No dropout; each 3x3 convolution on the way down, at the bottom and on the first
 *                 level up is followed, after its ReLU, by instance normalisation (nn/instance.h)
 *   "unet-small"  16-32-64-128 channels, 481,745 parameters: the seven sizes of the paper's text
 *   "unet-z"      the same, 482,321 parameters: sees the two slices on either side as well
 *
 * Source: Li et al. 2022, doi:10.21203/rs.3.rs-2362531/v1, and its code (casus/deepfocus,
 * simple2DUnet_256 and simple2DUnet_512). Choice: the channels and dropout of unet-small, which the
 * paper does not say; unet-z, since one slice cannot tell coarse texture in focus from fine texture
 * out of focus, and its neighbours can. Channels are multiples of 16 everywhere, so that nothing is
 * padded.
 */
enum {
    AF_UNET_DEPTH_MAX = 5,
    AF_UNET_NCONV_MAX = 5 * AF_UNET_DEPTH_MAX + 3,
    AF_UNET_SLICES_MAX = 5
};

#define AF_UNET_NAMES "unet|unet-512|unet-small|unet-z"
extern const char *const af_unet_name[]; // in that order
enum { AF_UNET_NNAMES = 4 };

enum af_unet_kind { AF_UNET_3X3, AF_UNET_UP, AF_UNET_OUT };

struct af_unet_conv {
    char name[32]; // Keras layer name, "conv2d_3"
    enum af_unet_kind kind;
    int level; // pictures of the output are h >> level high
    size_t cin, cout;
    /* Floats: 9 cin cout as [3][3][cin][cout]; UP: 4 cin cout as [2][2][cout][cin]; OUT: cin. */
    size_t nkernel;
    size_t kernel, bias; // places in the block of parameters
    size_t norm;         // of gamma, [cout], and beta after it; 0: what comes out is not normalised
    char norm_name[40];  // Keras layer name, "instance_normalization_3"
    double dropout;      // share of the output
};

struct af_unet_arch {
    char name[16];
    int depth;     // poolings
    size_t slices; // that it sees: odd, the one that is asked about in the middle
    bool norm;     // it normalises: each pixel depends on all of the picture
    size_t channels[AF_UNET_DEPTH_MAX + 1];
    int nconv;
    struct af_unet_conv conv[AF_UNET_NCONV_MAX];
    size_t nparams;
};

/* -1 with AF_EUSAGE: no such network. */
int af_unet_arch_init(struct af_unet_arch *a, const char *name, struct af_err *err);

/* Sides of a picture must be multiples of this, px. */
static inline size_t af_unet_multiple(const struct af_unet_arch *a)
{
    return (size_t)1 << a->depth;
}

/* As far as an output pixel sees, px: what is further away does not change it, but by
 * what normalisation makes of the whole. */
size_t af_unet_reach(const struct af_unet_arch *a);

/* He uniform, biases 0, gamma 1, beta 0; params: [nparams]. Source: as published. */
void af_unet_randomise(const struct af_unet_arch *a, float *params, unsigned long long seed);

#endif
