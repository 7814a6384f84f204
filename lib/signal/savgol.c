/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/savgol.h"

#include "base/memory.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/*
 * basis[k]: basis[k - 1] times the abscissa, made orthogonal to all before and
 * of unit length. Twice, since one pass leaves rounding times the part taken away.
 */
static void make_basis(double *basis, size_t window, size_t order)
{
    double half = window > 1 ? (double)(window / 2) : 1;

    for (size_t k = 0; k <= order; k++) {
        double *p = basis + k * window;
        for (size_t i = 0; i < window; i++)
            p[i] = k ? p[i - window] * ((double)i - (double)(window / 2)) / half : 1;
        for (int pass = 0; pass < 2; pass++) {
            for (size_t j = 0; j < k; j++) {
                const double *q = basis + j * window;
                double c = dot(p, q, window);
                for (size_t i = 0; i < window; i++)
                    p[i] -= c * q[i];
            }
        }
        double norm = sqrt(dot(p, p, window));
        for (size_t i = 0; i < window; i++)
            p[i] /= norm;
    }
}

int af_savgol_init(struct af_savgol *s, size_t window, size_t order, struct af_err *err)
{
    size_t n;

    *s = (struct af_savgol){0};
    if (window % 2 == 0)
        return af_fail(err, AF_EUSAGE, "a smoothing window of %zu: must be odd", window);
    if (order >= window)
        return af_fail(err, AF_EUSAGE, "order %zu needs a smoothing window of more than %zu points",
                       order, window);
    if (!af_size_mul(order + 1, window, &n))
        return af_fail(err, AF_ESYS, "a smoothing window of %zu: out of memory", window);
    s->window = window;
    s->order = order;
    s->basis = af_calloc(n, sizeof *s->basis, err);
    s->center = s->basis ? af_calloc(window, sizeof *s->center, err) : NULL;
    if (!s->center) {
        af_savgol_release(s);
        return -1;
    }
    make_basis(s->basis, window, order);
    for (size_t k = 0; k <= order; k++) {
        const double *p = s->basis + k * window;
        for (size_t i = 0; i < window; i++)
            s->center[i] += p[window / 2] * p[i];
    }
    return 0;
}

void af_savgol_release(struct af_savgol *s)
{
    free(s->basis);
    free(s->center);
    *s = (struct af_savgol){0};
}

/* The polynomial fitted to the window at x, at its points from..to-1. */
static void fit_window(const struct af_savgol *s, const double *x, size_t from, size_t to,
                       double *out)
{
    memset(out, 0, (to - from) * sizeof *out);
    for (size_t k = 0; k <= s->order; k++) {
        const double *p = s->basis + k * s->window;
        double c = dot(p, x, s->window);
        for (size_t i = from; i < to; i++)
            out[i - from] += c * p[i];
    }
}

void af_savgol_apply(const struct af_savgol *s, const double *x, size_t n, double *out)
{
    size_t window = s->window, half = window / 2;

    assert(n >= window && window > 0);
    fit_window(s, x, 0, half, out);
    for (size_t i = half; i + half < n; i++)
        out[i] = dot(s->center, x + i - half, window);
    fit_window(s, x + n - window, half + 1, window, out + n - half);
}
