/* SPDX-License-Identifier: BSD-2-Clause */
/* What a prediction table asks the stage to do: one correction, or none. */
#ifndef AF_FOCUS_CORRECTION_H
#define AF_FOCUS_CORRECTION_H
#include "base/err.h"
#include <stdio.h>

struct af_correction {
    double defocus_um; // median of the rows
    double z_um;       // where the frames were taken; NaN: not said
};

/*
 * Read a table of predictions (aftools-formats(5)) to its end.
 *
 * name: of fp, for messages
 * c:    out; untouched on failure
 *
 * Returns 0, or -1 with AF_ELIMIT (no row, one whose trust is not "ok" or whose defocus is no
 * number, frames taken more than 1 um apart), AF_EDATA (no such table), AF_ESYS.
 * Choice: several rows are several looks at one focus: all must be ok, and their median counts.
 */
int af_correction_read(struct af_correction *c, FILE *fp, const char *name, struct af_err *err);

#endif
