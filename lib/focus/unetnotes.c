/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/unetnotes.h"

#include "base/parallel.h"
#include "nn/kernels.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Notes are set one after another until one fails. */
struct pad {
    struct af_nn_notes *notes;
    struct af_err *err;
    int ret;
};

__attribute__((format(printf, 3, 4))) static void put(struct pad *p, const char *key,
                                                      const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!p->ret)
        p->ret = af_nn_notes_set(p->notes, key, text, p->err);
}

static void put_teacher(struct pad *p, const struct af_weaklabel_opts *t)
{
    static const char *const rule[] = {"fit", "peak", "ref", "stack", "slice"};
    char list[256] = "";

    for (int m = 0; m < AF_NSHARPS; m++)
        if (t->measures >> m & 1)
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? " " : "",
                     af_sharp_name((enum af_sharp)m));
    put(p, "teacher", "rule %s, tolerance %.9g, by %s", rule[t->rule.rule], t->rule.tolerance,
        list);
}

static void put_data(struct pad *p, const struct af_maskset *s, const struct af_maskset_opts *from)
{
    put(p, "data_digest", "%016" PRIx64, s->digest);
    if (from->masks)
        put(p, "teacher", "masks");
    else
        put_teacher(p, from->teach);
    put(p, "tile", "%zu, every %zu", s->side, from->stride);
    put(p, "train_stacks", "%zu", s->nstacks - s->nvalidates);
    put(p, "train_tiles", "%zu", s->ntrain);
    put(p, "val_stacks", "%zu", s->nvalidates);
    put(p, "val_tiles", "%zu", s->nval);
    if (from->validates)
        put(p, "split", "stacks that were named");
    else
        put(p, "split", "%.9g of the stacks, seed %" PRIu64, from->val_fraction, from->seed);
}

int af_unetnotes(struct af_nn_notes *notes, const struct af_maskset *s,
                 const struct af_maskset_opts *from, const struct af_unetrun_opts *o,
                 const struct af_unetrun_result *result, struct af_err *err)
{
    struct pad p = {notes, err, 0};

    put(&p, "version", "aftools " AF_VERSION);
    put_data(&p, s, from);
    if (isfinite(result->val_iou)) {
        put(&p, "val_loss", "%.9g", result->val_loss);
        put(&p, "val_iou", "%.9g", result->val_iou);
    }
    put(&p, "seed", "%" PRIu64, o->seed);
    put(&p, "epoch", "%zu", result->best_epoch);
    put(&p, "batch", "%zu", o->batch);
    put(&p, "lr", "%.9g", o->lr);
    put(&p, "schedule", "%s", af_schedule_name[o->schedule]);
    put(&p, "turned", "%s", o->still ? "no" : "to 8 positions, contrast 1/2 to 2");
    put(&p, "threads", "%u", o->nthreads ? o->nthreads : af_cpu_count());
    put(&p, "kernels", "%s", af_nn_kernels_best()->name);
    return p.ret;
}
