/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/sumsreal.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows above, at and below, each with its border pixels repeated at -1 and w. */
struct rows {
    const double *u, *p, *d, *d2;
    double origin, theta;
};

static double square(double v)
{
    return v * v;
}

/* The term of `sum` at column x; NaN where a pixel it needs is none. */
static double term(int sum, const struct rows *r, ptrdiff_t x)
{
    const double *u = r->u, *p = r->p, *d = r->d;
    double v = u[x] + p[x - 1] + p[x + 1] + d[x] - 4 * p[x];

    switch (sum) {
    case AF_SUM_F: return p[x];
    case AF_SUM_FF: return square(p[x] - r->origin);
    case AF_SUM_C: return p[x] - r->origin;
    case AF_SUM_BX: return square(p[x + 2] - p[x]) >= r->theta ? square(p[x + 2] - p[x]) : 0;
    case AF_SUM_BY: return square(r->d2[x] - p[x]);
    case AF_SUM_T:
        return square(u[x + 1] + 2 * p[x + 1] + d[x + 1] - u[x - 1] - 2 * p[x - 1] - d[x - 1]) +
               square(d[x - 1] + 2 * d[x] + d[x + 1] - u[x - 1] - 2 * u[x] - u[x + 1]);
    case AF_SUM_ML: return fabs(p[x - 1] - 2 * p[x] + p[x + 1]) + fabs(u[x] - 2 * p[x] + d[x]);
    case AF_SUM_L: return isnan(v) ? v : fmin(fmax(v, 0), 255);
    case AF_SUM_LL: return isnan(v) ? v : square(fmin(fmax(v, 0), 255));
    case AF_SUM_DX: return fabs(p[x + 1] - p[x]);
    case AF_SUM_DY:
    case AF_SUM_DYX: return fabs(d[x] - p[x]);
    case AF_SUM_DD: return fabs(p[x + 1] - p[x]) * fabs(d[x] - p[x]);
    case AF_SUM_P1: return p[x] * d[x];
    case AF_SUM_P2: return p[x] * r->d2[x];
    default: return isnan(p[x]) ? 0 : 1;
    }
}

/* Row y into line[-1 .. w], infinity made NaN. */
static void load(const struct af_image *img, size_t y, double *line)
{
    af_image_row_f64(img, y, line);
    for (size_t x = 0; x < img->w; x++)
        if (!isfinite(line[x]))
            line[x] = NAN;
    line[-1] = line[0];
    line[img->w] = line[img->w - 1];
}

/* A pixel to count from, so that sums of squares stay small where all pixels are alike. */
static double origin_of(const struct af_image *img, double *line)
{
    for (size_t y = 0; y < img->h; y++) {
        load(img, y, line);
        for (size_t x = 0; x < img->w; x++)
            if (!isnan(line[x]))
                return line[x];
    }
    return 0;
}

static void add_row(struct af_sums *s, int sum, const struct rows *r, size_t y)
{
    const struct af_reach reach = af_sum_reach[sum];
    const struct af_cuts *cx = &s->plan->x[reach.x], *cy = &s->plan->y[reach.y];
    double *out;
    size_t piece = 0;

    while (cy->at[piece + 1] <= y)
        piece++;
    out = s->pieces[sum] + piece * cx->n;
    for (size_t i = 0; i < cx->n; i++)
        for (size_t x = cx->at[i]; x < cx->at[i + 1] && x + reach.x < s->plan->w; x++) {
            double v = term(sum, r, (ptrdiff_t)x);

            out[i] += isnan(v) ? 0 : v;
        }
}

static int make_room(struct af_sums *s, unsigned wanted, struct af_err *err)
{
    if (!s->lines && !(s->lines = af_calloc(4 * (s->plan->w + 2), sizeof(*s->lines), err)))
        return -1;
    for (int k = 0; k < AF_NSUMS; k++) {
        size_t n = s->plan->x[af_sum_reach[k].x].n, m = s->plan->y[af_sum_reach[k].y].n;

        if (!(wanted >> k & 1))
            continue;
        if (!s->pieces[k] && !(s->pieces[k] = af_calloc(n, m * sizeof(double), err)))
            return -1;
        memset(s->pieces[k], 0, n * m * sizeof(double));
    }
    return 0;
}

int af_sums_compute_real(struct af_sums *s, const struct af_image *img, struct af_err *err)
{
    const unsigned wanted = s->wanted | 1u << AF_SUM_N | 1u << AF_SUM_C;
    const size_t h = img->h, step = img->w + 2;
    struct rows r = {.theta = (double)s->theta};
    double *line[4];

    if (make_room(s, wanted, err))
        return -1;
    for (size_t i = 0; i < 4; i++)
        line[i] = s->lines + i * step + 1;
    r.origin = origin_of(img, line[0]);
    for (size_t y = 0; y < 2 && y < h; y++)
        load(img, y, line[y]);
    for (size_t y = 0; y < h; y++) { // row y lies in line[y % 4]
        if (y + 2 < h)
            load(img, y + 2, line[(y + 2) % 4]);
        r.u = line[(y ? y - 1 : 0) % 4];
        r.p = line[y % 4];
        r.d = line[(y + 1 < h ? y + 1 : y) % 4];
        r.d2 = line[(y + 2 < h ? y + 2 : y) % 4];
        for (int k = 0; k < AF_NSUMS; k++)
            if (wanted >> k & 1 && y + af_sum_reach[k].y < h)
                add_row(s, k, &r, y);
    }
    return 0;
}
