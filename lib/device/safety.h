/* SPDX-License-Identifier: BSD-2-Clause */
/* May this axis move there? The rules of stage.h as one function, without a device. */
#ifndef AF_DEVICE_SAFETY_H
#define AF_DEVICE_SAFETY_H
#include "device/instrument.h"

/* One or two legs: the second takes up the backlash from below, away from the sample. */
struct af_legs {
    int n;
    double um[2]; // where each ends; the last is the target
};

/*
 * axis:      for messages, and since z has its own cap towards the sample
 * a:         limits of the axis
 * origin_um: where the run of the tool found it
 * from_um:   where it stands, as just read
 * target_um: where it shall go
 *
 * Returns 0 and the legs; or -1 with AF_ELIMIT and the rule that forbids it. Nothing is ever
 * clipped. A limit is reached, not passed: equal is allowed.
 */
int af_safety_check(const char *stage, enum af_axis axis, const struct af_axis_conf *a,
                    double origin_um, double from_um, double target_um, struct af_legs *legs,
                    struct af_err *err);

#endif
