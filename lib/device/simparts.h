/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the simulated microscope share; nobody else includes this. */
#ifndef AF_DEVICE_SIMPARTS_H
#define AF_DEVICE_SIMPARTS_H
#include "device/simscope.h"
#include "device/simstate.h"
#include "optics/beads.h"
#include "optics/sensor.h"
#include "optics/spot.h"

/* A camera, made when it is first asked for a frame. */
struct af_simcamera {
    double generation; // of the parameters it is made of; 0: not yet
    struct af_sensor sensor;
    float *light; // [h][w] electrons
};

struct af_simscope {
    struct af_simstore store;
    struct af_alignment alignment;        // of the time below
    double aligned_s, aligned_generation; // generation 0: not yet
    struct af_simcamera camera[2];        // autofocus, imaging
    struct af_spot spot;
    struct af_beads beads;
};

/* All of these under the lock, at a time t that af_sim_now() gave. */
double af_sim_now(struct af_simstore *st);
double af_sim_true_um(struct af_simstore *st, enum af_simaxis a, double t);
bool af_sim_moving(struct af_simstore *st, enum af_simaxis a, double t);
double af_sim_focus_um(struct af_simscope *s, double t); // z of the coverslip here

/* Alignment at time t, one for every 10 s; borrowed until the next call. */
const struct af_alignment *af_sim_alignment(struct af_simscope *s, double t);

void af_sim_release_cameras(struct af_simscope *s);
int af_sim_sleep(double s, struct af_err *err); // of real time

#endif
