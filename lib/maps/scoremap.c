/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/scoremap.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Does a window of the pair begin or end at `at`? */
static bool is_border(struct af_pair pair, size_t at)
{
    return at % pair.stride == 0 || (at >= pair.window && (at - pair.window) % pair.stride == 0);
}

static size_t count_spans(struct af_pair pair, size_t len)
{
    size_t n = 0;

    for (size_t at = 0; at < len; at++)
        n += is_border(pair, at);
    return n;
}

static void fill_spans(struct af_pair pair, size_t len, struct af_span *s)
{
    for (size_t at = 0; at < len; at++) {
        uint32_t first = at < pair.window ? 0 : (uint32_t)((at - pair.window) / pair.stride + 1);
        uint32_t last = (uint32_t)(at / pair.stride);

        if (is_border(pair, at))
            *s++ = (struct af_span){(uint32_t)at, first, last};
    }
}

static int prepare_pair(struct af_scoremap *m, size_t p, struct af_err *err)
{
    const struct af_cuts *cx = &m->plan->x[0];
    struct af_pairs_at *at = &m->at[p];
    size_t span = 0;

    fill_spans(m->plan->pair[p], m->plan->w, m->x + at->x);
    fill_spans(m->plan->pair[p], m->plan->h, m->y + at->y);
    if (!(at->column = af_calloc(cx->n, sizeof(*at->column), err)) ||
        !(at->map = af_calloc(at->nx, at->ny * sizeof(*at->map), err)))
        return -1;
    for (size_t i = 0; i < cx->n; i++) {
        while (span + 1 < at->nx && m->x[at->x + span + 1].from <= cx->at[i])
            span++;
        at->column[i] = span;
    }
    return 0;
}

int af_scoremap_init(struct af_scoremap *m, const struct af_plan *plan,
                     const struct af_scoremap_opts *o, struct af_err *err)
{
    size_t nx = 0, ny = 0, scores = 0, line = 0, pieces = plan->x[0].n * plan->y[0].n;

    *m = (struct af_scoremap){.plan = plan, .o = *o, .kernels = af_sum_kernels_best()};
    if (!(m->at = af_calloc(plan->npairs, sizeof(*m->at), err)))
        return -1;
    for (size_t p = 0; p < plan->npairs; p++) {
        const struct af_pair pair = plan->pair[p];
        struct af_pairs_at *at = &m->at[p];
        size_t wx = af_plan_count(plan->w, pair.stride), wy = af_plan_count(plan->h, pair.stride);

        *at = (struct af_pairs_at){
            nx, count_spans(pair, plan->w), ny, count_spans(pair, plan->h), NULL, NULL};
        nx += at->nx;
        ny += at->ny;
        scores = scores > wx * wy ? scores : wx * wy;
        line = line > wx ? line : wx;
    }
    if (!(m->x = af_calloc(nx, sizeof(*m->x), err)) ||
        !(m->y = af_calloc(ny, sizeof(*m->y), err)) ||
        !(m->score = af_calloc(scores, sizeof(double), err)) ||
        !(m->weight = af_calloc(scores, sizeof(double), err)) ||
        !(m->line = af_calloc(line, sizeof(double), err)) ||
        !(m->share = af_calloc(pieces, sizeof(double), err)) ||
        !(m->row = af_calloc(plan->npairs * plan->x[0].n, sizeof(double), err)))
        return -1;
    for (size_t p = 0; p < plan->npairs; p++)
        if (prepare_pair(m, p, err))
            return -1;
    return 0;
}

void af_scoremap_release(struct af_scoremap *m)
{
    for (size_t p = 0; m->at && p < m->plan->npairs; p++) {
        free(m->at[p].column);
        free(m->at[p].map);
    }
    free(m->at);
    free(m->x);
    free(m->y);
    free(m->score);
    free(m->weight);
    free(m->line);
    free(m->share);
    free(m->row);
    *m = (struct af_scoremap){0};
}

/* ------------------------------------------------------------ scores of windows */

static double brightness(double mean, int degree)
{
    return mean > 0 ? pow(mean, degree) : 1;
}

static void correct(const struct af_scoremap *m, const struct af_sums *sums, enum af_sharp measure,
                    struct af_pair pair, double mean, double sigma)
{
    const int degree = af_sharp_degree(measure, m->o.def);
    const double slice = brightness(mean, degree);
    double *s = m->score;

    for (size_t y = 0; y < m->plan->h; y += pair.stride)
        for (size_t x = 0; x < m->plan->w; x += pair.stride, s++) {
            const struct af_box b = af_plan_box(m->plan, x, y, pair.window);

            if (sigma > 0)
                *s = af_sharp_above_noise(measure, m->o.def, *s, sigma, (double)(b.x1 - b.x0),
                                          (double)(b.y1 - b.y0));
            if (m->o.normalise == AF_NORM_MEAN)
                *s /= slice;
            else if (m->o.normalise == AF_NORM_LOCAL)
                *s /= brightness(af_sums_mean(sums, b), degree);
        }
}

/* -------------------------------------------------------- from windows to places */

/* Windows that have no score get what changes nothing, and no weight. How many there are. */
static size_t weigh(struct af_scoremap *m, size_t n)
{
    const double nothing = m->o.accumulate == AF_ACC_MAX ? -INFINITY : 0;
    size_t missing = 0;

    for (size_t i = 0; i < n; i++)
        missing += isnan(m->score[i]);
    for (size_t i = 0; missing && i < n; i++) {
        m->weight[i] = isnan(m->score[i]) ? 0 : 1;
        m->score[i] = isnan(m->score[i]) ? nothing : m->score[i];
    }
    return missing;
}

