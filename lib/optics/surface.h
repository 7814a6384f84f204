/* SPDX-License-Identifier: BSD-2-Clause */
/* Height of the simulated plate's coverslip: tilt, bow, a step from well to well. */
#ifndef AF_OPTICS_SURFACE_H
#define AF_OPTICS_SURFACE_H
#include "optics/params.h"

/* 96 wells, A1 in the corner of small x and y; um, from the corner of the plate's foot.
 * Source: ANSI SLAS 1-2004 (foot) and 4-2004 (wells). */
#define AF_SIM_PLATE_X_UM 127760.0
#define AF_SIM_PLATE_Y_UM 85480.0
#define AF_SIM_A1_X_UM 14380.0
#define AF_SIM_A1_Y_UM 11240.0
#define AF_SIM_PITCH_UM 9000.0

/*
 * z of focus at a place of the plate, um: p->surface_um at the centre of A1, without the sample's
 * drift. A well's step holds over its square of one pitch; around the wells there is none.
 */
double af_sim_surface_um(const struct af_sim_params *p, double x_um, double y_um);

/* Slope there, um per um, steps left out: x in slope[0], y in slope[1]. */
void af_sim_surface_slope(const struct af_sim_params *p, double x_um, double y_um, double slope[2]);

#endif
