/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/stage.h"
#include "base/memory.h"
#include "device/simscope.h"
#include "device/stageparts.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 4 };

/* ---- time, talk ---- */

double af_stage_now_s(struct af_stage *st)
{
    return st->driver->now_s ? st->driver->now_s(&st->drive) : af_port_now_s(st->drive.port);
}

void af_stage_sleep(struct af_stage *st, double ms)
{
    if (st->driver->sleep)
        st->driver->sleep(&st->drive, ms);
    else
        af_port_sleep(st->drive.port, ms);
}

void af_stage_say(struct af_stage *st, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (!st->opts.say)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    st->opts.say(st->opts.say_ctx, text);
}

bool af_stage_is_stopped(struct af_stage *st, struct af_err *err)
{
    if (st->stopping)
        return false;
    if (st->opts.stopped && st->opts.stopped()) {
        af_fail(err, AF_ESYS, "%s: stopped", st->uri.text);
        return true;
    }
    if (st->heeds_parent && getppid() != st->parent) {
        af_fail(err, AF_ESYS, "%s: stopped, for the process that started it is gone", st->uri.text);
        return true;
    }
    return false;
}

static bool port_is_stopped(void *ctx)
{
    return af_stage_is_stopped(ctx, NULL);
}

static int ask_once(struct af_stage *st, struct af_request *q, struct af_err *err)
{
    switch (q->what) {
    case AF_ASK_POSITION: return st->driver->position(&st->drive, q->axis, &q->um[q->axis], err);
    case AF_ASK_MOVE: return st->driver->move(&st->drive, q->axes, q->um, err);
    case AF_ASK_BUSY: return st->driver->busy(&st->drive, &q->busy, err);
    case AF_ASK_HALT: return st->driver->halt(&st->drive, err);
    default: return st->driver->home(&st->drive, q->axis, err);
    }
}

int af_stage_ask(struct af_stage *st, struct af_request *q, struct af_err *err)
{
    for (int i = 0; i < TRIES; i++) {
        int got = 0;

        if (af_stage_is_stopped(st, err))
            return -1;
        if (!st->in_step && (q->what != AF_ASK_HALT || i > 0)) // a stop goes out at once
            got = st->driver->sync(&st->drive, err);
        if (!got)
            got = ask_once(st, q, err);
        if (got < 0)
            return -1;
        st->in_step = got != AF_AGAIN;
        q->fault = got == AF_FAULT;
        if (st->in_step)
            return q->fault ? -1 : 0;
    }
    af_stage_is_stopped(st, err); // it was that, rather than silence
    return -1;
}

/* ---- positions ---- */

double af_stage_to_device(const struct af_stage *st, enum af_axis axis, double um)
{
    return (um - st->axis[axis].offset_um) * st->axis[axis].direction;
}

double af_stage_agree_um(const struct af_stage *st, enum af_axis axis)
{
    return st->axis[axis].tolerance_um / 2;
}

int af_stage_read_once(struct af_stage *st, enum af_axis axis, double *um, struct af_err *err)
{
    struct af_request q = {.what = AF_ASK_POSITION, .axis = axis};

    if (af_stage_ask(st, &q, err))
        return -1;
    if (!isfinite(q.um[axis]))
        return af_fail(err, AF_EDEVICE, "%s: %s: the position is not a number", st->uri.text,
                       af_axis_name(axis));
    *um = q.um[axis] * st->axis[axis].direction + st->axis[axis].offset_um;
    return 0;
}

/*
 * A reply can be garbled and still be a number: two readings must agree, three where the stage is
 * not where it was known to be.
 */
static int read_believed(struct af_stage *st, enum af_axis axis, double *um, struct af_err *err)
{
    double near = af_stage_agree_um(st, axis), now = NAN, last = NAN;
    int agree = 0;

    for (int i = 0; i < 12; i++) {
        if (af_stage_read_once(st, axis, &now, err))
            return -1;
        agree = fabs(now - last) <= near ? agree + 1 : 1;
        if (agree >= (fabs(now - st->known_um[axis]) <= near ? 2 : 3)) {
            *um = st->known_um[axis] = now;
            if (isnan(st->origin_um[axis]))
                st->origin_um[axis] = now;
            return 0;
        }
        if (agree == 1 && i > 0)
            af_stage_sleep(st, st->driver->poll_ms);
        last = now;
    }
    return af_fail(err, AF_EDEVICE, "%s: %s does not rest: readings differ, the last is %.9g um",
                   st->uri.text, af_axis_name(axis), now);
}

static int check_axis(const struct af_stage *st, enum af_axis axis, struct af_err *err)
{
    if (st->drive.axis[axis].has)
        return 0;
    return af_fail(err, AF_EUSAGE, "%s: has no axis %s", st->uri.text, af_axis_name(axis));
}

