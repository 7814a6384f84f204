/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/simmotion.h"

#include <math.h>

double af_simmotion_brake_s(const struct af_simmotion *m)
{
    return fabs(m->speed0_um_s) / m->accel_um_s2;
}

double af_simmotion_turn_um(const struct af_simmotion *m)
{
    return m->from_um + m->speed0_um_s * fabs(m->speed0_um_s) / (2 * m->accel_um_s2);
}

/* Highest speed on the way from rest to rest over d: the trapezoid's, or the triangle's. */
static double peak_speed(const struct af_simmotion *m, double d)
{
    return fmin(m->speed_um_s, sqrt(d * m->accel_um_s2));
}

/* From rest to rest over d; 0 for d = 0. */
static double travel_s(const struct af_simmotion *m, double d)
{
    double peak = peak_speed(m, d);

    return peak > 0 ? d / peak + peak / m->accel_um_s2 : 0;
}

double af_simmotion_length_s(const struct af_simmotion *m)
{
    return af_simmotion_brake_s(m) + travel_s(m, fabs(m->target_um - af_simmotion_turn_um(m)));
}

struct af_simmotion_at af_simmotion_at(const struct af_simmotion *m, double t_s)
{
    double t = t_s - m->start_s, a = m->accel_um_s2, braked = af_simmotion_brake_s(m);
    double turn = af_simmotion_turn_um(m), d = fabs(m->target_um - turn);
    double side = m->target_um > turn ? 1 : -1, length = travel_s(m, d), peak = peak_speed(m, d);

    if (t < braked) {
        double brake = m->speed0_um_s > 0 ? -a : a;
        return (struct af_simmotion_at){m->from_um + m->speed0_um_s * t + brake * t * t / 2,
                                        m->speed0_um_s + brake * t, true};
    }
    t -= braked;
    if (t >= length)
        return (struct af_simmotion_at){m->target_um, 0, false};
    if (t < peak / a)
        return (struct af_simmotion_at){turn + side * a * t * t / 2, side * a * t, true};
    double left = length - t;
    if (left < peak / a)
        return (struct af_simmotion_at){m->target_um - side * a * left * left / 2, side * a * left,
                                        true};
    return (struct af_simmotion_at){turn + side * (peak * t - peak * peak / (2 * a)), side * peak,
                                    true};
}
