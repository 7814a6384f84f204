/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in focus: score maps in, a mask for each slice out. */
#ifndef AF_MAPS_MASKRUN_H
#define AF_MAPS_MASKRUN_H
#include "maps/mapfile.h"

/* In the order of AF_MASK_RULES. */
enum af_mask_rule {
    AF_MASK_FIT,   // |height - slice| <= tolerance where the height is known (maps/height.h)
    AF_MASK_PEAK,  // |depth - slice| <= tolerance where the largest score > Otsu of all largest
    AF_MASK_REF,   // score > Otsu of the reference slice's scores: as published
    AF_MASK_STACK, // score > Otsu of all scores
    AF_MASK_SLICE, // score > Otsu of the slice's own scores
};
#define AF_MASK_RULES "fit|peak|ref|stack|slice"

/*
 * Choice: the default is `fit`. A threshold on scores asks where there is contrast, and the answer
 * follows the object's; `peak` asks where each place is sharpest, but place by place, and takes
 * those of little contrast off even where they are clearly sharp; `fit` lets neighbours help and
 * asks for a standard error instead of a contrast.
 *
 * Choice: tolerance 1, so that the two slices on both sides of the focus are in the mask and masks
 * of neighbouring slices overlap by half, as those of a threshold do.
 */
struct af_mask_opts {
    enum af_mask_rule rule;
    double tolerance; // slices
    double most_err;  // slices: `fit` takes what is known better
    int64_t ref;      // slice; -1: the last
    bool fixed;       // `ref` takes `threshold`, of a reference elsewhere
    double threshold;
    bool least;   // focus is where scores are smallest
    size_t fill;  // px: holes up to that are filled
    size_t sweep; // px: parts smaller than that go
};

/* Where maps come from. */
struct af_mask_source {
    const char *name; // for messages
    size_t nplanes;
    struct af_mapfile_geometry g;
    /* Map i: out[(g.h - 1) / g.cell + 1][(g.w - 1) / g.cell + 1]. 0, or -1 with err. */
    int (*read)(void *ctx, size_t i, float *out, struct af_err *err);
    void *ctx;
};

/*
 * Make the masks of a stack of maps, one plane of 0 and 255 for each map, w x h px of the slices;
 * put() gets each and returns 0 to go on or -1 with err. Maps are read twice.
 *
 * -1 with AF_EDATA (no maps), AF_ESYS; AF_EUSAGE: no such slice.
 */
int af_maskrun_source(const struct af_mask_source *maps, const struct af_mask_opts *o,
                      int (*put)(void *ctx, size_t i, const struct af_image *mask,
                                 struct af_err *err),
                      void *ctx, struct af_err *err);

/* The same of maps in a file (maps/mapfile.h); AF_EUSAGE also: a stream, several channels. */
int af_maskrun(struct af_stack *maps, const struct af_mask_opts *o,
               int (*put)(void *ctx, size_t i, const struct af_image *mask, struct af_err *err),
               void *ctx, struct af_err *err);

#endif
