/* SPDX-License-Identifier: BSD-2-Clause */
/* A slice as the U-Net sees it. */
#ifndef AF_FOCUS_SLICE_H
#define AF_FOCUS_SLICE_H
#include "image/image.h"

/*
 *   x = 4 (v - mean) / rms,   both over the slice's finite pixels
 *
 * so that neither lamp nor bit depth matters. What is no finite number, and all of a slice
 * without light, is 0. Choice: the published code takes gray / 255, which learns the lamp of its
 * stacks; a slice's own deviation in place of its r.m.s. would make up for the very blur that is
 * looked for. 4 brings usual contrasts near 1.
 */
#define AF_SLICE_SCALE 4.0

struct af_slice_scale {
    double mean, rms;
};
void af_slice_measure(const struct af_image *img, struct af_slice_scale *s);

/*
 * The window of w x h px whose first pixel is (x0, y0), which may lie partly or all outside: there
 * the slice is mirrored, its border pixels twice (.. 1 0 0 1 2 ..). x: out, a number every ld
 * floats, [h][w].
 */
void af_slice_fill(const struct af_image *img, const struct af_slice_scale *s, long x0, long y0,
                   size_t w, size_t h, float *x, size_t ld);

/* The place that i, before 0 or beyond n, mirrors. */
size_t af_slice_mirror(long i, size_t n);

#endif
