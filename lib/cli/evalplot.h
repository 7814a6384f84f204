/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures of an evaluation: the paper's figures 3, 5, 6 and 7, and how a model ages. */
#ifndef AF_CLI_EVALPLOT_H
#define AF_CLI_EVALPLOT_H
#include "cli/plot.h"
#include "focus/evalageing.h"
#include "focus/evallimit.h"

enum af_evalplot_kind {
    AF_EVALPLOT_DAYS,      // predicted against true defocus, a colour a day
    AF_EVALPLOT_Z,         // mean residual along z, bars of its deviation over stacks
    AF_EVALPLOT_HISTOGRAM, // residual against true defocus, dots as large as frames are many
    AF_EVALPLOT_SIGMA,     // r.m.s. residual against promised sigma
};

struct af_evalplot_opts {
    double range_um, bin_um, residual_bin_um;
    double depth_um;                   // of field: a band around 0
    const struct af_eval_limit *limit; // drawn with AF_EVALPLOT_Z; NULL: none
};

/* All-zero is the empty state. */
struct af_evalplot {
    struct af_plot plot;
};

/* As af_plot_open. */
int af_evalplot_open(struct af_evalplot *p, const char *path, struct af_err *err);
void af_evalplot_discard(struct af_evalplot *p);

/* As af_plot_commit; p is empty after. */
int af_evalplot_draw(struct af_evalplot *p, enum af_evalplot_kind kind,
                     const struct af_evaltable *t, const struct af_evalplot_opts *o,
                     struct af_err *err);

/* Slope and offset over the moves, with their errors and tolerances. */
int af_evalplot_ageing(struct af_evalplot *p, const struct af_eval_age *age, size_t n,
                       const struct af_eval_ageing *rule, struct af_err *err);

#endif
