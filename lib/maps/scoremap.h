/* SPDX-License-Identifier: BSD-2-Clause */
/* Score maps: how sharp each place of a slice is, from the scores of the windows that cover it. */
#ifndef AF_MAPS_SCOREMAP_H
#define AF_MAPS_SCOREMAP_H
#include "maps/entropy.h"
#include "maps/sums.h"

/* What the windows over a pixel give it. Of several windows and strides the largest counts. */
enum af_accumulate {
    AF_ACC_SUM,  // the sum of their scores, as published: falls off at the borders
    AF_ACC_MEAN, // their mean
    AF_ACC_MAX,  // the largest
};

/*
 * Contrast follows brightness, so that a lamp that drifts looks like focus. A score is divided by
 * the mean of its slice, or of its window, to the power of af_sharp_degree(); by nothing where
 * that mean is not above 0.
 */
enum af_normalise { AF_NORM_NONE, AF_NORM_MEAN, AF_NORM_LOCAL };

struct af_scoremap_opts {
    enum af_sharp_def def;
    enum af_accumulate accumulate;
    enum af_normalise normalise;
};

/* Scratch and geometry for maps of a plan; serves one thread. */
struct af_scoremap {
    const struct af_plan *plan; // borrowed
    struct af_scoremap_opts o;
    struct af_span *x, *y;  // of all pairs, those of a pair one after the other
    struct af_pairs_at *at; // [npairs] where a pair's spans begin
    const struct af_sum_kernels *kernels;
    double *weight;       // scratch of one pair: of each window
    double *line, *share; // scratch: [2 windows of a row], [pieces]
    double *row;          // scratch: [npairs][2][plan->x[0].n] of pair p; the largest from it on
};

/* A stretch of an axis that the same windows cover: first to last. */
struct af_span {
    uint32_t from, first, last;
};
struct af_pairs_at {
    size_t x, nx, y, ny;  // spans of both axes
    size_t *column, *row; // [plan->x[0].n], [plan->y[0].n] span of each piece
    double *map;          // [ny][nx]
    double *score;        // of each window
    size_t same; // an earlier pair that has these windows among its own, or the pair itself
    size_t even; // where each span of x is a stride: most windows that cover one; else 0
};

/* -1 with AF_ESYS; release in any case. */
int af_scoremap_init(struct af_scoremap *m, const struct af_plan *plan,
                     const struct af_scoremap_opts *o, struct af_err *err);
void af_scoremap_release(struct af_scoremap *m);

/*
 * Map of a slice by one measure, out[plan->y[0].n][plan->x[0].n]: a value for each piece. Where
 * no window has a score a sum is 0, and a mean or largest NaN.
 *
 * entropy: of the same slice; NULL unless AF_SHARP_ENTROPY is asked for
 * mean:    of the slice, for AF_NORM_MEAN
 * sigma:   of its noise, counts; 0: nothing is taken off
 */
void af_scoremap_make(struct af_scoremap *m, const struct af_sums *sums, struct af_entropy *entropy,
                      enum af_sharp measure, double mean, double sigma, double *out);

/*
 * A map as an image: one pixel for each cell of `cell` px, or with cell 1 for each pixel. type:
 * AF_F32 or AF_F64. -1 with AF_ESYS.
 */
int af_scoremap_image(const struct af_plan *plan, const double *map, size_t cell,
                      enum af_sample type, struct af_image *img, struct af_err *err);

#endif
