/* SPDX-License-Identifier: BSD-2-Clause */
/* Position of a simulated axis as a function of time. */
#ifndef AF_DEVICE_SIMMOTION_H
#define AF_DEVICE_SIMMOTION_H
#include <stdbool.h>

/*
 * A motion: brake from the speed it began with, then go to the target and stop, at constant
 * acceleration up to a constant speed. Lengths in um, times in s. At rest where the speed
 * is 0 and the target is where it stands.
 */
struct af_simmotion {
    double start_s, from_um, speed0_um_s;      // what it began with
    double target_um, speed_um_s, accel_um_s2; // both > 0
};

/* Where it is, how fast, and whether it still moves at time t_s >= start_s. */
struct af_simmotion_at {
    double um, um_s;
    bool moving;
};
struct af_simmotion_at af_simmotion_at(const struct af_simmotion *m, double t_s);

double
af_simmotion_turn_um(const struct af_simmotion *m); // where it has braked, from there to target
double af_simmotion_brake_s(const struct af_simmotion *m);  // and how long after its start
double af_simmotion_length_s(const struct af_simmotion *m); // from start to rest

#endif
