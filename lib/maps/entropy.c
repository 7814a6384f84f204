/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/entropy.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = AF_ENTROPY_BINS, ROOM = AF_ENTROPY_BINS + 1, TABLE = 65537 };

int af_entropy_init(struct af_entropy *e, const struct af_plan *plan, struct af_err *err)
{
    const size_t nx = plan->x[0].n, ny = plan->y[0].n;
    size_t n;

    *e = (struct af_entropy){.plan = plan, .kernels = af_sum_kernels_best(), .nclogc = TABLE};
    e->by_pieces = af_size_mul(nx, ny, &n) && n < AF_ENTROPY_MOST / (ROOM * sizeof(*e->pieces));
    if (!(e->clogc = af_calloc(TABLE, sizeof(*e->clogc), err)))
        return -1;
    for (size_t c = 1; c < TABLE; c++)
        e->clogc[c] = (double)c * log2((double)c);
    if (e->by_pieces && (!(e->pieces = af_calloc(n, ROOM * sizeof(*e->pieces), err)) ||
                         !(e->strips = af_calloc(nx, ROOM * sizeof(*e->strips), err))))
        return -1;
    return 0;
}

void af_entropy_release(struct af_entropy *e)
{
    free(e->bin);
    free(e->pieces);
    free(e->strips);
    free(e->clogc);
    *e = (struct af_entropy){0};
}

static int make_bins(struct af_entropy *e, const struct af_image *img, struct af_err *err)
{
    const size_t w = img->w;
    double *row, lo = INFINITY, hi = -INFINITY;

    if (!e->bin && !(e->bin = af_calloc(w * img->h, sizeof(*e->bin), err)))
        return -1;
    if (!(row = af_calloc(w, sizeof(*row), err)))
        return -1;
    for (size_t y = 0; y < img->h; y++) {
        af_image_row_f64(img, y, row);
        for (size_t x = 0; x < w; x++)
            if (isfinite(row[x])) {
                lo = fmin(lo, row[x]);
                hi = fmax(hi, row[x]);
            }
    }
    for (size_t y = 0; y < img->h; y++) {
        af_image_row_f64(img, y, row);
        for (size_t x = 0; x < w; x++)
            e->bin[y * w + x] = !isfinite(row[x]) ? NONE
                                : hi > lo ? (uint16_t)floor((row[x] - lo) / (hi - lo) * 255 + 0.5)
                                          : 0;
    }
    free(row);
    return 0;
}

/* Bins of row y from x to `to`, each counted up or, with step -1, down. */
#define COUNT(hist, step)                                                                          \
    do {                                                                                           \
        if (e->img->type == AF_U8) {                                                               \
            const uint8_t *p = af_image_row(e->img, y);                                            \
            for (size_t x = from; x < to; x++)                                                     \
                (hist)[p[x]] += step;                                                              \
        } else {                                                                                   \
            const uint16_t *p = e->bin + y * e->plan->w;                                           \
            for (size_t x = from; x < to; x++)                                                     \
                (hist)[p[x]] += step;                                                              \
        }                                                                                          \
    } while (0)

static void count_pieces(struct af_entropy *e)
{
    const struct af_cuts *cx = &e->plan->x[0], *cy = &e->plan->y[0];

    memset(e->pieces, 0, cx->n * cy->n * ROOM * sizeof(*e->pieces));
    for (size_t j = 0; j < cy->n; j++)
        for (size_t i = 0; i < cx->n; i++) {
            uint16_t *hist = e->pieces + (j * cx->n + i) * ROOM;
            const size_t from = cx->at[i], to = cx->at[i + 1];

            for (size_t y = cy->at[j]; y < cy->at[j + 1]; y++)
                COUNT(hist, 1);
        }
}

int af_entropy_take(struct af_entropy *e, const struct af_image *img, struct af_err *err)
{
    e->img = img;
    if (img->type != AF_U8 && make_bins(e, img, err))
        return -1;
    if (e->by_pieces)
        count_pieces(e);
    return 0;
}

static double clogc(const struct af_entropy *e, uint64_t c)
{
    return c < e->nclogc ? e->clogc[c] : (double)c * log2((double)c);
}

/* log2 n - sum c log2 c / n, written so that one bin gives exactly 0. */
static double entropy_of(const struct af_entropy *e, const uint32_t *hist)
{
    uint64_t n = 0;
    double sum = 0;

    for (size_t i = 0; i < AF_ENTROPY_BINS; i++)
        n += hist[i];
    if (n < e->nclogc)
        for (size_t i = 0; i < AF_ENTROPY_BINS; i++)
            sum += e->clogc[hist[i]];
    else
        for (size_t i = 0; i < AF_ENTROPY_BINS; i++)
            sum += clogc(e, hist[i]);
    return n ? fmax(0, (clogc(e, n) - sum) / (double)n) : NAN;
}

/* strips = pieces of the rows of windows that begin at y, one below the other. */
static void sum_strips(struct af_entropy *e, size_t y, uint32_t window)
{
    const struct af_cuts *cx = &e->plan->x[0], *cy = &e->plan->y[0];
    const size_t n = cx->n * ROOM;

    memset(e->strips, 0, n * sizeof(*e->strips));
    for (size_t j = cy->index[y]; j < cy->index[af_plan_end(y, window, cy->len)]; j++)
        e->kernels->add_narrow(e->strips, e->pieces + j * n, n);
}

static void row_by_pieces(struct af_entropy *e, size_t y, struct af_pair pair, double *out)
{
    const struct af_cuts *cx = &e->plan->x[0];

    sum_strips(e, y, pair.window);
    for (size_t x = 0; x < cx->len; x += pair.stride) {
        uint32_t hist[ROOM] = {0};

        for (size_t i = cx->index[x]; i < cx->index[af_plan_end(x, pair.window, cx->len)]; i++)
            e->kernels->add_counts(hist, e->strips + i * ROOM, ROOM);
        *out++ = entropy_of(e, hist);
    }
}

static void row_by_sliding(struct af_entropy *e, size_t top, struct af_pair pair, double *out)
{
    const size_t w = e->plan->w, bottom = af_plan_end(top, pair.window, e->plan->h);
    uint32_t hist[ROOM] = {0};
    size_t left = 0, right = 0; // columns that hist has

    for (size_t at = 0; at < w; at += pair.stride) {
        const size_t end = af_plan_end(at, pair.window, w);

        for (size_t y = top; y < bottom; y++) {
            size_t from = right > at ? right : at, to = end;

            COUNT(hist, 1);
            from = left, to = right < at ? right : at;
            COUNT(hist, -1u);
        }
        left = at;
        right = end;
        *out++ = entropy_of(e, hist);
    }
}

void af_entropy_scores(struct af_entropy *e, struct af_pair pair, double *out)
{
    const size_t nx = af_plan_count(e->plan->w, pair.stride);

    for (size_t y = 0; y < e->plan->h; y += pair.stride, out += nx) {
        if (e->by_pieces)
            row_by_pieces(e, y, pair, out);
        else
            row_by_sliding(e, y, pair, out);
    }
}

double af_entropy_of(struct af_entropy *e, struct af_box b)
{
    const size_t from = b.x0, to = b.x1;
    uint32_t hist[ROOM] = {0};

    for (size_t y = b.y0; y < b.y1; y++)
        COUNT(hist, 1);
    return entropy_of(e, hist);
}
