/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/levmar.h"

#include "signal/cholesky.h"
#include <math.h>
#include <string.h>

enum { N = AF_LEVMAR_MAX };
#define DAMPING_FIRST 1e-3
#define DAMPING_MOST 1e12

static bool is_fixed(const struct af_levmar *m, size_t i)
{
    return m->fixed >> i & 1;
}

/* The cost with a and b of the free parameters; those fixed get rows of the identity. */
static double evaluate(const struct af_levmar *m, const double *p, double a[N * N], double b[N])
{
    double cost;

    memset(a, 0, N * N * sizeof *a);
    memset(b, 0, N * sizeof *b);
    cost = m->cost(m->ctx, p, a, b);
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k <= i; k++)
            if (is_fixed(m, i) || is_fixed(m, k)) {
                a[i * m->n + k] = i == k;
                b[i] = is_fixed(m, i) ? 0 : b[i];
            }
    return cost;
}

/* Step d of the damped system; false where there is none. Diagonal scaling: Marquardt's. */
static bool step(const struct af_levmar *m, const double *a, const double *b, double damping,
                 double *d)
{
    double l[N * N];

    memcpy(l, a, sizeof l);
    memcpy(d, b, N * sizeof *d);
    for (size_t i = 0; i < m->n; i++)
        l[i * m->n + i] *= 1 + damping;
    if (!af_cholesky(l, m->n, m->n))
        return false;
    af_cholesky_solve(l, m->n, m->n, d);
    return true;
}

static bool invert(const struct af_levmar *m, double *a, double *cov)
{
    if (!af_cholesky(a, m->n, m->n))
        return false;
    for (size_t i = 0; cov && i < m->n; i++) {
        double e[N] = {0};

        e[i] = !is_fixed(m, i);
        af_cholesky_solve(a, m->n, m->n, e);
        memcpy(cov + i * m->n, e, m->n * sizeof *e);
    }
    return true;
}

/* Is the step small against the errors that the cost per its own size means? */
static bool is_small(const struct af_levmar *m, const double *a, const double *d)
{
    for (size_t i = 0; i < m->n; i++)
        if (!(d[i] * d[i] * a[i * m->n + i] <= 1e-12)) // also where it is no number
            return false;
    return true;
}

bool af_levmar(const struct af_levmar *m, double *p, double *cov, double *cost)
{
    double a[N * N], b[N], d[N], q[N], damping = DAMPING_FIRST, next;
    bool done = false;

    *cost = evaluate(m, p, a, b);
    for (int round = 0; round < (m->rounds ? m->rounds : 50) && !done && isfinite(*cost); round++) {
        for (;; damping *= 10) {
            if (damping > DAMPING_MOST)
                return false;
            if (!step(m, a, b, damping, d))
                continue;
            for (size_t i = 0; i < m->n; i++)
                q[i] = p[i] + d[i];
            next = m->cost(m->ctx, q, NULL, NULL);
            if (next <= *cost)
                break;
            if (is_small(m, a, d)) { // rounding keeps the cost from falling
                next = *cost;
                memcpy(q, p, m->n * sizeof *q);
                break;
            }
        }
        done = is_small(m, a, d) || *cost - next <= 1e-10 * *cost;
        memcpy(p, q, m->n * sizeof *p);
        damping = fmax(damping / 10, 1e-12);
        *cost = evaluate(m, p, a, b);
    }
    return done && invert(m, a, cov);
}
