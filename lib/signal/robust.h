/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics that outliers do not move. All arrays are finite, n >= 1, and may come out in another
 * order. */
#ifndef AF_SIGNAL_ROBUST_H
#define AF_SIGNAL_ROBUST_H
#include <stddef.h>

/* Reorder x so that x[k] is what sorting would put there, none before it is larger, none behind
 * smaller. */
void af_select(double *x, size_t n, size_t k);

/* Middle value, or the mean of the two in the middle. */
double af_median(double *x, size_t n);

/* Standard deviation of a normal sample from the median absolute deviation: 1.4826 median |x -
 * median|. x is overwritten. */
double af_mad_sigma(double *x, size_t n);

/* Mean of the lowest max(1, round(fraction n)) values, 0 <= fraction <= 1. */
double af_mean_lowest(double *x, size_t n, double fraction);

#endif
