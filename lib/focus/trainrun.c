/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/trainrun.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "nn/adam.h"
#include "nn/crew.h"
#include "nn/infer.h"
#include "nn/train.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VAL_BATCH = AF_NN_GROUP };

struct run {
    const struct af_dataset *d;
    const struct af_trainrun_opts *o;
    struct af_nn_model *m;
    struct af_checkpoint c; // the state; params, m, v and moving are those being trained
    struct af_nn_adam adam;
    struct af_nn_crew *crew;
    struct af_nn_trainer *trainer;
    size_t *order;               // [ntrain] places in d->train
    float *x, *target, *predict; // [batch][96][96], [batch], [batch]
    float *grad;                 // [nparams]
    float *cache;                // [ntrain][ncache], activations at the cut; NULL: none kept
    size_t ncache;
    const float **cached; // [batch]
    const struct af_nn_infer *infer;
    struct af_nn_bench **bench; // [threads]
    float *val_x, *val_y;       // [threads][VAL_BATCH][96][96], [nval]
    char setup[1024], machine[128];
};

void af_trainrun_set_target(const struct af_dataset *d, struct af_nn_model *m)
{
    double sum = 0;

    for (size_t i = 0; i < d->ntrain; i++)
        sum += af_dataset_defocus_um(d, d->train[i]);
    m->about.center_um = sum / (double)d->ntrain;
    m->about.half_range_um = (d->max_um - d->min_um) / 2;
}

static double target_of(const struct run *r, size_t image)
{
    return (af_dataset_defocus_um(r->d, image) - r->m->about.center_um) / r->m->about.half_range_um;
}

/* ------------------------------------------------------------------ set up */

/* What decides the result, as text: epochs and patience only say when to end. */
static void describe(struct run *r)
{
    const struct af_trainrun_opts *o = r->o;
    const struct af_nn_model *m = r->m;
    uint64_t start = af_hash(AF_HASH_START, m->params, m->arch.nparams * sizeof(float));
    int n;

    start = af_hash(start, m->moving, m->arch.nmoving * sizeof(float));
    n = snprintf(r->setup, sizeof(r->setup),
                 "data %016" PRIx64 "\nalpha %.9g\nfirst weights %016" PRIx64
                 "\ntarget %.17g +/- %.17g um\nbatch %zu\nlr %.17g\nseed %" PRIu64
                 "\nschedule %s\nfreeze %d\nstrict %d\nshift %u\n",
                 r->d->digest, m->arch.alpha, start, m->about.center_um, m->about.half_range_um,
                 o->batch, o->lr, o->seed, af_schedule_name[o->schedule], o->freeze, o->strict,
                 o->shift);
    if (o->schedule == AF_COSINE)
        snprintf(r->setup + n, sizeof(r->setup) - (size_t)n, "epochs %zu\n", o->epochs);
    snprintf(r->machine, sizeof(r->machine), "threads %u\nkernels %s\nversion " AF_VERSION "\n",
             af_nn_crew_size(r->crew), af_nn_kernels_best()->name);
    r->c.setup = r->setup;
    r->c.machine = r->machine;
}

static float *floats(size_t n, size_t each, struct af_err *err)
{
    size_t total;

    if (!af_size_mul(n, each, &total)) {
        af_fail(err, AF_ESYS, "out of memory: %zu times %zu numbers", n, each);
        return NULL;
    }
    return af_calloc(total, sizeof(float), err);
}

