/* SPDX-License-Identifier: BSD-2-Clause */
/* Motions: checked, sent, watched, read back, logged. */
#include "device/stageparts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOMING_S 60.0
#define HALTING_S 3.0

static bool has(unsigned axes, int i)
{
    return axes & 1u << i;
}

/* "z from 3 to 12 um" */
static void describe(const struct af_motion *m, char *s, size_t cap)
{
    size_t n = 0;

    for (int i = 0; i < AF_NAXES; i++)
        if (has(m->axes, i) && n < cap)
            n += (size_t)snprintf(s + n, cap - n, "%s%s from %.9g to %.9g um", n ? ", " : "",
                                  af_axis_name((enum af_axis)i), m->from_um[i],
                                  m->legs[i].um[m->legs[i].n - 1]);
}

static int log_motion(struct af_stage *st, const char *what, const char *status, struct af_err *err)
{
    const struct af_motion *m = &st->motion;
    struct af_motionlog_row row = {
        .prog = st->prog, .stage = st->uri.text, .what = what, .status = status};

    for (int i = 0; i < AF_NAXES; i++) {
        if (!has(m->axes, i)) // has no legs
            continue;
        row.axis = af_axis_name((enum af_axis)i);
        row.from_um = m->from_um[i];
        row.to_um = m->homing ? NAN : m->legs[i].um[m->legs[i].n - 1];
        row.at_um = st->known_um[i];
        if (af_motionlog_add(&st->log, &row, err))
            return -1;
    }
    return 0;
}

/* The motion is over, well or not. What is written now is for others: it fails no motion. */
static void end_motion(struct af_stage *st, const char *status)
{
    struct af_err err = {AF_OK, ""};

    if (log_motion(st, st->motion.homing ? "home" : "move", status, &err))
        af_stage_say(st, "%s", err.text);
    if (st->lock.fd >= 0)
        af_lock_say(&st->lock, NULL, NULL);
    st->motion.active = false;
    st->drive.watched = 0;
}

/* ---- halting ---- */

static int halt(struct af_stage *st, struct af_err *err)
{
    struct af_request q = {.what = AF_ASK_HALT};
    double end_s;

    if (af_stage_ask(st, &q, err))
        return -1;
    end_s = af_stage_now_s(st) + HALTING_S;
    for (q = (struct af_request){.what = AF_ASK_BUSY, .busy = true}; q.busy;) {
        if (af_stage_ask(st, &q, err))
            return q.fault ? 0 : -1; // a stage with a fault rests
        if (q.busy && af_stage_now_s(st) > end_s)
            return af_fail(err, AF_EDEVICE, "%s: does not halt", st->uri.text);
        if (q.busy)
            af_stage_sleep(st, st->driver->poll_ms);
    }
    return 0;
}

/*
 * A motion went wrong, *err says how: halt, read, and say so in one line. The handle moves no more,
 * for what it believed turned out wrong.
 */
static int give_up(struct af_stage *st, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    struct af_err halting = {AF_OK, ""};
    size_t n = err ? strlen(err->text) : 0;
    char where[120] = "";
    double um;

    st->stopping = true;
    if (halt(st, &halting)) {
        snprintf(where, sizeof(where), "; it could not be halted either: %.80s", halting.text);
    } else {
        for (int i = 0; i < AF_NAXES; i++) {
            size_t k = strlen(where);

            if (has(m->axes, i) && af_stage_position(st, (enum af_axis)i, &um, &halting) == 0)
                snprintf(where + k, sizeof(where) - k, "%s %s at %.9g um", k ? "," : "; halted,",
                         af_axis_name((enum af_axis)i), um);
        }
    }
    st->stopping = false;
    if (err)
        snprintf(err->text + n, sizeof(err->text) - n, "%s", where);
    if (m->active)
        end_motion(st, err ? err->text : "failed");
    st->lost = true;
    return -1;
}

int af_stage_halt(struct af_stage *st, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    int ret;
    double um;

    st->stopping = true;
    ret = halt(st, err);
    for (int i = 0; i < AF_NAXES && m->active && !ret; i++)
        if (has(m->axes, i))
            ret = af_stage_position(st, (enum af_axis)i, &um, err);
    st->stopping = false;
    if (m->active)
        end_motion(st, ret ? "halt failed" : "halted");
    return ret;
}

/* ---- beginning ---- */

