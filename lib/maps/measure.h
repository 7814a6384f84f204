/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Focus measures: how sharp a window of a slice is, from sums over its pixels.
 *
 * Source: R. Li, M. Kudryashev, A. Yakimovich, doi:10.21203/rs.3.rs-2362531/v1, equations of the
 * text (AF_DEF_PAPER) and the published program (AF_DEF_CODE), which differ. With f[y,x] the
 * pixels of a window, n their number, and a sum over pairs only where both lie in the window:
 *
 *   measure     paper                                 code
 *   std         sqrt(n S2 - S1^2) / n                 the same; S1 = sum f, S2 = sum f^2
 *   variance    its square                            the same
 *   brenner     sum d^2, d = f[y,x+2] - f[y,x],       sum (f[y+2,x] - f[y,x])^2 / 255^2,
 *               where d^2 >= theta                    last two columns left out
 *   tenengrad   sum Sx^2 + Sy^2, Sobel unscaled       sqrt(that / 32) / 255
 *   laplacian   sum |f[y,x+1] - 2f + f[y,x-1]|        variance of the 4-neighbour Laplacian
 *               + the same in y                       clipped to 0..255
 *   smd         sum |dx| + sum |dy|                   2 sum |dy| / 255, last column left out
 *   smd2        sum |dx| |dy|                         that / 255^2
 *   vollath     sum f f[y+1] - sum f f[y+2]           sum f f[y+1] - S1
 *   vollath5    sum f f[y+1] - S1^2 / n               the same
 *   entropy     - sum p log2 p over 256 bins          the same
 *
 * 3x3 operators are taken on the whole slice, its border pixels repeated.
 * Choice: the code's constants, 255 and 0..255, hold for every depth; it knows 8 bits only. It has
 * no vollath5: the paper's is used.
 */
#ifndef AF_MAPS_MEASURE_H
#define AF_MAPS_MEASURE_H
#include "base/err.h"
#include <stdint.h>

enum af_sharp {
    AF_SHARP_STD,
    AF_SHARP_VARIANCE,
    AF_SHARP_BRENNER,
    AF_SHARP_TENENGRAD,
    AF_SHARP_LAPLACIAN,
    AF_SHARP_SMD,
    AF_SHARP_SMD2,
    AF_SHARP_VOLLATH,
    AF_SHARP_VOLLATH5,
    AF_SHARP_ENTROPY,
    AF_NSHARPS
};
#define AF_SHARP_ALL ((1u << AF_NSHARPS) - 1)

enum af_sharp_def { AF_DEF_PAPER, AF_DEF_CODE };

/* The sums that measures are made of, each with the pairs or operator it runs over. */
enum af_sum {
    AF_SUM_F,   // f
    AF_SUM_FF,  // f^2; of real images (f - k)^2, k one of the pixels
    AF_SUM_BX,  // (f[y,x+2] - f)^2, where >= theta
    AF_SUM_BY,  // (f[y+2,x] - f)^2
    AF_SUM_T,   // Sx^2 + Sy^2
    AF_SUM_ML,  // |second difference in x| + |the same in y|
    AF_SUM_L,   // Laplacian, clipped to 0..255
    AF_SUM_LL,  // its square
    AF_SUM_DX,  // |f[y,x+1] - f|
    AF_SUM_DY,  // |f[y+1,x] - f|
    AF_SUM_DYX, // the same without the last column
    AF_SUM_DD,  // |dx| |dy|
    AF_SUM_P1,  // f f[y+1,x]
    AF_SUM_P2,  // f f[y+2,x]
    AF_SUM_N,   // pixels that are numbers; real images only
    AF_SUM_C,   // f - k; real images only
    AF_NSUMS
};

/* How far, in px, the pairs of a sum reach to the right and down from their first pixel. */
struct af_reach {
    uint8_t x, y; // 0, 1 or 2
};
extern const struct af_reach af_sum_reach[AF_NSUMS];
enum { AF_NREACH = 3 };

const char *af_sharp_name(enum af_sharp m);

/* Measures of a list, "std,smd2" or "all", as a mask of 1 << m. -1 with AF_EUSAGE. */
int af_sharp_parse(const char *list, unsigned *mask, struct af_err *err);

/* Mask of 1 << enum af_sum that the measures in `mask` need. */
unsigned af_sharp_sums(unsigned mask, enum af_sharp_def def);

/*
 * Power of brightness that a measure grows by: a slice twice as bright has 2^degree times its
 * score. 0 for entropy.
 */
int af_sharp_degree(enum af_sharp m, enum af_sharp_def def);

/*
 * Score of a window of n > 0 pixels from its sums, modulo 2^64, indexed by enum af_sum; exact in
 * integers up to the last division or root. Not for entropy (maps/entropy.h).
 */
double af_sharp_score(enum af_sharp m, enum af_sharp_def def, uint64_t n, const uint64_t *sum);

/* The same for real images; NaN where no pixel is a number. */
double af_sharp_score_real(enum af_sharp m, enum af_sharp_def def, const double *sum);

/*
 * Score of a window of wide x high px less what independent normal noise of standard deviation
 * sigma would score there by itself, 0 at least: what sinks into the noise is no focus. Squares
 * subtract; so do their roots, as squares.
 * Choice: vollath and vollath5 have no such floor, since noise does not correlate with itself a
 * pixel on; entropy has none that would help.
 */
double af_sharp_above_noise(enum af_sharp m, enum af_sharp_def def, double score, double sigma,
                            double wide, double high);

#endif
