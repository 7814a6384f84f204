/* SPDX-License-Identifier: BSD-2-Clause */
/* One sharp image from a stack, taken from each slice where it is in focus. */
#ifndef AF_MAPS_FUSE_H
#define AF_MAPS_FUSE_H
#include "image/image.h"
#include "maps/height.h"
#include <stdint.h>

/*
 * Depth of every pixel, and what the slices that have gone by add up to there. All-zero is the
 * empty state.
 */
struct af_fuse {
    size_t w, h;
    float *depth;        // [h][w] slices, within the stack
    bool *known;         // [h][w]
    float *sum;          // [h][w]
    float *least, *most; // depth in each run of 64 pixels
};

/*
 * Depths of a height map over nslices; where nothing is known, the middle of the stack.
 * nearest: whole slices only. -1 with AF_ESYS; release in any case.
 */
int af_fuse_init(struct af_fuse *f, const struct af_height *t, size_t nslices, double most_err,
                 bool nearest, struct af_err *err);
void af_fuse_release(struct af_fuse *f);

/*
 * Add slice k: each pixel is the two slices around its depth, mixed by their distance, so that
 * noise falls and a slope has no steps. All slices are added once, in any order.
 * -1 with AF_EDATA (another size), AF_ESYS.
 */
int af_fuse_add(struct af_fuse *f, size_t k, const struct af_image *img, struct af_err *err);

/* The fused image, of the type and bits of the slices; counts are rounded. Sums go back to 0. */
int af_fuse_take(struct af_fuse *f, enum af_sample type, unsigned bits, struct af_image *out,
                 struct af_err *err);

/* Slice k where it is in focus, its depth known and within `tolerance` slices; 0 elsewhere. */
int af_fuse_masked(const struct af_fuse *f, size_t k, double tolerance, const struct af_image *img,
                   struct af_image *out, struct af_err *err);

/* Slice that each pixel comes from, the nearer of the two: U16, or U32 beyond 65535 slices. */
int af_fuse_source(const struct af_fuse *f, size_t nslices, struct af_image *out,
                   struct af_err *err);

#endif
