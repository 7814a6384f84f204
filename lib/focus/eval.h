/* SPDX-License-Identifier: BSD-2-Clause */
/* How far predictions are off: over a range, along z, and against what they say of themselves. */
#ifndef AF_FOCUS_EVAL_H
#define AF_FOCUS_EVAL_H
#include "focus/evaltable.h"

/* Residual: predicted less true defocus, um. All numbers are of trusted frames. */
#define AF_EVAL_ALL_DAYS ((size_t)-1)

/* Which rows count: those of a day, |true_um| <= range_um. */
struct af_eval_part {
    size_t day;      // or AF_EVAL_ALL_DAYS
    double range_um; // > 0
    double bin_um;   // > 0: bin i holds the true_um nearest to i * bin_um
};

/* Frames of one bin of true defocus. */
struct af_eval_bin {
    double true_um; // middle of the bin
    size_t frames, trusted, stacks;
    double mean_um; // residual; NaN where no frame is trusted
    double sd_um;   // of the stacks' mean residuals; NaN for fewer than two
    double rmse_um;
};

/*
 * The bins that hold frames, in ascending order: the paper's figures 3 and 5. *bin is the caller's
 * to free. -1 with AF_ESYS, or AF_EUSAGE for more than AF_EVAL_MOST_BINS.
 */
int af_eval_bins(const struct af_evaltable *t, const struct af_eval_part *part,
                 struct af_eval_bin **bin, size_t *n, struct af_err *err);
#define AF_EVAL_MOST_BINS 1e6

/* Of all frames of a part; NaN where none is trusted. */
struct af_eval_error {
    size_t frames, trusted, stacks;
    double bias_um, sd_um, rmse_um;
    double p95_um;             // of |residual|: 95 % are smaller
    double worst_um, worst_at; // largest |mean residual| of a bin, and its true_um
    double within_1, within_2; // share with |residual| <= sigma_um, <= 2 sigma_um; ideally .683,
                               // .954
};
int af_eval_error(const struct af_evaltable *t, const struct af_eval_part *part,
                  struct af_eval_error *e, struct af_err *err);

/* Frames that promise alike: a tenth of those that know their sigma. */
struct af_eval_promise {
    size_t frames;
    double sigma_um, rmse_um; // r.m.s. of what is promised and of what came
    double within_1, within_2;
};
enum { AF_EVAL_PROMISES = 10 };
/* promise: [AF_EVAL_PROMISES], ascending sigma; *n: how many there are. -1 with AF_ESYS. */
int af_eval_promises(const struct af_evaltable *t, const struct af_eval_part *part,
                     struct af_eval_promise *promise, size_t *n, struct af_err *err);

/* Frames of one bin of true defocus and one of residual: figures 6 and 7. */
struct af_eval_cell {
    double true_um, residual_um; // middles
    size_t frames;
};
/* As af_eval_bins; by true_um, then residual. */
int af_eval_histogram(const struct af_evaltable *t, const struct af_eval_part *part,
                      double residual_bin_um, struct af_eval_cell **cell, size_t *n,
                      struct af_err *err);

/* Largest |true_um|; 0 without rows. */
double af_eval_reach(const struct af_evaltable *t);

#endif