static double leg_target(const struct af_motion *m, int i)
{
    const struct af_legs *l = &m->legs[i];

    return l->um[m->leg < l->n ? m->leg : l->n - 1];
}

static int send_leg(struct af_stage *st, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    struct af_request q = {.what = AF_ASK_MOVE, .axes = m->axes};
    double longest_s = 0;

    for (int i = 0; i < AF_NAXES; i++) {
        double to;

        if (!has(m->axes, i))
            continue;
        to = leg_target(m, i);
        m->leg_from_um[i] = st->known_um[i];
        q.um[i] = af_stage_to_device(st, (enum af_axis)i, to);
        longest_s = fmax(longest_s, 2 * fabs(to - m->leg_from_um[i]) / st->axis[i].speed_um_s +
                                        st->axis[i].timeout_ms / 1e3);
    }
    m->settle_s = NAN;
    m->good = 0;
    m->end_s = af_stage_now_s(st) + longest_s;
    return af_stage_ask(st, &q, err);
}

static int check_can_move(struct af_stage *st, unsigned axes, struct af_err *err)
{
    if (st->motion.active)
        return af_fail(err, AF_EUSAGE, "%s: is in a motion already", st->uri.text);
    if (st->lost)
        return af_fail(err, AF_EDEVICE, "%s: the last motion failed; look, then open it again",
                       st->uri.text);
    for (int i = 0; i < AF_NAXES; i++)
        if (has(axes, i) && !st->drive.axis[i].has)
            return af_fail(err, AF_EUSAGE, "%s: has no axis %s", st->uri.text,
                           af_axis_name((enum af_axis)i));
    return 0;
}

/* Check all axes before anything is sent. */
static int plan(struct af_stage *st, const double *um, struct af_err *err)
{
    struct af_motion *m = &st->motion;

    // What can be refused without asking the device where it stands, is.
    for (int i = 0; i < AF_NAXES; i++) {
        struct af_axis_conf still = st->axis[i];

        still.backlash_um = 0;
        if (has(m->axes, i) && af_safety_check(st->uri.text, (enum af_axis)i, &still, um[i], um[i],
                                               um[i], &m->legs[i], err))
            return -1;
    }
    for (int i = 0; i < AF_NAXES; i++)
        if (has(m->axes, i) &&
            (af_stage_position(st, (enum af_axis)i, &m->from_um[i], err) ||
             af_safety_check(st->uri.text, (enum af_axis)i, &st->axis[i], st->origin_um[i],
                             m->from_um[i], um[i], &m->legs[i], err)))
            return -1;
    return 0;
}

static int begin(struct af_stage *st, unsigned axes, const double *um, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    char text[200];

    if (check_can_move(st, axes, err) || af_stage_is_stopped(st, err))
        return -1;
    *m = (struct af_motion){.axes = axes};
    st->drive.watched = axes;
    if (plan(st, um, err))
        return -1;
    describe(m, text, sizeof(text));
    if (st->opts.dry_run) {
        af_stage_say(st, "%s: would move %s", st->uri.text, text);
        for (int i = 0; i < AF_NAXES; i++)
            if (has(axes, i))
                st->plan_um[i] = um[i];
        return 0;
    }
    if (log_motion(st, "move", "begun", err) ||
        (st->lock.fd >= 0 && af_lock_say(&st->lock, text, err)))
        return -1;
    m->active = true;
    return send_leg(st, err) ? give_up(st, err) : 0;
}

int af_stage_start(struct af_stage *st, enum af_axis axis, double um, struct af_err *err)
{
    double target[AF_NAXES] = {0};

    target[axis] = um;
    return begin(st, 1u << axis, target, err);
}

/* ---- under way ---- */

/*
 * It may be anywhere between where the leg began and where it ends; a reading elsewhere is checked
 * once.
 */
static int check_corridor(struct af_stage *st, int i, double um, struct af_err *err)
{
    const struct af_axis_conf *a = &st->axis[i];
    double from = st->motion.leg_from_um[i], to = leg_target(&st->motion, i);
    double margin = a->overshoot_um + 5 * a->tolerance_um + 0.01 * fabs(to - from);

    for (int again = 0; um < fmin(from, to) - margin || um > fmax(from, to) + margin; again++) {
        if (again)
            return af_fail(err, AF_EDEVICE,
                           "%s: %s runs away: at %.9g um on its way from %.9g to %.9g um",
                           st->uri.text, af_axis_name((enum af_axis)i), um, from, to);
        if (af_stage_read_once(st, (enum af_axis)i, &um, err))
            return -1;
    }
    st->motion.last_um[i] = um;
    return 0;
}

