/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/curve.h"

#include "base/memory.h"
#include "maps/height.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int af_curve_add(struct af_curve *c, const struct af_curve_row *row, struct af_err *err)
{
    if (af_grow((void **)&c->row, &c->room, c->n + 1, sizeof(*c->row), err))
        return -1;
    c->row[c->n++] = *row;
    return 0;
}

void af_curve_release(struct af_curve *c)
{
    free(c->row);
    *c = (struct af_curve){0};
}

size_t af_curve_peak(const struct af_curve *c, enum af_sharp m)
{
    size_t best = 0;

    for (size_t i = 1; i < c->n; i++)
        if (c->row[i].score[m] > c->row[best].score[m] || isnan(c->row[best].score[m]))
            best = i;
    return best;
}

double af_curve_sensitivity(const struct af_curve *c, enum af_sharp m, size_t zero, size_t i,
                            bool own)
{
    const double s0 = c->row[zero].score[m];
    double most = 0;

    for (size_t k = 0; own && k < c->n; k++)
        most = fmax(most, fabs(c->row[k].score[m] - s0));
    return fabs(c->row[i].score[m] - s0) / (own ? most : s0);
}

/* Least and largest score. */
static void range_of(const struct af_curve *c, enum af_sharp m, double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        *lo = fmin(*lo, c->row[i].score[m]);
        *hi = fmax(*hi, c->row[i].score[m]);
    }
}

/* Where the score falls to `half` on the way from the peak, in steps of `step`. */
static double crossing(const struct af_curve *c, enum af_sharp m, size_t peak, long step,
                       double half)
{
    for (long i = (long)peak; i >= 0 && i < (long)c->n; i += step) {
        double v = c->row[i].score[m], before;

        if (!(v < half))
            continue;
        before = c->row[i - step].score[m];
        return fabs((double)(i - (long)peak)) - (half - v) / (before - v);
    }
    return step < 0 ? (double)peak : (double)(c->n - 1 - peak);
}

/* Maxima that stand out from the lower of the valleys around them by more than `least`. */
static size_t count_maxima(const struct af_curve *c, enum af_sharp m, double least)
{
    double low = INFINITY, high = -INFINITY;
    bool rising = true;
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        const double v = c->row[i].score[m];

        if (rising) {
            high = fmax(high, v);
            if (v < high - least) {
                n++;
                rising = false;
                low = v;
            }
        } else {
            low = fmin(low, v);
            if (v > low + least) {
                rising = true;
                high = v;
            }
        }
    }
    return n + rising;
}

static double unimodality(const struct af_curve *c, enum af_sharp m, size_t peak)
{
    size_t right = 0;

    for (size_t i = 1; i < c->n; i++) {
        const double step = c->row[i].score[m] - c->row[i - 1].score[m];

        right += i <= peak ? step > 0 : step < 0;
    }
    return c->n > 1 ? (double)right / (double)(c->n - 1) : NAN;
}

/* The region's curve, as one place. */
static int judge_region(const struct af_curve *c, enum af_sharp m, double range,
                        struct af_curve_rank *out, struct af_err *err)
{
    struct af_depth one;
    struct af_depth_fit f;

    if (af_depth_init(&one, 1, false, err)) {
        af_depth_release(&one);
        return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        float v = (float)(c->row[i].score[m] / range);

        af_depth_add(&one, &v);
    }
    f = af_depth_fit(&one, 0);
    out->peak = isfinite(f.var) ? f.depth : NAN;
    out->noise = sqrt(f.noise);
    af_depth_release(&one);
    return 0;
}

static int judge_places(const struct af_depth *d, struct af_curve_rank *out, struct af_err *err)
{
    double *known = af_calloc(d->n, sizeof(*known), err);
    size_t n = 0;

    if (!known)
        return -1;
    for (size_t i = 0; i < d->n; i++) {
        const double e = sqrt(af_depth_fit(d, i).var);

        if (e <= AF_HEIGHT_MOST_ERR)
            known[n++] = e;
    }
    out->known = (double)n / (double)d->n;
    out->err = n ? af_median(known, n) : NAN;
    free(known);
    return 0;
}

int af_curve_judge(const struct af_curve *c, enum af_sharp m, const struct af_depth *places,
                   struct af_curve_rank *out, struct af_err *err)
{
    const size_t peak = af_curve_peak(c, m);
    double lo, hi;

    *out = (struct af_curve_rank){m, NAN, NAN, NAN, 0, NAN, NAN, NAN};
    range_of(c, m, &lo, &hi);
    if (hi > lo) {
        const double half = (hi + lo) / 2;

        out->width = crossing(c, m, peak, -1, half) + crossing(c, m, peak, 1, half);
        out->unimodal = unimodality(c, m, peak);
        out->false_maxima = count_maxima(c, m, (hi - lo) / 20) - 1;
        if (judge_region(c, m, hi - lo, out, err))
            return -1;
    }
    return places ? judge_places(places, out, err) : 0;
}

static double merit(const struct af_curve_rank *r)
{
    return isnan(r->err) ? -1 : r->known - r->err;
}

static int compare(const void *a, const void *b)
{
    const struct af_curve_rank *p = a, *q = b;
    const double d = merit(q) - merit(p);

    if (d != 0)
        return d > 0 ? 1 : -1;
    if (p->false_maxima != q->false_maxima)
        return p->false_maxima > q->false_maxima ? 1 : -1;
    return (int)p->measure - (int)q->measure;
}

void af_curve_sort(struct af_curve_rank *r, size_t n)
{
    qsort(r, n, sizeof(*r), compare);
}
