/* SPDX-License-Identifier: BSD-2-Clause */
/* Label many stacks, several at a time. */
#ifndef AF_FOCUS_LABELRUN_H
#define AF_FOCUS_LABELRUN_H
#include "focus/label.h"
#include "image/stack.h"

/* Axis along which the profile runs. Both: y labels, x is reported too. */
enum af_axis { AF_AXIS_Y, AF_AXIS_X, AF_AXIS_BOTH };

struct af_labelrun_opts {
    struct af_stack_opts stack; // its warn and warn_ctx are not used: see `warnings` below
    struct af_label_opts label;
    enum af_axis axis;
    size_t window, order; // Savitzky-Golay, px
    unsigned nthreads;    // 0: one per processor
};

/* One stack. Pointers are borrowed until `each` returns. */
struct af_labelled {
    const char *name;             // its path; of a stack of joined files the first
    const struct af_stack *stack; // open, for what its planes are called; NULL with err
    size_t n;                     // planes
    const double *z_um;           // [n], in the order of the file
    const struct af_scores *scores, *scores_x; // [n]; scores_x: of the x axis, NULL unless both
    struct af_label label, label_x;            // label_x: only with both
    char day[11];                              // of acquisition, "2026-11-21"; empty: unknown
    const char *warnings; // what is odd but readable, a line each; "" for nothing
    struct af_err err;    // AF_OK, or why the stack could not be read: then n is 0
};

/*
 * Label npaths stacks (one stack with stack.join) and hand each to `each`, in the order
 * of the paths, on the calling thread. A stack that cannot be read is handed over
 * with its err, and the run goes on. Memory: one plane per thread, and 100
 * bytes for each plane of the stacks under way.
 *
 * `each` returns nonzero to stop. Returns 0, the nonzero of `each`, or -1 with AF_ESYS.
 */
int af_labelrun(const char *const *paths, size_t npaths, const struct af_labelrun_opts *o,
                int (*each)(void *ctx, size_t i, const struct af_labelled *stack), void *ctx,
                struct af_err *err);

#endif
