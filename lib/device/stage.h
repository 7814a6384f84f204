/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stage, any make: z, x and y in micrometres, moved only as the instrument file allows.
 *
 *     struct af_stage *st;
 *     if (af_stage_open(&st, uri, &instrument, &opts, err) == 0) {
 *         if (af_stage_move(st, AF_Z, 12.5, &z_um, err) == 0)     // waits until settled
 *             ...
 *         af_stage_close(st);
 *     }
 *
 * All positions are the user's: z grows as the focal plane moves deeper into the sample, that is
 * towards it; x to the right, y towards the last row. Drivers know none of the rules below;
 * they are kept here for all of them:
 *
 *   - no move without configured limits, none outside them, none longer than the step cap (the
 *     one towards the sample is its own) or further than the travel cap from where this
 *     handle found the axis: AF_ELIMIT, and nothing was sent. Nothing is ever clipped;
 *   - NaN and infinity, a readback that is stale or not to be parsed: no move;
 *   - the position is read before and after; in position means within the tolerance for k
 *     readings before the time-out. What is reported is what was read, never what was asked;
 *   - backlash is taken up from the side away from the sample;
 *   - one process a device; every motion is a line of the motion log;
 *   - when stopped() says so, or the parent process is gone: halt, read, fail.
 *
 * Errors: AF_ELIMIT as above; AF_EDEVICE the stage is absent, silent, refuses, is stuck or at a
 * switch; AF_EBUSY another process has it; AF_EUSAGE no such stage, axis or key; AF_ESYS
 * memory, the log, or stopped. After an error in a move the stage has been told to halt.
 * A handle belongs to one thread.
 */
#ifndef AF_DEVICE_STAGE_H
#define AF_DEVICE_STAGE_H
#include "base/err.h"
#include "device/instrument.h"
#include <stdbool.h>

struct af_stage;

struct af_stage_opts {
    const char *prog;     // name of the tool: for the lock and the log; borrowed
    bool dry_run;         // check and say each move, send none; position is what it would be
    double timeout_ms;    // for one reply of the device; 0: the driver's (about 500)
    int (*stopped)(void); // polled at least every 20 ms while waiting; not 0: halt. NULL: never
    void (*say)(void *ctx, const char *text); // plans and findings, a line each; NULL: none
    void *say_ctx;
};

/*
 * Open and identify; nothing moves, except that a stage still running for a process that was
 * killed is halted (and say() is told where it stands).
 *
 * uri: as in aftools-devices(7), "tango:/dev/ttyUSB0", "sim:DIR", "asi:tcp:scope:4000?x=X"
 * in:  limits and habits of the axes; copied. `sim:` brings its own where there are none.
 *
 * Returns 0; or -1 with *st NULL.
 */
int af_stage_open(struct af_stage **st, const char *uri, const struct af_instrument *in,
                  const struct af_stage_opts *opts, struct af_err *err);

/* Let go; accepts NULL. The stage is not moved, a motion that was only started is halted. */
void af_stage_close(struct af_stage *st);

const char *af_stage_uri(const struct af_stage *st);   // as it was opened
const char *af_stage_model(const struct af_stage *st); // what the device calls itself
bool af_stage_has(const struct af_stage *st, enum af_axis axis);

/* What holds for an axis, the simulator's own limits included; borrowed. */
const struct af_axis_conf *af_stage_axis(const struct af_stage *st, enum af_axis axis);

/* Read the position back. *um is untouched on failure: no answer never means 0. */
int af_stage_position(struct af_stage *st, enum af_axis axis, double *um, struct af_err *err);

/*
 * Move to um, or by delta_um from where it stands, and wait until it is settled. *reached_um
 * (may be NULL) is the readback; after a failure of the motion it is the last good one,
 * NaN where there is none.
 */
int af_stage_move(struct af_stage *st, enum af_axis axis, double um, double *reached_um,
                  struct af_err *err);
int af_stage_move_by(struct af_stage *st, enum af_axis axis, double delta_um, double *reached_um,
                     struct af_err *err);

/* Would a move to um be allowed from where the axis stands? Nothing is sent. */
int af_stage_check(struct af_stage *st, enum af_axis axis, double um, struct af_err *err);

/* x and y at once; both are checked before either is sent. reached_um: [2] or NULL. */
int af_stage_move_xy(struct af_stage *st, double x_um, double y_um, double *reached_um,
                     struct af_err *err);

/*
 * The same in two halves, to do something meanwhile: start, then poll until *settled. Poll at least
 * every 20 ms; *um (may be NULL) is the position now. One motion at a time: AF_EUSAGE.
 */
int af_stage_start(struct af_stage *st, enum af_axis axis, double um, struct af_err *err);
int af_stage_poll(struct af_stage *st, bool *settled, double *um, struct af_err *err);

/* Stop all axes now and wait until they rest. */
int af_stage_halt(struct af_stage *st, struct af_err *err);

/* Is any axis moving, whoever moves it? */
int af_stage_busy(struct af_stage *st, bool *busy, struct af_err *err);

/*
 * Run to the reference, which may be through the sample: the caller has asked twice.
 * Needs configured limits, as every motion.
 */
int af_stage_home(struct af_stage *st, enum af_axis axis, struct af_err *err);

#endif
