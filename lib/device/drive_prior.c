/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prior ProScan, OptiScan, ES10. Lines end in CR; a move is answered by R, which comes at once or
 * at its end: the manual says the one, drivers in daily use the other. So R is taken whenever it
 * comes, and $ tells what moves.
 * Source: ProScan III manual 1.12, pages 43 to 59.
 */
#include "base/memory.h"
#include "device/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prior {
    double xy_um, z_um; // um in a unit; the sign is the controller's direction
};

static int refused(struct af_drive *d, const char *line, struct af_err *err)
{
    static const struct {
        int n;
        const char *text;
    } known[] = {{1, "no stage"},         {2, "not idle"},       {3, "no drive"},
                 {5, "unknown command"},  {7, "no focus drive"}, {8, "value out of range"},
                 {16, "incorrect state"}, {18, "queue full"},    {60, "encoder error"},
                 {61, "encoder run off"}};
    const char *text = "see its manual";
    long n;

    if (strncmp(line, "E,", 2) != 0 || !af_drive_integer(line + 2, &n) || n < 1 || n > 99)
        return af_drive_garbled(d, line, err);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].n == n)
            text = known[i].text;
    return af_drive_refused(d, err, "error %ld: %s", n, text);
}

/* Ask, and pass over the R of a motion that has ended meanwhile. */
static int ask(struct af_drive *d, const char *request, char *line, size_t cap, struct af_err *err)
{
    int got = af_drive_ask(d, request, line, cap, err);

    for (int i = 0; i < 4 && !got && strcmp(line, "R") == 0; i++) {
        got = af_port_line(d->port, line, cap, d->reply_ms, err);
        got = got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
    }
    return got;
}

/* Only this answer ends with END. */
static int prior_sync(struct af_drive *d, struct af_err *err)
{
    char line[120];

    return af_drive_resync(d, "\r", "?\r", "END", line, sizeof(line), err);
}

static int ask_unit(struct af_drive *d, const char *request, double *um, struct af_err *err)
{
    char line[80];
    int got = ask(d, request, line, sizeof(line), err);

    if (got)
        return got;
    if (!af_drive_number(line, um))
        return refused(d, line, err);
    if (fabs(*um) > 1000)
        return af_drive_garbled(d, line, err);
    if (*um == 0)
        *um = 0.1;
    return 0;
}

/* "STAGE = NONE" and the like tell what is not there. */
static int look(struct af_drive *d, struct af_err *err)
{
    char line[120];
    int got = ask(d, "?\r", line, sizeof(line), err);

    while (!got && strcmp(line, "END") != 0) {
        if (strncmp(line, "PROSCAN", 7) == 0 || strncmp(line, "OPTISCAN", 8) == 0)
            snprintf(d->model, sizeof(d->model), "Prior %.100s", line);
        if (strncmp(line, "STAGE", 5) == 0)
            d->axis[AF_X].has = d->axis[AF_Y].has = !strstr(line, "NONE");
        if (strncmp(line, "FOCUS", 5) == 0)
            d->axis[AF_Z].has = !strstr(line, "NONE");
        got = af_port_line(d->port, line, sizeof(line), d->reply_ms, err);
        got = got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
    }
    return got;
}

static int set_up(struct af_drive *d, struct af_err *err)
{
    struct prior *p = d->own;
    char line[80];
    int got = look(d, err);

    if (got || (got = ask(d, "COMP 0\r", line, sizeof(line), err)))
        return got;
    if (strcmp(line, "0") != 0)
        return refused(d, line, err);
    if (d->axis[AF_X].has && (got = ask_unit(d, "RES,s\r", &p->xy_um, err)))
        return got;
    if (d->axis[AF_Z].has && (got = ask_unit(d, "RES,Z\r", &p->z_um, err)))
        return got;
    if (!isnan(d->axis[AF_X].unit_um))
        p->xy_um = d->axis[AF_X].unit_um;
    if (!isnan(d->axis[AF_Z].unit_um))
        p->z_um = d->axis[AF_Z].unit_um;
    return 0;
}

