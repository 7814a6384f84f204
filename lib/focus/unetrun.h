/* SPDX-License-Identifier: BSD-2-Clause */
/* Train a U-Net on tiles of stacks, epoch by epoch. */
#ifndef AF_FOCUS_UNETRUN_H
#define AF_FOCUS_UNETRUN_H
#include "focus/maskset.h"
#include "focus/schedule.h"
#include "nn/unetmodel.h"

struct af_unetrun_opts {
    size_t epochs, batch;
    double lr;
    enum af_schedule schedule;
    size_t patience; // epochs without a better one after which it ends; 0: goes on
    uint64_t seed;
    bool still;             // tiles are learnt as they are; otherwise changed (focus/tile.h):
    double noise;           // up to that share of a slice's r.m.s. brightness
    double slope;           // up to that, slices/px
    unsigned nthreads;      // 0: one per processor
    const char *checkpoint; // written after each epoch and when stopped; NULL: none
    bool resume;            // go on from it, if it is there
    struct af_trainrun_audience to;
};

struct af_unetrun_result {
    enum af_trainrun_end end;
    size_t epochs, best_epoch; // finished; the best one, 0 where there is none
    double val_loss, val_iou;  // of the best; NaN without validation
};

/*
 * m: in, the weights to start from; out, those of the epoch with the largest validation IoU (the
 * last one where nothing validates); unchanged where no epoch was finished.
 *
 * s->sees is m->arch.slices.
 * An epoch goes over all tiles that train in batches, in an order drawn from the seed, each changed
 * at random; the last batch may be smaller. IoU is of all tiles that
 * validate, taken together. Losses of an epoch are means over batches, by tiles; those of
 * validation are of all tiles, so that Dice is over all of them.
 *
 * The same seed, threads and kernels give the same bytes, also over a checkpoint. Returns 0, or -1
 * with AF_EUSAGE (the tile's side is no multiple of af_unet_multiple()), AF_ESYS, AF_EDATA (the
 * checkpoint is damaged or of another set-up).
 */
int af_unetrun(const struct af_maskset *s, struct af_unet_model *m, const struct af_unetrun_opts *o,
               struct af_unetrun_result *result, struct af_err *err);

#endif
