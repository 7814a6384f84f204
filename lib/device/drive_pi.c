/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PI General Command Set 2.0. Set and move commands are not answered, so each is followed by ERR?,
 * which reads and clears. The unit of an axis is asked for or configured, never assumed: motor
 * stages count in mm, most piezos in um.
 * Source: PI GCS 2.0 manuals; delmic/odemis, PIPython.
 */
#include "device/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_error(struct af_drive *d, const char *line, struct af_err *err)
{
    static const struct {
        int n;
        const char *text;
    } known[] = {{1, "syntax"},
                 {2, "unknown command"},
                 {5, "not referenced, or servo off: af-move --home"},
                 {7, "outside the controller's limits"},
                 {10, "stopped by a command"},
                 {15, "no such axis"},
                 {17, "parameter out of range"},
                 {27, "soft limit"},
                 {45, "referencing failed"},
                 {84, "motor off"},
                 {216, "on a limit switch"},
                 {-1024, "motion error, servo switched off"}};
    const char *text = "see its manual";
    long n;

    if (!af_drive_integer(line, &n) || n < -9999 || n > 9999)
        return af_drive_garbled(d, line, err);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].n == n)
            text = known[i].text;
    return n ? af_drive_refused(d, err, "error %ld: %s", n, text) : 0;
}

/* `text` ends in "\nERR?\n": two lines in one write. */
static int command(struct af_drive *d, const char *text, struct af_err *err)
{
    char line[80];
    int got = af_drive_ask(d, text, line, sizeof(line), err);

    return got ? got : check_error(d, line, err);
}

static int pi_sync(struct af_drive *d, struct af_err *err)
{
    char line[200];
    int got = af_drive_resync(d, "\n", "*IDN?\n", "Physik Instrumente", line, sizeof(line), err);

    if (!got && !*d->model)
        snprintf(d->model, sizeof(d->model), "%.100s", line);
    return got;
}

/* Answer of "POS? 1" is "1=0.0125". */
static int ask_value(struct af_drive *d, const char *query, const char *axis, char *value,
                     size_t cap, struct af_err *err)
{
    char text[48], line[120];
    size_t n = strlen(axis);
    int got;

    snprintf(text, sizeof(text), "%s %s\n", query, axis);
    if ((got = af_drive_ask(d, text, line, sizeof(line), err)))
        return got;
    if (strncmp(line, axis, n) != 0 || line[n] != '=')
        return af_drive_garbled(d, line, err);
    snprintf(value, cap, "%s", line + n + 1);
    return 0;
}

/*
 * PUN? is not known to all: then its silence is followed by error 2, and the instrument file must
 * say.
 */
static int find_unit(struct af_drive *d, struct af_drive_axis *a, struct af_err *err)
{
    char value[32];
    int got;

    if (!isnan(a->unit_um))
        return 0;
    got = ask_value(d, "PUN?", a->name, value, sizeof(value), err);
    if (got < 0)
        return -1;
    if (got) { // a garbled answer, or silence: then error 2 waits
        if ((got = af_drive_ask(d, "ERR?\n", value, sizeof(value), err)) || strcmp(value, "2") != 0)
            return got < 0 ? -1 : AF_AGAIN;
        *value = '\0';
    }
    value[strcspn(value, " ")] = '\0';
    if (strcmp(value, "MM") == 0 || strcmp(value, "mm") == 0)
        a->unit_um = 1000;
    else if (strcmp(value, "UM") == 0 || strcmp(value, "um") == 0)
        a->unit_um = 1;
    else if (*value)
        return af_drive_garbled(d, value, err);
    else
        return af_fail(err, AF_EUSAGE,
                       "%s: axis %s does not tell its unit; give it in the instrument "
                       "file: unit = 1mm or 1um",
                       d->uri->text, a->name);
    return 0;
}

