/* SPDX-License-Identifier: BSD-2-Clause */
/* What no estimator can beat: the Cramer-Rao bound of the simulated microscope. */
#ifndef AF_FOCUS_EVALLIMIT_H
#define AF_FOCUS_EVALLIMIT_H
#include "focus/eval.h"

enum af_eval_knowing {
    AF_EVAL_KNOWN,   // whole frame, the alignment is known
    AF_EVAL_UNKNOWN, // the network's 96x96 pixels, alignment unknown within its days, power unknown
    AF_EVAL_KNOWINGS
};

/*
 * Smallest standard error of defocus from one frame, at defocus from -reach_um to +reach_um. With m
 * the expected electrons of a pixel and v = m + read noise^2 their variance,
 *
 *   F_ab = sum over pixels dm/da dm/db / v,   a, b: defocus, and what drifts
 *   bound = (F_zz - F_za (F_aa + P)^-1 F_az)^-1/2
 *
 * P: 1 / variance of each number of the alignment over days. Where a full well is filled a pixel
 * tells nothing. All-zero is the empty state.
 * Choice: derivatives are central differences; the mean alignment stands for all. Defocus is that
 * of the autofocus light, as labels have it: when the imaging focus walks away from it, no picture
 * of this light can tell.
 */
struct af_eval_limit {
    double reach_um;
    double *sd_um[AF_EVAL_KNOWINGS]; // [AF_EVAL_NODES] evenly from -reach_um to reach_um
};
enum { AF_EVAL_NODES = 17 };

/* options: of a simulated microscope, "preset=paper&..." (optics/params.h); takes some 10 s of a
 * processor. -1 with AF_EUSAGE (options) or AF_ESYS. */
int af_eval_limit(struct af_eval_limit *l, const char *options, double reach_um,
                  struct af_err *err);
void af_eval_limit_release(struct af_eval_limit *l);

/* Between the nodes it is a straight line, beyond the ends NaN. */
double af_eval_limit_at(const struct af_eval_limit *l, enum af_eval_knowing k, double true_um);

/* r.m.s. of the bound over the trusted frames of a part. */
double af_eval_limit_rms(const struct af_eval_limit *l, enum af_eval_knowing k,
                         const struct af_evaltable *t, const struct af_eval_part *part);

#endif
