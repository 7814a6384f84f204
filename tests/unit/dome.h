/* SPDX-License-Identifier: BSD-2-Clause */
/* A focal stack of known depth: a textured dome, seen by a lamp that brightens, with noise. */
#ifndef DOME_H
#define DOME_H
#include "base/random.h"
#include "image/image.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum dome_texture { DOME_WHITE, DOME_SPOTS, DOME_CELLS, DOME_NTEXTURES };

/*
 * Slices of side x side px, 8 bits; slice k is the texture blurred by a Gaussian of 0.5 px + 0.9 px
 * for each slice that the dome is away, times the lamp, 0.55 to 1, with photon and reading noise.
 * The dome rises from slice 2.3 at its foot, radius 0.45 side, to nslices - 3.
 */
struct dome {
    size_t side, nslices;
    bool bare; // nothing but light and noise around the dome
    float *height; // [side][side] slices
    bool *inside;
    struct af_image *slice; // [nslices]
};

static inline double *dome_zeros(size_t n)
{
    return calloc(n, sizeof(double));
}

/* Gaussian blur in place, kernel cut off at 3 sigma, borders repeated. */
static inline void dome_blur(double *v, size_t n, double sigma)
{
    const long r = (long)ceil(3 * sigma), m = (long)n;
    double *k = dome_zeros((size_t)(2 * r + 1)), *line = dome_zeros(n), sum = 0;

    for (long i = -r; i <= r; i++)
        sum += k[i + r] = exp(-(double)(i * i) / (2 * sigma * sigma));
    for (int axis = 0; axis < 2; axis++)
        for (long j = 0; j < m; j++) {
            const long first = axis ? j : j * m, step = axis ? m : 1;

            for (long i = 0; i < m; i++) {
                line[i] = 0;
                for (long d = -r; d <= r; d++) {
                    const long at = i + d < 0 ? 0 : i + d >= m ? m - 1 : i + d;

                    line[i] += k[d + r] / sum * v[first + at * step];
                }
            }
            for (long i = 0; i < m; i++)
                v[first + i * step] = line[i];
        }
    free(line);
    free(k);
}

/* Mean 0, variance 1. */
static inline double *dome_texture(size_t n, enum dome_texture kind, struct af_random *r)
{
    double *v = dome_zeros(n * n), mean = 0, var = 0;

    for (size_t i = 0; i < n * n; i++)
        v[i] = kind == DOME_SPOTS ? 0 : af_random_normal(r);
    for (size_t i = 0; kind == DOME_SPOTS && i < n * n / 150; i++)
        v[af_random_below(r, n * n)] += 0.5 + af_random_uniform(r);
    if (kind == DOME_CELLS) { // walls where a smooth field is near 0
        dome_blur(v, n, 4);
        for (size_t i = 0; i < n * n; i++)
            v[i] = fabs(v[i]) < 0.3 * 0.07; // its standard deviation is 1 / (2 sqrt(pi) 4)
    }
    dome_blur(v, n, kind == DOME_SPOTS ? 1.2 : kind == DOME_CELLS ? 0.8 : 1);
    for (size_t i = 0; i < n * n; i++)
        mean += v[i] / (double)(n * n);
    for (size_t i = 0; i < n * n; i++)
        var += (v[i] - mean) * (v[i] - mean) / (double)(n * n);
    for (size_t i = 0; i < n * n; i++)
        v[i] = (v[i] - mean) / sqrt(var);
    return v;
}

static inline void dome_heights(struct dome *d)
{
    const double c = (double)d->side / 2, radius = 0.45 * (double)d->side;

    for (size_t i = 0; i < d->side * d->side; i++) {
        const double x = (double)(i % d->side) - c, y = (double)(i / d->side) - c;
        const double r = sqrt(x * x + y * y) / radius;

        d->inside[i] = r < 1;
        d->height[i] = (float)(2.3 + (r < 1 ? ((double)d->nslices - 5.3) * (1 - r * r) : 0));
    }
}

/* Blurred by `levels` steps of a third of a slice; those between are interpolated. */
static inline void dome_slices(struct dome *d, const double *texture, struct af_random *r)
{
    const size_t n = d->side * d->side, levels = 3 * d->nslices + 1;
    double **level = calloc(levels, sizeof(*level));

    for (size_t l = 0; l < levels; l++) {
        level[l] = dome_zeros(n);
        for (size_t i = 0; i < n; i++)
            level[l][i] = d->bare && !d->inside[i]
                              ? 60
                              : 100 * (1 + 0.35 * fmin(fmax(texture[i], -2.5), 2.5));
        dome_blur(level[l], d->side, 0.5 + 0.9 * (double)l / 3);
    }
    for (size_t k = 0; k < d->nslices; k++) {
        const double lamp = 0.55 + 0.45 * (double)k / (double)(d->nslices - 1);
        uint8_t *p;

        af_image_resize(&d->slice[k], d->side, d->side, AF_U8, NULL);
        p = d->slice[k].data;
        for (size_t i = 0; i < n; i++) {
            const double at = fmin(3 * fabs((double)k - d->height[i]), (double)levels - 1.001);
            const size_t l = (size_t)at;
            double v = lamp * (level[l][i] + (at - (double)l) * (level[l + 1][i] - level[l][i]));

            v += af_random_normal(r) * sqrt(0.3 * v + 4);
            p[i] = (uint8_t)fmin(fmax(v + 0.5, 0), 255);
        }
    }
    for (size_t l = 0; l < levels; l++)
        free(level[l]);
    free(level);
}

static inline void dome_make(struct dome *d, size_t side, size_t nslices, enum dome_texture kind,
                             bool bare, uint64_t seed)
{
    struct af_random r;
    double *texture;

    *d = (struct dome){.side = side, .nslices = nslices, .bare = bare};
    d->height = calloc(side * side, sizeof(*d->height));
    d->inside = calloc(side * side, sizeof(*d->inside));
    d->slice = calloc(nslices, sizeof(*d->slice));
    af_random_init(&r, seed, "dome");
    dome_heights(d);
    texture = dome_texture(side, kind, &r);
    dome_slices(d, texture, &r);
    free(texture);
}

static inline void dome_release(struct dome *d)
{
    for (size_t k = 0; k < d->nslices; k++)
        af_image_release(&d->slice[k]);
    free(d->slice);
    free(d->inside);
    free(d->height);
}
#endif
