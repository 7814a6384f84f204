/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of 8-bit slices by groups of columns, for the kernels that have them (maps/kernels.h). */
#ifndef AF_MAPS_GROUPS_H
#define AF_MAPS_GROUPS_H
#include "image/image.h"
#include "maps/kernels.h"
#include "maps/plan.h"

/* How a plan is cut into groups, and scratch. All-zero is the empty state. */
struct af_groups {
    const struct af_plan *plan; // borrowed
    const struct af_sum_kernels *kernels;
    bool fit[AF_NREACH];        // do the cuts in x let groups be taken?
    int16_t *before[AF_NREACH]; // [blocks * lanes], NULL where no group has a cut inside
    uint32_t *slot[AF_NREACH];  // [x.n + 1] of each cut, its place in upto
    uint32_t *total, *part;     // scratch: [groups + 1]
    uint64_t *upto;             // scratch: [groups + 1][2] sums up to a group, and its cut
    size_t nblocks;
    uint8_t *ring; // [nring][pitch] rows at hand, their borders repeated
    size_t nring, pitch;
    const uint8_t **row; // [h + 3] where each lies; row[0] is above the first
    size_t nrows;        // that have been copied
    int16_t least;
};

/* theta: of AF_SUM_BX. -1 with AF_ESYS; release in any case. */
int af_groups_init(struct af_groups *g, const struct af_plan *plan,
                   const struct af_sum_kernels *kernels, uint64_t theta, struct af_err *err);
void af_groups_release(struct af_groups *g);

/* Have the rows of an 8-bit slice up to `end` at hand, for pieces that end in its last band. */
void af_groups_fill(struct af_groups *g, const struct af_image *img, size_t end);

/*
 * out[i + 1] = above[i + 1] + sum over columns [0, x.at[i + 1]) of n rows from `from` on, as
 * af_sum_pieces(). Only where fit[] says so for the sum's reach. Beyond the last cut within which
 * all pairs lie, out is of no use.
 */
void af_groups_sum(struct af_groups *g, int sum, size_t from, size_t n, uint64_t *out,
                   const uint64_t *above);

#endif
