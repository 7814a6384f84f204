/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/depth.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

enum { NEAR = 2, SIGNIFICANT = 8 };

int af_depth_init(struct af_depth *d, size_t n, bool least, struct af_err *err)
{
    *d = (struct af_depth){.n = n, .least = least};
    if (!(d->place = af_calloc(n, sizeof(*d->place), err)) ||
        !(d->last[0] = af_calloc(n, sizeof(float), err)) ||
        !(d->last[1] = af_calloc(n, sizeof(float), err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        d->place[i] = (struct af_depth_place){.best = -INFINITY, .low = INFINITY};
        d->last[0][i] = d->last[1][i] = NAN;
    }
    return 0;
}

void af_depth_release(struct af_depth *d)
{
    free(d->place);
    free(d->last[0]);
    free(d->last[1]);
    *d = (struct af_depth){0};
}

static void add(struct af_depth_place *p, float v, float one, float two, uint32_t k)
{
    const float second = v - 2 * one + two, d2 = isnan(second) ? 0 : second * second;

    if (!isnan(second)) { // centred on slice k - 1
        p->jitter += d2;
        p->njitter++;
        if (p->at + NEAR + 1 >= k) {
            p->near += d2;
            p->nnear++;
        }
    }
    if (v > p->best) {
        p->left = p->low;
        p->right = INFINITY;
        p->best = v;
        p->before = one;
        p->after = NAN;
        p->at = k;
        p->near = d2 + p->d2; // centred on k - 1 and k - 2
        p->nnear = (uint32_t)(k >= 2) + (k >= 3);
    } else {
        if (k == p->at + 1)
            p->after = v;
        p->right = fminf(p->right, v);
    }
    p->low = fminf(p->low, v);
    p->d2 = d2;
}

void af_depth_add(struct af_depth *d, const float *map)
{
    float *oldest = d->last[1];

    for (size_t i = 0; i < d->n; i++) {
        float v = d->least ? -map[i] : map[i];

        if (!isnan(v))
            add(&d->place[i], v, d->last[0][i], oldest[i], (uint32_t)d->nslices);
        oldest[i] = v;
    }
    d->last[1] = d->last[0];
    d->last[0] = oldest;
    d->nslices++;
}

/* Variance of a score; NaN: too few slices to tell. */
static double noise_of(const struct af_depth_place *p)
{
    uint32_t n = p->njitter - p->nnear;

    return n < 2 ? NAN : fmax(0, (double)p->jitter - p->near) / n / 6;
}

struct af_depth_fit af_depth_fit(const struct af_depth *d, size_t i)
{
    const struct af_depth_place *p = &d->place[i];
    struct af_depth_fit f = {p->at, INFINITY, d->least ? -p->best : p->best, 0};
    const double top = 2. * p->best - p->before - p->after; // NaN at the ends of the stack
    double noise = noise_of(p), off;

    if (isinf(p->best)) { // no score at all
        f.depth = f.best = NAN;
        return f;
    }
    f.prominence = fmax(0, p->best - fmaxf(p->left, p->right));
    if (isinf(f.prominence) || p->at == 0)
        f.prominence = 0;
    if (!(top > 0) || f.prominence * f.prominence < SIGNIFICANT * SIGNIFICANT * noise)
        return f;
    if (isnan(noise))
        noise = top * top / 100;
    off = fmin(fmax(((double)p->after - p->before) / (2 * top), -0.5), 0.5);
    f.depth += off;
    f.var = noise * (0.5 + 6 * off * off) / (top * top);
    return f;
}
