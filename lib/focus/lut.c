/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/lut.h"

#include "base/memory.h"
#include "signal/robust.h"
#include "signal/whiten.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = AF_METRICS };

static const double least = 1e-6;   // below which a metric says nothing
static const double scatter = 1e-3; // of any metric, at least, in its log

void af_lut_release(struct af_lut *lut)
{
    free(lut->target);
    free(lut->metric);
    free(lut->whiten);
    af_nn_notes_release(&lut->about.notes);
    *lut = (struct af_lut){.about.half_range_um = 1};
}

static int allocate(struct af_lut *lut, size_t nknots, struct af_err *err)
{
    *lut = (struct af_lut){.nknots = nknots, .about.half_range_um = 1};
    lut->target = af_calloc(nknots, sizeof(float), err);
    lut->metric = lut->target ? af_calloc(nknots * M, sizeof(float), err) : NULL;
    lut->whiten = lut->metric ? af_calloc(nknots * M * M, sizeof(float), err) : NULL;
    return lut->whiten ? 0 : -1;
}

static double as_log(double metric)
{
    return log(least + metric);
}

/* ---------------------------------------------------------------- learning */

/* What learning needs beside: first[k] .. first[k + 1] - 1 are the frames of knot k. */
struct lesson {
    struct af_lut_frame *frame; // metrics as logs
    size_t n, nknots, first[AF_LUT_KNOTS + 1];
    double *at_um; // [nknots]
    double *curve; // [nknots][M]
    double *scratch;
};

static int by_defocus(const void *a, const void *b)
{
    double x = ((const struct af_lut_frame *)a)->defocus_um,
           y = ((const struct af_lut_frame *)b)->defocus_um;

    return (x > y) - (x < y);
}

/* Cut the sorted frames into knots of at least `each`; equal defocus stays together. */
static void cut(struct lesson *l, size_t each)
{
    size_t i = 0;

    l->nknots = 0;
    while (i < l->n) {
        size_t end = i + each < l->n ? i + each : l->n;

        while (end < l->n && l->frame[end].defocus_um == l->frame[end - 1].defocus_um)
            end++;
        l->first[l->nknots++] = i;
        i = end;
    }
    l->first[l->nknots] = l->n;
}

/* As many knots as the frames allow: at least two, at most AF_LUT_KNOTS. */
static void choose_knots(struct lesson *l, size_t nstacks)
{
    size_t each = nstacks ? nstacks : 1, most = (l->n + AF_LUT_KNOTS - 1) / AF_LUT_KNOTS;

    each = each < most ? most : each;
    do
        cut(l, each);
    while (l->nknots < 2 && (each /= 2) > 0);
}

static void fit_curve(struct lesson *l)
{
    for (size_t k = 0; k < l->nknots; k++) {
        size_t from = l->first[k], n = l->first[k + 1] - from;
        double sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += l->frame[from + i].defocus_um;
        l->at_um[k] = sum / (double)n;
        for (size_t d = 0; d < M; d++) {
            for (size_t i = 0; i < n; i++)
                l->scratch[i] = l->frame[from + i].metric[d];
            l->curve[k * M + d] = af_median(l->scratch, n);
        }
    }
}

/*
 * A frame's deviation from the curve; k: its knot. Where a knot has hardly more than this frame,
 * its place on the curve comes from the neighbours.
 */
static void deviate(const struct lesson *l, const struct af_lut_frame *f, size_t k, double out[M])
{
    bool alone = l->first[k + 1] - l->first[k] < 4;
    size_t a = k, b = k;
    double u;

    if (f->defocus_um < l->at_um[k] || alone)
        a = k ? k - 1 : k;
    if (f->defocus_um > l->at_um[k] || alone)
        b = k + 1 < l->nknots ? k + 1 : k;
    u = a == b ? 0 : (f->defocus_um - l->at_um[a]) / (l->at_um[b] - l->at_um[a]);
    for (size_t d = 0; d < M; d++)
        out[d] = f->metric[d] - (1 - u) * l->curve[a * M + d] - u * l->curve[b * M + d];
}

/*
 * The scatter around knot k, from the AF_LUT_NEAR frames nearest to it or a little more, and from
 * it W. What few frames cannot tell is made up for by a larger diagonal.
 */
