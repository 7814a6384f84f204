/* SPDX-License-Identifier: BSD-2-Clause */
/* Places to visit: wells in an order, each with its fields, as the stage counts. */
#ifndef AF_PLATE_SITES_H
#define AF_PLATE_SITES_H
#include "plate/plate.h"

struct af_site {
    const struct af_well *well; // borrowed from the plate
    int field;                  // from 0
    int nfields;                // of each well
    double x_um, y_um, z_um;    // z NaN: unknown
    double z_err_um;            // NaN: unknown
};

/* Order in which wells come. */
enum af_order {
    AF_ORDER_HORIZONTAL, // snake: along rows, every second backwards
    AF_ORDER_VERTICAL,   // snake: along columns, every second backwards
    AF_ORDER_RASTER,     // rows, all from the left
    AF_ORDER_COLUMNS,    // columns, all from the top
    AF_ORDER_SPIRAL,     // from the first well clockwise inwards
    AF_ORDER_NEAREST,    // from the first well to the nearest that is left
    AF_ORDER_LISTED,     // as the plate has them
};
#define AF_ORDER_NAMES "horizontal|vertical|raster|columns|spiral|nearest|listed"

/*
 * Indices of the wells chosen, in their order. Rows and columns without a chosen well do not count,
 * so that a snake turns where it must.
 *
 *   length of a horizontal snake over R x C wells:  R (C - 1) pitch_x + (R - 1) pitch_y
 *
 * chosen: [p->n]; order: out, [p->n]; *n: how many. -1 with AF_EUSAGE (wells without row and
 * column in any order but nearest and listed), AF_ESYS.
 */
int af_wells_order(const struct af_plate *p, const bool *chosen, enum af_order order,
                   size_t *indices, size_t *n, struct af_err *err);

/* Fields of one well, about its centre and along the axes of the stage, so that they can be joined.
 */
struct af_fields {
    int cols, rows; // a grid, visited as a snake; or 0 x n: a square spiral of n from the centre
    double step_x_um, step_y_um;
};
enum { AF_FIELDS_MAX = 10000 };

/* "3x2", three along x; or "9", a spiral. -1 with AF_EUSAGE. */
int af_fields_parse(struct af_fields *f, const char *text, struct af_err *err);
int af_fields_count(const struct af_fields *f);

/* Place of field i < af_fields_count() from the centre of its well. */
void af_fields_place(const struct af_fields *f, int i, double *dx_um, double *dy_um);

/* How far a field's far edge lies from the centre along x and y, each field w x h. */
void af_fields_reach(const struct af_fields *f, double w_um, double h_um, double *x_um,
                     double *y_um);

/* How fast the stage gets from one place to the next: x and y move at once, then it settles. */
struct af_pace {
    double speed_um_s, acceleration_um_s2, settle_s;
};
struct af_travel {
    double length_um; // sum of the straight distances
    double time_s;
};
struct af_travel af_sites_travel(const struct af_site *sites, size_t n, const struct af_pace *pace);

#endif
