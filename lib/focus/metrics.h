/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a laser spot changes with defocus, in a few numbers. */
#ifndef AF_FOCUS_METRICS_H
#define AF_FOCUS_METRICS_H
#include "focus/frame.h"
#include "signal/spectrum.h"

/*
 * Of both profiles p of the input (means over columns: along y; over rows: along x), q = p - base,
 * base the mean of the lowest tenth:
 *
 *   WIDTH     sqrt(sum q (i - c)^2 / sum q), px, over the q above a tenth of the peak
 *   EXTENT    sum q / max q, px: wide lines too
 *   PEAK      max q
 *   CENTRE    c, px
 *   SPREAD    std_k |F_k|^2 of (p - mean) / |p - mean|_2, as AF_L2 of focus/score.h
 *   HIGHEST   sum of |F_k|^2 over the upper half of the frequencies, as share of all: how sharp
 *             the finest detail is
 *
 * and of the input x whole:
 *
 *   SUM       mean x - base of x: the share of light that lies in the spot
 *   BRIGHTEST mean of the 16 largest pixels - base of x
 *   FOURTH    mean x^4; mean x^2 is 1
 *   SLANT     covariance of x and y over the spot / (WIDTH_X WIDTH_Y) + 1
 *
 * Source: Lightley et al., doi:10.1111/jmi.13020: "image metrics", among them widths and the
 * standard deviation of the power spectrum. Choice: which ones.
 */
enum af_profile_metric {
    AF_METRIC_WIDTH,
    AF_METRIC_EXTENT,
    AF_METRIC_PEAK,
    AF_METRIC_CENTRE,
    AF_METRIC_SPREAD,
    AF_METRIC_HIGHEST,
    AF_METRICS_A_PROFILE
};
enum af_metric {
    AF_METRIC_ALONG_Y, // those of a profile
    AF_METRIC_ALONG_X = AF_METRICS_A_PROFILE,
    AF_METRIC_SUM = 2 * AF_METRICS_A_PROFILE,
    AF_METRIC_BRIGHTEST,
    AF_METRIC_FOURTH,
    AF_METRIC_SLANT,
    AF_METRICS
};

/* All-zero is the empty state; serves one thread. */
struct af_metrics {
    struct af_spectrum spectrum;
};

/* -1 with AF_ESYS. */
int af_metrics_init(struct af_metrics *m, struct af_err *err);
void af_metrics_release(struct af_metrics *m);

/* Of the input of a frame, [96][96]; out: finite, none below 0, all 0 where x is constant. */
void af_metrics_run(struct af_metrics *m, const float *x, double out[AF_METRICS]);

#endif
