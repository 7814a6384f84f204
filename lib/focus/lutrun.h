/* SPDX-License-Identifier: BSD-2-Clause */
/* Build the look-up table of labelled frames, and see how well it holds. */
#ifndef AF_FOCUS_LUTRUN_H
#define AF_FOCUS_LUTRUN_H
#include "focus/checkpoint.h"
#include "focus/dataset.h"
#include "focus/lut.h"

/*
 * lut:      out; release in any case
 * epoch:    out, the one there is: both losses, as those of a network; lr NaN
 * nthreads: 0: one per processor
 * stopped:  nonzero: end; NULL: never
 *
 * Returns 0; 1: stopped; -1 with AF_ESYS.
 */
int af_lutrun(const struct af_dataset *d, unsigned nthreads, int (*stopped)(void),
              struct af_lut *lut, struct af_epoch *epoch, struct af_err *err);

#endif
