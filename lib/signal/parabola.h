/* SPDX-License-Identifier: BSD-2-Clause */
/* Least-squares parabola and the standard error of its vertex. */
#ifndef AF_SIGNAL_PARABOLA_H
#define AF_SIGNAL_PARABOLA_H
#include "base/err.h"
#include <stddef.h>

/* In the units of x and y. The errors are NaN where three points leave no residual to judge by. */
struct af_parabola {
    double vertex, vertex_err;       // x of the extremum and its standard error
    double value;                    // y there
    double curvature, curvature_err; // second derivative; > 0: a minimum
    double rms;                      // residual standard deviation, n - 3 degrees of freedom
};

/*
 * Fit y = value + curvature / 2 (x - vertex)^2 to n >= 3 points by least
 * squares, in polynomials orthogonal over the very points, so that neither an offset of x
 * nor unequal spacing harms. Standard errors to first order, from the residuals,
 * for errors of y that are independent and alike.
 *
 * Returns 0, or -1 with AF_EDATA: fewer than three different x, or a straight line.
 */
int af_parabola_fit(const double *x, const double *y, size_t n, struct af_parabola *p,
                    struct af_err *err);

/* y of the parabola at x. */
double af_parabola_at(const struct af_parabola *p, double x);

#endif
