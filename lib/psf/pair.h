/* SPDX-License-Identifier: BSD-2-Clause */
/* The same beads in two colours. */
#ifndef AF_PSF_PAIR_H
#define AF_PSF_PAIR_H
#include "psf/measure.h"

struct af_psf_shift {
    double um[3]; // x, y, z of the second less the first; NaN: has no partner
};

/*
 * Shift of each bead of a to the nearest of b, where both are ok, each is the other's nearest, and
 * they are no further apart in x and y than twice the mean of their widths. shift: out, [na].
 */
#define AF_PSF_PAIR_WIDTHS 2
void af_psf_pair(const struct af_psf *a, size_t na, const struct af_psf *b, size_t nb,
                 struct af_psf_shift *shift);

#endif
