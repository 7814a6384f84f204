/* SPDX-License-Identifier: BSD-2-Clause */
/* The instrument file: which camera and stage, and what they may do; aftools-instrument(5). */
#ifndef AF_DEVICE_INSTRUMENT_H
#define AF_DEVICE_INSTRUMENT_H
#include "base/err.h"
#include <stdbool.h>

enum af_axis { AF_X, AF_Y, AF_Z, AF_NAXES };

/* "x", "y", "z" */
const char *af_axis_name(enum af_axis axis);

/*
 * One axis: sections [x], [y], [z]. NaN: not given. The four limits are given all or not at all,
 * and an axis without them does not move.
 */
struct af_axis_conf {
    double min_um, max_um; // soft limits of the position
    double max_step_um;    // longest single move
    double max_toward_um;  // the same towards the sample (z, upwards) [max_step_um]
    double max_travel_um;  // furthest from where a run of one tool began
    int direction;         // 1, or -1: the controller counts the other way [1]
    double offset_um;      // user's position where the controller says 0 [0]
    double unit_um;        // um in one unit of the controller [the driver's]
    double speed_um_s;     // for time-outs only; nothing is set [1000]
    double settle_ms;      // wait after arrival [20]
    double tolerance_um;   // in position: at most so far from the target [0.1]
    int readings;          // ... for so many readings [2]
    double timeout_ms;     // for a move, beyond what its length takes [2000]
    double overshoot_um;   // beyond its way, as where the controller takes up backlash itself [2]
    double backlash_um;    // approach from below by so much [0: from either side]
};

struct af_instrument {
    char *path;       // file it was read from, NULL: none
    char *camera;     // [camera] uri, NULL: not given
    char *stage;      // [stage] uri, NULL: not given
    char *xy_stage;   // [stage] xy_uri: where x and y have a controller of their own; else NULL
    char *motion_log; // [stage] log; NULL: motion.log in the state folder
    struct af_axis_conf axis[AF_NAXES];
    double pixel_um;        // [camera] pixel_size: in the sample, NaN: not given
    double sensor_pixel_um; // [camera] sensor_pixel_size: on the chip, NaN: not given
    double exposure_ms;     // [camera] exposure, NaN: not given
    double gain;            // [camera] gain, NaN: not given
};

/* No devices, no limits, defaults for the rest. */
void af_instrument_init(struct af_instrument *in);

/*
 * Read an instrument file. path NULL: $AF_INSTRUMENT, else aftools/instrument.conf in
 * $XDG_CONFIG_HOME or ~/.config; where that last one does not exist, in is as init leaves it.
 * AF_EDATA: a line that is not understood, an unknown section or key, a value out of range, limits
 * that are not complete; AF_ESYS: not readable. Release in any case.
 */
int af_instrument_read(struct af_instrument *in, const char *path, struct af_err *err);
void af_instrument_release(struct af_instrument *in);

/*
 * The URI that counts: the option, else $AF_STAGE or $AF_CAMERA, else the file. AF_EUSAGE where
 * there is none, with how to give one. Borrowed from whichever it was.
 */
const char *af_instrument_stage(const struct af_instrument *in, const char *option,
                                struct af_err *err);
const char *af_instrument_camera(const struct af_instrument *in, const char *option,
                                 struct af_err *err);

/* May this axis move at all: are its limits there? */
bool af_axis_has_limits(const struct af_axis_conf *axis);

#endif