int af_stage_position(struct af_stage *st, enum af_axis axis, double *um, struct af_err *err)
{
    if (check_axis(st, axis, err))
        return -1;
    if (st->lost)
        return af_fail(
            err, AF_EDEVICE,
            "%s: %s: the last motion failed, so its readback is not believed; open it again",
            st->uri.text, af_axis_name(axis));
    if (!isnan(st->plan_um[axis])) {
        *um = st->plan_um[axis];
        return 0;
    }
    return read_believed(st, axis, um, err);
}

int af_stage_check(struct af_stage *st, enum af_axis axis, double um, struct af_err *err)
{
    struct af_legs legs;
    double from;

    if (af_stage_position(st, axis, &from, err))
        return -1;
    return af_safety_check(st->uri.text, axis, &st->axis[axis], st->origin_um[axis], from, um,
                           &legs, err);
}

int af_stage_busy(struct af_stage *st, bool *busy, struct af_err *err)
{
    struct af_request q = {.what = AF_ASK_BUSY};

    if (af_stage_ask(st, &q, err))
        return -1;
    *busy = q.busy;
    return 0;
}

/* ---- opening ---- */

/* A tool that was killed in a motion: halt what may still run, and say where it stands. */
static int look_after_kill(struct af_stage *st, struct af_err *err)
{
    char where[160] = "";
    size_t n = 0;

    if (!strstr(st->lock.left, "): "))
        return 0;
    if (af_stage_halt(st, err))
        return -1;
    for (int i = 0; i < AF_NAXES; i++) {
        struct af_motionlog_row row = {.prog = st->prog,
                                       .stage = st->uri.text,
                                       .axis = af_axis_name((enum af_axis)i),
                                       .what = "found",
                                       .from_um = NAN,
                                       .to_um = NAN,
                                       .status = st->lock.left};

        if (!st->drive.axis[i].has)
            continue;
        if (read_believed(st, (enum af_axis)i, &row.at_um, err) ||
            af_motionlog_add(&st->log, &row, err))
            return -1;
        n += (size_t)snprintf(where + n, sizeof(where) - n, "%s%s %.9g um", n ? ", " : "", row.axis,
                              row.at_um);
    }
    af_stage_say(st, "%s: killed while it ran: %s; stands at %s", st->uri.text, st->lock.left,
                 where);
    return 0;
}

/* Is uri of this scheme? */
static bool is_of(const char *uri, const char *scheme)
{
    size_t n = strlen(scheme);

    return uri && strncmp(uri, scheme, n) == 0 && uri[n] == ':';
}

/*
 * Limits belong to an instrument: where the file names a stage of another kind, they are not
 * for this one, which then has none, or its own where it cannot be hurt.
 */
static int set_axes(struct af_stage *st, const struct af_instrument *in, struct af_err *err)
{
    bool ours = !in->stage || is_of(in->stage, st->driver->scheme) ||
                is_of(in->xy_stage, st->driver->scheme);

    for (int i = 0; i < AF_NAXES; i++) {
        struct af_axis_conf *a = &st->axis[i];

        st->origin_um[i] = st->known_um[i] = st->plan_um[i] = NAN;
        if (!ours)
            a->min_um = a->max_um = a->max_step_um = a->max_toward_um = a->max_travel_um = NAN;
        if (st->drive.axis[i].has && st->driver->limits && !af_axis_has_limits(a) &&
            st->driver->limits(&st->drive, (enum af_axis)i, a, err))
            return -1;
    }
    return 0;
}

static int open_drive(struct af_stage *st, struct af_port *port, const struct af_instrument *in,
                      struct af_err *err)
{
    static const char *const names[] = {"x", "y", "z"};
    struct af_serial serial = st->driver->serial;
    const char *baud = af_uri_get(&st->uri, "baud");
    struct sigaction hup;
    long rate;

    st->drive.uri = &st->uri;
    st->drive.port = port;
    st->drive.reply_ms = st->opts.timeout_ms > 0 ? st->opts.timeout_ms : st->driver->reply_ms;
    for (int i = 0; i < AF_NAXES; i++) {
        const char *name = af_uri_get(&st->uri, names[i]);

        st->axis[i] = in->axis[i];
        st->drive.axis[i].unit_um = in->axis[i].unit_um;
        if (name && strlen(name) >= sizeof(st->drive.axis[i].name))
            return af_fail(err, AF_EUSAGE, "%s: '%s' is too long for an axis", st->uri.text, name);
        snprintf(st->drive.axis[i].name, sizeof(st->drive.axis[i].name), "%s", name ? name : "");
    }
    if (baud && (!af_drive_integer(baud, &rate) || rate < 300 || rate > 4000000))
        return af_fail(err, AF_EUSAGE, "%s: baud '%s' is not in 300 to 4000000", st->uri.text,
                       baud);
    if (baud)
        serial.baud = (int)rate;
    if (!port && serial.baud && af_port_open(&st->drive.port, st->uri.path, &serial, 3000, err))
        return -1;
    if (st->drive.port) {
        st->drive.port->stopped = port_is_stopped;
        st->drive.port->stopped_ctx = st;
    }
    st->parent = getppid();
    st->heeds_parent =
        st->parent > 1 && sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN;
    if (st->driver->open(&st->drive, err))
        return -1;
    st->in_step = true;
    return set_axes(st, in, err);
}

