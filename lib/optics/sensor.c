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

/* A ring of light and shade round a grain of dust on the camera's window. */
static void add_ring(struct af_sensor *s, double cx, double cy, double radius, double contrast)
{
    long reach = (long)(3 * radius) + 1, w = (long)s->w, h = (long)s->h;
    long x0 = (long)cx - reach, y0 = (long)cy - reach;

    for (long y = y0 > 0 ? y0 : 0; y < h && y <= y0 + 2 * reach; y++)
        for (long x = x0 > 0 ? x0 : 0; x < w && x <= x0 + 2 * reach; x++) {
            double dx = (double)x - cx, dy = (double)y - cy;
            double u = (dx * dx + dy * dy) / (radius * radius);
            s->response[y * w + x] *= (float)(1 - contrast * cos(PI * u) * exp(-u));
        }
}

/* Each pixel has its own gain, and the corners get less light. */
static void fill_response(struct af_sensor *s, const struct af_sim_params *p, struct af_random *r)
{
    double cx = (double)s->w / 2, cy = (double)s->h / 2, scale = 1 / (cx * cx + cy * cy);

    for (size_t y = 0; y < s->h; y++)
        for (size_t x = 0; x < s->w; x++) {
            double dx = (double)x - cx, dy = (double)y - cy;
            double gain = p->gain_spread > 0 ? 1 + p->gain_spread * normal(s->edge, r) : 1;
            gain *= 1 - p->vignetting * (dx * dx + dy * dy) * scale;
            s->response[y * s->w + x] = (float)fmax(0, gain);
        }
    for (int i = 0; i < RINGS && p->dust > 0; i++) {
        double x = (double)s->w * af_random_uniform(r), y = (double)s->h * af_random_uniform(r);
        add_ring(s, x, y, 5 + 20 * af_random_uniform(r), p->dust);
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
        return af_random_poisson(r, mean) + s->read_noise * normal(s->edge, r);
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
