/* SPDX-License-Identifier: BSD-2-Clause */
/* Savitzky-Golay smoothing: each point becomes the value of a polynomial fitted to its window. */
#ifndef AF_SIGNAL_SAVGOL_H
#define AF_SIGNAL_SAVGOL_H
#include "base/err.h"
#include <stddef.h>

/*
 * A filter of one window and order; all-zero is the empty state. It is not
 * changed by use: threads may share it.
 *
 * The weights come from polynomials orthonormal over the window (Gram), not from
 * powers and normal equations, whose condition number grows as the square:
 * so they hold to 1e-12 at window 501 and order 9.
 *
 * Source: Savitzky and Golay, Anal. Chem. 36 (1964) 1627; Gorry, Anal. Chem. 62 (1990) 570.
 * Choice: the first and last half windows are the polynomial fitted to the first
 * and last whole window, as mode 'interp' of scipy.signal.savgol_filter.
 */
struct af_savgol {
    size_t window, order;
    double *basis;  // [order + 1][window] orthonormal polynomials
    double *center; // [window] weights of a point with a whole window around it
};

/* window: odd; order < window. -1 with AF_EUSAGE, or AF_ESYS (memory). */
int af_savgol_init(struct af_savgol *s, size_t window, size_t order, struct af_err *err);
void af_savgol_release(struct af_savgol *s);

/* out[n] = smoothed x[n]; n >= window; out and x do not overlap. */
void af_savgol_apply(const struct af_savgol *s, const double *x, size_t n, double *out);

#endif
