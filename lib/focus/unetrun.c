/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/unetrun.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "focus/tile.h"
#include "nn/adam.h"
#include "nn/unettrain.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct af_maskset *s;
    const struct af_unetrun_opts *o;
    struct af_unet_model *m;
    struct af_checkpoint c; // the state; params, m and v are those being trained
    struct af_nn_adam adam;
    struct af_nn_crew *crew;
    struct af_unet_trainer *trainer;
    size_t *order;            // [ntrain] places in s->train
    float *x;                 // [batch][side][side][sees]
    float *mask, *weight, *p; // [batch][side][side]
    float *grad;              // [nparams]
    /* The batch at hand: tiles and what is changed of them. */
    const struct af_tile **tile;   // [batch]
    struct af_tile_change *change; // [batch]
    size_t n;
    char setup[1024], machine[128];
};

/* ------------------------------------------------------------------ set up */

/* What decides the result, as text: epochs and patience only say when to end. */
static void describe(struct run *r)
{
    const struct af_unetrun_opts *o = r->o;
    const struct af_unet_model *m = r->m;
    uint64_t start = af_hash(AF_HASH_START, m->params, m->arch.nparams * sizeof(float));
    int n;

    n = snprintf(r->setup, sizeof(r->setup),
                 "data %016" PRIx64 "\ntiles %zu of %zu px, %zu to validate\nnetwork %s\nfirst "
                 "weights %016" PRIx64 "\nbatch %zu\nlr %.17g\nseed %" PRIu64
                 "\nschedule %s\nstill %d\nnoise %.17g\nslope %.17g\n",
                 r->s->digest, r->s->ntrain, r->s->side, r->s->nval, m->arch.name, start, o->batch,
                 o->lr, o->seed, af_schedule_name[o->schedule], o->still, o->noise, o->slope);
    if (o->schedule == AF_COSINE)
        snprintf(r->setup + n, sizeof(r->setup) - (size_t)n, "epochs %zu\n", o->epochs);
    snprintf(r->machine, sizeof(r->machine), "threads %u\nkernels %s\nversion " AF_VERSION "\n",
             af_nn_crew_size(r->crew), af_nn_kernels_best()->name);
    r->c.setup = r->setup;
    r->c.machine = r->machine;
}

static int allocate(struct run *r, struct af_err *err)
{
    size_t np = r->m->arch.nparams, batch = r->o->batch, npixels = r->s->side * r->s->side;
    struct af_checkpoint *c = &r->c;

    if (af_nn_adam_init(&r->adam, np, err) ||
        !(c->params = af_calloc_large(np, sizeof(float), err)) ||
        !(c->best_params = af_calloc_large(np, sizeof(float), err)) ||
        !(r->grad = af_calloc_large(np, sizeof(float), err)) ||
        !(c->log = af_calloc(r->o->epochs, sizeof(*c->log), err)) ||
        !(r->order = af_calloc(r->s->ntrain, sizeof(*r->order), err)) ||
        !(r->tile = af_calloc(batch, sizeof(const struct af_tile *), err)) ||
        !(r->change = af_calloc(batch, sizeof(*r->change), err)) ||
        !(r->x = af_calloc(batch, npixels * r->s->sees * sizeof(float), err)) ||
        !(r->mask = af_calloc(batch, npixels * sizeof(float), err)) ||
        !(r->weight = af_calloc(batch, npixels * sizeof(float), err)) ||
        !(r->p = af_calloc(batch, npixels * sizeof(float), err)))
        return -1;
    c->nparams = np;
    c->m = r->adam.m;
    c->v = r->adam.v;
    c->best_loss = INFINITY;
    memcpy(c->params, r->m->params, np * sizeof(float));
    return 0;
}

