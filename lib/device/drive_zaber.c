/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zaber ASCII, firmware 6 and 7. Each request carries a number, which its reply repeats, and a
 * check sum: late and doubled replies are told apart. An axis is named AXIS or ADDRESS.AXIS
 * ("z=2.1").
 * Source: the maker's ASCII protocol manual.
 */
#include "base/memory.h"
#include "device/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zaber {
    int id;               // of the last request, 0 to 99
    bool moved[AF_NAXES]; // NI, "interrupted", is a stolen stage only then
};

struct reply {
    bool ok, busy;
    char warning[4];
    char data[100];
};

static unsigned check_sum(const char *s, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (unsigned char)s[i];
    return -sum & 0xff;
}

/* 0: understood, and of this id; 1: not. */
static int parse(char *line, int address, int axis, int id, struct reply *r)
{
    char flag[4], status[8], *colon = strrchr(line, ':');
    int a, x, i, n = 0;
    unsigned sum;

    if (colon && strlen(colon) == 3) {
        if (sscanf(colon + 1, "%2X", &sum) != 1 ||
            sum != check_sum(line + 1, (size_t)(colon - line - 1)))
            return 1;
        *colon = '\0';
    }
    if (sscanf(line, "@%2d %1d %2d %3s %7s %3s %n", &a, &x, &i, flag, status, r->warning, &n) !=
            6 ||
        !n || a != address || x != axis || i != id || strlen(r->warning) != 2)
        return 1;
    r->ok = strcmp(flag, "OK") == 0;
    r->busy = strcmp(status, "BUSY") == 0;
    snprintf(r->data, sizeof(r->data), "%s", line + n);
    return (!r->ok && strcmp(flag, "RJ") != 0) || (!r->busy && strcmp(status, "IDLE") != 0);
}

static int place(const struct af_drive *d, enum af_axis axis, int *address, int *number)
{
    const char *name = d->axis[axis].name;
    int n = 0;

    *address = 1;
    if (sscanf(name, "%2d.%1d%n", address, number, &n) == 2 && !name[n])
        return 0;
    *address = 1;
    return sscanf(name, "%1d%n", number, &n) == 1 && !name[n] ? 0 : -1;
}

static int judge(struct af_drive *d, enum af_axis axis, const struct reply *r, struct af_err *err)
{
    const struct zaber *z = d->own;

    if (*r->warning == 'F' && d->watched & 1u << axis)
        return af_drive_fault(d, err, "%s: fault %s", af_axis_name(axis), r->warning);
    if (strcmp(r->warning, "NI") == 0 && z->moved[axis])
        return af_drive_fault(d, err, "%s: its motion was interrupted by somebody else",
                              af_axis_name(axis));
    if (r->ok)
        return 0;
    if (strcmp(r->data, "AGAIN") == 0 || strcmp(r->data, "STATUSBUSY") == 0)
        return af_drive_garbled(d, r->data, err);
    return af_drive_refused(d, err, "%s: refused: %.40s", af_axis_name(axis), r->data);
}

/* Lines of information, alerts and replies to older requests are passed over. */
static int ask(struct af_drive *d, enum af_axis axis, const char *command, struct reply *r,
               struct af_err *err)
{
    struct zaber *z = d->own;
    char text[120], line[160];
    int address, number, n, got;
    double end_s;

    if (place(d, axis, &address, &number))
        return af_fail(err, AF_EUSAGE, "%s: axis '%s' is not AXIS or ADDRESS.AXIS", d->uri->text,
                       d->axis[axis].name);
    z->id = (z->id + 1) % 100;
    n = snprintf(text, sizeof(text), "/%02d %d %02d%s%s", address, number, z->id,
                 *command ? " " : "", command);
    snprintf(text + n, sizeof(text) - (size_t)n, ":%02X\n", check_sum(text + 1, (size_t)n - 1));
    if (af_port_discard(d->port, false, 10, err) < 0 || af_port_send(d->port, text, err))
        return -1;
    end_s = af_port_now_s(d->port) + d->reply_ms / 1e3;
    do {
        double left_ms = (end_s - af_port_now_s(d->port)) * 1e3;

        got = af_port_line(d->port, line, sizeof(line), left_ms > 0 ? left_ms : 0, err);
        if (got <= 0)
            return got < 0 ? -1 : AF_AGAIN;
    } while (parse(line, address, number, z->id, r));
    return judge(d, axis, r, err);
}

