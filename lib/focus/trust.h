/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a prediction can be trusted, and how far: learnt from frames whose defocus is known. */
#ifndef AF_FOCUS_TRUST_H
#define AF_FOCUS_TRUST_H
#include "focus/frame.h"
#include "nn/notes.h"

/* One frame and what the network said of it; pointers are borrowed. */
struct af_trust_frame {
    double defocus_um;                  // as predicted
    const struct af_frame_facts *facts; // of the frame as it came
    const float *input;                 // [96][96], what af_frame_reduce() made of it
    const float *feature;               // [nfeature], what entered the dense layer
};

/* ---- after training: new, add each validation frame, finish, write, free ---- */

struct af_trust_fit; // opaque; some 900 bytes a frame

/* nfeature: cfeature of the network. -1 with AF_ESYS. */
int af_trust_fit_new(struct af_trust_fit **fit, size_t nfeature, struct af_err *err);
void af_trust_fit_free(struct af_trust_fit *fit); // accepts NULL

/*
 * A frame that took no part in training. true_um: its defocus; day: any number that frames of
 * one day share, so that what changes from day to day is known. -1 with AF_ESYS.
 */
int af_trust_fit_add(struct af_trust_fit *fit, const struct af_trust_frame *frame, double true_um,
                     unsigned day, struct af_err *err);

enum {
    AF_TRUST_KNOTS = 24,  // along the predicted defocus
    AF_TRUST_DIMS = 48,   // of the signature of a frame
    AF_TRUST_CELLS = 144, // 12x12, of the small picture
    AF_TRUST_MIN = 64,    // frames needed
};

/*
 * What is kept in the model. All-zero: nothing is known, all frames with a picture are trusted.
 *
 * sigma: 2/3 of the 68.3 % quantile of |residual| among the frames around a knot, and 1/3 of half
 *   the 95.4 % quantile: one number for both, should the tails not be those of a normal error.
 *
 * distance: of a frame's signature s from the usual one at its predicted defocus y,
 *   d = |W (s - c(y))| / sqrt(DIMS), about 1 for a frame like those of the validation.
 *
 * likeness: of a frame's small picture x to the usual one at y, both less their mean,
 *   l = x p(y) / p(y) p(y), 1 for a frame like those of the validation, 0 for one without a spot,
 *   whose noise and stray light a network takes for a spot far away, and the distance too.
 *
 * Sigma holds for days as those that validate. In trials on simulated lines, days that neither
 * trained nor validated had 68 % and 96 % of their errors within one and two sigma where the days
 * of the validation took no part in training, and 47 % and 79 % where they did. Neither distance
 * nor place on the knots told those larger errors from others.
 *
 * Choice: all of it; the paper has no trust. A signature is 24 sketches of the picture in 12x12
 * and 24 of the roots of the features: sums with random signs. In trials on simulated lines the
 * features alone let half of the frames with two spots pass, since the network looks away from
 * what does not help it; the picture alone let none, and refused no frame of a new day. The limit
 * comes from days left out of the fit in turn; of one day alone, whose drift nobody knows, it
 * is ten times what that day shows, where simulated new days lay at 4 to 14 times and garbage
 * from 16 on. The least likeness is that of days left out less 0.2, of one day alone less 0.6: at
 * +/-50 to 110 um unseen days had 0.78 and more, the laser off or no coverslip, with stray light,
 * 0.49 and less. Near focus, where a line walks from cell to cell, it forbids little.
 */
struct af_trust {
    bool known;
    double from_um, to_um;              // defocus the network was trained on
    double min_contrast, max_saturated; // limits: max - min, counts; share at full scale
    double min_sum, max_sum;            // limits, counts
    size_t nknots;
    double at_um[AF_TRUST_KNOTS], sigma_um[AF_TRUST_KNOTS]; // at_um ascends
    double centre[AF_TRUST_KNOTS][AF_TRUST_DIMS];           // c at the knots
    double whiten[AF_TRUST_DIMS][AF_TRUST_DIMS];            // W, lower triangle
    double limit;                                           // of d
    bool pictured; // what follows is known; models before it was thought of do without
    double picture[AF_TRUST_KNOTS][AF_TRUST_CELLS];
    double floor[AF_TRUST_KNOTS]; // of l
};

/*
 * from_um, to_um: the range of the labels the network was trained on. trust: out. -1 with
 * AF_ENOFOCUS (fewer than AF_TRUST_MIN frames: the model is then written without) or AF_ESYS.
 */
int af_trust_fit_finish(struct af_trust_fit *fit, double from_um, double to_um,
                        struct af_trust *trust, struct af_err *err);

/* Into the notes of a model, keys `trust_...`. -1 with AF_ESYS. */
int af_trust_write(const struct af_trust *trust, struct af_nn_notes *notes, struct af_err *err);

/* ---- predicting ---- */

/* From the notes; a model without any gives the empty state. -1 with AF_EDATA: damaged notes. */
int af_trust_read(struct af_trust *trust, const struct af_nn_notes *notes, struct af_err *err);

enum af_trust_reason {
    AF_TRUST_OK,
    AF_TRUST_DARK,       // less light than ever in the validation, or black
    AF_TRUST_BRIGHT,     // more light
    AF_TRUST_SATURATED,  // more of it at full scale
    AF_TRUST_FLAT,       // the same count all over
    AF_TRUST_RANGE,      // predicted beyond what was trained
    AF_TRUST_UNFAMILIAR, // looks like no frame of the validation
    AF_TRUST_UNUSABLE,   // never from af_trust_judge(): no input could be made of the frame
    AF_TRUST_NREASONS
};
const char *af_trust_word(enum af_trust_reason r); // "ok", "dark", "bright", ...

/*
 * AF_TRUST_OK or the first reason that holds, in the order saturated, dark, flat, bright, range,
 * unfamiliar. sigma_um: out, standard error of the prediction; NaN where unknown or not ok.
 */
enum af_trust_reason af_trust_judge(const struct af_trust *trust,
                                    const struct af_trust_frame *frame, size_t nfeature,
                                    double *sigma_um);

#endif
