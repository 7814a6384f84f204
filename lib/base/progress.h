/* SPDX-License-Identifier: BSD-2-Clause */
/* Progress: a bar with rate and time left on a terminal, a line per item in a log. */
#ifndef AF_BASE_PROGRESS_H
#define AF_BASE_PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * On a terminal (TERM not "dumb") the bar is redrawn in place at most ten times
 * a second and wiped at the end. Elsewhere each item gets a line
 * `prog: 3/100 run3.ome.tif` (without items: one every 30 s), and the end one with
 * the rate; nothing at all where total is 1.
 */
struct af_progress {
    FILE *fp;          // NULL: silent
    const char *prog;  // borrowed
    const char *unit;  // "stacks", "images": for the rate; borrowed
    size_t total;      // 0: unknown
    size_t done;
    bool terminal;
    double start_s, drawn_s; // monotonic clock
};

void af_progress_begin(struct af_progress *p, FILE *fp, const char *prog, const char *unit,
                       size_t total);
void af_progress_step(struct af_progress *p, size_t done, const char *item); // item may be NULL
void af_progress_end(struct af_progress *p);

/* Wipe the bar so that another line can be written; the next step draws it again. */
void af_progress_wipe(struct af_progress *p);

/* Monotonic clock, s. */
double af_now_s(void);

#endif
