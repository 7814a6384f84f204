/* SPDX-License-Identifier: BSD-2-Clause */
/* The slices of a stack, one after the other, each with its score maps. */
#ifndef AF_MAPS_MAPRUN_H
#define AF_MAPS_MAPRUN_H
#include "image/stack.h"
#include "maps/scoremap.h"

struct af_maprun_opts {
    const uint32_t *windows, *strides; // px
    size_t nwindows, nstrides;
    const struct af_box *region; // that is scored by itself; NULL: the whole slice
    unsigned measures;           // 1 << enum af_sharp
    bool maps;                   // make maps; without, slices and the region's scores only
    uint64_t theta;              // of brenner, counts^2
    bool quiet_noise;            // take the slice's noise off the scores (maps/noise.h)
    struct af_scoremap_opts map;
    unsigned nthreads; // 0: one per processor
    const struct af_sum_kernels *kernels; // NULL: the best
};

/* The published windows' smallest power, and a stride of half of it. */
#define AF_MAPRUN_WINDOW 16
#define AF_MAPRUN_STRIDE 8

/* A slice, borrowed until take() returns. */
struct af_mapped {
    size_t plane;
    const struct af_image *img;
    const struct af_plan *plan;
    const double *map[AF_NSHARPS];  // [plan->y[0].n][plan->x[0].n] of the measures asked for
    double region[AF_NSHARPS];      // score of the region
    double mean, sigma;             // of the slice; sigma 0 without quiet_noise
};

/*
 * Read a stack from its next plane on; slices are worked on by several threads, and come in order
 * and one at a time. Memory does not grow with their number. take() returns 0 to go on, or -1 with
 * err.
 *
 * -1 with AF_EDATA (a slice of another size; a stack without slices), AF_EUSAGE (af_plan_init),
 * AF_ESYS, or what take() says.
 */
int af_maprun(struct af_stack *st, const struct af_maprun_opts *o,
              int (*take)(void *ctx, const struct af_mapped *m, struct af_err *err), void *ctx,
              struct af_err *err);

#endif
