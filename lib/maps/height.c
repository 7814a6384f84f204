/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/height.h"

#include "base/memory.h"
#include "maps/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADII = 2 };
static const int radii[RADII] = {2, AF_HEIGHT_RADIUS}; // cells
#define LEAST_VAR 1e-4 // slices^2: what a parabola through three points errs by at best
#define BIAS 0.1       // slices
#define AWAY 0.5       // radii

int af_height_init(struct af_height *t, size_t w, size_t h, size_t cell, struct af_err *err)
{
    const size_t nshares = cell < w ? cell : w;

    *t = (struct af_height){.w = w, .h = h, .cell = cell};
    t->nx = (w - 1) / cell + 1;
    t->ny = (h - 1) / cell + 1;
    t->depth = af_calloc(t->nx, t->ny * sizeof(*t->depth), err);
    t->err = t->depth ? af_calloc(t->nx, t->ny * sizeof(*t->err), err) : NULL;
    t->share = t->err ? af_calloc(nshares, sizeof(*t->share), err) : NULL;
    if (!t->share)
        return -1;
    for (size_t k = 0; k < nshares; k++)
        t->share[k] = ((float)(k + cell / 2) - (float)(cell - 1) / 2) * (1 / (float)cell);
    return 0;
}

void af_height_release(struct af_height *t)
{
    free(t->depth);
    free(t->err);
    free(t->share);
    *t = (struct af_height){0};
}

void af_height_raw(struct af_height *t, const struct af_depth *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct af_depth_fit f = af_depth_fit(d, i);

        t->depth[i] = (float)f.depth;
        t->err[i] = (float)sqrt(f.var);
    }
}

static size_t place_of(const struct af_height_cells *c, size_t i, size_t j)
{
    return (j + AF_HEIGHT_RADIUS) * c->stride + i + AF_HEIGHT_RADIUS;
}

/* What stands out there, and in what cells around: the place that it comes from. */
static void find_place(const struct af_height_cells *c, const double *score, size_t at, double *x,
                       double *y)
{
    double sum = 0, sx = 0, sy = 0;

    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++) {
            const double v = score[at + (size_t)(j * (long)c->stride + i)];

            sum += v;
            sx += v * i;
            sy += v * j;
        }
    *x = sum > 0 ? sx / sum : 0;
    *y = sum > 0 ? sy / sum : 0;
}

enum { DEPTH, WEIGHT, X, Y, SCORE, COLUMNS };

/* Cells with a margin all around; weight 0: nothing is known there. *room is for the caller. */
static int pad(const struct af_height *t, const struct af_depth *d, struct af_height_cells *c,
               double **room, struct af_err *err)
{
    const size_t stride = t->nx + 2 * AF_HEIGHT_RADIUS + AF_HEIGHT_LANES;
    const size_t n = stride * (t->ny + 2 * AF_HEIGHT_RADIUS);
    double *v = *room = af_calloc(n, COLUMNS * sizeof(*v), err);

    if (!v)
        return -1;
    *c = (struct af_height_cells){v, v + WEIGHT * n, v + X * n, v + Y * n, stride, {0}};
    for (size_t i = 0; i < d->n; i++) {
        const size_t at = place_of(c, i % t->nx, i / t->nx);
        const struct af_depth_fit p = af_depth_fit(d, i);

        t->depth[i] = (float)p.depth;
        t->err[i] = INFINITY;
        if (isfinite(p.var)) {
            v[at] = p.depth;
            v[WEIGHT * n + at] = 1 / (p.var + LEAST_VAR);
            v[SCORE * n + at] = p.prominence;
        }
    }
    for (size_t i = 0; i < d->n; i++) {
        const size_t at = place_of(c, i % t->nx, i / t->nx);

        find_place(c, v + SCORE * n, at, v + X * n + at, v + Y * n + at);
    }
    return 0;
}

