/* SPDX-License-Identifier: BSD-2-Clause */
/* A height map as a surface for programs that show solids. */
#ifndef AF_MAPS_SURFACE_H
#define AF_MAPS_SURFACE_H
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A grid of nx x ny points, step_um apart; faces are the triangles between four neighbours that all
 * have a height, the diagonal from upper left to lower right.
 */
struct af_surface {
    size_t nx, ny;
    double step_x_um, step_y_um;
    const float *z_um;   // [ny][nx]; NaN: no point
    const uint8_t *gray; // [ny][nx] brightness of the points, for PLY; NULL: none
};

/*
 * Binary PLY, little-endian: float x y z (um; y up, so that the surface is seen as the image is),
 * with gray also uchar red green blue; and triangles. Binary STL: triangles with normals, the same
 * axes. Write errors stay in fp. -1 with AF_EDATA (no face at all; more than 2^32 - 1 points),
 * AF_ESYS.
 */
int af_surface_write_ply(FILE *fp, const struct af_surface *s, struct af_err *err);
int af_surface_write_stl(FILE *fp, const struct af_surface *s, struct af_err *err);

#endif
