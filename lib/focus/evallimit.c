/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/evallimit.h"

#include "base/memory.h"
#include "focus/frame.h"
#include "image/area.h"
#include "optics/spot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_UNKNOWN = 32, SIDE = AF_FRAME_SIDE };

static const double exposure_ms = 7; // about 7 million electrons, as in the paper
static const double z_step_um = 0.02, z_step_share = 1e-3; // half a difference: of |z| the latter
static const double drift_step = 0.1;                      // of a standard deviation

/* One place: what light comes to each pixel and how it changes with each unknown. */
struct scene {
    struct af_spot spot;
    struct af_alignment mean;
    double total;                   // electrons
    size_t w, h, n;                 // n: unknowns, defocus first, power last
    double precision[MOST_UNKNOWN]; // 1 / variance beforehand
    float *light, *up, *down;       // [h][w]
    float *slope;                   // [n][h][w] dm / d unknown
    float *small;                   // [n + 1][SIDE][SIDE] light and slopes, sums over areas
};

static void release(struct scene *s)
{
    af_spot_release(&s->spot);
    free(s->light);
    free(s->up);
    free(s->down);
    free(s->slope);
    free(s->small);
}

static int init(struct scene *s, const struct af_sim_params *p, struct af_err *err)
{
    size_t place, px = (size_t)p->width * (size_t)p->height, unknowns = 2;
    struct af_sim_params usual = *p;
    double sd;

    *s = (struct scene){.w = (size_t)p->width, .h = (size_t)p->height};
    while (af_alignment_walks(unknowns - 2, &place, &sd) == 0)
        unknowns++;
    s->n = unknowns;
    usual.day_drift = usual.hour_drift = usual.wander_um = 0;
    usual.knock = 0;
    af_alignment_at(&usual, 0, &s->mean);
    s->total = p->light * exposure_ms;
    if (af_spot_init(&s->spot, p, err) || !(s->light = af_calloc(px, sizeof(float), err)) ||
        !(s->up = af_calloc(px, sizeof(float), err)) ||
        !(s->down = af_calloc(px, sizeof(float), err)) ||
        !(s->slope = af_calloc(s->n * px, sizeof(float), err)) ||
        !(s->small = af_calloc((s->n + 1) * SIDE * SIDE, sizeof(float), err))) {
        release(s);
        return -1;
    }
    return 0;
}

/* slope of unknown i: (up - down) / width. */
static void difference(struct scene *s, size_t i, double width)
{
    size_t px = s->w * s->h;
    float *to = s->slope + i * px, scale = (float)(1 / width);

    for (size_t k = 0; k < px; k++)
        to[k] = (s->up[k] - s->down[k]) * scale;
}

static int look(struct scene *s, double z_um, struct af_err *err)
{
    const struct af_sim_params *p = &s->spot.params;
    double step = fmax(z_step_um, z_step_share * fabs(z_um));
    size_t place, px = s->w * s->h;
    double sd;

    if (af_spot_light(&s->spot, &s->mean, z_um, s->total, s->light, err) ||
        af_spot_light(&s->spot, &s->mean, z_um + step, s->total, s->up, err) ||
        af_spot_light(&s->spot, &s->mean, z_um - step, s->total, s->down, err))
        return -1;
    difference(s, 0, 2 * step);
    for (size_t i = 0; af_alignment_walks(i, &place, &sd) == 0; i++) {
        struct af_alignment up = s->mean, down = s->mean;
        double by = drift_step * sd;
        double focus = place == offsetof(struct af_alignment, af_offset_um) ? by : 0;

        *(double *)((char *)&up + place) += by;
        *(double *)((char *)&down + place) -= by;
        if (af_spot_light(&s->spot, &up, z_um - focus, s->total * af_spot_power(p, &up), s->up,
                          err) ||
            af_spot_light(&s->spot, &down, z_um + focus, s->total * af_spot_power(p, &down),
                          s->down, err))
            return -1;
        difference(s, i + 1, 2 * by);
        s->precision[i + 1] = p->day_drift > 0 ? 1 / (sd * sd * p->day_drift * p->day_drift) : 1e30;
    }
    memcpy(s->slope + (s->n - 1) * px, s->light, px * sizeof(float)); // the norm erases power
    return 0;
}

/* Information of an image of n pixels, f[a][b]; each pixel is `area` of the sensor's. */
static void add_up(const struct scene *s, const float *light, const float *slope, size_t px,
                   double area, double f[MOST_UNKNOWN][MOST_UNKNOWN])
{
    const struct af_sim_params *p = &s->spot.params;
    double even = (p->background + p->glow + p->dark) * exposure_ms;

    memset(f, 0, MOST_UNKNOWN * sizeof(*f));
    for (size_t k = 0; k < px; k++) {
        double m = (double)light[k] + even, weight = area / (m + p->read_noise * p->read_noise);

        if (m >= p->full_well)
            continue;
        for (size_t a = 0; a < s->n; a++)
            for (size_t b = 0; b <= a; b++)
                f[a][b] += weight * (double)slope[a * px + k] * (double)slope[b * px + k];
    }
}

