/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tools that train tell while they do: log table, plot of it, progress, warnings. */
#ifndef AF_CLI_TRAINLOG_H
#define AF_CLI_TRAINLOG_H
#include "base/progress.h"
#include "base/table.h"
#include "cli/plot.h"
#include "focus/schedule.h"

/* All-zero, with prog, things and quiet set, is the empty state. */
struct af_trainlog {
    const char *prog;   // of the messages
    const char *things; // that are read before: "files"
    bool quiet;
    FILE *out;
    const char *figure, *rate; // names of columns
    bool header;
    struct af_table_out table; // begun by its first row: what failed before has none
    struct af_plot plot; // its script has $log: epoch, training and validation loss, figure
    struct af_progress progress;
};

/*
 * Open the plot, if one is wanted; the table goes to out. `figure` and `rate` are the names of its
 * columns for af_epoch.val_figure and images_per_s. All three are borrowed until release.
 * -1 with AF_ESYS, AF_EUSAGE.
 */
int af_trainlog_open(struct af_trainlog *l, const char *plot, FILE *out, const char *figure,
                     const char *rate, bool header, struct af_err *err);
void af_trainlog_release(struct af_trainlog *l); // a plot that is not committed is dropped

/* Callbacks; ctx is the log. */
void af_trainlog_warn(void *ctx, const char *text);
void af_trainlog_read(void *ctx, size_t done, size_t total, const char *file);
void af_trainlog_progress(void *ctx, size_t done, size_t total);
void af_trainlog_epoch(void *ctx, const struct af_epoch *e);

/* Whether a file can be written, before the hours are spent. */
int af_trainlog_probe(const char *path, struct af_err *err);

/*
 * What the end of a training means: says that it was stopped, or removes a checkpoint that was
 * not asked for. -1 with AF_ENOFOCUS where the loss was no number any more.
 */
int af_trainlog_conclude(const struct af_trainlog *l, enum af_trainrun_end end, size_t epochs,
                         size_t best_epoch, const char *checkpoint, bool asked_for,
                         struct af_err *err);

#endif
