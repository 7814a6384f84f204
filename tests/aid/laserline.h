/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laser line of a simple instrument, and how it drifts: from day to day it moves, widens, turns
 * and dims; within a day a sixth of that from stack to stack. What tells + from -: the line is
 * astigmatic and walks with z.
 */
#ifndef AF_TESTS_LASERLINE_H
#define AF_TESTS_LASERLINE_H
#include "base/random.h"
#include "image/image.h"

#include <math.h>
#include <stdio.h>

/* What drifts. */
struct line {
    double x, y;        // centre, share of the frame
    double walk;        // of the centre along y per um, share of the height
    double turn;        // rad
    double waist;       // of the line along y, share of the height
    double astigmatism; // z of the waist along x, um
    double light;       // of the usual
    double glow;        // background, share of the peak in focus
};

#define LINE_USUAL                                                                                 \
    {                                                                                              \
        .x = 0.5, .y = 0.48, .walk = 0.004, .waist = 0.05, .astigmatism = 8, .light = 1,           \
        .glow = 0.02                                                                               \
    }

static inline void line_drift(struct line *s, struct af_random *r, double by)
{
    s->x += by * 0.02 * af_random_normal(r);
    s->y += by * 0.02 * af_random_normal(r);
    s->walk += by * 0.0006 * af_random_normal(r);
    s->turn += by * 0.01 * af_random_normal(r);
    s->waist *= exp(by * 0.03 * af_random_normal(r));
    s->astigmatism += by * 1.0 * af_random_normal(r);
    s->light *= exp(by * 0.1 * af_random_normal(r));
    s->glow *= exp(by * 0.2 * af_random_normal(r));
}

/* The line of a day as its first stack finds it; r: goes on through the day. */
static inline void line_begin_day(struct line *s, struct af_random *r, uint64_t seed, int day)
{
    char name[32];

    *s = (struct line)LINE_USUAL;
    snprintf(name, sizeof(name), "day %d", day);
    af_random_init(r, seed, name);
    line_drift(s, r, 1);
}

/* Light at a place, x and y as shares of the frame; 1: the peak in focus. */
static inline double line_light(const struct line *s, double x, double y, double z_um)
{
    double u = z_um / 2.5, v = (z_um - s->astigmatism) / 22.5; // confocal parameters as 1 to 9
    double wy = s->waist * sqrt(1 + u * u), wx = 3 * s->waist * sqrt(1 + v * v);
    double dx = x - s->x, dy = y - s->y - s->walk * z_um;
    double along = dx + s->turn * dy, across = dy - s->turn * dx;
    double focus = 3 * s->waist * s->waist / (wx * wy);

    return s->light *
           (s->glow + focus * exp(-(across * across / (wy * wy) + along * along / (wx * wx)) / 2));
}

/* A count of the camera, 12 bits: black level, shot noise, noise of its own. */
static inline uint16_t line_count(double light, struct af_random *r)
{
    const double peak = 3000, black = 20; // counts
    double v = peak * light;

    v += black + sqrt(0.4 * v + 4) * af_random_normal(r);
    return (uint16_t)fmax(0, fmin(4095, v + 0.5));
}

static inline void line_expose(const struct line *s, double z_um, struct af_random *r,
                               struct af_image *img)
{
    uint16_t *p = img->data;
    double w = (double)img->w, h = (double)img->h;

    for (size_t j = 0; j < img->h; j++)
        for (size_t i = 0; i < img->w; i++)
            *p++ = line_count(line_light(s, ((double)i + 0.5) / w, ((double)j + 0.5) / h, z_um), r);
}

#endif
