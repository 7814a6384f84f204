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

/* The pair whose windows have those of pair p among them. */
static size_t same_windows(const struct af_plan *plan, size_t p)
{
    const struct af_pair *pair = plan->pair;

    for (size_t q = 0; q < p; q++)
        if (pair[q].window == pair[p].window && pair[p].stride % pair[q].stride == 0)
            return q;
    return p;
}

static size_t count_windows(const struct af_scoremap *m, size_t p)
{
    const uint32_t stride = m->plan->pair[p].stride;

    return af_plan_count(m->plan->w, stride) * af_plan_count(m->plan->h, stride);
}

/* Spans that are strides are covered by those windows that begin there or shortly before. */
static size_t count_even(const struct af_span *span, size_t n, size_t nwindows)
{
    const size_t most = span[n - 1].last + 1 - span[n - 1].first;

    for (size_t i = 0; i < n; i++)
        if (n != nwindows || span[i].last != i ||
            span[i].first != (i + 1 > most ? i + 1 - most : 0))
            return 0;
    return most;
}

/* The span that each piece lies in. */
static size_t *spans_of_pieces(const struct af_cuts *c, const struct af_span *s, size_t n,
                               struct af_err *err)
{
    size_t *of = af_calloc(c->n, sizeof(*of), err), span = 0;

    for (size_t i = 0; of && i < c->n; i++) {
        while (span + 1 < n && s[span + 1].from <= c->at[i])
            span++;
        of[i] = span;
    }
    return of;
}

