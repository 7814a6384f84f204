/* SPDX-License-Identifier: BSD-2-Clause */
/* MobileNetV2 as data: its convolutions in Keras order, and where their numbers lie. */
#ifndef AF_NN_ARCH_H
#define AF_NN_ARCH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * Keras MobileNetV2 of TF 2.1 without top, input 96x96x1: 52 convolutions, each
 * followed by batch norm and, where `relu6`, by ReLU6; then global average
 * pooling and a dense scalar. 157 Keras layers.
 * Source: Sandler et al. 2018, arXiv:1801.04381, table 2; Keras 2.3 mobilenet_v2.py.
 */
enum { AF_NN_SIDE = 96, AF_NN_NCONV = 52, AF_NN_NLAYERS = 157 };
#define AF_NN_BN_EPSILON 1e-3f
#define AF_NN_BN_MOMENTUM 0.999

enum af_nn_kind { AF_NN_FIRST, AF_NN_DEPTHWISE, AF_NN_POINTWISE };

/* One convolution with its batch norm. */
struct af_nn_conv {
    char name[32], bn[32]; // Keras layer names
    int layer;             // Keras index of the convolution; its batch norm is layer + 1
    enum af_nn_kind kind;
    int cin, cout, stride;
    int h_in, h_out; // side of the square picture, px
    bool relu6;
    int add;                    // convolution whose (added) output is added to this one's; -1: none
    size_t nkernel;             // floats: 9 cout, or cin cout
    size_t kernel, gamma, beta; // places in the block of parameters, floats
    size_t mean, variance;      // places in the block of moving statistics
};

struct af_nn_arch {
    double alpha;
    struct af_nn_conv conv[AF_NN_NCONV];
    int cfeature;                    // channels into the dense layer, 1280 or more
    size_t dense_kernel, dense_bias; // places in the block of parameters
    size_t nparams, nmoving;         // floats in the two blocks
};

/*
 * Fill arch for width alpha, 0.3 to 2. Blocks are laid out in Keras order: kernel, gamma, beta
 * of each convolution, then dense kernel and bias; mean, variance.
 * -1 with AF_EUSAGE (alpha). Choice: below 0.278 Conv1 is as narrow as the first block, which then
 * adds its input: a layer more, so that all indices move. Keras has weights from 0.35 on.
 */
int af_nn_arch_init(struct af_nn_arch *arch, double alpha, struct af_err *err);

/* max(8, int(v + 4) / 8 * 8), plus 8 if that is below 0.9 v. */
int af_nn_make_divisible(double v);

#endif
