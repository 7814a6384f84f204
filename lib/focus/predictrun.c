/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/predictrun.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "image/pgm.h"
#include "nn/crew.h"
#include <stdlib.h>
#include <string.h>

static const size_t most_bytes = (size_t)64 << 20; // of pixels that wait

/* A frame that waits for the others of its batch. */
struct item {
    struct af_image img; // its memory serves the next one too
    size_t stack;
    char *file;
    size_t plane;
    double z_um;
};

struct run {
    const struct af_predictor *p;
    unsigned nthreads;
    struct af_nn_crew *crew;       // made when it is first needed
    struct af_predict_seat **seat; // [nthreads]; made when they are first needed
    struct af_err *bad;            // [nthreads], of the batch
    struct item *item;             // [most]
    struct af_prediction *out;     // [most]
    size_t n, most, bytes;
    size_t stack; // that is being read
    int (*each)(void *ctx, const struct af_predicted *frame);
    void *ctx;
};

static int set_up(struct run *r, const struct af_predictor *p, unsigned nthreads,
                  struct af_err *err)
{
    r->p = p;
    r->nthreads = nthreads;
    r->most = (size_t)nthreads * AF_PREDICT_MOST;
    r->seat = af_calloc(nthreads, sizeof(struct af_predict_seat *), err);
    r->bad = r->seat ? af_calloc(nthreads, sizeof(*r->bad), err) : NULL;
    r->item = r->bad ? af_calloc(r->most, sizeof(*r->item), err) : NULL;
    r->out = r->item ? af_calloc(r->most, sizeof(*r->out), err) : NULL;
    return r->out ? af_predict_seat_new(&r->seat[0], p, err) : -1;
}

static void take_down(struct run *r)
{
    for (size_t i = 0; r->item && i < r->most; i++) {
        af_image_release(&r->item[i].img);
        free(r->item[i].file);
    }
    for (unsigned t = 0; r->seat && t < r->nthreads; t++)
        af_predict_seat_free(r->seat[t]);
    af_nn_crew_free(r->crew);
    free(r->item);
    free(r->out);
    free(r->bad);
    free(r->seat);
}

/* Frames from..to-1 of the batch, by one thread. */
static void predict(struct run *r, unsigned t, size_t from, size_t to)
{
    const struct af_image *img[AF_PREDICT_MOST];

    for (size_t i = from; i < to; i++)
        img[i - from] = &r->item[i].img;
    af_predict_run(r->p, r->seat[t], img, to - from, r->out + from, &r->bad[t]);
}

static void share(void *ctx, unsigned t)
{
    struct run *r = ctx;

    predict(r, t, r->n * t / r->nthreads, r->n * (t + 1) / r->nthreads);
}

static int hire(struct run *r, struct af_err *err)
{
    for (unsigned t = 1; t < r->nthreads; t++)
        if (!r->seat[t] && af_predict_seat_new(&r->seat[t], r->p, err))
            return -1;
    return r->crew ? 0 : af_nn_crew_new(&r->crew, r->nthreads, err);
}

/* Predict what waits, and hand it on. */
static int flush(struct run *r, struct af_err *err)
{
    size_t n = r->n;
    int stop = 0;

    if (n > AF_PREDICT_MOST) {
        if (hire(r, err))
            return -1;
        af_nn_crew_run(r->crew, share, r);
    } else if (n) {
        predict(r, 0, 0, n);
    }
    r->n = r->bytes = 0;
    for (unsigned t = 0; t < r->nthreads; t++)
        if (r->bad[t].kind != AF_OK)
            return af_fail(err, r->bad[t].kind, "%s", r->bad[t].text);
    for (size_t i = 0; i < n && !stop; i++) {
        struct af_predicted f = {.stack = r->item[i].stack,
                                 .file = r->item[i].file,
                                 .plane = r->item[i].plane,
                                 .z_um = r->item[i].z_um,
                                 .prediction = &r->out[i],
                                 .last = i + 1 == n};

        stop = r->each(r->ctx, &f);
    }
    return stop;
}

