/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/unetnotes.h"

#include "base/parallel.h"
#include "nn/kernels.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_teacher(struct af_nn_notepad *p, const struct af_weaklabel_opts *t)
{
    static const char *const rule[] = {"fit", "peak", "ref", "stack", "slice"};
    char list[256] = "";

    for (int m = 0; m < AF_NSHARPS; m++)
        if (t->measures >> m & 1)
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? " " : "",
                     af_sharp_name((enum af_sharp)m));
    af_nn_notepad_put(p, "teacher", "rule %s, tolerance %.9g, by %s", rule[t->rule.rule],
                      t->rule.tolerance, list);
}

static void put_data(struct af_nn_notepad *p, const struct af_maskset *s,
                     const struct af_maskset_opts *from)
{
    af_nn_notepad_put(p, "data_digest", "%016" PRIx64, s->digest);
    if (from->masks)
        af_nn_notepad_put(p, "teacher", "masks");
    else
        put_teacher(p, from->teach);
    af_nn_notepad_put(p, "tile", "%zu, every %zu", s->side, from->stride);
    af_nn_notepad_put(p, "train_stacks", "%zu", s->nstacks - s->nvalidates);
    af_nn_notepad_put(p, "train_tiles", "%zu", s->ntrain);
    af_nn_notepad_put(p, "val_stacks", "%zu", s->nvalidates);
    af_nn_notepad_put(p, "val_tiles", "%zu", s->nval);
    if (from->validates)
        af_nn_notepad_put(p, "split", "stacks that were named");
    else
        af_nn_notepad_put(p, "split", "%.9g of the stacks, seed %" PRIu64, from->val_fraction,
                          from->seed);
}

int af_unetnotes(struct af_nn_notes *notes, const struct af_maskset *s,
                 const struct af_maskset_opts *from, const struct af_unetrun_opts *o,
                 const struct af_unetrun_result *result, struct af_err *err)
{
    struct af_nn_notepad p = {notes, err, 0};

    af_nn_notepad_put(&p, "version", "aftools " AF_VERSION);
    put_data(&p, s, from);
    if (isfinite(result->val_iou)) {
        af_nn_notepad_put(&p, "val_loss", "%.9g", result->val_loss);
        af_nn_notepad_put(&p, "val_iou", "%.9g", result->val_iou);
    }
    af_nn_notepad_put(&p, "seed", "%" PRIu64, o->seed);
    af_nn_notepad_put(&p, "epoch", "%zu", result->best_epoch);
    af_nn_notepad_put(&p, "batch", "%zu", o->batch);
    af_nn_notepad_put(&p, "lr", "%.9g", o->lr);
    af_nn_notepad_put(&p, "schedule", "%s", af_schedule_name[o->schedule]);
    af_nn_notepad_put(&p, "turned", "%s",
                      o->still ? "no" : "to 8 positions, contrast 1/2 to 2 of either sign, shaded");
    if (!o->still) {
        af_nn_notepad_put(&p, "noise", "up to %.9g of brightness", o->noise);
        af_nn_notepad_put(&p, "slope", "up to %.9g slices/px", o->slope);
    }
    af_nn_notepad_put(&p, "threads", "%u", o->nthreads ? o->nthreads : af_cpu_count());
    af_nn_notepad_put(&p, "kernels", "%s", af_nn_kernels_best()->name);
    return p.ret;
}
