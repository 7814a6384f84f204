/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the plate lies under the microscope, from a few wells that a person has found. */
#ifndef AF_PLATE_TEACH_H
#define AF_PLATE_TEACH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* A well: its place on the plate and where the stage was when it was found, um. */
struct af_taught {
    double plate_x_um, plate_y_um;
    double stage_x_um, stage_y_um;
};

/* stage = m plate + offset; all-zero is no placement. */
struct af_placement {
    double m[2][2], x_um, y_um;
    double rotation_mrad; // of the plate's rows against the stage's x, positive from x towards y
    double scale;
    bool mirrored; // only three wells or more can tell
    double rms_um; // of the taught wells about the fit
};
#define AF_PLACEMENT_NONE ((struct af_placement){.m = {{1, 0}, {0, 1}}, .scale = 1})

/*
 * By least squares: one well gives the offset, two also rotation and scale, three or more also
 * whether an axis is mirrored.
 * Source: Umeyama, IEEE PAMI 13 (1991) 376, for two dimensions.
 * -1 with AF_EDATA where the wells are one place, or the scale is off by more than 1 %: a well was
 * mistaken for another ("taught wells are 1.091 times as far apart as on the plate").
 */
int af_teach(const struct af_taught *t, size_t n, struct af_placement *p, struct af_err *err);

void af_place(const struct af_placement *p, double *x_um, double *y_um);

#endif
