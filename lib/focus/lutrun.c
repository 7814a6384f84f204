/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/lutrun.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 }; // images a thread takes at a time

struct run {
    const struct af_dataset *d;
    int (*stopped)(void);
    struct af_metrics *metrics; // [nslots]
    struct af_lut_seat **seat;  // [nslots]
    struct af_lut_frame *frame; // [ntrain]
    const size_t *image;        // [n] whose error is wanted
    size_t n;
    const struct af_lut *lut;
    double *sum; // [nslots] of squared errors of the chunk
    double total;
};

static size_t chunk_end(size_t chunk, size_t n)
{
    return (chunk + 1) * CHUNK < n ? (chunk + 1) * CHUNK : n;
}

static void measure(void *ctx, size_t chunk, size_t slot)
{
    struct run *r = ctx;
    float x[AF_FRAME_PX];

    for (size_t i = chunk * CHUNK; i < chunk_end(chunk, r->d->ntrain); i++) {
        size_t image = r->d->train[i];

        af_dataset_image(r->d, image, 0, 0, x);
        af_metrics_run(&r->metrics[slot], x, r->frame[i].metric);
        r->frame[i].defocus_um = af_dataset_defocus_um(r->d, image);
    }
}

static int go_on(void *ctx, size_t chunk, size_t slot)
{
    const struct run *r = ctx;

    (void)chunk;
    (void)slot;
    return r->stopped && r->stopped() ? 1 : 0;
}

static void try(void *ctx, size_t chunk, size_t slot)
{
    struct run *r = ctx;
    const struct af_nn_about *about = &r->lut->about;
    float x[AF_FRAME_PX], feature[AF_METRICS], y;

    r->sum[slot] = 0;
    for (size_t i = chunk * CHUNK; i < chunk_end(chunk, r->n); i++) {
        double true_um = af_dataset_defocus_um(r->d, r->image[i]), miss;

        af_dataset_image(r->d, r->image[i], 0, 0, x);
        af_lut_run(r->lut, r->seat[slot], x, 1, &y, feature);
        miss = (double)y - (true_um - about->center_um) / about->half_range_um;
        r->sum[slot] += miss * miss;
    }
}

static int add(void *ctx, size_t chunk, size_t slot)
{
    struct run *r = ctx;

    r->total += r->sum[slot];
    return go_on(ctx, chunk, slot);
}

/* Mean squared error of n images; NaN where there are none. */
static int loss(struct run *r, unsigned nthreads, size_t nslots, const size_t *image, size_t n,
                double *mean, struct af_err *err)
{
    int ret;

    r->image = image;
    r->n = n;
    r->total = 0;
    ret = af_parallel_ordered((n + CHUNK - 1) / CHUNK, nthreads, nslots, try, add, r, err);
    *mean = r->total / (double)n; // 0 / 0 is the NaN wanted
    return ret;
}

static size_t count_training_stacks(const struct af_dataset *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->labels.nstacks; i++)
        n += !d->validates[i];
    return n;
}

static int set_up(struct run *r, size_t nslots, struct af_err *err)
{
    if (!(r->metrics = af_calloc(nslots, sizeof(*r->metrics), err)) ||
        !(r->seat = af_calloc(nslots, sizeof(*r->seat), err)) ||
        !(r->sum = af_calloc(nslots, sizeof(*r->sum), err)) ||
        !(r->frame = af_calloc(r->d->ntrain, sizeof(*r->frame), err)))
        return -1;
    for (size_t i = 0; i < nslots; i++)
        if (af_metrics_init(&r->metrics[i], err) || af_lut_seat_new(&r->seat[i], err))
            return -1;
    return 0;
}

static void take_down(struct run *r, size_t nslots)
{
    for (size_t i = 0; i < nslots; i++) {
        if (r->metrics)
            af_metrics_release(&r->metrics[i]);
        if (r->seat)
            af_lut_seat_free(r->seat[i]);
    }
    free(r->metrics);
    free(r->seat);
    free(r->sum);
    free(r->frame);
}

int af_lutrun(const struct af_dataset *d, unsigned nthreads, int (*stopped)(void),
              struct af_lut *lut, struct af_epoch *epoch, struct af_err *err)
{
    unsigned threads = nthreads ? nthreads : af_cpu_count();
    size_t nslots = 2 * (size_t)threads, nchunks = (d->ntrain + CHUNK - 1) / CHUNK;
    struct run r = {.d = d, .stopped = stopped, .lut = lut};
    double begun_s = af_now_s(), train_loss, val_loss;
    int ret = -1;

    *lut = (struct af_lut){.about.half_range_um = 1};
    if (set_up(&r, nslots, err) ||
        (ret = af_parallel_ordered(nchunks, threads, nslots, measure, go_on, &r, err)) ||
        (ret = af_lut_learn(lut, r.frame, d->ntrain, count_training_stacks(d), err)) ||
        (ret = loss(&r, threads, nslots, d->train, d->ntrain, &train_loss, err)) ||
        (ret = loss(&r, threads, nslots, d->val, d->nval, &val_loss, err)))
        goto done;
    *epoch = (struct af_epoch){.epoch = 1,
                               .train_loss = train_loss,
                               .val_loss = val_loss,
                               .val_figure = sqrt(val_loss) * lut->about.half_range_um,
                               .lr = (double)NAN,
                               .seconds = af_now_s() - begun_s,
                               .best = true};
    epoch->images_per_s = (double)(d->ntrain + d->nval) / epoch->seconds;
    ret = 0;
done:
    take_down(&r, nslots);
    return ret;
}