/* SAI? answers a name a line, all but the last ending in a space. */
static int first_axis(struct af_drive *d, char *name, size_t cap, struct af_err *err)
{
    char line[80];
    int got = af_drive_ask(d, "SAI?\n", line, sizeof(line), err);
    bool more;

    if (got)
        return got;
    more = line[strlen(line) - 1] == ' ';
    line[strcspn(line, " ")] = '\0';
    if (!*line || strlen(line) >= cap || strpbrk(line, "?=,;"))
        return af_drive_garbled(d, line, err);
    snprintf(name, cap, "%s", line);
    return more && af_port_discard(d->port, true, 50, err) < 0 ? -1 : 0;
}

static int set_up(struct af_drive *d, struct af_err *err)
{
    char text[64];
    int got;

    if (!*d->axis[AF_Z].name &&
        (got = first_axis(d, d->axis[AF_Z].name, sizeof(d->axis[AF_Z].name), err)))
        return got;
    if ((got = command(d, "ERR?\n", err)) > 0) // what is there is old
        return got;
    for (int i = 0; i < AF_NAXES; i++) {
        struct af_drive_axis *a = &d->axis[i];

        a->has = *a->name && strcmp(a->name, "-") != 0;
        snprintf(text, sizeof(text), "SVO %s 1\nERR?\n", a->name);
        if (a->has && ((got = find_unit(d, a, err)) || (got = command(d, text, err))))
            return got;
    }
    return 0;
}

static int pi_open(struct af_drive *d, struct af_err *err)
{
    int got = AF_AGAIN;

    for (int i = 0; i < 3 && got == AF_AGAIN; i++)
        if ((got = pi_sync(d, err)) == 0)
            got = set_up(d, err);
    return got ? -1 : 0;
}

static int pi_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    char value[64];
    int got = ask_value(d, "POS?", d->axis[axis].name, value, sizeof(value), err);

    if (got)
        return got;
    if (!af_drive_number(value, um))
        return af_drive_garbled(d, value, err);
    *um *= d->axis[axis].unit_um;
    return 0;
}

static int pi_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    char text[160] = "MOV";
    size_t n = 3;

    for (int i = 0; i < AF_NAXES; i++)
        if (axes & 1u << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s %.7f", d->axis[i].name,
                                  um[i] / d->axis[i].unit_um);
    snprintf(text + n, sizeof(text) - n, "\nERR?\n");
    return command(d, text, err);
}

/* 0x05 without LF: a mask of the moving axes, hexadecimal. */
static int pi_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    char line[80], *end;
    unsigned long mask;
    int got = af_drive_ask(d, "\x05", line, sizeof(line), err);

    if (got)
        return got;
    mask = strtoul(line, &end, 16);
    if (end == line || *end || strlen(line) > 4 || *line == '-' || *line == '+')
        return af_drive_garbled(d, line, err);
    *busy = mask != 0;
    return 0;
}

static int pi_fault(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    (void)axis;
    return command(d, "ERR?\n", err) < 0 ? -1 : 0;
}

static int pi_halt(struct af_drive *d, struct af_err *err)
{
    char line[80];
    int got;

    if (af_port_send(d->port, "\x18", err))
        return -1;
    if ((got = pi_sync(d, err)))
        return got;
    return af_drive_ask(d, "ERR?\n", line, sizeof(line), err); // 10, stopped: as asked
}

static int pi_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    char text[48];

    snprintf(text, sizeof(text), "FRF %s\nERR?\n", d->axis[axis].name);
    return command(d, text, err);
}

const struct af_driver af_driver_pi = {
    .scheme = "pi",
    .keys = "",
    .serial = {.baud = 115200, .stopbits = 1, .rtscts = false},
    .reply_ms = 500,
    .poll_ms = 10,
    .open = pi_open,
    .sync = pi_sync,
    .position = pi_position,
    .move = pi_move,
    .busy = pi_busy,
    .fault = pi_fault,
    .halt = pi_halt,
    .home = pi_home,
};
