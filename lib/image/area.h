/* SPDX-License-Identifier: BSD-2-Clause */
/* Planes in another size, by area average. */
#ifndef AF_IMAGE_AREA_H
#define AF_IMAGE_AREA_H
#include "image/image.h"

/*
 * Each value of out is the mean of the input over its area, where parts of pixels count
 * by their share; the mean over the plane is kept. Shrinking is what OpenCV calls
 * INTER_AREA, enlarging by a whole factor repeats pixels. NaN does not count; where there
 * is nothing else, out is NaN.
 *
 * out: [oh][ow], from the caller; oh, ow > 0
 *
 * Returns 0, or -1 with AF_ESYS (memory).
 */
int af_area_average(const struct af_image *img, size_t ow, size_t oh, float *out,
                    struct af_err *err);

#endif