static int parse_uri(struct af_stage *st, const char *uri, struct af_err *err)
{
    char known[200];

    if (af_uri_parse(&st->uri, uri, err))
        return -1;
    if (!(st->driver = af_driver_find(st->uri.scheme)))
        return af_fail(err, AF_EUSAGE, "%s: there is no stage '%s:', only %s", uri, st->uri.scheme,
                       af_driver_schemes());
    if (!st->driver->serial.baud)
        return 0; // keys are somebody else's
    if (!*st->uri.path)
        return af_fail(err, AF_EUSAGE, "%s: no port; as %s:/dev/ttyUSB0 or %s:tcp:HOST:PORT", uri,
                       st->uri.scheme, st->uri.scheme);
    snprintf(known, sizeof(known), "%s%sx y z baud", st->driver->keys,
             *st->driver->keys ? " " : "");
    return af_uri_check(&st->uri, known, err);
}

int af_stage_open_port(struct af_stage **out, const char *uri, struct af_port *port,
                       const char *lock_as, const struct af_instrument *in,
                       const struct af_stage_opts *opts, struct af_err *err)
{
    struct af_stage *st = af_calloc(1, sizeof(*st), err);

    *out = NULL;
    if (!st) {
        af_port_close(port);
        return -1;
    }
    st->lock = (struct af_lock)AF_LOCK_NONE;
    st->log = (struct af_motionlog)AF_MOTIONLOG_NONE;
    st->opts = *opts;
    st->drive.port = port;
    if (!(st->prog = af_strdup(opts->prog ? opts->prog : "aftools", err)) ||
        parse_uri(st, uri, err) || (lock_as && af_lock_take(&st->lock, lock_as, st->prog, err)) ||
        af_motionlog_open(&st->log, in->motion_log, err) || open_drive(st, port, in, err) ||
        look_after_kill(st, err)) {
        af_stage_close(st);
        return -1;
    }
    *out = st;
    return 0;
}

/*
 * What no two processes may have at once. The folder of a simulated microscope is made first, so
 * that the first two to come give it the same name.
 */
static char *identity(const char *uri, struct af_err *err)
{
    struct af_simscope *sim = NULL;
    struct af_uri u = {0};
    char *path = NULL, *name = NULL;

    if (af_uri_parse(&u, uri, err))
        goto done;
    if (strcmp(u.scheme, "sim") != 0) {
        name = strncmp(u.path, "tcp:", 4) ? af_lock_name(u.path, err) : af_strdup(u.path, err);
        goto done;
    }
    if (af_simscope_open_uri(&sim, u.rest, err))
        goto done;
    af_simscope_close(sim);
    if ((path = af_simscope_folder(u.rest, err)))
        name = af_format(err, "stage sim:%s", path);
done:
    free(path);
    af_uri_release(&u);
    return name;
}

int af_stage_open(struct af_stage **st, const char *uri, const struct af_instrument *in,
                  const struct af_stage_opts *opts, struct af_err *err)
{
    char *name = identity(uri, err);
    int ret;

    *st = NULL;
    if (!name)
        return -1;
    ret = af_stage_open_port(st, uri, NULL, name, in, opts, err);
    free(name);
    return ret;
}

void af_stage_close(struct af_stage *st)
{
    if (!st)
        return;
    if (st->motion.active)
        af_stage_halt(st, NULL);
    if (st->driver && st->driver->close)
        st->driver->close(&st->drive);
    af_port_close(st->drive.port);
    af_motionlog_close(&st->log);
    af_lock_release(&st->lock);
    af_uri_release(&st->uri);
    free(st->prog);
    free(st);
}

const char *af_stage_uri(const struct af_stage *st)
{
    return st->uri.text;
}

const char *af_stage_model(const struct af_stage *st)
{
    return st->drive.model;
}

bool af_stage_has(const struct af_stage *st, enum af_axis axis)
{
    return st->drive.axis[axis].has;
}

const struct af_axis_conf *af_stage_axis(const struct af_stage *st, enum af_axis axis)
{
    return &st->axis[axis];
}
