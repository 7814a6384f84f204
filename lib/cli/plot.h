/* SPDX-License-Identifier: BSD-2-Clause */
/* Plots through gnuplot, a program that is needed only when a plot is asked for. */
#ifndef AF_CLI_PLOT_H
#define AF_CLI_PLOT_H
#include "base/err.h"
#include <stdbool.h>
#include <stdio.h>

/*
 * A plot being written. The caller puts a gnuplot script into `script`, data included (`$name <<
 * EOD`); the terminal is set by open, in fonts and colours of ours: `set output` and `set
 * terminal` have no place there. All-zero is the empty state.
 */
struct af_plot {
    FILE *script;     // write here; borrowed
    const char *path; // borrowed
    bool svg;
};

/* Line colours, dark on white and apart for the colour-blind, in the order they are taken. */
extern const char *const af_plot_colors[];
enum { AF_PLOT_NCOLORS = 8 };

/*
 * path: ends in .png or .svg. w, h: px. Returns 0, or -1 with AF_EUSAGE (another
 * suffix) or AF_ESYS and p empty.
 */
int af_plot_open(struct af_plot *p, const char *path, int w, int h, struct af_err *err);

/*
 * Run gnuplot and give the picture its name; it appears whole or not at all. p is empty after.
 * Returns 0, or -1 with AF_ESYS: gnuplot is not installed, or failed (its first line
 * is in err), or the file cannot be written.
 * Choice: script and picture pass through nameless temporary files, not pipes: a
 * gnuplot that ends early would kill a writer by SIGPIPE, and it does not
 * tell of a full disk, which the missing end of the picture does.
 */
int af_plot_commit(struct af_plot *p, struct af_err *err);
void af_plot_discard(struct af_plot *p); // accepts the empty state

/* Text in single quotes, as gnuplot reads it, without enhanced text: for names of files. */
void af_plot_quote(FILE *script, const char *text);

#endif
