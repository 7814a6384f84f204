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
    unsigned nthreads;                    // 0: one per processor
    const struct af_sum_kernels *kernels; // NULL: the best

    /* Sums in a file (maps/sumfile.h), not of entropy: to write, and to take instead of pixels. */
    const char *keep, *kept; // or NULL
};

/*
 * The defaults: variance, its noise taken off, over the slice's mean brightness; windows of 10 px.
 *
 * Choice: by the masks of domes with white, 1/f, sparse and cell-like texture, lamps drifting by
 * 0.55, 256 to 512 px and 20 slices. Variances add, so that what noise has in a dark slice comes
 * off exactly: at five counts of noise the IoU is 0.92, 0.76 and 0.80 (white, 1/f, sparse), by
 * std 0.85, 0.30 and 0.62. Windows of 8 px follow steep slopes better (0.86 to 0.83 at 256 px),
 * those of 16 find more in noise (0.79 to 0.76); 10 loses little to either.
 */
#define AF_MAPRUN_MEASURE "variance"
#define AF_MAPRUN_WINDOW "10"
#define AF_MAPRUN_STRIDE "5"

/* A slice, borrowed until take() returns. */
struct af_mapped {
    size_t plane;
    const struct af_image *img; // empty where sums were kept
    const struct af_plan *plan;
    const double *map[AF_NSHARPS]; // [plan->y[0].n][plan->x[0].n] of the measures asked for
    double region[AF_NSHARPS];     // score of the region
    double mean, sigma;            // of the slice; sigma 0 without quiet_noise
};

/*
 * Read a stack from its next plane on; slices are worked on by several threads, and come in order
 * and one at a time. Memory does not grow with their number. take() returns 0 to go on, or -1 with
 * err.
 *
 * -1 with AF_EDATA (a slice of another size; a stack without slices; sums kept of another stack),
 * AF_EUSAGE (af_plan_init, af_sumfile_fit), AF_ESYS, or what take() says.
 */
int af_maprun(struct af_stack *st, const struct af_maprun_opts *o,
              int (*take)(void *ctx, const struct af_mapped *m, struct af_err *err), void *ctx,
              struct af_err *err);

#endif