/* Replies are told apart by their numbers: one that is late is waited for. */
static int zaber_sync(struct af_drive *d, struct af_err *err)
{
    double reply_ms = d->reply_ms;
    struct reply r;
    int got = af_port_discard(d->port, true, 50, err);

    if (got < 0)
        return -1;
    d->reply_ms = 4 * reply_ms;
    for (int i = 0; i < AF_NAXES; i++)
        if (*d->axis[i].name && strcmp(d->axis[i].name, "-") != 0) {
            got = ask(d, (enum af_axis)i, "", &r, NULL);
            break;
        }
    d->reply_ms = reply_ms;
    if (got == AF_AGAIN)
        af_fail(err, AF_EDEVICE, "%s: no answer in %g ms", d->uri->text, 4 * reply_ms);
    return got == AF_AGAIN ? AF_AGAIN : 0; // a fault is for others to tell
}

static int set_up(struct af_drive *d, struct af_err *err)
{
    struct reply r;
    int got;

    for (int i = 0; i < AF_NAXES; i++) {
        struct af_drive_axis *a = &d->axis[i];

        a->has = *a->name && strcmp(a->name, "-") != 0;
        if (!a->has)
            continue;
        if (isnan(a->unit_um))
            return af_fail(err, AF_EUSAGE,
                           "%s: how far a microstep of axis %s goes is not known; give it "
                           "in the instrument file: unit = 0.15625um",
                           d->uri->text, a->name);
        if ((got = ask(d, (enum af_axis)i, "warnings clear", &r, err)) || // of older motions
            (got = ask(d, (enum af_axis)i, "get device.id", &r, err)))
            return got == AF_FAULT ? -1 : got;
        snprintf(d->model, sizeof(d->model), "Zaber device %.20s", r.data);
    }
    return 0;
}

static int zaber_open(struct af_drive *d, struct af_err *err)
{
    int got = AF_AGAIN;

    if (!(d->own = af_calloc(1, sizeof(struct zaber), err)))
        return -1;
    if (!*d->axis[AF_Z].name)
        snprintf(d->axis[AF_Z].name, sizeof(d->axis[AF_Z].name), "1");
    for (int i = 0; i < 3 && got == AF_AGAIN; i++)
        if ((got = zaber_sync(d, err)) == 0)
            got = set_up(d, err);
    return got ? -1 : 0;
}

static void zaber_close(struct af_drive *d)
{
    free(d->own);
}

static int zaber_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    struct reply r;
    long steps;
    int got = ask(d, axis, "get pos", &r, err);

    if (got && got != AF_FAULT) // it stands somewhere, fault or not
        return got;
    if (!af_drive_integer(r.data, &steps))
        return af_drive_garbled(d, r.data, err);
    *um = (double)steps * d->axis[axis].unit_um;
    return 0;
}

static int zaber_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    struct zaber *z = d->own;
    struct reply r;
    char text[60];
    int got;

    for (int i = 0; i < AF_NAXES; i++) {
        if (!(axes & 1u << i))
            continue;
        z->moved[i] = false; // a new move interrupts an old one of ours
        if ((got = ask(d, (enum af_axis)i, "", &r, err)))
            return got == AF_FAULT ? -1 : got;
        if (strcmp(r.warning, "WR") == 0 || strcmp(r.warning, "WH") == 0)
            return af_drive_refused(d, err, "%s has no reference: af-move --home",
                                    af_axis_name((enum af_axis)i));
        snprintf(text, sizeof(text), "move abs %.0f", um[i] / d->axis[i].unit_um);
        if ((got = ask(d, (enum af_axis)i, text, &r, err)))
            return got == AF_FAULT ? -1 : got;
        z->moved[i] = true;
    }
    return 0;
}

static int zaber_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    struct reply r;
    int got;

    *busy = false;
    for (int i = 0; i < AF_NAXES; i++) {
        if (!d->axis[i].has)
            continue;
        if ((got = ask(d, (enum af_axis)i, "", &r, err)))
            return got;
        *busy = *busy || r.busy;
    }
    return 0;
}

static int zaber_halt(struct af_drive *d, struct af_err *err)
{
    struct zaber *z = d->own;

    if (af_port_send(d->port, "\n/stop\n", err)) // all devices; the LF ends what may be half sent
        return -1;
    memset(z->moved, 0, sizeof(z->moved)); // interrupted by us
    return zaber_sync(d, err);
}

static int zaber_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    struct reply r;
    int got = ask(d, axis, "home", &r, err);

    return got == AF_FAULT ? -1 : got;
}

const struct af_driver af_driver_zaber = {
    .scheme = "zaber",
    .keys = "",
    .serial = {.baud = 115200, .stopbits = 1},
    .reply_ms = 500,
    .poll_ms = 10,
    .open = zaber_open,
    .close = zaber_close,
    .sync = zaber_sync,
    .position = zaber_position,
    .move = zaber_move,
    .busy = zaber_busy,
    .halt = zaber_halt,
    .home = zaber_home,
};
