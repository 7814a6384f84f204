/* SPDX-License-Identifier: BSD-2-Clause */
/* The sums of one slice from which any window of a plan is scored: one pass over the pixels. */
#ifndef AF_MAPS_SUMS_H
#define AF_MAPS_SUMS_H
#include "maps/groups.h"

/*
 * Tables of a slice, one for each sum that is wanted, over the pieces of the plan's cuts for its
 * reach. Of 8- and 16-bit counts they are integers, added up from the upper left corner, so that a
 * window costs four numbers. Modulo 2^64 they are exact for whatever fits in a window.
 *
 * Slices of other types are summed in double, piece by piece without adding up: nothing is lost
 * where large and small values stand in one slice, and a window costs its pieces. There, pixels
 * that are not finite numbers do not count, nor does a pair or an operator that meets one.
 */
struct af_sums {
    const struct af_plan *plan; // borrowed
    const struct af_sum_kernels *kernels;
    unsigned wanted;           // 1 << enum af_sum
    uint64_t theta;            // least square that counts for AF_SUM_BX
    bool real;                 // the slice was summed in double
    uint64_t *table[AF_NSUMS]; // [y.n + 1][x.n + 1] of the cuts for the sum's reach, or NULL
    double *pieces[AF_NSUMS];  // [y.n][x.n], or NULL
    void *acc[AF_NSUMS];       // scratch of the kernels
    struct af_groups groups;   // the same, of slices of 8 bits
    const void **row;          // scratch: [h + 3]
    uint64_t *line;            // scratch: [AF_SUM_N + 1][nline] of a row of windows
    size_t nline;
    uint64_t most; // of a pixel
    double *lines; // scratch of real slices: [4][w + 2]
};

/* kernels: NULL for the best. Returns 0, or -1 with AF_ESYS; release in any case. */
int af_sums_init(struct af_sums *s, const struct af_plan *plan, unsigned wanted, uint64_t theta,
                 const struct af_sum_kernels *kernels, struct af_err *err);
void af_sums_release(struct af_sums *s);

/* Pass over a slice. -1 with AF_EDATA (its size is not the plan's), AF_ESYS. */
int af_sums_compute(struct af_sums *s, const struct af_image *img, struct af_err *err);

/*
 * Room for the tables of slices of AF_U8 or AF_U16, for whoever fills them without a slice. -1 with
 * AF_ESYS.
 */
int af_sums_make_room(struct af_sums *s, enum af_sample type, struct af_err *err);

/*
 * Score of a window of the plan, or of its region. Measures whose sums are not wanted must not be
 * asked for, nor entropy.
 */
double af_sums_score(const struct af_sums *s, enum af_sharp m, enum af_sharp_def def,
                     struct af_box b);

/* Score of all windows of a pair: out[ny][nx]. */
void af_sums_scores(const struct af_sums *s, enum af_sharp m, enum af_sharp_def def,
                    struct af_pair pair, double *out);

/* Mean of the finite pixels of such a box, with AF_SUM_F wanted; NaN where there are none. */
double af_sums_mean(const struct af_sums *s, struct af_box b);

#endif
