/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marzhauser TANGO, native instruction set. Set and move instructions are not answered, so each is
 * followed by ?err.
 * Source: stages of daily use as Micro-Manager's Marzhauser adapter drives them; hephy-dd/comet.
 */
#include "device/driver.h"

#include <stdio.h>
#include <string.h>

/* "@@@-.": what another program let the controller say at the end of each motion. */
static bool is_autostatus(const char *line)
{
    return strlen(line) == 5 && line[4] == '.' && strspn(line, "@AD-M") == 4;
}

static int ask(struct af_drive *d, const char *request, char *line, size_t cap, struct af_err *err)
{
    int got = af_drive_ask(d, request, line, cap, err);

    if (got || !is_autostatus(line))
        return got;
    got = af_port_line(d->port, line, cap, d->reply_ms, err);
    return got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
}

static const char *meaning(long n)
{
    static const struct {
        int n;
        const char *text;
    } known[] = {
        {1, "no valid axis"},
        {2, "no executable instruction"},
        {4, "invalid instruction"},
        {5, "number out of range"},
        {10, "function not configured"},
        {11, "the joystick is on"},
        {12, "limit switch"},
        {22, "door open or initialising"},
        {27, "emergency stop"},
        {29, "amplifiers off"},
        {30, "safety circuit"},
        {32, "target outside the controller's limits"},
        {74, "closed loop switched off"},
        {90, "temperature"},
        {91, "encoder"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].n == n)
            return known[i].text;
    return "see its manual";
}

/* ?err reads; the error is cleared so that it is told once. */
static int check_error(struct af_drive *d, struct af_err *err)
{
    char line[80];
    long n;
    int got = ask(d, "?err\r", line, sizeof(line), err);

    if (got)
        return got;
    if (!af_drive_integer(line, &n) || n < 0 || n > 255)
        return af_drive_garbled(d, line, err);
    if (!n)
        return 0;
    if (af_port_send(d->port, "!err\r", err))
        return -1;
    return af_drive_refused(d, err, "error %ld: %s", n, meaning(n));
}

static int command(struct af_drive *d, const char *text, struct af_err *err)
{
    if (af_port_discard(d->port, false, 10, err) < 0 || af_port_send(d->port, text, err))
        return -1;
    return check_error(d, err);
}

/* No other answer has the word. */
static int tango_sync(struct af_drive *d, struct af_err *err)
{
    char line[200];
    int got = af_drive_resync(d, "\r", "?version\r", "TANGO", line, sizeof(line), err);

    if (!got && !*d->model)
        snprintf(d->model, sizeof(d->model), "%.100s", line);
    return got;
}

static int find_axes(struct af_drive *d, struct af_err *err)
{
    static const char *const names[] = {"x", "y", "z"};
    char line[80], text[40];
    long det;
    int got = ask(d, "?det\r", line, sizeof(line), err);

    if (got)
        return got;
    if (!af_drive_integer(line, &det) || det < 0)
        return af_drive_garbled(d, line, err);
    for (int i = 0; i < AF_NAXES; i++) {
        struct af_drive_axis *a = &d->axis[i];

        if (!*a->name)
            snprintf(a->name, sizeof(a->name), "%s", names[i]);
        if (strlen(a->name) != 1 || !strchr("xyza", *a->name))
            return af_fail(err, AF_EUSAGE, "%s: axis '%s' is not x, y, z or a", d->uri->text,
                           a->name);
        a->has = strchr("xyza", *a->name) - "xyza" < (det >> 4 & 15);
        snprintf(text, sizeof(text), "!dim %s 1\r", a->name); // um
        if (a->has && (got = command(d, text, err)))
            return got;
        snprintf(text, sizeof(text), "!encpos %s 1\r", a->name);
        if (a->has && det >> i & 1 && (got = command(d, text, err)))
            return got;
    }
    return 0;
}

static int tango_open(struct af_drive *d, struct af_err *err)
{
    int got = AF_AGAIN;

    for (int i = 0; i < 3 && got == AF_AGAIN; i++) {
        if (af_port_discard(d->port, true, 20, err) < 0)
            return -1;
        got = tango_sync(d, err);
        if (!got && af_port_send(d->port, "!err\r", err)) // an old error is not ours
            return -1;
        if (!got && (got = command(d, "!autostatus 0\r", err)) == 0)
            got = find_axes(d, err);
    }
    return got ? -1 : 0;
}

static int tango_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    char text[24], line[80];
    int got;

    snprintf(text, sizeof(text), "?pos %s\r", d->axis[axis].name);
    if ((got = ask(d, text, line, sizeof(line), err)))
        return got;
    return af_drive_number(line, um) ? 0 : af_drive_garbled(d, line, err);
}

static int tango_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    char text[120];

    if (axes == (1u << AF_X | 1u << AF_Y) && *d->axis[AF_X].name == 'x' &&
        *d->axis[AF_Y].name == 'y') {
        snprintf(text, sizeof(text), "!moa %.4f %.4f\r", um[AF_X], um[AF_Y]);
        return command(d, text, err);
    }
    for (int i = 0; i < AF_NAXES; i++) {
        int got;

        snprintf(text, sizeof(text), "!moa %s %.4f\r", d->axis[i].name, um[i]);
        if (axes & 1u << i && (got = command(d, text, err)))
            return got;
    }
    return 0;
}

/* One character an axis, in the order x y z a; more follow. */
static int tango_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    char line[80];
    int got = ask(d, "?statusaxis\r", line, sizeof(line), err);

    if (got)
        return got;
    if (strlen(line) < 4 || strspn(line, "@M-ADJCSET.") != strlen(line))
        return af_drive_garbled(d, line, err);
    *busy = false;
    for (int i = 0; i < AF_NAXES; i++) {
        char c = d->axis[i].has ? line[strchr("xyza", *d->axis[i].name) - "xyza"] : '@';

        if (c == '-' || c == '.')
            return af_drive_garbled(d, line, err);
        if (d->watched & 1u << i && (c == 'S' || c == 'E' || c == 'T'))
            return af_drive_fault(d, err, "%s: %s", af_axis_name((enum af_axis)i),
                                  c == 'S'   ? "limit switch"
                                  : c == 'E' ? "error"
                                             : "time-out");
        *busy = *busy || c == 'M';
    }
    return 0;
}

static int tango_halt(struct af_drive *d, struct af_err *err)
{
    if (af_port_send(d->port, "\ra\r", err)) // the CR ends what may be half sent
        return -1;
    return tango_sync(d, err);
}

static int tango_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    char text[24];

    snprintf(text, sizeof(text), "!cal %s\r", d->axis[axis].name);
    return command(d, text, err);
}

const struct af_driver af_driver_tango = {
    .scheme = "tango",
    .keys = "",
    .serial = {.baud = 57600, .stopbits = 1},
    .reply_ms = 500,
    .poll_ms = 10,
    .open = tango_open,
    .sync = tango_sync,
    .position = tango_position,
    .move = tango_move,
    .busy = tango_busy,
    .halt = tango_halt,
    .home = tango_home,
};
