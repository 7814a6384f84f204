/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/surface.h"

#include "base/random.h"
#include <math.h>

enum { COLUMNS = 12, ROWS = 8 };

static double square(double v)
{
    return v * v;
}

/* Tilt and bow; the bow is a paraboloid, 0 in the corners of the foot. */
static double smooth(const struct af_sim_params *p, double x, double y)
{
    double cx = AF_SIM_PLATE_X_UM / 2, cy = AF_SIM_PLATE_Y_UM / 2;
    double r2 = (square(x - cx) + square(y - cy)) / (cx * cx + cy * cy);

    return 1e-3 * (p->tilt_x_mrad * x + p->tilt_y_mrad * y) + p->bow_um * (1 - r2);
}

static double step(const struct af_sim_params *p, double x, double y)
{
    double column = floor((x - AF_SIM_A1_X_UM) / AF_SIM_PITCH_UM + 0.5);
    double row = floor((y - AF_SIM_A1_Y_UM) / AF_SIM_PITCH_UM + 0.5);
    struct af_random r;

    if (!(column >= 0 && column < COLUMNS && row >= 0 && row < ROWS) || (column == 0 && row == 0))
        return 0;
    af_random_init(&r, (uint64_t)p->seed, "well");
    for (int skip = (int)(row * COLUMNS + column); skip > 0; skip--)
        af_random_normal(&r);
    return p->well_step_um * af_random_normal(&r);
}

double af_sim_surface_um(const struct af_sim_params *p, double x_um, double y_um)
{
    return p->surface_um + smooth(p, x_um, y_um) - smooth(p, AF_SIM_A1_X_UM, AF_SIM_A1_Y_UM) +
           step(p, x_um, y_um);
}

void af_sim_surface_slope(const struct af_sim_params *p, double x_um, double y_um, double slope[2])
{
    double cx = AF_SIM_PLATE_X_UM / 2, cy = AF_SIM_PLATE_Y_UM / 2;
    double bend = -2 * p->bow_um / (cx * cx + cy * cy);

    slope[0] = 1e-3 * p->tilt_x_mrad + bend * (x_um - cx);
    slope[1] = 1e-3 * p->tilt_y_mrad + bend * (y_um - cy);
}
