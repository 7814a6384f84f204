/* SPDX-License-Identifier: BSD-2-Clause */
/* Small symmetric, positive definite systems. */
#ifndef AF_SIGNAL_CHOLESKY_H
#define AF_SIGNAL_CHOLESKY_H
#include <stdbool.h>
#include <stddef.h>

/*
 * a = L L^T, n x n in rows of `stride`; only the lower triangle is read and replaced by L. false
 * where a is not positive definite (to rounding), a then half done.
 */
bool af_cholesky(double *a, size_t n, size_t stride);

/* b[n] becomes L^-1 b, the half of the solution whose squared length is b^T a^-1 b. */
void af_cholesky_half(const double *l, size_t n, size_t stride, double *b);

/* b[n] becomes a^-1 b. */
void af_cholesky_solve(const double *l, size_t n, size_t stride, double *b);

#endif
