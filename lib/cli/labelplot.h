/* SPDX-License-Identifier: BSD-2-Clause */
/* A picture of labelled stacks: their scores over z, and the fits at zero defocus. */
#ifndef AF_CLI_LABELPLOT_H
#define AF_CLI_LABELPLOT_H
#include "cli/plot.h"
#include "focus/labelrun.h"

/* All-zero is the empty state. */
struct af_labelplot {
    struct af_plot plot;
    enum af_measure measure;
    struct af_labelplot_entry *entry; // one for each stack
    size_t n, room;
};

/* Panels above each other: the fine score over z, with one stack also the coarse one; and near
 * zero, with fits. */
int af_labelplot_open(struct af_labelplot *p, const char *path, enum af_measure measure,
                      struct af_err *err);

/* Add a stack that could be read. -1 with AF_ESYS. */
int af_labelplot_add(struct af_labelplot *p, const struct af_labelled *s, struct af_err *err);

/* As af_plot_commit; AF_EDATA where nothing was added. p is empty after. */
int af_labelplot_commit(struct af_labelplot *p, struct af_err *err);
void af_labelplot_discard(struct af_labelplot *p);

#endif
