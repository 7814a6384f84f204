/* SPDX-License-Identifier: BSD-2-Clause */
/* A height map: where focus lies over every pixel, with its standard error. */
#ifndef AF_MAPS_HEIGHT_H
#define AF_MAPS_HEIGHT_H
#include "maps/depth.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * Depth of cells of `cell` px, in slices from 0, for slices of w x h px. The value of a cell stands
 * at its centre, between centres it is interpolated. All-zero is the empty state.
 */
struct af_height {
    size_t w, h, cell; // px
    size_t nx, ny;     // cells
    float *depth;      // [ny][nx]; NaN: nothing is known
    float *err;        // [ny][nx] standard error, slices; infinity: depth is no more than a guess
    float
        *share; // [cell, at most w] of the next centre, for the pixels from one centre to the next
};

/* -1 with AF_ESYS; release in any case. */
int af_height_init(struct af_height *t, size_t w, size_t h, size_t cell, struct af_err *err);
void af_height_release(struct af_height *t);

/* The depth of each cell by itself, as the curve of its scores has it. */
void af_height_raw(struct af_height *t, const struct af_depth *d);

/*
 * A plane through the depths of the 5 x 5 cells around each cell, by least squares: places without
 * texture lean on their neighbours, and a slope stays a slope. The weight of a cell is
 *
 *   exp(-r^2 / 2 s^2) / (var + 0.01^2),   s = 2/3 of the radius of 2 cells,
 *
 * and, in a second pass, that divided by 1 + (residual from the first / 0.5 slices)^2, so that a
 * cell that found another focus altogether has no say. Where these do not know the depth, 9 x 9
 * cells are asked: sparse textures need them, others would lose their slopes. A cell whose
 * neighbours that are known lie to one side, their centre half a radius away, is not known: an
 * object ends where its texture does.
 *
 * Choice: a cell's depth stands not at its centre but where its score comes from, the centroid of
 * what stands out in the 3 x 3 cells around it. Windows overlap, so that a bright spot gives its
 * depth to all cells whose windows see it; at their centres these would be steps in a slope. IoU of
 * masks of domes on bare ground, other seeds than it was found with, before and with it: sparse
 * spots 0.77 to 0.79 and 0.81 to 0.84, cells 0.85 and 0.88, white noise 0.88 and 0.89.
 *
 * The error is that of the fit and 0.1 slices more, in quadrature. Choice: curves are no
 * parabolas and heights no planes; over domes without noise that is what the depth errs by.
 *
 * overlap: how many neighbouring cells share what the error of one is made of; the window's area
 * over the cell's. -1 with AF_ESYS.
 */
int af_height_fit(struct af_height *t, const struct af_depth *d, double overlap,
                  struct af_err *err);

/* A place is known when its error is below; Choice: the middle of a slice is then told from the
 * next but one by two standard errors. */
#define AF_HEIGHT_MOST_ERR 0.5

/* Depth and error of the pixels of row y: [w] each; err may be NULL. */
void af_height_row(const struct af_height *t, size_t y, float *depth, float *err);

#endif
