/* SPDX-License-Identifier: BSD-2-Clause */
/* What stage.c and motion.c share, and what tests may put under a stage; not for tools. */
#ifndef AF_DEVICE_STAGEPARTS_H
#define AF_DEVICE_STAGEPARTS_H
#include "device/driver.h"
#include "device/lock.h"
#include "device/motionlog.h"
#include "device/safety.h"
#include "device/stage.h"
#include <sys/types.h>

struct af_motion {
    bool active, homing;
    unsigned axes;                // bits of enum af_axis
    double from_um[AF_NAXES];     // user's, where each began
    double leg_from_um[AF_NAXES]; // ... the leg under way
    struct af_legs legs[AF_NAXES];
    int leg;         // under way
    double end_s;    // time-out of the leg
    double settle_s; // not to be read before; NaN: it still moves
    int good;        // readings in position so far
    double last_um[AF_NAXES];
};

struct af_stage {
    struct af_stage_opts opts;
    char *prog;
    const struct af_driver *driver;
    struct af_drive drive;
    struct af_uri uri;
    struct af_axis_conf axis[AF_NAXES];
    double origin_um[AF_NAXES]; // where this handle found it; NaN: not read yet
    double known_um[AF_NAXES];  // last position that was believed
    double plan_um[AF_NAXES];   // dry run: where it would be; NaN: not moved
    struct af_motion motion;
    struct af_lock lock;
    struct af_motionlog log;
    bool in_step;  // the conversation: requests and answers match
    bool lost;     // a motion failed: this handle moves no more
    bool stopping; // while halting nothing else stops us
    bool heeds_parent;
    pid_t parent;
};

/* What the driver is asked; repeated after getting in step again. */
enum af_ask { AF_ASK_POSITION, AF_ASK_MOVE, AF_ASK_BUSY, AF_ASK_HALT, AF_ASK_HOME };
struct af_request {
    enum af_ask what;
    enum af_axis axis;
    unsigned axes;
    double um[AF_NAXES]; // controller's; out for AF_ASK_POSITION
    bool busy, fault;    // out
};
int af_stage_ask(struct af_stage *st, struct af_request *q, struct af_err *err);

double af_stage_now_s(struct af_stage *st);
void af_stage_sleep(struct af_stage *st, double ms);

/* Are we told to stop? Fills err (AF_ESYS). */
bool af_stage_is_stopped(struct af_stage *st, struct af_err *err);
double af_stage_to_device(const struct af_stage *st, enum af_axis axis, double um);

/* One reading, in the user's um, believed or not. */
int af_stage_read_once(struct af_stage *st, enum af_axis axis, double *um, struct af_err *err);
void af_stage_say(struct af_stage *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How far two readings of a stage at rest may differ: both are of the same place. */
double af_stage_agree_um(const struct af_stage *st, enum af_axis axis);

/*
 * As af_stage_open, over a port that is open already (owned from now on, also on failure) or,
 * with port NULL, the one that uri names; lock_as NULL: not locked.
 */
int af_stage_open_port(struct af_stage **st, const char *uri, struct af_port *port,
                       const char *lock_as, const struct af_instrument *in,
                       const struct af_stage_opts *opts, struct af_err *err);

#endif
