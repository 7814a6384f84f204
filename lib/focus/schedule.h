/* SPDX-License-Identifier: BSD-2-Clause */
/* What trainings of all kinds have in common: rates, orders, and how they go on. */
#ifndef AF_FOCUS_SCHEDULE_H
#define AF_FOCUS_SCHEDULE_H
#include "focus/checkpoint.h"

enum af_schedule {
    AF_CONSTANT,
    AF_COSINE, // lr/2 (1 + cos(pi e / epochs)), e = 0 .. epochs-1
};
extern const char *const af_schedule_name[];

/* Learning rate of an epoch, from 0. */
double af_schedule_rate(enum af_schedule s, double lr, uint64_t epoch, size_t epochs);

/* A permutation of 0 .. n-1, from stream "what number" of the seed. */
void af_schedule_order(size_t *order, size_t n, uint64_t seed, const char *what, uint64_t number);

enum af_trainrun_end {
    AF_TRAINRUN_DONE,     // all epochs, or the end of patience
    AF_TRAINRUN_STOPPED,  // by `stopped`
    AF_TRAINRUN_DIVERGED, // the loss is no finite number any more
};

/* Who is told, and who says when to end. */
struct af_trainrun_audience {
    /* Told of each finished epoch, also of those that a checkpoint tells of. NULL: nobody. */
    void (*each)(void *ctx, const struct af_epoch *e);
    void (*progress)(void *ctx, size_t done, size_t total); // images of all epochs
    void (*warn)(void *ctx, const char *text);
    int (*stopped)(void); // nonzero: end after this batch; NULL: never
    void *ctx;
};

/*
 * Go on from a checkpoint, if it is there: fills c as af_checkpoint_read(), tells of its epochs,
 * and warns where the machine differs or there is none. -1 as af_checkpoint_read().
 */
int af_schedule_resume(struct af_checkpoint *c, const char *path, size_t epochs,
                       const struct af_trainrun_audience *a, struct af_err *err);

#endif
