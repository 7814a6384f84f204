/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/sums.h"

#include "base/memory.h"
#include "maps/sumsreal.h"
#include <stdlib.h>
#include <string.h>

static const struct af_cuts *cuts_x(const struct af_sums *s, int sum)
{
    return &s->plan->x[af_sum_reach[sum].x];
}

static const struct af_cuts *cuts_y(const struct af_sums *s, int sum)
{
    return &s->plan->y[af_sum_reach[sum].y];
}

/* [w] zeros, as kernels.h wants them. */
static void *aligned_acc(size_t w, struct af_err *err)
{
    size_t bytes = (w * sizeof(uint64_t) + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes);

    if (!p)
        af_fail(err, AF_ESYS, "out of memory");
    else
        memset(p, 0, bytes);
    return p;
}

int af_sums_init(struct af_sums *s, const struct af_plan *plan, unsigned wanted, uint64_t theta,
                 const struct af_sum_kernels *kernels, struct af_err *err)
{
    *s = (struct af_sums){.plan = plan,
                          .kernels = kernels ? kernels : af_sum_kernels_best(),
                          .wanted = wanted,
                          .theta = theta};
    for (size_t p = 0; p < plan->npairs; p++) {
        const size_t n = af_plan_count(plan->w, plan->pair[p].stride);

        s->nline = n > s->nline ? n : s->nline;
    }
    if (!(s->row = af_calloc(plan->h + 3, sizeof(*s->row), err)) ||
        !(s->line = af_calloc(s->nline, (AF_SUM_N + 1) * sizeof(*s->line), err)))
        return -1;
    for (int k = 0; k < AF_SUM_N; k++)
        if (wanted >> k & 1 && !(s->acc[k] = aligned_acc(plan->w, err)))
            return -1;
    return af_groups_init(&s->groups, plan, s->kernels, theta, err);
}

void af_sums_release(struct af_sums *s)
{
    for (int k = 0; k < AF_NSUMS; k++) {
        free(s->table[k]);
        free(s->pieces[k]);
        free(s->acc[k]);
    }
    af_groups_release(&s->groups);
    free(s->lines);
    free(s->row);
    free(s->line);
    *s = (struct af_sums){0};
}

/* The integers' is taken when the first slice that needs it comes. */
int af_sums_make_room(struct af_sums *s, enum af_sample type, struct af_err *err)
{
    s->most = type == AF_U8 ? UINT8_MAX : UINT16_MAX;
    s->real = false;
    for (int k = 0; k < AF_SUM_N; k++) {
        size_t nx = cuts_x(s, k)->n + 1, ny = cuts_y(s, k)->n + 1, n;

        if (!(s->wanted >> k & 1) || s->table[k])
            continue;
        if (!af_size_mul(nx, ny, &n))
            return af_fail(err, AF_ESYS, "out of memory: sums of %zux%zu pieces", nx, ny);
        if (!(s->table[k] = af_calloc(n, sizeof(*s->table[k]), err)))
            return -1;
    }
    return 0;
}

/* The pieces of one sum that end at row `end` or before it, from number `next` on. */
static size_t sum_pieces(struct af_sums *s, int sum, size_t next, size_t end, int deep)
{
    const struct af_cuts *cx = cuts_x(s, sum), *cy = cuts_y(s, sum);
    const size_t last = cy->len > af_sum_reach[sum].y ? cy->len - af_sum_reach[sum].y : 0;
    const bool groups = !deep && s->groups.fit[af_sum_reach[sum].x];
    const size_t n = cx->n + 1;

    for (; next < cy->n && cy->at[next + 1] <= end; next++) {
        size_t from = cy->at[next], to = cy->at[next + 1] < last ? cy->at[next + 1] : last;
        struct af_sum_rows r = {s->row + 1 + from, to > from ? to - from : 0, cx->len, s->theta};
        uint64_t *above = s->table[sum] + next * n;

        if (groups) {
            af_groups_sum(&s->groups, sum, from, r.n, above + n, above);
            continue;
        }
        s->kernels->of[deep][sum].rows(s->acc[sum], &r);
        af_sum_pieces(above + n, above, s->acc[sum], s->kernels->of[deep][sum].width, cx->at,
                      cx->n);
    }
    return next;
}

