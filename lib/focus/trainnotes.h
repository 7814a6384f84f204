/* SPDX-License-Identifier: BSD-2-Clause */
/* What a trained model tells of itself: what made it, and which frames it can be trusted with. */
#ifndef AF_FOCUS_TRAINNOTES_H
#define AF_FOCUS_TRAINNOTES_H
#include "focus/estimator.h"
#include "focus/trainrun.h"

/*
 * Notes on data, days, split, version and validation error. The same run gives the same notes, so
 * that no time is among them. -1 with AF_ESYS.
 */
int af_trainnotes_data(struct af_nn_notes *notes, const struct af_dataset *d,
                       const struct af_dataset_opts *from, const struct af_trainrun_result *result,
                       struct af_err *err);

/* The same on how a network was trained: seed, epoch, rates, threads, kernels. */
int af_trainnotes_network(struct af_nn_notes *notes, const struct af_trainrun_opts *o,
                          const struct af_trainrun_result *result, struct af_err *err);

/*
 * Learn from the images that validate how far a model can be trusted (focus/trust.h), and put it
 * into its notes. -1 with AF_ENOFOCUS: there are too few, the model stays without; AF_ESYS.
 */
int af_trainnotes_calibrate(struct af_nn_about *about, const struct af_estimator *e,
                            const struct af_dataset *d, struct af_err *err);

#endif