/* What is left of f[0][0] when the other unknowns are estimated too, by Cholesky, in place. */
static double left_over(double f[MOST_UNKNOWN][MOST_UNKNOWN], size_t n)
{
    for (size_t j = n; j-- > 1;) { // eliminate the last unknown of those left
        double pivot = f[j][j];

        for (size_t a = 0; pivot > 0 && a < j; a++)
            for (size_t b = 0; b <= a; b++)
                f[a][b] -= f[j][a] * f[j][b] / pivot;
    }
    return f[0][0];
}

static int reduce(struct scene *s, struct af_err *err)
{
    size_t px = s->w * s->h;

    for (size_t i = 0; i <= s->n; i++) {
        float *from = i ? s->slope + (i - 1) * px : s->light;
        struct af_image img = {.w = s->w, .h = s->h, .type = AF_F32, .bits = 32, .data = from};

        if (af_area_average(&img, SIDE, SIDE, s->small + i * SIDE * SIDE, err))
            return -1;
    }
    return 0;
}

static int bound(struct scene *s, double z_um, double *known_um, double *unknown_um,
                 struct af_err *err)
{
    static const double tiny = 1e-300;
    double f[MOST_UNKNOWN][MOST_UNKNOWN];
    size_t n = SIDE * SIDE;

    if (look(s, z_um, err) || reduce(s, err))
        return -1;
    add_up(s, s->light, s->slope, s->w * s->h, 1, f);
    *known_um = 1 / sqrt(fmax(tiny, f[0][0]));
    add_up(s, s->small, s->small + n, n, (double)(s->w * s->h) / (double)n, f);
    for (size_t i = 1; i < s->n; i++)
        f[i][i] += s->precision[i];
    *unknown_um = 1 / sqrt(fmax(tiny, left_over(f, s->n)));
    return 0;
}

int af_eval_limit(struct af_eval_limit *l, const char *options, double reach_um, struct af_err *err)
{
    struct af_sim_params p;
    struct scene s = {.n = 0};
    int ret = -1;

    *l = (struct af_eval_limit){.reach_um = reach_um};
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    if (af_sim_params_set(&p, options, err) || init(&s, &p, err))
        return -1;
    for (int k = 0; k < AF_EVAL_KNOWINGS; k++)
        if (!(l->sd_um[k] = af_calloc(AF_EVAL_NODES, sizeof(double), err)))
            goto done;
    for (size_t i = 0; i < AF_EVAL_NODES; i++) {
        double z_um = reach_um * (2 * (double)i / (AF_EVAL_NODES - 1) - 1);

        if (bound(&s, z_um, &l->sd_um[AF_EVAL_KNOWN][i], &l->sd_um[AF_EVAL_UNKNOWN][i], err))
            goto done;
    }
    ret = 0;
done:
    release(&s);
    if (ret)
        af_eval_limit_release(l);
    return ret;
}

void af_eval_limit_release(struct af_eval_limit *l)
{
    for (int k = 0; k < AF_EVAL_KNOWINGS; k++)
        free(l->sd_um[k]);
    *l = (struct af_eval_limit){0};
}

double af_eval_limit_at(const struct af_eval_limit *l, enum af_eval_knowing k, double true_um)
{
    double at = (true_um / l->reach_um + 1) / 2 * (AF_EVAL_NODES - 1), part;
    size_t i;

    if (!(at >= 0 && at <= AF_EVAL_NODES - 1))
        return NAN;
    i = at < AF_EVAL_NODES - 2 ? (size_t)at : AF_EVAL_NODES - 2;
    part = at - (double)i;
    return (1 - part) * l->sd_um[k][i] + part * l->sd_um[k][i + 1];
}

double af_eval_limit_rms(const struct af_eval_limit *l, enum af_eval_knowing k,
                         const struct af_evaltable *t, const struct af_eval_part *part)
{
    double squares = 0;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct af_eval_row *r = &t->row[i];
        double sd = af_eval_limit_at(l, k, r->true_um);

        if ((part->day != AF_EVAL_ALL_DAYS && part->day != r->day) || isnan(r->defocus_um) ||
            !(fabs(r->true_um) <= part->range_um) || isnan(sd))
            continue;
        squares += sd * sd;
        n++;
    }
    return n ? sqrt(squares / (double)n) : NAN;
}