static int set_up(struct run *r, struct af_err *err)
{
    unsigned nthreads = r->o->nthreads ? r->o->nthreads : af_cpu_count();

    if (af_nn_crew_new(&r->crew, nthreads, err) ||
        af_unet_trainer_new(&r->trainer, &r->m->arch, r->s->side, r->s->side, r->o->batch, r->crew,
                            NULL, err) ||
        allocate(r, err))
        return -1;
    describe(r);
    if (!r->o->resume || !r->o->checkpoint)
        return 0;
    if (af_schedule_resume(&r->c, r->o->checkpoint, r->o->epochs, &r->o->to, err))
        return -1;
    r->adam.step = r->c.step;
    return 0;
}

static void take_down(struct run *r)
{
    af_unet_trainer_free(r->trainer);
    af_nn_crew_free(r->crew);
    af_nn_adam_release(&r->adam);
    free(r->c.params);
    free(r->c.best_params);
    free(r->c.log);
    free(r->grad);
    free(r->order);
    free(r->tile);
    free(r->change);
    free(r->x);
    free(r->mask);
    free(r->weight);
    free(r->p);
}

static int save(struct run *r, struct af_err *err)
{
    r->c.step = r->adam.step;
    return r->o->checkpoint ? af_checkpoint_write(&r->c, r->o->checkpoint, err) : 0;
}

/* ---------------------------------------------------------------- a batch */

/* Cut out a thread's share of the batch. */
static void fill_share(void *ctx, unsigned thread)
{
    struct run *r = ctx;
    size_t npixels = r->s->side * r->s->side, nx = npixels * r->s->sees;

    for (size_t i = thread; i < r->n; i += af_nn_crew_size(r->crew))
        af_tile_make(r->s, r->tile[i], &r->change[i], r->x + i * nx, r->mask + i * npixels,
                     r->weight + i * npixels);
}

static void run_batch(struct run *r, uint64_t dropout, struct af_unet_loss *loss, float *grad)
{
    af_nn_crew_run(r->crew, fill_share, r);
    af_unet_train_step(r->trainer, r->c.params, r->x, r->mask, r->weight, r->n, dropout, loss, r->p,
                       grad);
}

/* One batch of the epoch under way. */
static void train_batch(struct run *r)
{
    size_t left = r->s->ntrain - r->c.done;
    struct af_unet_loss loss;
    struct af_random random;
    double total;
    uint64_t dropout;
    char name[64];

    snprintf(name, sizeof(name), "batch %" PRIu64 " %" PRIu64, r->c.epoch, r->c.done);
    af_random_init(&random, r->o->seed, name);
    dropout = af_random_u64(&random) >> 1 | 1; // never 0, and pictures count on from it
    r->n = left < r->o->batch ? left : r->o->batch;
    for (size_t i = 0; i < r->n; i++) {
        r->tile[i] = &r->s->train[r->order[r->c.done + i]];
        r->change[i] = (struct af_tile_change){0};
        if (!r->o->still)
            af_tile_draw(&r->change[i], r->s->sees > 1, r->o->noise, r->o->slope, &random);
    }
    run_batch(r, dropout, &loss, r->grad);
    total = af_unet_loss_total(&loss);
    r->c.loss += total * (double)r->n;
    r->c.done += r->n;
    if (isfinite(total))
        af_nn_adam_step(&r->adam, r->c.params, r->grad, 0,
                        af_schedule_rate(r->o->schedule, r->o->lr, r->c.epoch, r->o->epochs),
                        r->crew);
}

static void validate(struct run *r, struct af_unet_loss *all)
{
    *all = (struct af_unet_loss){0};
    for (size_t i = 0; i < r->s->nval; i += r->n) {
        struct af_unet_loss loss;

        r->n = r->s->nval - i < r->o->batch ? r->s->nval - i : r->o->batch;
        for (size_t k = 0; k < r->n; k++) {
            r->tile[k] = &r->s->val[i + k];
            r->change[k] = (struct af_tile_change){0};
        }
        run_batch(r, 0, &loss, NULL);
        af_unet_loss_merge(all, &loss);
    }
}

/* ---------------------------------------------------------------- an epoch */