static int prior_open(struct af_drive *d, struct af_err *err)
{
    int got = AF_AGAIN;

    if (!(d->own = af_calloc(1, sizeof(struct prior), err)))
        return -1;
    for (int i = 0; i < 3 && got == AF_AGAIN; i++)
        if ((got = prior_sync(d, err)) == 0)
            got = set_up(d, err);
    return got ? -1 : 0;
}

static void prior_close(struct af_drive *d)
{
    free(d->own);
}

/* Counts of "x,y,z" or of z alone. */
static int ask_counts(struct af_drive *d, bool all, double *v, struct af_err *err)
{
    char line[80];
    const char *s = line;
    int got = ask(d, all ? "P\r" : "PZ\r", line, sizeof(line), err);

    if (got)
        return got;
    for (int i = 0; i < (all ? 3 : 1); i++) {
        if (!af_drive_leading(s, &v[i], &s) || *s != (all && i < 2 ? ',' : '\0'))
            return refused(d, line, err);
        s += *s == ',';
    }
    return 0;
}

static int prior_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    const struct prior *p = d->own;
    double v[3];
    int got = ask_counts(d, axis != AF_Z, v, err);

    if (!got)
        *um = axis == AF_Z ? v[0] * p->z_um : v[axis] * p->xy_um;
    return got;
}

/* No R within the time of a reply: it comes at the end. */
static int command(struct af_drive *d, const char *text, struct af_err *err)
{
    char line[80];
    int got = af_drive_ask(d, text, line, sizeof(line), err);

    if (got == AF_AGAIN)
        return 0;
    return got || strcmp(line, "R") == 0 ? got : refused(d, line, err);
}

static int prior_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    const struct prior *p = d->own;
    char text[80];
    int got;

    if (axes & 1u << AF_Z) {
        snprintf(text, sizeof(text), "V,%.0f\r", um[AF_Z] / p->z_um);
        if ((got = command(d, text, err)))
            return got;
    }
    // One axis alone has a word of its own: G with the other's readback could move that one too
    if ((axes & 3u) == 3u)
        snprintf(text, sizeof(text), "G,%.0f,%.0f\r", um[AF_X] / p->xy_um, um[AF_Y] / p->xy_um);
    else if (axes & 1u << AF_X)
        snprintf(text, sizeof(text), "GX,%.0f\r", um[AF_X] / p->xy_um);
    else
        snprintf(text, sizeof(text), "GY,%.0f\r", um[AF_Y] / p->xy_um);
    return axes & 3u ? command(d, text, err) : 0;
}

static int prior_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    char line[80];
    long bits;
    int got = ask(d, "$\r", line, sizeof(line), err);

    if (got)
        return got;
    if (!af_drive_integer(line, &bits))
        return refused(d, line, err);
    if (bits < 0 || bits > 63)
        return af_drive_garbled(d, line, err);
    *busy = bits & 7; // x, y, z; the others are wheels
    return 0;
}

static int prior_fault(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    char line[80], *end;
    unsigned long bits;

    if (ask(d, "LMT\r", line, sizeof(line), err) || strlen(line) != 2)
        return 0;
    bits = strtoul(line, &end, 16);
    if (*end || !(bits & 3u << 2 * axis))
        return 0;
    return af_drive_refused(d, err, "%s: %s limit switch", af_axis_name(axis),
                            bits & 1u << 2 * axis ? "upper" : "lower");
}

static int prior_halt(struct af_drive *d, struct af_err *err)
{
    if (af_port_send(d->port, "\rI\r", err)) // the CR ends what may be half sent
        return -1;
    return prior_sync(d, err);
}

static int prior_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    if (axis == AF_Z)
        return af_fail(err, AF_EUSAGE, "%s: this controller homes x and y only", d->uri->text);
    return command(d, "SIS\r", err);
}

const struct af_driver af_driver_prior = {
    .scheme = "prior",
    .keys = "",
    .serial = {.baud = 9600, .stopbits = 1},
    .reply_ms = 500,
    .poll_ms = 30,
    .open = prior_open,
    .close = prior_close,
    .sync = prior_sync,
    .position = prior_position,
    .move = prior_move,
    .busy = prior_busy,
    .fault = prior_fault,
    .halt = prior_halt,
    .home = prior_home,
};
