/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ASI MS-2000 and Tiger. Positions are in 0.1 um; replies begin with :A or :N-n.
 * Source: the maker's documentation of the MS-2000 and TG-1000 command set.
 */
#include "device/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 0.1

static double unit_um(const struct af_drive *d, int i)
{
    return isnan(d->axis[i].unit_um) ? UNIT_UM : d->axis[i].unit_um;
}

/* ":N-4": a refusal, -1; anything else is not understood. */
static int refused(struct af_drive *d, const char *line, struct af_err *err)
{
    static const char *const why[] = {
        "",       "unknown command", "unknown axis",    "parameter missing", "out of range",
        "failed", "undefined",       "bad card address"};
    long n;

    if (strncmp(line, ":N-", 3) != 0 || !af_drive_integer(line + 3, &n) || n < 1 || n > 99)
        return af_drive_garbled(d, line, err);
    return af_drive_refused(d, err, "error %ld: %s", n,
                            n == 21 ? "halted by a command"
                            : n < 8 ? why[n]
                                    : "see its manual");
}

/* A command that is answered by :A alone. */
static int command(struct af_drive *d, const char *text, struct af_err *err)
{
    char line[80];
    int got = af_drive_ask(d, text, line, sizeof(line), err);

    if (got)
        return got;
    return strcmp(line, ":A") == 0 || strcmp(line, ":A ") == 0 ? 0 : refused(d, line, err);
}

/* ":A Version: USB-9.2m" of the MS-2000, ":A v3.45" of Tiger: no other answer is like them. */
static int asi_sync(struct af_drive *d, struct af_err *err)
{
    char line[120];

    return af_drive_resync(d, "\r", "V\r", "Version|:A v", line, sizeof(line), err);
}

/* One of "X Y Z" whose type is a motor or piezo for focus. */
static void find_focus(const char *axes, const char *types, char *name)
{
    for (; *axes && *types; axes++, types++)
        if ((*types == 'z' || *types == 'p') && *axes != ' ') {
            *name = *axes;
            return;
        }
}

/* BU X is answered by several lines; old firmware refuses it and has X, Y and Z. */
static int find_axes(struct af_drive *d, struct af_err *err)
{
    static const char *const usual[] = {"X", "Y", "Z"};
    char line[120] = "", axes[80] = "X Y Z", types[80] = "x x z";
    int got = af_drive_ask(d, "BU X\r", line, sizeof(line), err);

    for (int i = 0; i < 8 && !got && line[0] != ':' && strncmp(line, "Axis Props", 10); i++) {
        sscanf(line, "Motor Axes: %79[^\r\n]", axes);
        sscanf(line, "Axis Types: %79[^\r\n]", types);
        got = af_port_line(d->port, line, sizeof(line), d->reply_ms, err);
        got = got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
    }
    if (got)
        return got;
    for (int i = 0; i < AF_NAXES; i++) {
        char *name = d->axis[i].name;

        if (!*name) {
            snprintf(name, sizeof(d->axis[i].name), "%s", usual[i]);
            if (i == AF_Z)
                find_focus(axes, types, name);
        }
        d->axis[i].has = strlen(name) == 1 && *name != ' ' && strchr(axes, *name);
    }
    return 0;
}

static int asi_open(struct af_drive *d, struct af_err *err)
{
    char line[120];
    int got = AF_AGAIN;

    for (int i = 0; i < 3 && got == AF_AGAIN; i++) {
        if ((got = asi_sync(d, err)) == 0 &&
            (got = af_drive_ask(d, "V\r", line, sizeof(line), err)) == 0) {
            snprintf(d->model, sizeof(d->model), "ASI %.100s",
                     line + (strncmp(line, ":A ", 3) ? 0 : 3));
            // Tiger answers in the form of the MS-2000 from now on; that one does not mind
            if ((got = af_drive_ask(d, "VB F=0\r", line, sizeof(line), err)) == 0)
                got = find_axes(d, err);
        }
    }
    return got ? -1 : 0;
}

static int asi_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    char text[24], line[80];
    int got;

    snprintf(text, sizeof(text), "W %s\r", d->axis[axis].name);
    if ((got = af_drive_ask(d, text, line, sizeof(line), err)))
        return got;
    if (strncmp(line, ":A ", 3) != 0 || !af_drive_number(line + 3, um))
        return refused(d, line, err);
    *um *= unit_um(d, axis);
    return 0;
}

static int asi_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    char text[120] = "M";
    size_t n = 1;

    for (int i = 0; i < AF_NAXES; i++)
        if (axes & 1u << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%.2f", d->axis[i].name,
                                  um[i] / unit_um(d, i));
    snprintf(text + n, sizeof(text) - n, "\r");
    return command(d, text, err);
}

static int asi_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    char line[80];
    int got = af_drive_ask(d, "/\r", line, sizeof(line), err);

    if (got)
        return got;
    if (strcmp(line, "B") != 0 && strcmp(line, "N") != 0)
        return refused(d, line, err);
    *busy = *line == 'B';
    return 0;
}

/* Bits 6 and 7 of the axis's status are its switches. */
static int asi_fault(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    char text[24], line[80];
    double status;

    snprintf(text, sizeof(text), "RS %s\r", d->axis[axis].name);
    if (af_drive_ask(d, text, line, sizeof(line), err) || strncmp(line, ":A ", 3) != 0 ||
        !af_drive_number(line + 3, &status) || status < 0 || status > 255 ||
        !((unsigned)status & 0xc0))
        return 0;
    return af_drive_refused(d, err, "%s: %s limit switch", af_axis_name(axis),
                            (unsigned)status & 0x40 ? "upper" : "lower");
}

static int asi_halt(struct af_drive *d, struct af_err *err)
{
    if (af_port_send(d->port, "\r\\\r", err)) // the CR ends what may be half sent
        return -1;
    return asi_sync(d, err);
}

static int asi_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    char text[24];

    snprintf(text, sizeof(text), "! %s\r", d->axis[axis].name);
    return command(d, text, err);
}

const struct af_driver af_driver_asi = {
    .scheme = "asi",
    .keys = "",
    .serial = {.baud = 115200, .stopbits = 1},
    .reply_ms = 500,
    .poll_ms = 10,
    .open = asi_open,
    .sync = asi_sync,
    .position = asi_position,
    .move = asi_move,
    .busy = asi_busy,
    .fault = asi_fault,
    .halt = asi_halt,
    .home = asi_home,
};