/* Is there a plane, and do the cells that it rests on lie all around? */
static bool take_plane(const struct af_height_planes *p, int k, int radius, double overlap,
                       float *depth, float *err)
{
    const double away = AWAY * radius;

    if (!p->found[k])
        return false;
    *depth = (float)p->depth[k];
    if (fabs(p->kx[k]) > away * p->kernel[k] || fabs(p->ky[k]) > away * p->kernel[k])
        return false;
    /* Neighbours that differ by more than their variances say that those are too small. */
    *err =
        (float)sqrt(p->inverse[k] * overlap * fmax(1, p->residual[k] / p->kernel[k]) + BIAS * BIAS);
    return *err <= AF_HEIGHT_MOST_ERR;
}

static void fit_row(struct af_height *t, const struct af_height_cells *cells, size_t j,
                    double overlap)
{
    const struct af_sum_kernels *kernels = af_sum_kernels_best();

    for (size_t i = 0; i < t->nx; i += AF_HEIGHT_LANES) {
        const int n = t->nx - i < AF_HEIGHT_LANES ? (int)(t->nx - i) : AF_HEIGHT_LANES;
        const size_t at = j * t->nx + i;
        bool done[AF_HEIGHT_LANES] = {false};
        int left = n;

        for (int which = 0; which < RADII && left; which++) {
            struct af_height_planes p;

            kernels->planes(&cells[which], place_of(cells, i, j), radii[which], &p);
            for (int k = 0; k < n; k++)
                if (!done[k] &&
                    take_plane(&p, k, radii[which], overlap, t->depth + at + k, t->err + at + k)) {
                    done[k] = true;
                    left--;
                }
        }
    }
}

int af_height_fit(struct af_height *t, const struct af_depth *d, double overlap, struct af_err *err)
{
    struct af_height_cells cells[RADII] = {{0}};
    double *room;
    int ret = pad(t, d, &cells[0], &room, err);

    for (int which = 1; which < RADII; which++)
        cells[which] = cells[0];
    for (int which = 0; which < RADII; which++)
        for (int r = 0; r <= radii[which]; r++)
            cells[which].kernel[r] = exp(-1.125 * (r * r) / (radii[which] * radii[which]));
    for (size_t j = 0; !ret && j < t->ny; j++)
        fit_row(t, cells, j, overlap);
    free(room);
    return ret;
}

/* Cells a and b of n that position p lies between, and the share of b. */
static void between(size_t p, size_t cell, size_t n, size_t *a, size_t *b, float *share)
{
    double at = fmin(fmax(((double)p - (double)(cell - 1) / 2) / (double)cell, 0), (double)(n - 1));

    *a = (size_t)at;
    *b = *a + 1 < n ? *a + 1 : *a;
    *share = (float)(at - (double)*a);
}

static float mix(float a, float b, float share)
{
    return share > 0 ? share < 1 ? a + share * (b - a) : b : a; // infinity stays out of products
}

/* A row of values, between rows of cells. */
static void stretch(const struct af_height *t, const float *top, const float *bottom, float down,
                    float *restrict out)
{
    const float *restrict share = t->share;
    const size_t half = t->cell / 2;
    float left, right = mix(top[0], bottom[0], down);

    for (size_t x = 0; x < half && x < t->w; x++)
        out[x] = right;
    for (size_t i = 0; i < t->nx; i++) {
        const bool last = i + 1 == t->nx;
        const size_t from = i * t->cell + half;
        const size_t n = from >= t->w ? 0 : last || t->w - from < t->cell ? t->w - from : t->cell;

        left = right;
        right = last ? left : mix(top[i + 1], bottom[i + 1], down);
        for (size_t k = 0; k < n; k++)
            out[from + k] = last || !(share[k] > 0) ? left : left + share[k] * (right - left);
    }
}

void af_height_row(const struct af_height *t, size_t y, float *depth, float *err)
{
    size_t top, bottom;
    float down;

    between(y, t->cell, t->ny, &top, &bottom, &down);
    stretch(t, t->depth + top * t->nx, t->depth + bottom * t->nx, down, depth);
    if (err)
        stretch(t, t->err + top * t->nx, t->err + bottom * t->nx, down, err);
}