static int watch(struct af_stage *st, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    double um;

    for (int i = 0; i < AF_NAXES; i++)
        if (has(m->axes, i) &&
            (af_stage_read_once(st, (enum af_axis)i, &um, err) || check_corridor(st, i, um, err)))
            return -1;
    return 0;
}

/* One reading of each axis: are all within their tolerance, and where they were a reading ago? */
static int read_in_place(struct af_stage *st, bool *good, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    double um;

    *good = true;
    for (int i = 0; i < AF_NAXES; i++) {
        if (!has(m->axes, i))
            continue;
        if (af_stage_read_once(st, (enum af_axis)i, &um, err))
            return -1;
        *good =
            *good && fabs(um - leg_target(m, i)) <= st->axis[i].tolerance_um &&
            (m->good == 0 || fabs(um - m->last_um[i]) <= af_stage_agree_um(st, (enum af_axis)i));
        m->last_um[i] = um;
    }
    return 0;
}

/* Which axis of the motion is furthest from where it was sent, for its tolerance? */
static int find_late(const struct af_stage *st)
{
    const struct af_motion *m = &st->motion;
    double most = -1;
    int late = 0;

    for (int i = 0; i < AF_NAXES; i++) {
        double off = has(m->axes, i) ? fabs(m->last_um[i] - leg_target(m, i)) : -1;

        if (off >= 0 && off / st->axis[i].tolerance_um > most) {
            most = off / st->axis[i].tolerance_um;
            late = i;
        }
    }
    return late;
}

static int missed(struct af_stage *st, struct af_err *err)
{
    const struct af_motion *m = &st->motion;
    int i = find_late(st);

    if (st->driver->fault && st->driver->fault(&st->drive, (enum af_axis)i, err) < 0)
        return -1;
    return af_fail(err, AF_EDEVICE, "%s: %s did not arrive: at %.9g um, sent from %.9g to %.9g um",
                   st->uri.text, af_axis_name((enum af_axis)i), m->last_um[i], m->leg_from_um[i],
                   leg_target(m, i));
}

static int arrive(struct af_stage *st, bool *settled, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    int legs = 1;

    for (int i = 0; i < AF_NAXES; i++)
        if (has(m->axes, i)) {
            st->known_um[i] = m->last_um[i];
            legs = m->legs[i].n > legs ? m->legs[i].n : legs;
        }
    if (++m->leg < legs)
        return send_leg(st, err);
    end_motion(st, "ok");
    *settled = true;
    return 0;
}

static int step(struct af_stage *st, bool *settled, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    bool busy = false, good = false, late = af_stage_now_s(st) > m->end_s;
    double settle_ms = 0;
    int readings = 1;

    if (isnan(m->settle_s)) {
        if (af_stage_busy(st, &busy, err) || watch(st, err))
            return -1;
        if (busy)
            return late ? missed(st, err) : 0;
        for (int i = 0; i < AF_NAXES; i++)
            if (has(m->axes, i) && st->axis[i].settle_ms > settle_ms)
                settle_ms = st->axis[i].settle_ms;
        m->settle_s = af_stage_now_s(st) + settle_ms / 1e3;
        return 0;
    }
    if (af_stage_now_s(st) < m->settle_s)
        return 0;
    if (read_in_place(st, &good, err))
        return -1;
    if (!good) {
        m->good = 0;
        m->settle_s = NAN; // perhaps it had not begun yet: ask again
        return late ? missed(st, err) : 0;
    }
    m->good++;
    for (int i = 0; i < AF_NAXES; i++)
        if (has(m->axes, i) && st->axis[i].readings > readings)
            readings = st->axis[i].readings;
    return m->good >= readings ? arrive(st, settled, err) : 0;
}

int af_stage_poll(struct af_stage *st, bool *settled, double *um, struct af_err *err)
{
    struct af_motion *m = &st->motion;
    enum af_axis axis = has(m->axes, AF_Z) ? AF_Z : has(m->axes, AF_X) ? AF_X : AF_Y;

    *settled = !m->active;
    if (m->active && (af_stage_is_stopped(st, err) || step(st, settled, err)))
        return give_up(st, err);
    if (um)
        *um = !isnan(st->plan_um[axis]) ? st->plan_um[axis]
              : *settled                ? st->known_um[axis]
                                        : m->last_um[axis];
    return 0;
}