static int allocate(struct run *r, struct af_err *err)
{
    size_t np = r->m->arch.nparams, nm = r->m->arch.nmoving, batch = r->o->batch;
    size_t threads = af_nn_crew_size(r->crew);
    struct af_checkpoint *c = &r->c;

    if (af_nn_adam_init(&r->adam, np, err) || !(c->params = floats(np, 1, err)) ||
        !(c->moving = floats(nm, 1, err)) || !(c->best_params = floats(np, 1, err)) ||
        !(c->best_moving = floats(nm, 1, err)) || !(r->grad = floats(np, 1, err)) ||
        !(c->log = af_calloc(r->o->epochs, sizeof(*c->log), err)) ||
        !(r->order = af_calloc(r->d->ntrain, sizeof(*r->order), err)) ||
        !(r->x = floats(batch, AF_FRAME_PX, err)) || !(r->target = floats(batch, 1, err)) ||
        !(r->predict = floats(batch, 1, err)) ||
        !(r->cached = af_calloc(batch, sizeof(*r->cached), err)) ||
        !(r->bench = af_calloc(threads, sizeof(*r->bench), err)) ||
        !(r->val_x = floats(threads * VAL_BATCH, AF_FRAME_PX, err)) ||
        !(r->val_y = floats(r->d->nval, 1, err)))
        return -1;
    c->nparams = np;
    c->nmoving = nm;
    c->m = r->adam.m;
    c->v = r->adam.v;
    c->best_loss = INFINITY;
    memcpy(c->params, r->m->params, np * sizeof(float));
    memcpy(c->moving, r->m->moving, nm * sizeof(float));
    return 0;
}

static void take_down(struct run *r)
{
    af_nn_trainer_free(r->trainer);
    af_nn_crew_free(r->crew);
    af_nn_adam_release(&r->adam);
    free(r->c.params);
    free(r->c.moving);
    free(r->c.best_params);
    free(r->c.best_moving);
    free(r->c.log);
    free(r->grad);
    free(r->order);
    free(r->x);
    free(r->target);
    free(r->predict);
    free(r->cache);
    free(r->cached);
    free(r->bench);
    free(r->val_x);
    free(r->val_y);
}

/* Images d->train[which[0 .. n-1]] and their targets; shifts NULL: as they are. */
static void fill_batch(struct run *r, const size_t *which, size_t n, struct af_random *shifts)
{
    const uint64_t span = 2 * (uint64_t)r->o->shift + 1;

    for (size_t i = 0; i < n; i++) {
        size_t image = r->d->train[which[i]];
        int dx = 0, dy = 0;

        if (shifts) {
            dx = (int)af_random_below(shifts, span) - (int)r->o->shift;
            dy = (int)af_random_below(shifts, span) - (int)r->o->shift;
        }
        r->target[i] = (float)target_of(r, image);
        if (r->cache)
            r->cached[i] = r->cache + which[i] * r->ncache;
        else
            af_dataset_image(r->d, image, dx, dy, r->x + i * AF_FRAME_PX);
    }
}

/* Activations at the cut, for all images; called with no cache yet, and the first moving
 * statistics. */
static int fill_cache(struct run *r, struct af_err *err)
{
    size_t total, n, nfloats = af_nn_trainer_cache_floats(r->trainer);
    float *cache;

    if (!nfloats || r->o->shift || !af_size_mul(nfloats, r->d->ntrain, &total) ||
        total > AF_TRAINRUN_CACHE / sizeof(float))
        return 0;
    if (!(cache = floats(total, 1, err)))
        return -1;
    for (size_t i = 0; i < r->d->ntrain; i++)
        r->order[i] = i;
    for (size_t i = 0; i < r->d->ntrain; i += n) {
        n = r->d->ntrain - i < r->o->batch ? r->d->ntrain - i : r->o->batch;
        fill_batch(r, r->order + i, n, NULL);
        af_nn_trainer_fill(r->trainer, r->c.params, r->c.moving, r->x, n, cache + i * nfloats);
    }
    r->cache = cache;
    r->ncache = nfloats;
    return 0;
}

static int set_up(struct run *r, struct af_err *err)
{
    unsigned nthreads = r->o->nthreads ? r->o->nthreads : af_cpu_count();

    if (af_nn_crew_new(&r->crew, nthreads, err) ||
        af_nn_trainer_new(&r->trainer, &r->m->arch, r->o->batch, r->crew, NULL, err) ||
        allocate(r, err))
        return -1;
    describe(r);
    af_nn_trainer_freeze(r->trainer, r->o->freeze);
    return fill_cache(r, err);
}

static int resume(struct run *r, struct af_err *err)
{
    if (!r->o->resume || !r->o->checkpoint)
        return 0;
    if (af_schedule_resume(&r->c, r->o->checkpoint, r->o->epochs, &r->o->to, err))
        return -1;
    r->adam.step = r->c.step;
    return 0;
}

