/* SPDX-License-Identifier: BSD-2-Clause */
/* The height of a plate's bottom, from the wells focused so far. */
#ifndef AF_PLATE_SURFACE_H
#define AF_PLATE_SURFACE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Where a well was found in focus; err_um NaN or 0: unknown. */
struct af_height {
    double x_um, y_um, z_um, err_um;
};

/*
 * A plane, bent to a quadric as the wells allow, and what neighbours share beyond it:
 *
 *   z(x, y) = c0 + c1 u + c2 v + c3 u^2 + c4 u v + c5 v^2 + local(x, y)
 *
 * u, v: -1 .. 1 over the region. All six are always estimated, with what plates are like as prior
 * knowledge (tilt by `range_um` over the region, bow half of that): a row of wells alone leaves
 * the tilt across it as uncertain as that range, and one well everything but its
 * own height, and the errors say so. Outliers, a well focused on a bubble, weigh little (Student's
 * t with 4 degrees of freedom) and do not bend their neighbours.
 *
 * local: kriging of what is left over the nearest 16 wells; how much of it neighbours share is
 * estimated from their differences, it reaches three times their distance.
 *
 * Source: Bayesian linear regression, Bishop 2006, 3.3; t weights, Lange et al., JASA 84 (1989)
 * 881; kriging, Rasmussen and Williams 2006, 2.2. Choice: exponential covariance, the numbers
 * above.
 */
struct af_surface {
    const struct af_height *at; // borrowed
    size_t n;
    double x_um, y_um, half_w_um, half_h_um; // middle and half size of the region
    double c[6], cov[6][6];                  // coefficients and their covariance
    double scale_um;                         // of one well about the quadric
    double own;                              // share of its variance that neighbours do not have
    double reach_um;                         // of what they do
    double *residual, *weight;               // [n]; weight 1: fits, towards 0: an outlier
};

/* The region that z is asked for, um, and how much z may differ over it. */
struct af_surface_prior {
    double x0_um, x1_um, y0_um, y1_um;
    double range_um;
    double pitch_um; // distance of neighbours
};

/*
 * n >= 0 heights, finite; at is borrowed until release. -1 with AF_ESYS.
 */
int af_surface_fit(struct af_surface *s, const struct af_height *at, size_t n,
                   const struct af_surface_prior *prior, struct af_err *err);
void af_surface_release(struct af_surface *s);

/*
 * z at x, y and the standard error with which a well there will be found. Both NaN where n is 0.
 */
void af_surface_at(const struct af_surface *s, double x_um, double y_um, double *z_um,
                   double *err_um);

/*
 * Is what was found in well i further from what the other wells expect there than `limit` standard
 * errors and AF_SURFACE_ODD_LEAST_UM? odd: out, [n]; expected: out, [n], place, z and standard
 * error, NaN for wells that the surface through all does not make suspicious. -1 with AF_ESYS.
 *
 * Choice: both, since the wells of a flat plate differ by less than a bubble is high, and since a
 * well few others say anything of may lie anywhere.
 */
#define AF_SURFACE_ODD_LEAST_UM 5.0
int af_surface_odd(const struct af_height *at, size_t n, const struct af_surface_prior *prior,
                   double limit, bool *odd, struct af_height *expected, struct af_err *err);

#endif
