/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/sensor.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846
#define BENT 25.0 // electrons^2

enum { LAYERS = 128, RINGS = 14 };

/*
 * Layers of equal area under exp(-x^2 / 2), the first with the tail.
 * Source: Doornik, "An improved ziggurat method to generate normal random samples", 2005.
 */
#define TAIL 3.442619855899
#define AREA 9.91256303526217e-3

static void fill_edges(double edge[LAYERS + 2])
{
    double f = exp(-TAIL * TAIL / 2);

    edge[0] = AREA / f;
    edge[1] = TAIL;
    for (int i = 2; i < LAYERS; i++) {
        edge[i] = sqrt(-2 * log(AREA / edge[i - 1] + f));
        f = exp(-edge[i] * edge[i] / 2);
    }
    edge[LAYERS] = 0;
}

static double tail(struct af_random *r, bool negative)
{
    double x, y;

    do {
        x = log(1 - af_random_uniform(r)) / TAIL;
        y = log(1 - af_random_uniform(r));
    } while (-2 * y < x * x);
    return negative ? x - TAIL : TAIL - x;
}

/* A normal variate; seven bits choose the layer, 53 others the place. */
static double normal(const double *edge, struct af_random *r)
{
    for (;;) {
        uint64_t bits = af_random_u64(r);
        size_t i = bits % LAYERS;
        double u = (double)(int64_t)(bits & ~(uint64_t)2047) * 0x1p-63, x = u * edge[i];
        if (fabs(x) < edge[i + 1])
            return x;
        if (i == 0)
            return tail(r, u < 0);
        double outer = exp((x * x - edge[i] * edge[i]) / 2);
        double inner = exp((x * x - edge[i + 1] * edge[i + 1]) / 2);
        if (inner + af_random_uniform(r) * (outer - inner) < 1)
            return x;
    }
}

/* By counting down the product of uniform variates; mean below BENT. */
static double poisson(double mean, struct af_random *r)
{
    double limit = exp(-mean), product = af_random_uniform(r), n = 0;

    while (product > limit) {
        product *= af_random_uniform(r);
        n++;
    }
    return n;
}

/* Dust on the camera's window throws rings; the corners get less light. */
static void fill_response(struct af_sensor *s, const struct af_sim_params *p, struct af_random *r)
{
    double cx = (double)s->w / 2, cy = (double)s->h / 2;
    struct {
        double x, y, radius;
    } ring[RINGS];

    for (int i = 0; i < RINGS; i++) {
        ring[i].x = (double)s->w * af_random_uniform(r);
        ring[i].y = (double)s->h * af_random_uniform(r);
        ring[i].radius = 5 + 20 * af_random_uniform(r);
    }
    for (size_t i = 0; i < s->w * s->h; i++) {
        double x = (double)(i % s->w), y = (double)(i / s->w), dust = 0;
        double corner = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (cx * cx + cy * cy);
        for (int k = 0; k < RINGS && p->dust > 0; k++) {
            double dx = x - ring[k].x, dy = y - ring[k].y;
            double u = (dx * dx + dy * dy) / (ring[k].radius * ring[k].radius);
            dust += u < 9 ? cos(PI * u) * exp(-u) : 0;
        }
        double gain = p->gain_spread > 0 ? 1 + p->gain_spread * normal(s->edge, r) : 1;
        s->response[i] = (float)fmax(0, gain * (1 - p->dust * dust) * (1 - p->vignetting * corner));
    }
}

int af_sensor_init(struct af_sensor *s, const struct af_sim_params *p, size_t w, size_t h,
                   struct af_err *err)
{
    struct af_random r;
    size_t n = w * h;

    *s = (struct af_sensor){.w = w,
                            .h = h,
                            .read_noise = p->read_noise,
                            .full_well = p->full_well,
                            .black = p->black,
                            .noise = p->noise};
    s->response = af_calloc(n, sizeof(float), err);
    s->dark = af_calloc(n, sizeof(float), err);
    if (!s->response || !s->dark) {
        af_sensor_release(s);
        return -1;
    }
    fill_edges(s->edge);
    af_random_init(&r, (uint64_t)p->seed, "sensor");
    fill_response(s, p, &r);
    for (size_t i = 0; i < n; i++)
        s->dark[i] = (float)p->dark;
    for (double hot = p->hot * (double)n; hot >= 1; hot--)
        s->dark[af_random_below(&r, n)] = (float)exp(2.5 * af_random_uniform(&r));
    return 0;
}

void af_sensor_release(struct af_sensor *s)
{
    free(s->response);
    free(s->dark);
    *s = (struct af_sensor){0};
}

static double electrons(const struct af_sensor *s, double mean, struct af_random *r)
{
    double variance = mean + s->read_noise * s->read_noise;

    if (s->noise == 0)
        return mean;
    if (variance < BENT)
        return poisson(mean, r) + s->read_noise * normal(s->edge, r);
    double g = normal(s->edge, r), deviation = sqrt(variance);
    return mean + deviation * g + mean / variance * (g * g - 1) / 6;
}

int af_sensor_expose(const struct af_sensor *s, const float *light,
                     const struct af_sensor_exposure *e, struct af_random *r, struct af_image *img,
                     struct af_err *err)
{
    double full = ldexp(1, (int)e->bits) - 1, scale = e->gain * full / s->full_well;

    if (af_image_resize(img, e->w, e->h, e->bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = e->bits;
    for (size_t y = 0; y < e->h; y++) {
        size_t at = (y + e->y) * s->w + e->x;
        void *row = af_image_row(img, y);
        for (size_t x = 0; x < e->w; x++) {
            double mean = s->response[at + x] * (light[at + x] + e->stray * e->exposure_ms) +
                          s->dark[at + x] * e->exposure_ms;
            double n = electrons(s, mean > 0 ? mean : 0, r);
            double v = ((n < s->full_well ? n : s->full_well) + s->black) * scale + 0.5;
            v = v > 0 ? v < full ? v : full : 0;
            if (e->bits > 8)
                ((uint16_t *)row)[x] = (uint16_t)v;
            else
                ((uint8_t *)row)[x] = (uint8_t)v;
        }
    }
    return 0;
}
