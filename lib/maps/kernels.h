/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hot loops. Of maps/sums.h: rows of pixels into sums per column, and those into sums per
 * piece.
 *
 *   acc[x] += sum over n rows of term(y, x)      x = 0 .. w - 1 - reach.x
 *
 * n and the columns of a piece are AF_PLAN_MOST = 32 at most, so that sums of 8-bit pixels fit
 * narrow types: differences of a few pixels (at most 1020 a term) 16 bits, two of these sums too,
 * products (at most 2 (4 * 255)^2 = 2080800) 32 bits, as does the sum of 32 x 32 products.
 */
#ifndef AF_MAPS_KERNELS_H
#define AF_MAPS_KERNELS_H
#include "maps/depth.h"
#include "maps/measure.h"
#include <stddef.h>

/* row[-1] to row[n + 1], [w] pixels each; beyond the slice, its last row again. */
struct af_sum_rows {
    const void *const *row;
    size_t n, w;
    uint64_t theta; // of AF_SUM_BX
};

/* acc: aligned to 64 bytes. */
typedef void af_sum_rows_fn(void *acc, const struct af_sum_rows *r);

/*
 * The same for 8-bit pixels by groups of 16 columns, where cuts let them: a group has at most one
 * cut inside. total[g] is the sum over a group, part[g] over its columns before the cut.
 */
enum { AF_SUM_GROUP = 16 };

struct af_sum_groups {
    const uint8_t *const *row; // the row above the first; columns -1 to nblocks * lanes + 1
    size_t n;                  // rows
    size_t nblocks;
    const int16_t *before; // [nblocks * lanes] -1: column lies before the cut of its group, else 0
    int16_t least;         // of |f[x+2] - f| for AF_SUM_BX
};

/* part: NULL where no group has a cut inside. */
typedef void af_sum_groups_fn(uint32_t *total, uint32_t *part, const struct af_sum_groups *in);

/* Cells, with AF_HEIGHT_RADIUS more on every side that weigh nothing. */
enum { AF_HEIGHT_RADIUS = 4, AF_HEIGHT_LANES = 8 };
#define AF_HEIGHT_OUTLIER 0.5 // slices

struct af_height_cells {
    const double *depth, *weight; // of rows of `stride`
    const double *x, *y;          // where the depth is measured, from the cell's centre, cells
    size_t stride;
    double kernel[AF_HEIGHT_RADIUS + 1]; // by distance along one axis
};

/* Where found is not 0, the depth of a plane, and what its error follows from. */
struct af_height_planes {
    double depth[AF_HEIGHT_LANES], inverse[AF_HEIGHT_LANES], residual[AF_HEIGHT_LANES];
    double kernel[AF_HEIGHT_LANES], kx[AF_HEIGHT_LANES], ky[AF_HEIGHT_LANES];
    int64_t found[AF_HEIGHT_LANES];
};

struct af_sum_kernels {
    const char *name;
    struct {
        size_t lanes; // columns of a block; 0: there are no such kernels
        af_sum_groups_fn *sum[AF_SUM_N];
    } groups;
    struct {
        af_sum_rows_fn *rows;
        size_t width;  // bytes of an element of acc, an unsigned integer: 2, 4 or 8
    } of[2][AF_SUM_N]; // of 8 and 16 bits

    /* Scores of windows of n[i] pixels from their sums s[enum af_sum][i], which fit 63 bits as
     * formulas.inc says: out[count]. */
    void (*score)(enum af_sharp m, enum af_sharp_def def, const uint64_t *n,
                  const uint64_t *const *s, size_t count, double *out);

    /* Sums of windows from their corners, `wide` apart, and `step` from window to window. */
    void (*corners)(const uint64_t *top, const uint64_t *bottom, size_t wide, size_t step, size_t n,
                    uint64_t *out);

    /* out[i] += in[i]; or the larger of both, where NaN is smaller than all. */
    void (*add)(double *out, const double *in, size_t n);
    void (*largest)(double *out, const double *in, size_t n);
    void (*add_counts)(uint32_t *out, const uint32_t *in, size_t n);
    /* 255 where |v - at| <= tolerance, else 0. */
    void (*within)(uint8_t *out, const float *v, size_t n, float at, float tolerance);
    void (*add_narrow)(uint32_t *out, const uint16_t *in, size_t n);

    /* Slice k of n places, of maps/depth.h. */
    void (*follow)(struct af_depth_block *b, const float *map, size_t n, uint32_t k, bool least);
    /* Planes around cells at to at + 7, within `radius`: maps/height.h. */
    void (*planes)(const struct af_height_cells *c, size_t at, int radius,
                   struct af_height_planes *out);
};

/*
 * out[i + 1] = above[i + 1] + sum of acc over [0, at[i + 1]), modulo 2^64; acc is cleared.
 * acc: elements of `width` bytes, at[n] of them.
 */
void af_sum_pieces(uint64_t *out, const uint64_t *above, void *acc, size_t width,
                   const uint32_t *at, size_t n);

/* "portable", "avx2", "avx512"; NULL where this processor or build has no such set. */
const struct af_sum_kernels *af_sum_kernels_named(const char *name);

/* The fastest set this processor has; all give the same sums. */
const struct af_sum_kernels *af_sum_kernels_best(void);

extern const struct af_sum_kernels af_sum_kernels_portable, af_sum_kernels_avx2,
    af_sum_kernels_avx512;

#endif
