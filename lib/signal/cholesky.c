/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/cholesky.h"

#include <math.h>

bool af_cholesky(double *a, size_t n, size_t stride)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double v = a[i * stride + j];

            for (size_t k = 0; k < j; k++)
                v -= a[i * stride + k] * a[j * stride + k];
            if (i == j && !(v > 0))
                return false;
            a[i * stride + j] = i == j ? sqrt(v) : v / a[j * stride + j];
        }
    return true;
}

void af_cholesky_half(const double *l, size_t n, size_t stride, double *b)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            b[i] -= l[i * stride + k] * b[k];
        b[i] /= l[i * stride + i];
    }
}

void af_cholesky_solve(const double *l, size_t n, size_t stride, double *b)
{
    af_cholesky_half(l, n, stride, b);
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            b[i] -= l[k * stride + i] * b[k];
        b[i] /= l[i * stride + i];
    }
}
