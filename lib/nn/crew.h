/* SPDX-License-Identifier: BSD-2-Clause */
/* A few threads that do one piece of work after another together. */
#ifndef AF_NN_CREW_H
#define AF_NN_CREW_H
#include "base/err.h"

struct af_nn_crew; // opaque

/* nthreads in all, the caller's included; at least 1. -1 with AF_ESYS. */
int af_nn_crew_new(struct af_nn_crew **crew, unsigned nthreads, struct af_err *err);
void af_nn_crew_free(struct af_nn_crew *crew); // accepts NULL
unsigned af_nn_crew_size(const struct af_nn_crew *crew);

/*
 * work(ctx, t) for t = 0 .. nthreads-1, each on its own thread, always the same one for the same
 * t (so that what it reads is still in its cache); returns when all are done.
 * Choice: a thread spins some 50 us for its next piece before it sleeps, since a training
 * step has a hundred pieces of less than a millisecond.
 */
void af_nn_crew_run(struct af_nn_crew *crew, void (*work)(void *ctx, unsigned t), void *ctx);

#endif
