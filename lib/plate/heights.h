/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of wells that have been focused. */
#ifndef AF_PLATE_HEIGHTS_H
#define AF_PLATE_HEIGHTS_H
#include "plate/plate.h"
#include "plate/surface.h"
#include <stdio.h>

/* All-zero is the empty state. */
struct af_heights {
    struct af_height *at; // [n] places by the plate, as its wells have x_um and y_um
    size_t n;
    bool *tried;   // [plate's n] the table has a row of this well, focused or not
    bool *focused; // [plate's n] it has one with a z
};

/*
 * Read columns well and z_um, and z_err_um where there is one. A row whose z_um is NA, or whose
 * column quality, trust or status reads anything but ok, done or NA, is a well tried in vain; the
 * last row of a well holds. -1 with AF_EDATA (a well that the plate has not, z that is no number or
 * beyond 1 km), AF_ESYS. Release in any case.
 */
int af_heights_read(struct af_heights *h, const struct af_plate *p, FILE *fp, const char *name,
                    struct af_err *err);
void af_heights_release(struct af_heights *h);

#endif
