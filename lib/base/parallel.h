/* SPDX-License-Identifier: BSD-2-Clause */
/* Many items on a few threads, delivered in order, with bounded memory. */
#ifndef AF_BASE_PARALLEL_H
#define AF_BASE_PARALLEL_H
#include "base/err.h"
#include <stddef.h>

/* Processors this process may use, at least 1. */
unsigned af_cpu_count(void);

/*
 * Call work(ctx, i, slot) for i = 0 .. n-1 on nthreads threads (0: af_cpu_count()),
 * and deliver(ctx, i, slot) for i = 0, 1, 2, ... in that order, one at a time, on
 * the calling thread. `slot` is 0 .. nslots-1 and belongs to item i from work until
 * deliver has returned: the caller keeps results in an array of nslots. At most
 * nslots items are under way at once (nslots >= 1; 2 * nthreads keeps all busy).
 *
 * deliver returns 0 to go on, or nonzero to stop: no new item is begun, those
 * begun are finished and not delivered. With one thread or one slot everything
 * runs on the calling thread.
 *
 * Returns 0, the nonzero of deliver, or -1 with AF_ESYS (no thread could be made).
 */
int af_parallel_ordered(size_t n, unsigned nthreads, size_t nslots,
                        void (*work)(void *ctx, size_t i, size_t slot),
                        int (*deliver)(void *ctx, size_t i, size_t slot),
                        void *ctx, struct af_err *err);

#endif