static int wait_settled(struct af_stage *st, struct af_err *err)
{
    bool settled = false;

    for (;;) {
        double ms = st->driver->poll_ms;

        if (af_stage_poll(st, &settled, NULL, err))
            return -1;
        if (settled)
            return 0;
        if (!isnan(st->motion.settle_s)) { // not longer than needed
            double left_ms = (st->motion.settle_s - af_stage_now_s(st)) * 1e3;

            ms = left_ms > 0 ? fmin(left_ms + 0.1, 20) : fmin(ms, 5);
        }
        for (double part_ms = 15; ms > 0 && !af_stage_is_stopped(st, NULL); ms -= part_ms)
            af_stage_sleep(st, fmin(ms, part_ms));
    }
}

static int move(struct af_stage *st, unsigned axes, const double *um, double *reached_um,
                struct af_err *err)
{
    int ret = begin(st, axes, um, err);

    if (!ret)
        ret = wait_settled(st, err);
    for (int i = 0, k = 0; i < AF_NAXES && reached_um; i++)
        if (has(axes, i))
            reached_um[k++] = !ret && !isnan(st->plan_um[i]) ? st->plan_um[i] : st->known_um[i];
    return ret;
}

int af_stage_move(struct af_stage *st, enum af_axis axis, double um, double *reached_um,
                  struct af_err *err)
{
    double target[AF_NAXES] = {0};

    target[axis] = um;
    return move(st, 1u << axis, target, reached_um, err);
}

int af_stage_move_by(struct af_stage *st, enum af_axis axis, double delta_um, double *reached_um,
                     struct af_err *err)
{
    double from;

    if (!isfinite(delta_um)) // before the stage is asked for anything
        return af_stage_move(st, axis, delta_um, reached_um, err);
    if (af_stage_position(st, axis, &from, err)) {
        if (reached_um)
            *reached_um = st->known_um[axis];
        return -1;
    }
    return af_stage_move(st, axis, from + delta_um, reached_um, err);
}

int af_stage_move_xy(struct af_stage *st, double x_um, double y_um, double *reached_um,
                     struct af_err *err)
{
    const double target[AF_NAXES] = {x_um, y_um, 0};

    return move(st, 1u << AF_X | 1u << AF_Y, target, reached_um, err);
}

/* ---- home ---- */

static int wait_home(struct af_stage *st, enum af_axis axis, struct af_err *err)
{
    double end_s = af_stage_now_s(st) + HOMING_S, um;

    for (bool busy = true; busy;) {
        if (af_stage_is_stopped(st, err) || af_stage_busy(st, &busy, err))
            return -1;
        if (busy && af_stage_now_s(st) > end_s)
            return af_fail(err, AF_EDEVICE, "%s: %s is not home after %g s", st->uri.text,
                           af_axis_name(axis), HOMING_S);
        if (busy)
            af_stage_sleep(st, fmin(st->driver->poll_ms, 20));
    }
    for (int i = 0; i < AF_NAXES; i++) // zero may have moved
        st->known_um[i] = st->origin_um[i] = NAN;
    return af_stage_position(st, axis, &um, err);
}

int af_stage_home(struct af_stage *st, enum af_axis axis, struct af_err *err)
{
    struct af_request q = {.what = AF_ASK_HOME, .axis = axis};
    struct af_motion *m = &st->motion;

    if (check_can_move(st, 1u << axis, err))
        return -1;
    if (!af_axis_has_limits(&st->axis[axis]))
        return af_fail(err, AF_ELIMIT, "%s: %s has no limits", st->uri.text, af_axis_name(axis));
    *m = (struct af_motion){.axes = 1u << axis, .homing = true};
    st->drive.watched = m->axes;
    if (af_stage_position(st, axis, &m->from_um[axis], err))
        return -1;
    if (st->opts.dry_run) {
        af_stage_say(st, "%s: would send %s home", st->uri.text, af_axis_name(axis));
        return 0;
    }
    if (log_motion(st, "home", "begun", err) ||
        (st->lock.fd >= 0 && af_lock_say(&st->lock, "goes home", err)))
        return -1;
    m->active = true;
    if (af_stage_ask(st, &q, err) || wait_home(st, axis, err))
        return give_up(st, err);
    end_motion(st, "ok");
    return 0;
}
