/* SPDX-License-Identifier: BSD-2-Clause */
/* Weak labels: rules look at a stack, one by each focus measure, and vote on what is in focus. */
#ifndef AF_FOCUS_WEAKLABELS_H
#define AF_FOCUS_WEAKLABELS_H
#include "maps/maprun.h"
#include "maps/maskrun.h"

struct af_weaklabel_opts {
    unsigned measures;                 // 1 << enum af_sharp: a voice each
    const uint32_t *windows, *strides; // px
    size_t nwindows, nstrides;
    struct af_mask_opts rule;
    unsigned nthreads; // 0: one per processor
};

/* The smallest, px. */
size_t af_weaklabel_window(const struct af_weaklabel_opts *o);

/* What becomes of them. Each returns 0 to go on, or -1 with err. */
struct af_weaklabel_sink {
    int (*slice)(void *ctx, size_t i, const struct af_image *img, struct af_err *err);
    /* A voice on slice i: a mask of 0 and 255. After all slices, one measure after the other. */
    int (*voice)(void *ctx, size_t i, const struct af_image *mask, struct af_err *err);
    void *ctx;
};

/*
 * Read st once, and let each measure have its say. Scores are divided by the slice's mean
 * brightness and have its noise taken off (maps/maprun.h): what the rules are best at.
 * -1 as af_maprun() and af_maskrun_source(), or what the sink says.
 */
int af_weaklabel(struct af_stack *st, const struct af_weaklabel_opts *o,
                 const struct af_weaklabel_sink *sink, struct af_err *err);

#endif
