/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the simulated microscope share; nobody else includes this. */
#ifndef AF_DEVICE_SIMPARTS_H
#define AF_DEVICE_SIMPARTS_H
#include "device/simscope.h"
#include "device/simstate.h"

struct af_simscope {
    struct af_simstore store;
};

/* All of these under the lock, at a time t that af_sim_now() gave. */
double af_sim_now(struct af_simstore *st);
double af_sim_true_um(struct af_simstore *st, enum af_simaxis a, double t);
bool af_sim_moving(struct af_simstore *st, enum af_simaxis a, double t);
double af_sim_focus_um(const struct af_sim_params *p, const struct af_simstate *s, double t);

int af_sim_sleep(double s, struct af_err *err); // of real time

#endif
