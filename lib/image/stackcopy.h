/* SPDX-License-Identifier: BSD-2-Clause */
/* Copy a stack, one plane in memory, to OME-TIFF or to a stream of PGM frames. */
#ifndef AF_IMAGE_STACKCOPY_H
#define AF_IMAGE_STACKCOPY_H
#include "image/stack.h"

struct af_stack_copy {
    bool bigtiff;
    double pixel_um;                     // NaN: as the source says
    int (*step)(void *ctx, size_t done); // after each plane; nonzero stops: AF_ESYS "interrupted"
    void *step_ctx;
};

/*
 * Copy all planes from the next one on: pixels, z, x, y, exposure, time, date and pixel size. All
 * planes have the size and type of the first (AF_EDATA). "-" is stdout. The file at
 * `path` appears whole or not at all. AF_EUSAGE where a plane lies in path.part, which would be
 * begun anew: to rescue what a killed writer has left, move it away first.
 */
int af_stack_copy_ome(struct af_stack *st, const char *path, const struct af_stack_copy *o,
                      struct af_err *err);

/* The same as PGM; unsigned counts of at most 16 bits (AF_EDATA). A pipe gets each frame as it
 * comes. */
int af_stack_copy_pgm(struct af_stack *st, const char *path, const struct af_stack_copy *o,
                      struct af_err *err);

#endif
