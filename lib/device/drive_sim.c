/* SPDX-License-Identifier: BSD-2-Clause */
/* sim:[DIR][?KEY=VALUE...]: the stage of the simulated microscope. */
#include "device/driver.h"
#include "device/simscope.h"

#include <math.h>
#include <stdio.h>

_Static_assert((int)AF_X == (int)AF_SIM_X && (int)AF_Y == (int)AF_SIM_Y &&
                   (int)AF_Z == (int)AF_SIM_Z,
               "axes are numbered alike");

static int sim_open(struct af_drive *d, struct af_err *err)
{
    struct af_simscope *s;

    if (af_simscope_open_uri(&s, d->uri->rest, err))
        return -1;
    d->own = s;
    snprintf(d->model, sizeof(d->model), "simulated stage");
    for (int i = 0; i < AF_NAXES; i++)
        d->axis[i].has = true;
    return 0;
}

static void sim_close(struct af_drive *d)
{
    af_simscope_close(d->own);
}

static int sim_sync(struct af_drive *d, struct af_err *err)
{
    (void)d;
    (void)err;
    return 0;
}

static int sim_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    bool moving;

    return af_simscope_position(d->own, (enum af_simaxis)axis, um, &moving, err);
}

static int sim_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    for (int i = 0; i < AF_NAXES; i++)
        if (axes & 1u << i && af_simscope_move(d->own, (enum af_simaxis)i, um[i], 0, 0, err))
            return -1;
    return 0;
}

static int sim_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    struct af_sim_truth t;

    if (af_simscope_truth(d->own, &t, err))
        return -1;
    *busy = t.moving[AF_SIM_X] || t.moving[AF_SIM_Y] || t.moving[AF_SIM_Z];
    return 0;
}

static int sim_halt(struct af_drive *d, struct af_err *err)
{
    for (int i = 0; i < AF_NAXES; i++)
        if (af_simscope_halt(d->own, (enum af_simaxis)i, err))
            return -1;
    return 0;
}

static int sim_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    return af_simscope_home(d->own, (enum af_simaxis)axis, err);
}

/* What cannot break needs no tighter caps than its own travel. */
static int sim_limits(struct af_drive *d, enum af_axis axis, struct af_axis_conf *a,
                      struct af_err *err)
{
    struct af_simaxis_facts f;

    if (af_simscope_axis(d->own, (enum af_simaxis)axis, &f, err))
        return -1;
    a->min_um = f.lo_um;
    a->max_um = f.hi_um;
    a->max_step_um = a->max_travel_um = f.hi_um - f.lo_um;
    a->speed_um_s = f.speed_um_s;
    a->settle_ms = 10;
    return 0;
}

static double sim_now_s(struct af_drive *d)
{
    struct af_sim_truth t;

    // Without a time nothing is waited for: the next question tells what is wrong
    return af_simscope_truth(d->own, &t, NULL) ? NAN : t.time_s;
}

static void sim_sleep(struct af_drive *d, double ms)
{
    af_simscope_pause(d->own, ms, NULL);
}

const struct af_driver af_driver_sim = {
    .scheme = "sim",
    .keys = "",
    .reply_ms = 500,
    .poll_ms = 2,
    .open = sim_open,
    .close = sim_close,
    .sync = sim_sync,
    .position = sim_position,
    .move = sim_move,
    .busy = sim_busy,
    .halt = sim_halt,
    .home = sim_home,
    .limits = sim_limits,
    .now_s = sim_now_s,
    .sleep = sim_sleep,
};
