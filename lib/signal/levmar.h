/* SPDX-License-Identifier: BSD-2-Clause */
/* Least squares of a few parameters, by Levenberg and Marquardt on the normal equations. */
#ifndef AF_SIGNAL_LEVMAR_H
#define AF_SIGNAL_LEVMAR_H
#include <stdbool.h>
#include <stddef.h>

enum { AF_LEVMAR_MAX = 12 }; // parameters

/*
 * What is fitted. cost: sum_i w_i r_i^2 at p, r = data - model; infinity where p is not allowed.
 * With a and b (else both NULL) also
 *
 *   a[n][n] += sum w J J^T  (lower triangle),   b[n] += sum w r J,   J = d model / d p
 *
 * Choice: ours rather than cminpack's. A caller that adds up its sums row by row needs no Jacobian
 * in memory and no QR of it: a bead of 7,000 voxels and 11 parameters would be 600 kB and 2 MFLOP a
 * step there, and takes a tenth of that here. What normal equations lose, digits where the Jacobian
 * is nearly singular, does not matter for scaled, few and distinct parameters.
 */
struct af_levmar {
    size_t n;       // <= AF_LEVMAR_MAX
    unsigned fixed; // bit i: parameter i stays as it is
    double (*cost)(void *ctx, const double *p, double *a, double *b);
    void *ctx;
    int rounds; // at most; 0: 50
};

/*
 * Improve p until no parameter moves by more than 10^-6 of its standard error or cost falls by less
 * than 10^-10 of itself. cov: out, [n][n], (sum w J J^T)^-1, 0 for fixed ones; NULL: not wanted.
 * *cost: at the end. false where it did not converge, or nothing can be told of a parameter.
 */
bool af_levmar(const struct af_levmar *m, double *p, double *cov, double *cost);

#endif
