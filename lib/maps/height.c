/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/height.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADII = 2, MOST_RADIUS = 4 };
static const int radii[RADII] = {2, MOST_RADIUS}; // cells
#define LEAST_VAR 1e-4 // slices^2: what a parabola through three points errs by at best
#define BIAS 0.1       // slices
#define OUTLIER 0.5    // slices
#define AWAY 0.5       // radii

int af_height_init(struct af_height *t, size_t w, size_t h, size_t cell, struct af_err *err)
{
    *t = (struct af_height){.w = w, .h = h, .cell = cell};
    t->nx = (w - 1) / cell + 1;
    t->ny = (h - 1) / cell + 1;
    t->depth = af_calloc(t->nx, t->ny * sizeof(*t->depth), err);
    t->err = t->depth ? af_calloc(t->nx, t->ny * sizeof(*t->err), err) : NULL;
    return t->err ? 0 : -1;
}

void af_height_release(struct af_height *t)
{
    free(t->depth);
    free(t->err);
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

/* Sums of a weighted plane fit around (0, 0). */
struct normal {
    double s, x, y, xx, xy, yy; // of the weights
    double d, dx, dy;           // of weights times depth
    double residual;            // weighted squares
    double kernel, kx, ky;      // of the weights without variances
};

/* depth = a + b x + c y, and [M^-1]_00; false where there is nothing to fit. */
static bool solve(const struct normal *n, double plane[3], double *inverse)
{
    /* Slopes cost a little: a line of cells tells nothing across. */
    const double xx = n->xx + 1e-6 * n->s, yy = n->yy + 1e-6 * n->s;
    const double c00 = xx * yy - n->xy * n->xy, c01 = n->xy * n->y - n->x * yy,
                 c02 = n->x * n->xy - xx * n->y;
    const double det = n->s * c00 + n->x * c01 + n->y * c02;

    if (!(n->s > 0) || !(det > 0))
        return false;
    *inverse = c00 / det;
    plane[0] = (c00 * n->d + c01 * n->dx + c02 * n->dy) / det;
    plane[1] =
        (c01 * n->d + (n->s * yy - n->y * n->y) * n->dx + (n->x * n->y - n->s * n->xy) * n->dy) /
        det;
    plane[2] =
        (c02 * n->d + (n->x * n->y - n->s * n->xy) * n->dx + (n->s * xx - n->x * n->x) * n->dy) /
        det;
    return true;
}

struct fit {
    const struct af_height *t;
    const double *depth, *weight;
    double kernel[RADII][MOST_RADIUS + 1]; // by distance along one axis
};

/* plane: of the pass before, NULL in the first. */
static void add_neighbours(const struct fit *f, int which, size_t i, size_t j, const double *plane,
                           struct normal *n)
{
    const long nx = (long)f->t->nx, ny = (long)f->t->ny, radius = radii[which];
    const double *kernel = f->kernel[which];

    *n = (struct normal){0};
    for (long y = -radius; y <= radius; y++)
        for (long x = -radius; x <= radius; x++) {
            const long px = (long)i + x, py = (long)j + y;
            double g, w, r, d;

            if (px < 0 || py < 0 || px >= nx || py >= ny || !(f->weight[py * nx + px] > 0))
                continue;
            d = f->depth[py * nx + px];
            r = plane ? d - plane[0] - plane[1] * (double)x - plane[2] * (double)y : 0;
            g = kernel[labs(x)] * kernel[labs(y)] / (1 + r * r / (OUTLIER * OUTLIER));
            w = g * f->weight[py * nx + px];
            n->s += w, n->x += w * (double)x, n->y += w * (double)y;
            n->xx += w * (double)(x * x), n->xy += w * (double)(x * y);
            n->yy += w * (double)(y * y);
            n->d += w * d, n->dx += w * d * (double)x, n->dy += w * d * (double)y;
            n->residual += w * r * r;
            n->kernel += g, n->kx += g * (double)x, n->ky += g * (double)y;
        }
}

/* Is there a plane, and do the cells that it rests on lie all around? */
static bool fit_plane(const struct fit *f, int which, size_t i, size_t j, double overlap,
                      float *depth, float *err)
{
    const double away = AWAY * radii[which];
    double plane[3], inverse;
    struct normal n;

    add_neighbours(f, which, i, j, NULL, &n);
    if (!solve(&n, plane, &inverse))
        return false;
    add_neighbours(f, which, i, j, plane, &n);
    if (!solve(&n, plane, &inverse))
        return false;
    *depth = (float)plane[0];
    if (fabs(n.kx) > away * n.kernel || fabs(n.ky) > away * n.kernel)
        return false;
    /* Neighbours that differ by more than their variances say that those are too small. */
    *err = (float)sqrt(inverse * overlap * fmax(1, n.residual / n.kernel) + BIAS * BIAS);
    return *err <= AF_HEIGHT_MOST_ERR;
}

static void fit_cell(const struct fit *f, size_t i, size_t j, double overlap, float *depth,
                     float *err)
{
    *depth = (float)f->depth[j * f->t->nx + i];
    *err = INFINITY;
    for (int which = 0; which < RADII; which++)
        if (fit_plane(f, which, i, j, overlap, depth, err))
            return;
}

int af_height_fit(struct af_height *t, const struct af_depth *d, double overlap, struct af_err *err)
{
    double *depth = af_calloc(d->n, sizeof(*depth), err);
    double *weight = depth ? af_calloc(d->n, sizeof(*weight), err) : NULL;
    struct fit f = {t, depth, weight, {{0}}};

    if (weight) {
        for (int which = 0; which < RADII; which++)
            for (int r = 0; r <= radii[which]; r++)
                f.kernel[which][r] = exp(-1.125 * (r * r) / (radii[which] * radii[which]));
        for (size_t i = 0; i < d->n; i++) {
            const struct af_depth_fit p = af_depth_fit(d, i);

            depth[i] = p.depth;
            weight[i] = isfinite(p.var) ? 1 / (p.var + LEAST_VAR) : 0;
        }
        for (size_t j = 0; j < t->ny; j++)
            for (size_t i = 0; i < t->nx; i++)
                fit_cell(&f, i, j, overlap, t->depth + j * t->nx + i, t->err + j * t->nx + i);
    }
    free(depth);
    free(weight);
    return weight ? 0 : -1;
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
                    float *out)
{
    const float step = 1 / (float)t->cell;
    float left, right = mix(top[0], bottom[0], down);
    size_t x = 0;

    for (size_t i = 0; i < t->nx; i++) {
        const bool last = i + 1 == t->nx;
        const float centre = (float)(i * t->cell) + (float)(t->cell - 1) / 2;
        const size_t behind = (i + 1) * t->cell + t->cell / 2; // the next centre
        const size_t end = last || behind > t->w ? t->w : behind;

        left = right;
        right = last ? left : mix(top[i + 1], bottom[i + 1], down);
        for (; x < end && (last || (float)x <= centre); x++)
            out[x] = left;
        for (; x < end; x++)
            out[x] = left + ((float)x - centre) * step * (right - left);
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
