/* SPDX-License-Identifier: BSD-2-Clause */
/* The sums of slices that are not 8- or 16-bit counts; for sums.c. */
#ifndef AF_MAPS_SUMSREAL_H
#define AF_MAPS_SUMSREAL_H
#include "maps/sums.h"

int af_sums_compute_real(struct af_sums *s, const struct af_image *img, struct af_err *err);

#endif
