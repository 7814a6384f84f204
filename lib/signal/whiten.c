/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/whiten.h"

#include <math.h>

/* c becomes L. */
static void factorise(double *c, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < j; k++)
            c[j * n + j] -= c[j * n + k] * c[j * n + k];
        c[j * n + j] = sqrt(c[j * n + j]);
        for (size_t i = j + 1; i < n; i++) {
            for (size_t k = 0; k < j; k++)
                c[i * n + j] -= c[i * n + k] * c[j * n + k];
            c[i * n + j] /= c[j * n + j];
        }
    }
}

void af_whiten(double *c, size_t n, double *w)
{
    factorise(c, n);
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double v = i == j;

            for (size_t k = j; k < i; k++)
                v -= c[i * n + k] * w[k * n + j];
            w[i * n + j] = v / c[i * n + i];
        }
}
