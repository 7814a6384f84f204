/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a training stands: all it needs to go on as if it had never stopped. */
#ifndef AF_FOCUS_CHECKPOINT_H
#define AF_FOCUS_CHECKPOINT_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A finished epoch: a row of the training log. NaN: there is no such number. */
struct af_epoch {
    size_t epoch;                // from 1
    double train_loss, val_loss; // as the kind of training has them
    double val_figure;           // r.m.s. error in um (focus/trainrun.h), IoU (focus/unetrun.h)
    double lr;
    double seconds, images_per_s;
    bool best; // of all epochs so far
};

/*
 * Random numbers need no place here: order and shifts of an epoch follow from the seed and its
 * number. Arrays belong to the caller.
 */
struct af_checkpoint {
    const char *setup;       // what must be the same to go on: lines "key value\n"
    const char *machine;     // what should be, for the same bytes: threads and kernels
    size_t nparams, nmoving; // floats; nmoving may be 0, and its arrays NULL
    float *params, *m, *v;   // [nparams] weights and moments
    float *moving;           // [nmoving]
    float *best_params, *best_moving;
    uint64_t step;        // of Adam
    uint64_t epoch, done; // epochs finished; images done of the one under way
    double loss;          // sum over those images
    double seconds;       // spent on them
    uint64_t best_epoch;  // 0: none yet
    double best_loss; // whatever is least for the best
    struct af_epoch *log; // [epoch]
};

/* Write whole or not at all, with a check sum. -1 with AF_ESYS. */
int af_checkpoint_write(const struct af_checkpoint *c, const char *path, struct af_err *err);

/*
 * Read into c, whose setup, machine, sizes and arrays the caller has set; log has room for
 * max_epochs. 1: read; 0: there is no such file; -1 with AF_ESYS, or AF_EDATA: damaged, or of
 * another setup (the first line that differs is named); c is then of no use. *moved: out, whether
 * the machine differs.
 */
int af_checkpoint_read(struct af_checkpoint *c, const char *path, size_t max_epochs, bool *moved,
                       struct af_err *err);

#endif
