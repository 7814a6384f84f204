/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/whiten.h"

#include "signal/cholesky.h"
#include <math.h>
#include <stdbool.h>

void af_whiten(double *c, size_t n, double *w)
{
    bool definite = af_cholesky(c, n, n);

    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double v = i == j;

            for (size_t k = j; k < i; k++)
                v -= c[i * n + k] * w[k * n + j];
            w[i * n + j] = definite ? v / c[i * n + i] : NAN;
        }
}
