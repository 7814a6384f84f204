/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a model has aged, from moves of the stage: each is a label that costs nothing. */
#ifndef AF_FOCUS_EVALAGEING_H
#define AF_FOCUS_EVALAGEING_H
#include "base/err.h"
#include <stddef.h>
#include <stdio.h>

/*
 * A move by a known way, with a prediction before and after. The change of defocus must
 * equal the way:
 *
 *   after - before = offset + slope * moved,   slope 1, offset 0
 *
 * A slope of another kind is a wrong scale; an offset shows where looks from one side of a
 * probe contradict those from the other; what scatters more about the line than it did, a curve
 * that breaks up. An error common to all defocus is not to be seen so; it takes what finds focus
 * without the model, a sweep and its label:
 *
 *   bias = defocus predicted - defocus labelled
 *
 * which may be anything that a day brings, and ages where it changes.
 */
struct af_eval_move {
    char *time;
    double moved_um, change_um;
    double sigma_um; // promised standard error of the change; NaN: unknown
    double bias_um;  // against a label; NaN: there is none, or another move has told it
};
/* All-zero is the empty state. */
struct af_eval_moves {
    struct af_eval_move *move;
    size_t n, room;
};

/*
 * Add a log of af-hold or af-focus, in order of time: columns moved_um, before_um, after_um; time,
 * sigma_um, bias_um where there are. Rows without a number are passed over. -1 with AF_EDATA or
 * AF_ESYS.
 */
int af_eval_moves_read(struct af_eval_moves *m, FILE *fp, const char *name, struct af_err *err);
void af_eval_moves_release(struct af_eval_moves *m);

/* How it is judged. */
struct af_eval_ageing {
    size_t window;            // moves that are judged together
    double tolerance_um;      // offset, and growth of the scatter, that are borne
    double tolerance_slope;   // |slope - 1| that is borne
    double tolerance_bias_um; // change of the bias that is borne
};
#define AF_EVAL_WINDOW 20
#define AF_EVAL_TOLERANCE_UM 0.1
#define AF_EVAL_TOLERANCE_SLOPE 0.1
#define AF_EVAL_TOLERANCE_BIAS_UM 0.05

enum af_eval_verdict { AF_EVAL_FRESH, AF_EVAL_STALE };
const char *af_eval_age_word(enum af_eval_verdict v); // "ok", "stale"

/* Up to and with a move: the fit through the `window` last ones. */
struct af_eval_age {
    const char *time; // borrowed from the moves; NULL: unknown
    size_t moves;
    double slope, slope_err; // NaN where all ways are the same
    double offset_um, offset_err_um;
    double scatter_um;           // about the line, standard deviation
    double bias_um, bias_err_um; // change since the log began; NaN: not known
    enum af_eval_verdict verdict;
};

/*
 * From the window-th move on, one for each. Stale: slope, offset or change of bias lies beyond
 * its tolerance by more than three standard errors. The errors of the line are the larger ones of
 * those from the residuals and from the promised sigma. The change of bias is the mean over the
 * last half window less that over the first, where both hold two; its error comes from the steps
 * between successive biases. Stale, too: a scatter that exceeds that of the first window by the
 * tolerance, for it makes those errors large. *age: the caller's to free. -1 with AF_ENOFOCUS
 * (fewer moves than the window) or AF_ESYS.
 */
int af_eval_ageing(const struct af_eval_moves *m, const struct af_eval_ageing *rule,
                   struct af_eval_age **age, size_t *n, struct af_err *err);

/* Time of the first of the stale ones at the end. */
const char *af_eval_stale_since(const struct af_eval_age *age, size_t n);

#endif
