/* SPDX-License-Identifier: BSD-2-Clause */
/* --compare of the tools that make masks: a table of how each agrees with a true one. */
#ifndef AF_CLI_MASKMATCH_H
#define AF_CLI_MASKMATCH_H
#include "base/table.h"
#include "image/stack.h"
#include "maps/mask.h"

/* All-zero is the empty state. */
struct af_maskmatch {
    struct af_stack *truth;  // NULL: nothing is compared
    const char *path, *name; // of the truth, and of what is masked; borrowed
    struct af_image plane;
    struct af_mask_match all;
    struct af_table_out table;
};

/*
 * Open path, a mask for each plane of `of`, and begin the table on fp. of, path and fp are
 * borrowed. -1 with AF_EDATA (another number of planes, a stream), AF_ESYS.
 */
int af_maskmatch_open(struct af_maskmatch *m, const char *path, const struct af_stack *of, FILE *fp,
                      bool header, const struct af_stack_opts *so, struct af_err *err);
void af_maskmatch_release(struct af_maskmatch *m);

/* A row for the mask of plane i. -1 with AF_EDATA: other sizes. */
int af_maskmatch_plane(struct af_maskmatch *m, size_t i, const struct af_image *mask,
                       struct af_err *err);

/* The row for all planes together. */
void af_maskmatch_end(struct af_maskmatch *m);

#endif
