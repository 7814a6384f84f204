/* SPDX-License-Identifier: BSD-2-Clause */
/* Predictions beside what is true, gathered from tables. */
#ifndef AF_FOCUS_EVALTABLE_H
#define AF_FOCUS_EVALTABLE_H
#include "base/err.h"
#include "focus/labeltable.h"
#include <stddef.h>
#include <stdio.h>

struct af_eval_row {
    double true_um;
    double defocus_um; // NaN: not trusted
    double sigma_um;   // NaN: unknown
    size_t day, stack; // indices into the table's names
};

/* All-zero is the empty state. */
struct af_evaltable {
    struct af_eval_row *row;
    size_t n;
    char **day;   // [ndays] in the order they come
    char **stack; // [nstacks]
    size_t ndays, nstacks;
    size_t unknown; // rows whose truth nobody knows; they are left out
    size_t row_room, day_room, stack_room;
};

/*
 * Add the rows of a table of af-predict: defocus_um, true_um; file, sigma_um, trust, day
 * where there are. What is not `ok` is not trusted. name: for messages.
 *
 * labels: sorted, or NULL; a frame found there has its truth and its day from there, and true_um
 *         need not be among the columns; but then file and plane must
 * day:    of rows that do not say; NULL: "NA"
 *
 * Choice: a file is a stack. -1 with AF_EDATA or AF_ESYS.
 */
int af_evaltable_read(struct af_evaltable *t, FILE *fp, const char *name,
                      const struct af_labeltable *labels, const char *day, struct af_err *err);
void af_evaltable_release(struct af_evaltable *t);

#endif