static int prepare_pair(struct af_scoremap *m, size_t p, struct af_err *err)
{
    const struct af_pair pair = m->plan->pair[p];
    struct af_pairs_at *at = &m->at[p];

    fill_spans(pair, m->plan->w, m->x + at->x);
    fill_spans(pair, m->plan->h, m->y + at->y);
    at->same = same_windows(m->plan, p);
    at->even = count_even(m->x + at->x, at->nx, af_plan_count(m->plan->w, pair.stride));
    at->column = spans_of_pieces(&m->plan->x[0], m->x + at->x, at->nx, err);
    at->row = at->column ? spans_of_pieces(&m->plan->y[0], m->y + at->y, at->ny, err) : NULL;
    at->map = at->row ? af_calloc(at->nx, at->ny * sizeof(*at->map), err) : NULL;
    at->score = at->map ? af_calloc(count_windows(m, p), sizeof(*at->score), err) : NULL;
    return at->score ? 0 : -1;
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
            .x = nx, count_spans(pair, plan->w), ny, count_spans(pair, plan->h)};
        nx += at->nx;
        ny += at->ny;
        scores = scores > wx * wy ? scores : wx * wy;
        line = line > wx ? line : wx;
    }
    if (!(m->x = af_calloc(nx, sizeof(*m->x), err)) ||
        !(m->y = af_calloc(ny, sizeof(*m->y), err)) ||
        !(m->weight = af_calloc(scores, sizeof(double), err)) ||
        !(m->line = af_calloc(line, 2 * sizeof(double), err)) ||
        !(m->share = af_calloc(pieces, sizeof(double), err)) ||
        !(m->row = af_calloc(plan->npairs * plan->x[0].n, 2 * sizeof(double), err)))
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
        free(m->at[p].row);
        free(m->at[p].map);
        free(m->at[p].score);
    }
    free(m->at);
    free(m->x);
    free(m->y);
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
                    size_t p, double mean, double sigma)
{
    const struct af_pair pair = m->plan->pair[p];
    const int degree = af_sharp_degree(measure, m->o.def);
    const double slice = brightness(mean, degree);
    double *s = m->at[p].score;

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
static size_t weigh(struct af_scoremap *m, double *score, size_t n)
{
    const double nothing = m->o.accumulate == AF_ACC_MAX ? -INFINITY : 0;
    int64_t missing = 0; // as wide as a score: vectors

    for (size_t i = 0; i < n; i++)
        missing += score[i] != score[i];
    for (size_t i = 0; missing && i < n; i++) {
        m->weight[i] = isnan(score[i]) ? 0 : 1;
        score[i] = isnan(score[i]) ? nothing : score[i];
    }
    return (size_t)missing;
}

/* Sums, or the largest, of v[windows] over those that cover each span: out[ny][nx]. */
static void cover(struct af_scoremap *m, size_t p, const double *v, bool largest, double *out)
{
    const struct af_pairs_at *at = &m->at[p];
    const size_t wx = af_plan_count(m->plan->w, m->plan->pair[p].stride);
    const double nothing = largest ? -INFINITY : 0;
    double *line = m->line + at->even;
    void (*const join)(double *, const double *, size_t) =
        largest ? m->kernels->largest : m->kernels->add;

    for (size_t i = 0; i < at->even; i++)
        m->line[i] = nothing;
    for (size_t j = 0; j < at->ny; j++, out += at->nx) {
        const struct af_span y = m->y[at->y + j];

        for (size_t i = 0; i < wx; i++)
            line[i] = nothing;
        for (size_t k = y.first; k < (size_t)y.last + 1; k++)
            join(line, v + k * wx, wx);
        for (size_t i = 0; i < at->nx; i++)
            out[i] = nothing;
        for (size_t k = at->even; k-- > 0;)
            join(out, line - k, at->nx);
        for (size_t i = 0; !at->even && i < at->nx; i++)
            for (size_t k = m->x[at->x + i].first; k < (size_t)m->x[at->x + i].last + 1; k++)
                out[i] = !largest ? out[i] + line[k] : line[k] > out[i] ? line[k] : out[i];
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
    const size_t missing = weigh(m, at->score, count_windows(m, p));
    double *map = at->map;

    cover(m, p, at->score, m->o.accumulate == AF_ACC_MAX, map);
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

/*
 * From the last pair to the first, each row the larger of the pair's own and of those behind it:
 * those of long strides, which change seldom, are not compared each time.
 */
static void largest_of_pairs(struct af_scoremap *m, double *out)
{
    const size_t nx = m->plan->x[0].n, ny = m->plan->y[0].n;

    for (size_t y = 0; y < ny; y++, out += nx) {
        bool changed = false;

        for (size_t p = m->plan->npairs; p-- > 0;) {
            const struct af_pairs_at *at = &m->at[p];
            const double *from = at->map + at->row[y] * at->nx;
            double *own = m->row + 2 * p * nx, *row = p ? own + nx : out;
            const bool fresh = y == 0 || at->row[y] != at->row[y - 1];

            changed |= fresh;
            for (size_t i = 0; fresh && i < nx; i++)
                own[i] = from[at->column[i]];
            if (changed)
                memcpy(row, own, nx * sizeof(*row));
            if (changed && p + 1 < m->plan->npairs)
                m->kernels->largest(row, m->row + (2 * p + 3) * nx, nx);
        }
        if (!changed)
            memcpy(out, out - nx, nx * sizeof(*out));
    }
}

/* The scores of another pair's windows, of those that are its own. */
static void pick_scores(const struct af_scoremap *m, size_t p)
{
    const struct af_plan *plan = m->plan;
    const struct af_pairs_at *at = &m->at[p];
    const uint32_t stride = plan->pair[p].stride, other = plan->pair[at->same].stride;
    const size_t step = stride / other, wx = af_plan_count(plan->w, other);
    const double *from = m->at[at->same].score;
    double *to = at->score;

    for (size_t y = 0; y < plan->h; y += stride, from += step * wx)
        for (size_t i = 0; i < wx; i += step)
            *to++ = from[i];
}

void af_scoremap_make(struct af_scoremap *m, const struct af_sums *sums, struct af_entropy *entropy,
                      enum af_sharp measure, double mean, double sigma, double *out)
{
    for (size_t p = 0; p < m->plan->npairs; p++) {
        const struct af_pair pair = m->plan->pair[p];

        if (m->at[p].same != p) {
            pick_scores(m, p);
            continue;
        }
        if (measure == AF_SHARP_ENTROPY)
            af_entropy_scores(entropy, pair, m->at[p].score);
        else
            af_sums_scores(sums, measure, m->o.def, pair, m->at[p].score);
        if (sigma > 0 || m->o.normalise != AF_NORM_NONE)
            correct(m, sums, measure, p, mean, sigma);
    }
    for (size_t p = 0; p < m->plan->npairs; p++)
        spread_pair(m, p);
    largest_of_pairs(m, out);
}

/* --------------------------------------------------------------------- image */

#define EXPAND(TYPE)                                                                               \
    do {                                                                                           \
        TYPE *to = af_image_row(img, y);                                                           \
                                                                                                   \
        for (size_t x = 0; cx->n == w && x < w; x++)                                               \
            to[x] = (TYPE)from[x];                                                                 \
        for (size_t i = 0, x = 0; cx->n != w && x < w; x++) {                                      \
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