static int save(struct run *r, struct af_err *err)
{
    r->c.step = r->adam.step;
    return r->o->checkpoint ? af_checkpoint_write(&r->c, r->o->checkpoint, err) : 0;
}

/* ---------------------------------------------------------------- an epoch */

static void shuffle(struct run *r, const char *what, uint64_t number)
{
    af_schedule_order(r->order, r->d->ntrain, r->o->seed, what, number);
}

static double run_batch(struct run *r, double momentum, size_t n, float *grad)
{
    return r->cache ? af_nn_train_step_cached(r->trainer, r->c.params, r->c.moving, momentum,
                                              r->cached, r->target, n, r->predict, grad)
                    : af_nn_train_step(r->trainer, r->c.params, r->c.moving, momentum, r->x,
                                       r->target, n, r->predict, grad);
}

static double learning_rate(const struct run *r)
{
    return af_schedule_rate(r->o->schedule, r->o->lr, r->c.epoch, r->o->epochs);
}

/* One batch of the epoch under way. */
static void train_batch(struct run *r)
{
    double momentum = r->o->strict ? AF_NN_BN_MOMENTUM : 1, loss;
    size_t left = r->d->ntrain - r->c.done, n = left < r->o->batch ? left : r->o->batch;
    struct af_random shifts;
    char name[64];

    snprintf(name, sizeof(name), "shift %" PRIu64 " %" PRIu64, r->c.epoch, r->c.done);
    af_random_init(&shifts, r->o->seed, name);
    fill_batch(r, r->order + r->c.done, n, r->o->shift ? &shifts : NULL);
    loss = run_batch(r, momentum, n, r->grad);
    r->c.loss += loss * (double)n;
    r->c.done += n;
    if (isfinite(loss))
        af_nn_adam_step(&r->adam, r->c.params, r->grad, af_nn_trainer_first_param(r->trainer),
                        learning_rate(r), r->crew);
}

/* Moving statistics: the mean of those of batches, by images, with the weights as they are. */
static void estimate_statistics(struct run *r)
{
    size_t total = r->d->ntrain < AF_TRAINRUN_RESTAT ? r->d->ntrain : AF_TRAINRUN_RESTAT, n;

    shuffle(r, "statistics", 0);
    for (size_t i = 0; i < total; i += n) {
        n = total - i < r->o->batch ? total - i : r->o->batch;
        fill_batch(r, r->order + i, n, NULL);
        run_batch(r, 1 - (double)n / (double)(i + n), n, NULL);
    }
}

/* Predict a thread's share of the images that validate. */
static void predict_share(void *ctx, unsigned thread)
{
    struct run *r = ctx;
    size_t threads = af_nn_crew_size(r->crew), to = r->d->nval * (thread + 1) / threads, n;
    float *x = r->val_x + thread * VAL_BATCH * (size_t)AF_FRAME_PX;

    for (size_t i = r->d->nval * thread / threads; i < to; i += n) {
        n = to - i < VAL_BATCH ? to - i : VAL_BATCH;
        for (size_t k = 0; k < n; k++)
            af_dataset_image(r->d, r->d->val[i + k], 0, 0, x + k * AF_FRAME_PX);
        af_nn_infer_run(r->infer, r->bench[thread], x, n, r->val_y + i, NULL);
    }
}

/* Mean squared error of the images that validate; NaN where there are none. */
static int validate(struct run *r, double *loss, struct af_err *err)
{
    unsigned threads = af_nn_crew_size(r->crew);
    struct af_nn_infer *infer = NULL;
    double sum = 0;
    int ret = -1;

    if (af_nn_infer_new(&infer, &r->m->arch, r->c.params, r->c.moving, NULL, err))
        return -1;
    for (unsigned t = 0; t < threads; t++)
        if (af_nn_bench_new(&r->bench[t], infer, err))
            goto done;
    r->infer = infer;
    af_nn_crew_run(r->crew, predict_share, r);
    for (size_t i = 0; i < r->d->nval; i++) {
        double miss = (double)r->val_y[i] - target_of(r, r->d->val[i]);

        sum += miss * miss;
    }
    *loss = sum / (double)r->d->nval; // 0 / 0 is the NaN wanted
    ret = 0;
done:
    for (unsigned t = 0; t < threads; t++) {
        af_nn_bench_free(r->bench[t]);
        r->bench[t] = NULL;
    }
    af_nn_infer_free(infer);
    return ret;
}

