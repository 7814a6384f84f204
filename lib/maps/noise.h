/* SPDX-License-Identifier: BSD-2-Clause */
/* How noisy a slice is. */
#ifndef AF_MAPS_NOISE_H
#define AF_MAPS_NOISE_H
#include "image/image.h"

/*
 * Standard deviation of the pixels' noise, from the median of |N * f| over a slice,
 *
 *       1 -2  1
 *   N = -2 4 -2        which a plane and straight edges along x and y leave at 0,
 *       1 -2  1
 *
 * as 1.4826 median / 6. At most 32 rows are looked at, evenly spaced. 0 for slices under 3 px a
 * side.
 *
 * Source: J. Immerkaer, Comput. Vis. Image Underst. 64 (1996) 300. Choice: the median instead of
 * the mean, so that texture on less than half of the slice does not count; and counts are whole
 * numbers, so that noise far below one count is told as 0.
 */
int af_noise_sigma(const struct af_image *img, double *sigma, struct af_err *err);

#endif