/* Ask for rows y to `end`, which the next band reads in an order that processors do not foresee. */
static void fetch(const struct af_image *img, size_t y, size_t end)
{
    const size_t row = img->w * af_sample_size(img->type);
    const char *p = img->data;

    for (size_t at = y * row; at < end * row; at += 64)
        __builtin_prefetch(p + at, 0, 2);
}

/* Band after band, so that rows stay in the cache for all sums. */
static void sum_counts(struct af_sums *s, const struct af_image *img)
{
    const struct af_cuts *bands = &s->plan->y[0];
    bool groups = false;
    size_t next[AF_SUM_N] = {0};

    s->row[0] = af_image_row(img, 0);
    for (size_t y = 0; y < img->h + 2; y++)
        s->row[1 + y] = af_image_row(img, y < img->h ? y : img->h - 1);
    for (int k = 0; k < AF_SUM_N; k++)
        groups |= img->type == AF_U8 && s->table[k] && s->groups.fit[af_sum_reach[k].x];
    for (size_t i = 0; i < bands->n; i++) {
        if (groups)
            af_groups_fill(&s->groups, img, bands->at[i + 1]);
        if (i + 1 < bands->n)
            fetch(img, bands->at[i + 1], bands->at[i + 2]);
        for (int k = 0; k < AF_SUM_N; k++)
            if (s->table[k])
                next[k] = sum_pieces(s, k, next[k], bands->at[i + 1], img->type == AF_U16);
    }
}

int af_sums_compute(struct af_sums *s, const struct af_image *img, struct af_err *err)
{
    if (img->w != s->plan->w || img->h != s->plan->h)
        return af_fail(err, AF_EDATA, "a plane of %zux%zu px, the first is %zux%zu", img->w, img->h,
                       s->plan->w, s->plan->h);
    s->real = img->type != AF_U8 && img->type != AF_U16;
    if (s->real)
        return af_sums_compute_real(s, img, err);
    if (af_sums_make_room(s, img->type, err))
        return -1;
    sum_counts(s, img);
    return 0;
}

/* Where the first pixels of a sum's pairs within b lie, in pieces. */
static struct af_box pieces_of(const struct af_sums *s, int sum, struct af_box b)
{
    const uint32_t *x = cuts_x(s, sum)->index, *y = cuts_y(s, sum)->index;
    const struct af_reach r = af_sum_reach[sum];

    return (struct af_box){x[b.x0], x[b.x1 - b.x0 > r.x ? b.x1 - r.x : b.x0], y[b.y0],
                           y[b.y1 - b.y0 > r.y ? b.y1 - r.y : b.y0]};
}

static uint64_t box_count(const struct af_sums *s, int sum, struct af_box b)
{
    const size_t n = cuts_x(s, sum)->n + 1;
    const uint64_t *t = s->table[sum];

    return t[b.y1 * n + b.x1] - t[b.y1 * n + b.x0] - t[b.y0 * n + b.x1] + t[b.y0 * n + b.x0];
}

static double box_real(const struct af_sums *s, int sum, struct af_box b)
{
    const size_t n = cuts_x(s, sum)->n;
    double total = 0;

    for (size_t y = b.y0; y < b.y1; y++)
        for (size_t x = b.x0; x < b.x1; x++)
            total += s->pieces[sum][y * n + x];
    return total;
}

static double area(struct af_box b)
{
    return (double)(b.x1 - b.x0) * (double)(b.y1 - b.y0);
}

double af_sums_score(const struct af_sums *s, enum af_sharp m, enum af_sharp_def def,
                     struct af_box b)
{
    const unsigned needed = af_sharp_sums(1u << m, def) | 1u << AF_SUM_N | 1u << AF_SUM_C;
    uint64_t count[AF_NSUMS] = {0};
    double real[AF_NSUMS] = {0};

    for (int k = 0; k < AF_NSUMS; k++) {
        if (needed >> k & 1 && !s->real && s->table[k])
            count[k] = box_count(s, k, pieces_of(s, k, b));
        if (needed >> k & 1 && s->real && s->pieces[k])
            real[k] = box_real(s, k, pieces_of(s, k, b));
    }
    return s->real ? af_sharp_score_real(m, def, real)
                   : af_sharp_score(m, def, (b.x1 - b.x0) * (b.y1 - b.y0), count);
}

