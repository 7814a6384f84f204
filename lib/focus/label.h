/* SPDX-License-Identifier: BSD-2-Clause */
/* Zero defocus of a stack, from the scores of its planes. */
#ifndef AF_FOCUS_LABEL_H
#define AF_FOCUS_LABEL_H
#include "focus/score.h"
#include "signal/parabola.h"

struct af_label_opts {
    enum af_measure measure; // whose minimum is zero defocus; AF_L2 unless for comparison
    double half_window_um;   // of the parabola; 0: AF_LABEL_HALF_WINDOW_UM
};
#define AF_LABEL_HALF_WINDOW_UM 0.8

/* Reasons. A stack has a label only where it is AF_LABEL_OK. */
#define AF_LABEL_OK "ok"
#define AF_LABEL_NO_Z "no-z"       // z of a plane is unknown
#define AF_LABEL_Z_ORDER "z-order" // z neither rises nor falls all along
#define AF_LABEL_FEW "few"         // fewer than seven planes
#define AF_LABEL_DARK "dark"       // a plane without light: all zero
#define AF_LABEL_FLAT "flat"   // the score hardly varies with z, or a plane has no contrast at all
#define AF_LABEL_NOISE "noise" // no line above the noise, or no minimum
#define AF_LABEL_EDGE "edge"   // the minimum lies at an end of the stack, or beyond
#define AF_LABEL_TWO_MINIMA "two-minima" // and nothing to choose by

/* The same in a few words, and what may help: "the minimum lies at an end of the stack, or ...". */
const char *af_label_reason(const char *quality);

struct af_label {
    const char *quality;     // one of the above
    double z0_um, z0_err_um; // zero defocus and its standard error; NaN unless ok
    struct af_parabola fit;  // of the score, where ok; NaN where chords found zero
    double from_um, to_um;   // lowest and highest z in the fit
    size_t nfit;             // planes in it
};

/*
 * z_um, scores: [n], in the order of z, rising or falling.
 *
 * 1. Minima of the fine measure that are a quarter of the curve deep, among planes
 *    whose line stands above the noise.
 * 2. AF_BASE, which is global, decides between several; its own smallest
 *    value alone would not do, since it wavers on real frames.
 * 3. A parabola on z0 +/- half_window, or further to the third plane on either side,
 *    re-centred until it moves less than 1 nm.
 * 4. Where that reaches further than 1.5 half windows, the planes are too far apart to show the
 *    bend at focus. A parabola through the V they do show errs by a tenth of their distance, the
 *    middle of the V's chords by a sixtieth: the mean over 0.05 to 0.3 of the depth of AF_BASE.
 *
 * Rather refuses than errs: the depth must exceed what a row of planes of white scores would show,
 * a tenth of the minimum (a line whose brightness drifts seems to change by less), and the
 * curvature five standard errors.
 *
 * Returns 0 with l filled, also where quality is not ok; -1 with AF_ESYS (memory).
 *
 * Source: Lightley et al., doi:10.1111/jmi.13020; the search and the refusals are ours.
 */
int af_label_find(const double *z_um, const struct af_scores *scores, size_t n,
                  const struct af_label_opts *o, struct af_label *l, struct af_err *err);

#endif