/* Close the books on an epoch whose tiles have all been seen. */
static void log_epoch(struct run *r, const struct af_unet_loss *val, double seconds, double begun_s)
{
    struct af_checkpoint *c = &r->c;
    struct af_epoch *e = &c->log[c->epoch];
    bool validates = r->s->nval > 0;
    double iou = validates ? af_unet_loss_iou(val) : NAN;
    bool best = !validates || 1 - iou < c->best_loss;

    *e = (struct af_epoch){.epoch = c->epoch + 1,
                           .train_loss = c->loss / (double)r->s->ntrain,
                           .val_loss = validates ? af_unet_loss_total(val) : NAN,
                           .val_figure = iou,
                           .lr = af_schedule_rate(r->o->schedule, r->o->lr, c->epoch, r->o->epochs),
                           .seconds = seconds + af_now_s() - begun_s,
                           .images_per_s = (double)r->s->ntrain / seconds,
                           .best = best};
    if (best) {
        c->best_epoch = e->epoch;
        c->best_loss = 1 - iou;
        memcpy(c->best_params, c->params, c->nparams * sizeof(float));
    }
    c->epoch++;
    c->done = 0;
    c->loss = c->seconds = 0;
}

/* From where the epoch stands to its end; *end is AF_TRAINRUN_DONE where it got there. */
static int run_epoch(struct run *r, enum af_trainrun_end *end, struct af_err *err)
{
    const struct af_trainrun_audience *to = &r->o->to;
    double begun_s = af_now_s(), before_s = r->c.seconds;
    size_t ntrain = r->s->ntrain, past = r->c.epoch * ntrain;
    struct af_unet_loss val;

    *end = AF_TRAINRUN_DONE;
    af_schedule_order(r->order, ntrain, r->o->seed, "order", r->c.epoch);
    while (r->c.done < ntrain) {
        if (to->stopped && to->stopped()) {
            *end = AF_TRAINRUN_STOPPED;
            return save(r, err);
        }
        train_batch(r);
        r->c.seconds = before_s + af_now_s() - begun_s;
        if (to->progress)
            to->progress(to->ctx, past + r->c.done, r->o->epochs * ntrain);
        if (!isfinite(r->c.loss)) {
            *end = AF_TRAINRUN_DIVERGED;
            return 0;
        }
    }
    begun_s = af_now_s();
    validate(r, &val);
    if (!isfinite(af_unet_loss_total(&val))) {
        *end = AF_TRAINRUN_DIVERGED;
        return 0;
    }
    log_epoch(r, &val, r->c.seconds, begun_s);
    if (save(r, err))
        return -1;
    if (to->each)
        to->each(to->ctx, &r->c.log[r->c.epoch - 1]);
    return 0;
}

/* --------------------------------------------------------------------- all */

static bool out_of_patience(const struct run *r)
{
    return r->o->patience && r->c.epoch - r->c.best_epoch >= r->o->patience;
}

int af_unetrun(const struct af_maskset *s, struct af_unet_model *m, const struct af_unetrun_opts *o,
               struct af_unetrun_result *result, struct af_err *err)
{
    struct run r = {.s = s, .o = o, .m = m};
    int ret = -1;

    *result = (struct af_unetrun_result){.val_loss = NAN, .val_iou = NAN};
    if (set_up(&r, err))
        goto done;
    while (result->end == AF_TRAINRUN_DONE && r.c.epoch < o->epochs && !out_of_patience(&r))
        if (run_epoch(&r, &result->end, err))
            goto done;
    result->epochs = r.c.epoch;
    if ((result->best_epoch = r.c.best_epoch) > 0) {
        const struct af_epoch *best = &r.c.log[r.c.best_epoch - 1];

        result->val_loss = best->val_loss;
        result->val_iou = best->val_figure;
        memcpy(m->params, r.c.best_params, m->arch.nparams * sizeof(float));
    }
    ret = 0;
done:
    take_down(&r);
    return ret;
}
