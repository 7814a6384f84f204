/* SPDX-License-Identifier: BSD-2-Clause */
/* What a trained U-Net tells of itself. */
#ifndef AF_FOCUS_UNETNOTES_H
#define AF_FOCUS_UNETNOTES_H
#include "focus/unetrun.h"

/*
 * Notes on data, teacher, split, training and validation. The same run gives the same notes, so
 * that no time is among them. -1 with AF_ESYS.
 */
int af_unetnotes(struct af_nn_notes *notes, const struct af_maskset *s,
                 const struct af_maskset_opts *from, const struct af_unetrun_opts *o,
                 const struct af_unetrun_result *result, struct af_err *err);

#endif
