/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums of a stack's slices in a file (aftools-formats(5), "Kept sums"), so that other windows and
 * strides, whose borders lie on the cuts of those that were kept, are scored without the pixels:
 * the sums are whole numbers, the scores equal to the last bit.
 */
#ifndef AF_MAPS_SUMFILE_H
#define AF_MAPS_SUMFILE_H
#include "base/outfile.h"
#include "maps/sums.h"

/* All-zero is the empty state; either written or read. */
struct af_sumfile {
    struct af_outfile out;
    int fd; // of a file that is read, + 1
    char *path;
    size_t w, h, nslices;
    unsigned bits;   // 8 or 16
    unsigned wanted; // 1 << enum af_sum
    uint64_t theta;
    struct af_cuts x[AF_NREACH], y[AF_NREACH];   // as in the file; index is not used
    uint32_t *at_x[AF_NREACH], *at_y[AF_NREACH]; // number in the file of each cut of a plan
    size_t head, record;                         // bytes
};

/* Write sums as s has them; 8 or 16 bits. -1 with AF_ESYS; release in any case. */
int af_sumfile_create(struct af_sumfile *f, const char *path, const struct af_sums *s,
                      unsigned bits, struct af_err *err);

/* Add the slice that s has computed. sigma: its noise, NaN where that is not known. -1 with
 * AF_EDATA (another depth), AF_ESYS. */
int af_sumfile_add(struct af_sumfile *f, const struct af_sums *s, double sigma, struct af_err *err);
int af_sumfile_commit(struct af_sumfile *f, struct af_err *err);

/* -1 with AF_ESYS, AF_EDATA; release in any case. */
int af_sumfile_open(struct af_sumfile *f, const char *path, struct af_err *err);

/* Will these sums be found, cut as the plan is? -1 with AF_EUSAGE, AF_EDATA (another size). */
int af_sumfile_fit(struct af_sumfile *f, const struct af_plan *plan, unsigned wanted,
                   uint64_t theta, struct af_err *err);

/*
 * Slice i into s, which is of the plan that fits, as af_sums_compute() would have left it; serves
 * several threads. -1 with AF_ESYS, AF_EDATA (cut short).
 */
int af_sumfile_take(const struct af_sumfile *f, size_t i, struct af_sums *s, double *sigma,
                    struct af_err *err);

void af_sumfile_release(struct af_sumfile *f); // what is not committed is discarded

#endif