/* How many windows from the first have corners `step` apart and are as wide as the first. */
static size_t count_even(const uint32_t *index, const uint32_t *end, struct af_pair pair, size_t n)
{
    const uint32_t step = n > 1 ? index[pair.stride] - index[0] : 1;
    size_t k = 0;

    for (size_t x = 0; k < n; k++, x += pair.stride)
        if (index[x] - index[0] != k * step || end[x] - index[x] != end[0] - index[0])
            break;
    return k;
}

/* One sum over the windows of a row, from corners of its table. */
static void sum_row(const struct af_sums *s, int sum, size_t y, struct af_pair pair, size_t even,
                    uint64_t *out)
{
    const struct af_box b = pieces_of(s, sum, af_plan_box(s->plan, 0, y, pair.window));
    const size_t w = s->plan->w, row = cuts_x(s, sum)->n + 1, reach = af_sum_reach[sum].x;
    const uint64_t *top = s->table[sum] + b.y0 * row, *bottom = s->table[sum] + b.y1 * row;
    const uint32_t *index = cuts_x(s, sum)->index;
    const uint32_t *end = index + (pair.window > reach ? pair.window - reach : 0);
    size_t x = even * pair.stride;

    if (even)
        s->kernels->corners(top, bottom, end[0] - index[0], even > 1 ? index[pair.stride] : 1, even,
                            out);
    out += even;
    for (; x + pair.window <= w; x += pair.stride) {
        const size_t i = index[x], j = end[x];

        *out++ = bottom[j] - bottom[i] - top[j] + top[i];
    }
    for (; x < w; x += pair.stride) {
        const size_t i = index[x], j = index[w - x > reach ? w - reach : x];

        *out++ = bottom[j] - bottom[i] - top[j] + top[i];
    }
}

/* even: by reach, of count_even(). */
static void score_row(const struct af_sums *s, enum af_sharp m, enum af_sharp_def def, size_t y,
                      struct af_pair pair, const size_t *even, double *out)
{
    const unsigned needed = af_sharp_sums(1u << m, def);
    const size_t w = s->plan->w, nx = af_plan_count(w, pair.stride);
    const uint64_t high = af_plan_end(y, pair.window, s->plan->h) - y;
    const uint64_t pixels = (pair.window < w ? pair.window : w) * high;
    uint64_t *n = s->line + AF_SUM_N * s->nline;
    const uint64_t *sum[AF_NSUMS] = {0};

    for (size_t i = 0, x = 0; i < nx; i++, x += pair.stride)
        n[i] = (w - x > pair.window ? pair.window : w - x) * high;
    for (int k = 0; k < AF_SUM_N; k++)
        if (needed >> k & 1) {
            sum[k] = s->line + (size_t)k * s->nline;
            sum_row(s, k, y, pair, even[af_sum_reach[k].x], s->line + (size_t)k * s->nline);
        }
    if (pixels <= 3037000499 / s->most) { // the root of 2^63
        s->kernels->score(m, def, n, sum, nx, out);
        return;
    }
    for (size_t i = 0; i < nx; i++) {
        uint64_t one[AF_NSUMS] = {0};

        for (int k = 0; k < AF_SUM_N; k++)
            one[k] = sum[k] ? sum[k][i] : 0;
        out[i] = af_sharp_score(m, def, n[i], one);
    }
}

void af_sums_scores(const struct af_sums *s, enum af_sharp m, enum af_sharp_def def,
                    struct af_pair pair, double *out)
{
    const size_t w = s->plan->w, nx = af_plan_count(w, pair.stride);
    const size_t whole = w < pair.window ? 0 : (w - pair.window) / pair.stride + 1;
    size_t even[AF_NREACH] = {0};

    for (size_t d = 0; d < AF_NREACH && pair.window > d; d++) {
        const uint32_t *index = s->plan->x[d].index;

        even[d] = count_even(index, index + pair.window - d, pair, whole);
    }
    for (size_t y = 0; y < s->plan->h; y += pair.stride, out += nx) {
        if (!s->real)
            score_row(s, m, def, y, pair, even, out);
        for (size_t i = 0; s->real && i < nx; i++)
            out[i] =
                af_sums_score(s, m, def, af_plan_box(s->plan, i * pair.stride, y, pair.window));
    }
}

double af_sums_mean(const struct af_sums *s, struct af_box b)
{
    const struct af_box p = pieces_of(s, AF_SUM_F, b);

    return s->real ? box_real(s, AF_SUM_F, p) / box_real(s, AF_SUM_N, p)
                   : (double)box_count(s, AF_SUM_F, p) / area(b);
}
