/* SPDX-License-Identifier: BSD-2-Clause */
/* Power spectrum of a real signal at its exact length. */
#ifndef AF_SIGNAL_SPECTRUM_H
#define AF_SIGNAL_SPECTRUM_H
#include "base/err.h"
#include <stddef.h>

/*
 *   power[k] = |F_k|^2,   F_k = sum_j x[j] exp(-2 pi i j k / n),   k = 0 .. n-1
 *
 * No padding: that would change the spread of the spectrum. The time grows as n times
 * the sum of the prime factors of n: microseconds at 480 or 640, as n^2 for a prime n.
 *
 * Choice: a mixed-radix transform in double, of our own. Debian's kissfft is
 * single precision and errs, relative to the largest bin, by 9e-6 at n = 479
 * and 2.4e-5 at 1021 and 2039 (also in the spread, where the zero frequency dominates),
 * against 3e-7 at 480, 640 and 1024; its rounded twiddle factors are the
 * cause, so transforming high and low halves of the input apart does not help.
 * This one errs by less than 1e-13 throughout.
 */
struct af_spectrum {
    size_t n;
    size_t m;                      // length of the complex transform: n, or n / 2 for even n
    size_t factor[64];             // 4s and primes whose product is m, ended by 1
    struct af_complex *twiddle;    // [m] exp(-2 pi i k / m)
    struct af_complex *half;       // [m] exp(-2 pi i k / n), used for even n
    struct af_complex *out, *part; // [m], [largest factor]: scratch
};
struct af_complex {
    double re, im;
};

/* Plan for length n >= 1; all-zero is the empty state. A plan serves one thread. -1 with AF_ESYS.
 */
int af_spectrum_init(struct af_spectrum *s, size_t n, struct af_err *err);
void af_spectrum_release(struct af_spectrum *s);

/* power[n] of x[n]; may be the same array. Does not allocate. */
void af_spectrum_power(struct af_spectrum *s, const double *x, double *power);

#endif
