/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A day: many stacks into one folder, by a plan that is kept there, so that a run that was
 * interrupted or killed goes on where it was.
 */
#ifndef AF_DEVICE_DAY_H
#define AF_DEVICE_DAY_H
#include "device/zstack.h"

/* What is wanted. */
struct af_day_wish {
    size_t count;
    struct af_zstack z; // of a stack without its offset
    double offset_um;   // each stack begins somewhere within +/- this of where it would
    double
        lateral_um; // ... and at an x and y within +/- this of where the stage stands; 0: not moved
    uint64_t seed;  // of both
};

/* One stack of the plan. */
struct af_day_stack {
    char *file; // in the folder
    double from_um;
    double x_um, y_um; // NaN: not moved
};

/* All-zero is the empty state. */
struct af_day {
    const char *dir; // borrowed
    size_t count;
    struct af_day_stack *stack; // [count]
    double step_um;
    size_t nplanes;
    double start_um, start_x_um,
        start_y_um; // where the stage stood, and returns to; x, y may be NaN
};

/*
 * The plan of `dir`, which is made if it is not there: dir/plan.tsv, or where there is none a new
 * one, written there. start_um: [x, y, z] where the stage stands, NaN for an axis it has not.
 * Release in any case. AF_EUSAGE: the plan that is there is for other stacks; AF_EDATA: it is
 * damaged.
 */
int af_day_plan(struct af_day *d, const char *dir, const struct af_day_wish *wish,
                const double start_um[3], struct af_err *err);
void af_day_release(struct af_day *d);

/* Path of stack i, in fresh memory. */
char *af_day_path(const struct af_day *d, size_t i, struct af_err *err);

/* Is stack i there and whole? 1, 0, or -1 with AF_ESYS. One that is damaged is not there. */
int af_day_has(const struct af_day *d, size_t i, struct af_err *err);

/*
 * Is there room in `dir` for n stacks of nplanes planes of `bytes`? AF_ESYS: "DIR: 12.3 GB are
 * needed, 4.0 GB are free".
 */
int af_day_check_room(const char *dir, size_t n, size_t nplanes, double bytes, struct af_err *err);

#endif
