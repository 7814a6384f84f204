/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/trainnotes.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "focus/trust.h"
#include "nn/kernels.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number that may be missing. */
static void put_real(struct af_nn_notepad *p, const char *key, double v)
{
    if (isfinite(v))
        af_nn_notepad_put(p, key, "%.9g", v);
}

/* All days, blanks between. */
static void put_days(struct af_nn_notepad *p, const struct af_dataset *d)
{
    size_t n = 1, at = 0;
    char *text;

    for (size_t i = 0; i < d->ndays; i++)
        n += strlen(d->days[i]) + 1;
    if (p->ret)
        return;
    if (!(text = af_calloc(n, 1, p->err))) {
        p->ret = -1;
        return;
    }
    for (size_t i = 0; i < d->ndays; i++)
        at += (size_t)snprintf(text + at, n - at, "%s%s", i ? " " : "", d->days[i]);
    p->ret = af_nn_notes_set(p->notes, "data_days", text, p->err);
    free(text);
}

static void put_data(struct af_nn_notepad *p, const struct af_dataset *d,
                     const struct af_dataset_opts *from)
{
    size_t validating = 0;

    for (size_t i = 0; i < d->labels.nstacks; i++)
        validating += d->validates[i];
    af_nn_notepad_put(p, "data_digest", "%016" PRIx64, d->digest);
    put_days(p, d);
    af_nn_notepad_put(p, "train_stacks", "%zu", d->labels.nstacks - validating);
    af_nn_notepad_put(p, "train_images", "%zu", d->ntrain);
    put_real(p, "train_min_um", d->min_um);
    put_real(p, "train_max_um", d->max_um);
    af_nn_notepad_put(p, "val_stacks", "%zu", validating);
    af_nn_notepad_put(p, "val_images", "%zu", d->nval);
    if (from->val)
        af_nn_notepad_put(p, "split", "a table of its own");
    else
        af_nn_notepad_put(p, "split", "%.9g of the stacks of each day, seed %" PRIu64,
                          from->val_fraction, from->seed);
}

int af_trainnotes_data(struct af_nn_notes *notes, const struct af_dataset *d,
                       const struct af_dataset_opts *from, const struct af_trainrun_result *result,
                       struct af_err *err)
{
    struct af_nn_notepad p = {notes, err, 0};

    af_nn_notepad_put(&p, "version", "aftools " AF_VERSION);
    put_data(&p, d, from);
    put_real(&p, "val_loss", result->val_loss);
    put_real(&p, "val_rmse_um", result->val_rmse_um);
    return p.ret;
}

int af_trainnotes_network(struct af_nn_notes *notes, const struct af_trainrun_opts *o,
                          const struct af_trainrun_result *result, struct af_err *err)
{
    struct af_nn_notepad p = {notes, err, 0};

    af_nn_notepad_put(&p, "seed", "%" PRIu64, o->seed);
    af_nn_notepad_put(&p, "epoch", "%zu", result->best_epoch);
    af_nn_notepad_put(&p, "batch", "%zu", o->batch);
    af_nn_notepad_put(&p, "lr", "%.9g", o->lr);
    af_nn_notepad_put(&p, "schedule", "%s", o->schedule == AF_COSINE ? "cosine" : "constant");
    af_nn_notepad_put(&p, "freeze", "%d", o->freeze);
    af_nn_notepad_put(&p, "shift", "%u", o->shift);
    af_nn_notepad_put(&p, "statistics", "%s",
                      o->strict ? "momentum 0.999" : "estimated again each epoch");
    af_nn_notepad_put(&p, "threads", "%u", o->nthreads ? o->nthreads : af_cpu_count());
    af_nn_notepad_put(&p, "kernels", "%s", af_nn_kernels_best()->name);
    return p.ret;
}

/* --------------------------------------------------------------- calibrate */

/* Memory of one group of images. */
struct group {
    float x[AF_ESTIMATOR_MOST][AF_FRAME_PX], y[AF_ESTIMATOR_MOST];
    float *feature; // [AF_ESTIMATOR_MOST][nfeature]
    size_t nfeature;
};

static int add_group(struct af_trust_fit *fit, const struct af_nn_about *about,
                     const struct af_dataset *d, const struct group *g, size_t from, size_t n,
                     struct af_err *err)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = d->val[from + k];
        struct af_trust_frame frame = {
            .defocus_um = about->center_um + about->half_range_um * (double)g->y[k],
            .facts = &d->facts[i],
            .input = g->x[k],
            .feature = g->feature + k * g->nfeature,
        };

        if (af_trust_fit_add(fit, &frame, af_dataset_defocus_um(d, i), af_dataset_day(d, i), err))
            return -1;
    }
    return 0;
}

int af_trainnotes_calibrate(struct af_nn_about *about, const struct af_estimator *e,
                            const struct af_dataset *d, struct af_err *err)
{
    size_t nfeature = af_estimator_nfeature(e), n;
    struct group *g = af_calloc(1, sizeof(*g), err);
    struct af_trust *trust = g ? af_calloc(1, sizeof(*trust), err) : NULL;
    struct af_trust_fit *fit = NULL;
    struct af_estimator_seat *seat = NULL;
    int ret = -1;

    if (!trust || !(g->feature = af_calloc(AF_ESTIMATOR_MOST * nfeature, sizeof(float), err)) ||
        af_trust_fit_new(&fit, nfeature, err) || af_estimator_seat_new(&seat, e, err))
        goto done;
    g->nfeature = nfeature;
    for (size_t i = 0; i < d->nval; i += n) {
        n = d->nval - i < AF_ESTIMATOR_MOST ? d->nval - i : AF_ESTIMATOR_MOST;
        for (size_t k = 0; k < n; k++)
            af_dataset_image(d, d->val[i + k], 0, 0, g->x[k]);
        af_estimator_run(e, seat, g->x[0], n, g->y, g->feature);
        if (add_group(fit, about, d, g, i, n, err))
            goto done;
    }
    if (af_trust_fit_finish(fit, d->min_um, d->max_um, trust, err) == 0)
        ret = af_trust_write(trust, &about->notes, err);
done:
    af_estimator_seat_free(seat);
    af_trust_fit_free(fit);
    if (g)
        free(g->feature);
    free(g);
    free(trust);
    return ret;
}