static void fit_scatter(const struct lesson *l, size_t k, float *whiten)
{
    double c[M][M] = {{0}}, w[M][M] = {{0}}, d[M], n;
    size_t a = k, b = k + 1;

    while (l->first[b] - l->first[a] < AF_LUT_NEAR && (a > 0 || b < l->nknots)) {
        a -= a > 0;
        b += b < l->nknots;
    }
    n = (double)(l->first[b] - l->first[a]);
    for (size_t j = a; j < b; j++)
        for (size_t i = l->first[j]; i < l->first[j + 1]; i++) {
            deviate(l, &l->frame[i], j, d);
            for (size_t p = 0; p < M; p++)
                for (size_t q = 0; q <= p; q++)
                    c[p][q] += d[p] * d[q] / n;
        }
    for (size_t p = 0; p < M; p++)
        c[p][p] += (0.01 + M / n) * c[p][p] + scatter * scatter;
    af_whiten(c[0], M, w[0]);
    for (size_t p = 0; p < M * M; p++)
        whiten[p] = (float)w[p / M][p % M];
}

static void fill(struct af_lut *lut, const struct lesson *l)
{
    double low = l->frame[0].defocus_um, high = l->frame[l->n - 1].defocus_um, sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += l->frame[i].defocus_um;
    lut->about.center_um = sum / (double)l->n;
    lut->about.half_range_um = (high - low) / 2;
    for (size_t k = 0; k < l->nknots; k++) {
        lut->target[k] = (float)((l->at_um[k] - lut->about.center_um) / lut->about.half_range_um);
        for (size_t d = 0; d < M; d++)
            lut->metric[k * M + d] = (float)l->curve[k * M + d];
        fit_scatter(l, k, lut->whiten + k * M * M);
    }
}

int af_lut_learn(struct af_lut *lut, struct af_lut_frame *frame, size_t n, size_t nstacks,
                 struct af_err *err)
{
    struct lesson l = {.frame = frame, .n = n};
    int ret = -1;

    *lut = (struct af_lut){.about.half_range_um = 1};
    qsort(frame, n, sizeof(*frame), by_defocus);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < M; d++)
            frame[i].metric[d] = as_log(frame[i].metric[d]);
    choose_knots(&l, nstacks);
    if (!(l.at_um = af_calloc(l.nknots, sizeof(double), err)) ||
        !(l.curve = af_calloc(l.nknots * M, sizeof(double), err)) ||
        !(l.scratch = af_calloc(n, sizeof(double), err)) || allocate(lut, l.nknots, err))
        goto done;
    fit_curve(&l);
    fill(lut, &l);
    ret = 0;
done:
    free(l.at_um);
    free(l.curve);
    free(l.scratch);
    return ret;
}

/* --------------------------------------------------------------- estimating */

struct af_lut_seat {
    struct af_metrics metrics;
};

int af_lut_seat_new(struct af_lut_seat **out, struct af_err *err)
{
    struct af_lut_seat *s = *out = af_calloc(1, sizeof(*s), err);

    if (!s)
        return -1;
    if (af_metrics_init(&s->metrics, err)) {
        free(s);
        *out = NULL;
        return -1;
    }
    return 0;
}

void af_lut_seat_free(struct af_lut_seat *s)
{
    if (!s)
        return;
    af_metrics_release(&s->metrics);
    free(s);
}

/* W of knot k times v. */
static void whiten(const struct af_lut *lut, size_t k, const double v[M], double out[M])
{
    const float *w = lut->whiten + k * M * M;

    for (size_t i = 0; i < M; i++) {
        out[i] = 0;
        for (size_t j = 0; j <= i; j++)
            out[i] += (double)w[i * M + j] * v[j];
    }
}

/* -2 log det W. */
static double log_spread(const struct af_lut *lut, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < M; i++)
        sum -= 2 * log((double)lut->whiten[k * M * M + i * M + i]);
    return sum;
}

/*
 * How far the curve from knot k half way to knot j passes the metrics m at its closest, squared;
 * *u: where, as share of the way; beyond the ends of the table down to `from`.
 */
static double pass(const struct af_lut *lut, size_t k, size_t j, const double m[M], double from,
                   double *u)
{
    double v[M], off[M], way[M], dot = 0, length = 0, square = 0;

    for (size_t d = 0; d < M; d++)
        v[d] = m[d] - (double)lut->metric[k * M + d];
    whiten(lut, k, v, off);
    for (size_t d = 0; d < M; d++)
        v[d] = (double)lut->metric[j * M + d] - (double)lut->metric[k * M + d];
    whiten(lut, k, v, way);
    for (size_t d = 0; d < M; d++) {
        dot += off[d] * way[d];
        length += way[d] * way[d];
    }
    *u = length > 0 ? fmin(0.5, fmax(from, dot / length)) : 0;
    for (size_t d = 0; d < M; d++)
        square += (off[d] - *u * way[d]) * (off[d] - *u * way[d]);
    return square;
}

