/* SPDX-License-Identifier: BSD-2-Clause */
/* Entropy of the gray values in windows: -sum p log2 p over 256 bins, in bits. */
#ifndef AF_MAPS_ENTROPY_H
#define AF_MAPS_ENTROPY_H
#include "image/image.h"
#include "maps/kernels.h"
#include "maps/plan.h"

/*
 * Histograms of the pieces of a plan, of which those of windows are sums. Where pieces are too
 * small for that (AF_ENTROPY_MOST bytes), a window's histogram is that of the window before it,
 * less the pixels left and more those entered.
 *
 * 8-bit counts are their own bins. Choice: others are spread over 256 bins from the smallest
 * value of the slice to the largest, rounded; a value that is no finite number is in none.
 */
struct af_entropy {
    const struct af_plan *plan; // borrowed
    const struct af_sum_kernels *kernels;
    const struct af_image *img; // the slice at hand, borrowed
    bool by_pieces;
    uint16_t *bin;    // [h][w] bins of a slice that is not 8 bits; AF_ENTROPY_BINS: none
    uint16_t *pieces; // [y.n][x.n][AF_ENTROPY_BINS + 1]
    uint32_t *strips; // [x.n][AF_ENTROPY_BINS + 1] scratch: pieces one below the other
    double *clogc;    // [nclogc] c log2 c
    size_t nclogc;
};
enum { AF_ENTROPY_BINS = 256 };
#define AF_ENTROPY_MOST ((size_t)32 << 20)

/* -1 with AF_ESYS; release in any case. */
int af_entropy_init(struct af_entropy *e, const struct af_plan *plan, struct af_err *err);
void af_entropy_release(struct af_entropy *e);

/* Take a slice of the plan's size, borrowed until the next. -1 with AF_ESYS. */
int af_entropy_take(struct af_entropy *e, const struct af_image *img, struct af_err *err);

/* Entropy of all windows of a pair: out[ny][nx]; NaN where a window has no bins. */
void af_entropy_scores(struct af_entropy *e, struct af_pair pair, double *out);

/* Entropy of any box of the slice. */
double af_entropy_of(struct af_entropy *e, struct af_box b);

#endif