/* Name the frame that has been read into the next place, and count it. */
static int add(struct run *r, const char *file, size_t plane, double z_um, struct af_err *err)
{
    struct item *it = &r->item[r->n];

    if (!it->file || strcmp(it->file, file) != 0) {
        free(it->file);
        it->file = af_strdup(file, err);
        if (!it->file)
            return -1;
    }
    it->stack = r->stack;
    it->plane = plane;
    it->z_um = z_um;
    r->bytes += it->img.w * it->img.h * af_sample_size(it->img.type);
    r->n++;
    return 0;
}

/* All planes of one stack. What is wrong with the stack is in *bad; -1 is what ends the run. */
static int predict_stack(struct run *r, const char *const *paths, size_t n,
                         const struct af_stack_opts *so, struct af_err *bad, struct af_err *err)
{
    struct af_stack *st = NULL;
    int stop = 0, more;
    size_t i, own;

    if (af_stack_open(&st, paths, n, so, bad))
        return 0;
    while ((more = af_stack_next(st, &r->item[r->n].img, &i, bad)) == 1) {
        const char *file = af_stack_plane_file(st, i, &own);

        stop = add(r, file, own, af_stack_plane(st, i)->z_um, err);
        if (!stop && (r->n == r->most || r->bytes > most_bytes || !af_stack_info(st)->seekable))
            stop = flush(r, err);
        if (stop)
            break;
    }
    af_stack_close(st);
    return stop;
}

/* Hand on what waits, then the trouble. */
static int report(struct run *r, const struct af_err *bad, struct af_err *err)
{
    struct af_predicted f = {.stack = r->stack, .err = *bad, .last = true};
    int stop = flush(r, err);

    return stop ? stop : r->each(r->ctx, &f);
}

int af_predictrun(const struct af_predictor *p, const char *const *paths, size_t npaths,
                  const struct af_predictrun_opts *o,
                  int (*each)(void *ctx, const struct af_predicted *frame), void *ctx,
                  struct af_err *err)
{
    size_t nstacks = o->stack.join && npaths ? 1 : npaths;
    struct run r = {.each = each, .ctx = ctx};
    int ret = set_up(&r, p, o->nthreads ? o->nthreads : af_cpu_count(), err);

    for (size_t i = 0; i < nstacks && ret == 0; i++) {
        struct af_err bad = {AF_OK, ""};

        r.stack = i;
        ret = predict_stack(&r, paths + i, o->stack.join ? npaths : 1, &o->stack, &bad, err);
        if (ret == 0 && bad.kind != AF_OK)
            ret = report(&r, &bad, err);
    }
    if (ret == 0)
        ret = flush(&r, err);
    take_down(&r);
    return ret;
}

int af_predictrun_stream(const struct af_predictor *p, const char *path, size_t max_pixels,
                         int (*each)(void *ctx, const struct af_predicted *frame), void *ctx,
                         struct af_err *err)
{
    struct run r = {.each = each, .ctx = ctx};
    struct af_err bad = {AF_OK, ""};
    struct af_pgm_head head = {.nheads = 0};
    FILE *fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    int ret = -1;

    if (!fp) {
        af_fail_errno(err, "%s", path);
        goto done;
    }
    if (set_up(&r, p, 1, err))
        goto done;
    max_pixels = max_pixels ? max_pixels : AF_STACK_MAX_PIXELS;
    ret = 0;
    do {
        int more = af_pgm_read_head(fp, path, max_pixels, &head, &bad);

        if (more == 1 && af_pgm_read_body(fp, path, &head, &r.item[0].img, &bad) == 0)
            ret = add(&r, path, head.nheads - 1, head.plane.z_um, err) ? -1 : flush(&r, err);
        else
            break;
    } while (ret == 0);
    ret = bad.kind != AF_OK ? report(&r, &bad, err) : ret;
done:
    take_down(&r);
    if (fp && fp != stdin)
        fclose(fp);
    return ret;
}
