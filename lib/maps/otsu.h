/* SPDX-License-Identifier: BSD-2-Clause */
/* Otsu's threshold between dark and bright. */
#ifndef AF_MAPS_OTSU_H
#define AF_MAPS_OTSU_H
#include <stddef.h>
#include <stdint.h>

/* Values counted in 256 equal bins from lo to hi, hi included. */
struct af_otsu {
    double lo, hi;
    uint64_t bin[256];
};

/* Count v, finite and within lo to hi, `weight` times. */
void af_otsu_add(struct af_otsu *o, double v, uint64_t weight);

/*
 * The centre of the bin that parts the values with the largest variance between those in it or
 * below and those above; the first of several. lo where all values are alike.
 *
 * Source: N. Otsu, IEEE Trans. SMC 9 (1979) 62; as skimage.filters.threshold_otsu 0.19 has it.
 */
double af_otsu_threshold(const struct af_otsu *o);

#endif