static double look_up(const struct af_lut *lut, const double m[M])
{
    double best = INFINITY, y = 0;

    for (size_t k = 0; k < lut->nknots; k++) {
        double spread = log_spread(lut, k);
        bool end = k == 0 || k + 1 == lut->nknots;

        for (int side = -1; side <= 1; side += 2) {
            size_t j = side < 0 ? k - 1 : k + 1; // k - 1 wraps round at 0
            double u, d;

            if (j >= lut->nknots)
                continue;
            d = pass(lut, k, j, m, end ? -0.5 : 0, &u) + spread;
            if (d < best) {
                best = d;
                y = (1 - u) * (double)lut->target[k] + u * (double)lut->target[j];
            }
        }
    }
    return y;
}

void af_lut_run(const struct af_lut *lut, struct af_lut_seat *s, const float *x, size_t n, float *y,
                float *feature)
{
    double m[M];

    for (size_t i = 0; i < n; i++) {
        af_metrics_run(&s->metrics, x + i * AF_FRAME_PX, m);
        for (size_t d = 0; d < M; d++) {
            feature[i * M + d] = (float)m[d];
            m[d] = as_log(m[d]);
        }
        y[i] = (float)look_up(lut, m);
    }
}

/* -------------------------------------------------------------------- files */

static const char *const tensor_name[] = {"lut/target", "lut/metric", "lut/whiten"};
enum { NTENSORS = 3 };

static int list(struct af_tensors *s, size_t nknots, struct af_err *err)
{
    const size_t dim[] = {nknots, M, M};

    for (size_t i = 0; i < NTENSORS; i++)
        if (af_tensors_add(s, tensor_name[i], i + 1, dim, err))
            return -1;
    return 0;
}

/* What finite numbers can be wrong; NULL: nothing. */
static const char *fault(const struct af_lut *lut)
{
    for (size_t k = 1; k < lut->nknots; k++)
        if (!(lut->target[k] > lut->target[k - 1]))
            return "lut/target does not ascend";
    for (size_t k = 0; k < lut->nknots; k++)
        for (size_t i = 0; i < M; i++)
            if (!(lut->whiten[k * M * M + i * M + i] > 0))
                return "lut/whiten has a diagonal that is not above 0";
    return NULL;
}

static int read_tensors(struct af_lut *lut, const struct af_nn_modelfile *f, struct af_err *err)
{
    const struct af_tensor *t = af_tensors_find(&f->head, tensor_name[0]);
    struct af_tensors want = {.n = 0};
    struct af_nn_about about = lut->about;
    const char *why;
    int ret = -1;

    if (!t || t->n < 2 || t->n > AF_LUT_KNOTS)
        return af_fail(err, AF_EDATA, "%s: no %s of 2 to %d knots", f->name, tensor_name[0],
                       AF_LUT_KNOTS);
    if (allocate(lut, t->n, err) || list(&want, t->n, err) ||
        af_nn_modelfile_read(f, &want, (float *[]){lut->target, lut->metric, lut->whiten}, err))
        goto done;
    why = fault(lut);
    ret = why ? af_fail(err, AF_EDATA, "%s: %s", f->name, why) : 0;
done:
    lut->about = about;
    af_tensors_release(&want);
    return ret;
}

int af_lut_read_file(struct af_lut *lut, const struct af_nn_modelfile *f, struct af_err *err)
{
    *lut = (struct af_lut){.nknots = 0};
    if (af_nn_modelfile_about(f, &lut->about, err) || read_tensors(lut, f, err)) {
        af_lut_release(lut);
        return -1;
    }
    return 0;
}

int af_lut_write(const struct af_lut *lut, const char *path, struct af_err *err)
{
    const float *const from[] = {lut->target, lut->metric, lut->whiten};
    struct af_tensors s = {.n = 0};
    int ret = list(&s, lut->nknots, err);

    if (!ret)
        ret = af_nn_modelfile_write(path, "lut", (double)NAN, &lut->about, &s, from, err);
    af_tensors_release(&s);
    return ret;
}
