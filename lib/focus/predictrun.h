/* SPDX-License-Identifier: BSD-2-Clause */
/* Predict the planes of many stacks, or the frames of a stream as they come. */
#ifndef AF_FOCUS_PREDICTRUN_H
#define AF_FOCUS_PREDICTRUN_H
#include "focus/predict.h"
#include "image/stack.h"

struct af_predictrun_opts {
    struct af_stack_opts stack;
    unsigned nthreads; // 0: one per processor; none is started for up to AF_PREDICT_MOST frames
};

/* One frame, or a stack that cannot be read (any further). Pointers are borrowed until `each`
 * returns. */
struct af_predicted {
    size_t stack;     // how many of the stacks came before
    const char *file; // as the table of af-label calls it
    size_t plane;     // in that file
    double z_um;
    const struct af_prediction *prediction; // NULL with err
    struct af_err err;                      // AF_OK, or why the stack cannot be read
    bool last; // nothing follows at once: what is written should be seen now
};

/*
 * Predict all planes of npaths stacks (of one with stack.join) and hand each to `each`, in
 * order, on the calling thread. A stack that cannot be read is handed over with its err,
 * and the run goes on. Frames of files are read and predicted some at a time, those of a stream
 * (info.seekable false) one by one.
 *
 * `each` returns nonzero to stop. Returns 0, the nonzero of `each`, or -1 with AF_ESYS.
 */
int af_predictrun(const struct af_predictor *p, const char *const *paths, size_t npaths,
                  const struct af_predictrun_opts *o,
                  int (*each)(void *ctx, const struct af_predicted *frame), void *ctx,
                  struct af_err *err);

/*
 * The same for PGM frames from a file that may be a pipe and need never end: what is kept does
 * not grow. path: "-" is stdin.
 */
int af_predictrun_stream(const struct af_predictor *p, const char *path, size_t max_pixels,
                         int (*each)(void *ctx, const struct af_predicted *frame), void *ctx,
                         struct af_err *err);

#endif
