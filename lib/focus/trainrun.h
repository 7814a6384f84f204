/* SPDX-License-Identifier: BSD-2-Clause */
/* Train a network on labelled frames, epoch by epoch. */
#ifndef AF_FOCUS_TRAINRUN_H
#define AF_FOCUS_TRAINRUN_H
#include "focus/dataset.h"
#include "focus/schedule.h"
#include "nn/model.h"

struct af_trainrun_opts {
    size_t epochs, batch;
    double lr;
    enum af_schedule schedule;
    size_t patience; // epochs without a better one after which it ends; 0: goes on
    uint64_t seed;
    int freeze;             // Keras layers 0 .. freeze-1 do not train
    bool strict;            // moving statistics by momentum 0.999 only
    unsigned shift;         // frames are moved by up to so many pixels of the input, at random
    unsigned nthreads;      // 0: one per processor
    const char *checkpoint; // written after each epoch and when stopped; NULL: none
    bool resume;            // go on from it, if it is there
    struct af_trainrun_audience to;
};

struct af_trainrun_result {
    enum af_trainrun_end end;
    size_t epochs, best_epoch;    // finished; the best one, 0 where there is none
    double val_loss, val_rmse_um; // of the best; NaN without validation
};

/*
 * m:      in, the weights to start from; out, those of the best epoch (the last one
 *         where nothing validates); unchanged where no epoch was finished
 * target: t = (defocus - center) / half_range, as m says
 *
 * An epoch goes over all images in batches, in an order drawn from the seed; the last batch may be
 * smaller. Unless strict, moving statistics are then the exact mean of the batch
 * statistics over up to AF_TRAINRUN_RESTAT images, with the weights as they are: Keras's
 * momentum needs thousands of steps until its validation means anything.
 *
 * With frozen layers and no shift the activations at the cut are computed once, where they take no
 * more than AF_TRAINRUN_CACHE bytes.
 *
 * The same seed, threads and kernels give the same bytes, also over a checkpoint. Returns 0, or -1
 * with AF_ESYS, AF_EDATA (the checkpoint is damaged or of another set-up).
 */
int af_trainrun(const struct af_dataset *d, struct af_nn_model *m, const struct af_trainrun_opts *o,
                struct af_trainrun_result *result, struct af_err *err);
enum { AF_TRAINRUN_RESTAT = 2048 };
#define AF_TRAINRUN_CACHE ((size_t)1 << 30)

/* center: the mean of the labels that train; half_range: half their range. */
void af_trainrun_set_target(const struct af_dataset *d, struct af_nn_model *m);

#endif
