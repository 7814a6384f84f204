/* SPDX-License-Identifier: BSD-2-Clause */
/* Whitening: coordinates in which what varies together varies alone, by one. */
#ifndef AF_SIGNAL_WHITEN_H
#define AF_SIGNAL_WHITEN_H
#include <stddef.h>

/*
 * W = L^-1 of the Cholesky factor of c = L L^T, so that W c W^T = 1, and |W d|^2 is the squared
 * Mahalanobis distance of a deviation d.
 *
 * c: [n][n] symmetric, positive definite; only its lower triangle is read, and overwritten
 * w: out, [n][n], lower triangle; what lies above is left alone; NaN where c is not definite
 */
void af_whiten(double *c, size_t n, double *w);

#endif