/* Sums, or the largest, of v[windows] over those that cover each span: out[ny][nx]. */
static void cover(struct af_scoremap *m, size_t p, const double *v, bool largest, double *out)
{
    const struct af_pairs_at *at = &m->at[p];
    const size_t wx = af_plan_count(m->plan->w, m->plan->pair[p].stride);
    void (*const join)(double *, const double *, size_t) =
        largest ? m->kernels->largest : m->kernels->add;

    for (size_t j = 0; j < at->ny; j++) {
        const struct af_span y = m->y[at->y + j];

        for (size_t i = 0; i < wx; i++)
            m->line[i] = largest ? -INFINITY : 0;
        for (size_t k = y.first; k < (size_t)y.last + 1; k++)
            join(m->line, v + k * wx, wx);
        for (size_t i = 0; i < at->nx; i++, out++) {
            const struct af_span x = m->x[at->x + i];

            *out = largest ? -INFINITY : 0;
            for (size_t k = x.first; k < (size_t)x.last + 1; k++)
                *out = !largest ? *out + m->line[k] : m->line[k] > *out ? m->line[k] : *out;
        }
    }
}

/* How many windows cover span i, j of a pair. */
static double cover_count(const struct af_scoremap *m, size_t p, size_t i, size_t j)
{
    const struct af_span x = m->x[m->at[p].x + i], y = m->y[m->at[p].y + j];

    return ((double)x.last + 1 - x.first) * ((double)y.last + 1 - y.first);
}

static void spread_pair(struct af_scoremap *m, size_t p)
{
    const struct af_pairs_at *at = &m->at[p];
    const uint32_t stride = m->plan->pair[p].stride;
    const size_t missing =
        weigh(m, af_plan_count(m->plan->w, stride) * af_plan_count(m->plan->h, stride));
    double *map = at->map;

    cover(m, p, m->score, m->o.accumulate == AF_ACC_MAX, map);
    if (m->o.accumulate == AF_ACC_SUM)
        return;
    if (missing)
        cover(m, p, m->weight, false, m->share);
    for (size_t j = 0; j < at->ny; j++)
        for (size_t i = 0; i < at->nx; i++, map++) {
            const double n = missing ? m->share[j * at->nx + i] : cover_count(m, p, i, j);

            *map = !(n > 0) ? NAN : m->o.accumulate == AF_ACC_MEAN ? *map / n : *map;
        }
}

/* The row of pieces that begins at y, of one pair. */
static void fill_row(const struct af_scoremap *m, size_t p, size_t j, double *row)
{
    const struct af_pairs_at *at = &m->at[p];
    const double *from = at->map + j * at->nx;

    for (size_t i = 0; i < m->plan->x[0].n; i++)
        row[i] = from[at->column[i]];
}

static void largest_of_pairs(struct af_scoremap *m, double *out)
{
    const size_t nx = m->plan->x[0].n, ny = m->plan->y[0].n, np = m->plan->npairs;

    for (size_t y = 0; y < ny; y++, out += nx) {
        for (size_t p = 0; p < np; p++) {
            const struct af_pairs_at *at = &m->at[p];
            const uint32_t top = m->plan->y[0].at[y];
            size_t j = 0;

            while (j + 1 < at->ny && m->y[at->y + j + 1].from <= top)
                j++;
            if (y == 0 || m->y[at->y + j].from == top)
                fill_row(m, p, j, m->row + p * nx);
        }
        memcpy(out, m->row, nx * sizeof(*out));
        for (size_t p = 1; p < np; p++)
            m->kernels->largest(out, m->row + p * nx, nx);
    }
}

void af_scoremap_make(struct af_scoremap *m, const struct af_sums *sums, struct af_entropy *entropy,
                      enum af_sharp measure, double mean, double sigma, double *out)
{
    for (size_t p = 0; p < m->plan->npairs; p++) {
        const struct af_pair pair = m->plan->pair[p];

        if (measure == AF_SHARP_ENTROPY)
            af_entropy_scores(entropy, pair, m->score);
        else
            af_sums_scores(sums, measure, m->o.def, pair, m->score);
        if (sigma > 0 || m->o.normalise != AF_NORM_NONE)
            correct(m, sums, measure, pair, mean, sigma);
        spread_pair(m, p);
    }
    largest_of_pairs(m, out);
}

/* --------------------------------------------------------------------- image */

#define EXPAND(TYPE)                                                                               \
    do {                                                                                           \
        TYPE *to = af_image_row(img, y);                                                           \
                                                                                                   \
        for (size_t i = 0, x = 0; x < w; x++) {                                                    \
            while (cx->at[i + 1] <= x * cell)                                                      \
                i++;                                                                               \
            to[x] = (TYPE)from[i];                                                                 \
        }                                                                                          \
    } while (0)

int af_scoremap_image(const struct af_plan *plan, const double *map, size_t cell,
                      enum af_sample type, struct af_image *img, struct af_err *err)
{
    const struct af_cuts *cx = &plan->x[0], *cy = &plan->y[0];
    const size_t w = (plan->w - 1) / cell + 1, h = (plan->h - 1) / cell + 1;
    size_t last = SIZE_MAX;

    if (af_image_resize(img, w, h, type, err))
        return -1;
    for (size_t y = 0, j = 0; y < h; y++) {
        const double *from;

        while (cy->at[j + 1] <= y * cell)
            j++;
        from = map + j * cx->n;
        if (j == last)
            memcpy(af_image_row(img, y), af_image_row(img, y - 1), w * af_sample_size(type));
        else if (type == AF_F32)
            EXPAND(float);
        else
            EXPAND(double);
        last = j;
    }
    return 0;
}