/* Close the books on an epoch whose images have all been seen. */
static void log_epoch(struct run *r, double val_loss, double seconds, double begun_s)
{
    struct af_checkpoint *c = &r->c;
    struct af_epoch *e = &c->log[c->epoch];
    double train_loss = c->loss / (double)r->d->ntrain;
    bool best = r->d->nval ? val_loss < c->best_loss : true;

    *e = (struct af_epoch){.epoch = c->epoch + 1,
                           .train_loss = train_loss,
                           .val_loss = val_loss,
                           .val_figure = sqrt(val_loss) * r->m->about.half_range_um,
                           .lr = learning_rate(r),
                           .seconds = seconds + af_now_s() - begun_s,
                           .images_per_s = (double)r->d->ntrain / seconds,
                           .best = best};
    if (best) {
        c->best_epoch = e->epoch;
        c->best_loss = val_loss;
        memcpy(c->best_params, c->params, c->nparams * sizeof(float));
        memcpy(c->best_moving, c->moving, c->nmoving * sizeof(float));
    }
    c->epoch++;
    c->done = 0;
    c->loss = c->seconds = 0;
}

/* From where the epoch stands to its end; *end is AF_TRAINRUN_DONE where it got there. */
static int run_epoch(struct run *r, enum af_trainrun_end *end, struct af_err *err)
{
    double begun_s = af_now_s(), before_s = r->c.seconds, val_loss;
    size_t past = r->c.epoch * r->d->ntrain;

    *end = AF_TRAINRUN_DONE;
    shuffle(r, "order", r->c.epoch);
    while (r->c.done < r->d->ntrain) {
        if (r->o->to.stopped && r->o->to.stopped()) {
            *end = AF_TRAINRUN_STOPPED;
            return save(r, err);
        }
        train_batch(r);
        r->c.seconds = before_s + af_now_s() - begun_s;
        if (r->o->to.progress)
            r->o->to.progress(r->o->to.ctx, past + r->c.done, r->o->epochs * r->d->ntrain);
        if (!isfinite(r->c.loss)) {
            *end = AF_TRAINRUN_DIVERGED;
            return 0;
        }
    }
    begun_s = af_now_s();
    if (!r->o->strict)
        estimate_statistics(r);
    if (validate(r, &val_loss, err))
        return -1;
    if (r->d->nval && !isfinite(val_loss)) {
        *end = AF_TRAINRUN_DIVERGED;
        return 0;
    }
    log_epoch(r, val_loss, r->c.seconds, begun_s);
    if (save(r, err))
        return -1;
    if (r->o->to.each)
        r->o->to.each(r->o->to.ctx, &r->c.log[r->c.epoch - 1]);
    return 0;
}

/* --------------------------------------------------------------------- all */

static bool out_of_patience(const struct run *r)
{
    return r->o->patience && r->c.epoch - r->c.best_epoch >= r->o->patience;
}

int af_trainrun(const struct af_dataset *d, struct af_nn_model *m, const struct af_trainrun_opts *o,
                struct af_trainrun_result *result, struct af_err *err)
{
    struct run r = {.d = d, .o = o, .m = m};
    int ret = -1;

    *result = (struct af_trainrun_result){.val_loss = NAN, .val_rmse_um = NAN};
    if (set_up(&r, err) || resume(&r, err))
        goto done;
    while (result->end == AF_TRAINRUN_DONE && r.c.epoch < o->epochs && !out_of_patience(&r))
        if (run_epoch(&r, &result->end, err))
            goto done;
    result->epochs = r.c.epoch;
    if ((result->best_epoch = r.c.best_epoch) > 0) {
        const struct af_epoch *best = &r.c.log[r.c.best_epoch - 1];

        result->val_loss = best->val_loss;
        result->val_rmse_um = best->val_figure;
        memcpy(m->params, r.c.best_params, m->arch.nparams * sizeof(float));
        memcpy(m->moving, r.c.best_moving, m->arch.nmoving * sizeof(float));
    }
    ret = 0;
done:
    take_down(&r);
    return ret;
}
