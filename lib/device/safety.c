/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/safety.h"

#include <math.h>

/* Of a sum of decimal numbers: 0.1 + 0.2 is not outside 0.3. */
#define ROUNDING_UM 1e-6

static int check_leg(const char *stage, const char *name, enum af_axis axis,
                     const struct af_axis_conf *a, double from, double to, struct af_err *err)
{
    double cap = a->max_step_um;
    const char *rule = "max_step";

    if (axis == AF_Z && to > from && !isnan(a->max_toward_um)) {
        cap = a->max_toward_um;
        rule = "max_step_towards_sample";
    }
    if (!(fabs(to - from) <= cap + ROUNDING_UM))
        return af_fail(err, AF_ELIMIT, "%s: %s from %.9g to %.9g um is longer than %s, %.9g um",
                       stage, name, from, to, rule, cap);
    return 0;
}

int af_safety_check(const char *stage, enum af_axis axis, const struct af_axis_conf *a,
                    double origin_um, double from_um, double target_um, struct af_legs *legs,
                    struct af_err *err)
{
    const char *name = af_axis_name(axis);
    struct af_legs l = {.n = 1, .um = {target_um, 0}};

    if (!isfinite(target_um) || !isfinite(from_um) || !isfinite(origin_um))
        return af_fail(err, AF_ELIMIT, "%s: %s: %s is not a number", stage, name,
                       isfinite(target_um) ? "the position" : "the target");
    if (!af_axis_has_limits(a))
        return af_fail(
            err, AF_ELIMIT,
            "%s: %s has no limits: give min, max, max_step and max_travel in [%s] of the "
            "instrument file",
            stage, name, name);
    if (a->backlash_um > 0 && target_um < from_um + a->backlash_um && target_um != from_um)
        l = (struct af_legs){.n = 2, .um = {target_um - a->backlash_um, target_um}};
    for (int i = 0; i < l.n; i++) {
        if (!(l.um[i] >= a->min_um - ROUNDING_UM && l.um[i] <= a->max_um + ROUNDING_UM))
            return af_fail(err, AF_ELIMIT,
                           "%s: %s %.9g um%s is outside its limits, %.9g to %.9g um", stage, name,
                           target_um, l.n > 1 && i == 0 ? " less the backlash" : "", a->min_um,
                           a->max_um);
        if (check_leg(stage, name, axis, a, i ? l.um[i - 1] : from_um, l.um[i], err))
            return -1;
        if (!(fabs(l.um[i] - origin_um) <= a->max_travel_um + ROUNDING_UM))
            return af_fail(err, AF_ELIMIT,
                           "%s: %s %.9g um is further than max_travel, %.9g um, from where it was "
                           "found, %.9g um",
                           stage, name, l.um[i], a->max_travel_um, origin_um);
    }
    *legs = l;
    return 0;
}
