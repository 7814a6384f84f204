/* SPDX-License-Identifier: BSD-2-Clause */
/* Scores of a laser autofocus frame: smallest where its line is narrowest. */
#ifndef AF_FOCUS_SCORE_H
#define AF_FOCUS_SCORE_H
#include "image/image.h"
#include "signal/savgol.h"
#include "signal/spectrum.h"

/*
 * The spread of the power spectrum of a profile,
 *
 *   score = std_k |F_k|^2,   F = DFT(q),   k = 0 .. n-1 (all bins, divided by n),
 *
 * q the profile p after Savitzky-Golay smoothing, offset and scale:
 *
 *   AF_L2       (p - mean) / |p - mean|_2        the fine measure
 *   AF_BASE     (p - base) / |p - base|_2        the coarse one; base: mean of the lowest 5 %
 *   AF_MINMAX   (p - min) / (max - min)
 *   AF_LITERAL  p                                counts^2
 *
 * Source: Lightley et al., doi:10.1111/jmi.13020: "averaged along the pixel rows to a vertical
 * profile, Savitzky-Golay, standard deviation of the power spectrum, minimum at zero defocus".
 * Choice: the normalisation. That sentence as it stands is AF_LITERAL, and for a line
 * of constant power it has a maximum at focus, since a narrow line has the more
 * energetic spectrum; a minimum comes only with a clipped camera or a
 * normalisation. AF_L2 gives a smooth minimum with and without saturation, but
 * far out a frame of noise can fall lower; AF_BASE is V-shaped and global.
 */
enum af_measure { AF_L2, AF_BASE, AF_MINMAX, AF_LITERAL, AF_NMEASURES };
const char *af_measure_name(enum af_measure m); // "l2", "base", "minmax", "literal"

struct af_scores {
    double of[AF_NMEASURES]; // NaN where the profile is constant (AF_LITERAL always has a value)
    /*
     * Share of the smoothed profile's variance that is noise, white along the profile; from third
     * differences, which a line wider than two pixels hardly has. 0.001 for a good line, 1 for
     * a frame of noise. NaN for a constant profile.
     */
    double noise;
};

/* Buffers and plans for profiles of length n; all-zero is the empty state. One per thread. */
struct af_scorer {
    size_t n;
    struct af_savgol savgol;
    struct af_spectrum spectrum;
    double *smoothed, *scratch; // [n] each
};

/*
 * window: odd, px, <= n; order: < window. -1 with AF_EUSAGE, or AF_ESYS (memory).
 * The window should be about two widths of the line in focus: 11 at 640x480.
 */
int af_scorer_init(struct af_scorer *s, size_t n, size_t window, size_t order, struct af_err *err);
void af_scorer_release(struct af_scorer *s);

/* Score one profile[n], finite numbers. Does not allocate. */
void af_scorer_run(struct af_scorer *s, const double *profile, struct af_scores *scores);

/*
 * Profiles of a frame, counts: rows[h] is the mean of each pixel row (the profile along y),
 * columns[w] of each pixel column (along x). Either may be NULL. Integers up
 * to 32 bits are summed exactly. -1 with AF_EDATA: a NaN or infinite pixel.
 */
int af_profile(const struct af_image *img, double *rows, double *columns, struct af_err *err);

#endif
