/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * G-code controllers: GRBL 1.1 and Marlin, told apart by their answer to $I. The unit is a
 * millimetre, unless the instrument file says that steps per mm were set for a finer one. GRBL is
 * moved by jogs: soft limits refuse them, they leave no modal state, and they can be cancelled.
 * Source: gnea/grbl interface.md, jogging.md; MarlinDocumentation _gcode.
 */
#include "base/memory.h"
#include "device/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gcode {
    bool marlin;
    bool homing;             // its ok comes at the end
    bool unseen;             // GRBL: its settings, which it tells at rest only
    double feed;             // units a minute
    double steps[AF_NAXES];  // Marlin: steps a unit
    double offset[AF_NAXES]; // GRBL: WCO as last told
    char state[12];          // GRBL: of the last report
};

static const char letters[] = "XYZ";

static double unit_um(const struct af_drive *d, int i)
{
    return isnan(d->axis[i].unit_um) ? 1000 : d->axis[i].unit_um;
}

static int next_line(struct af_drive *d, char *line, size_t cap, double ms, struct af_err *err)
{
    int got = af_port_line(d->port, line, cap, ms, err);

    return got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
}

/* What a line says that is neither ok nor an answer. */
static int refused(struct af_drive *d, const char *line, struct af_err *err)
{
    if (strncmp(line, "error:15", 8) == 0)
        return af_drive_refused(d, err, "error 15: beyond the controller's travel");
    if (strncmp(line, "error:9", 7) == 0)
        return af_drive_refused(d, err, "error 9: locked after an alarm: af-move --home");
    if (strncmp(line, "error:", 6) == 0 || strncmp(line, "ALARM:", 6) == 0 ||
        strncmp(line, "Error:", 6) == 0 || strncmp(line, "echo:Unknown command", 20) == 0)
        return af_drive_refused(d, err, "%.100s", line);
    return af_drive_garbled(d, line, err);
}

/* Banners, reports and chatter that may come between a line and its ok. */
static bool is_chatter(const char *line)
{
    return strncmp(line, "echo:busy", 9) == 0 || *line == '[' || *line == '<' ||
           strncmp(line, "Grbl", 4) == 0 || strcmp(line, "start") == 0 ||
           (strncmp(line, "echo:", 5) == 0 && strncmp(line, "echo:Unknown", 12) != 0);
}

/* An ok that comes late, or chatter that is no report. */
static bool is_no_report(const char *line)
{
    return strcmp(line, "ok") == 0 || (*line != '<' && is_chatter(line));
}

/* Ask, and pass over lines that are no answer; not for ever, since motions are watched by asking.
 */
static int ask(struct af_drive *d, const char *text, bool (*is_none)(const char *), char *line,
               size_t cap, struct af_err *err)
{
    int got = af_drive_ask(d, text, line, cap, err);

    for (int i = 0; i < 40 && !got && is_none(line); i++)
        got = next_line(d, line, cap, d->reply_ms, err);
    return got;
}

static int command(struct af_drive *d, const char *text, struct af_err *err)
{
    char line[200];
    int got = ask(d, text, is_chatter, line, sizeof(line), err);

    return got || strcmp(line, "ok") == 0 ? got : refused(d, line, err);
}

/* An empty line is answered by ok in every state of both. */
static int gcode_sync(struct af_drive *d, struct af_err *err)
{
    char line[200];

    return af_drive_resync(d, "", "\n", "ok", line, sizeof(line), err);
}

/* Ask for several lines up to ok; see() takes each. GRBL in motion says error:8 instead. */
static int ask_all(struct af_drive *d, const char *text,
                   int (*see)(struct af_drive *, const char *, struct af_err *), struct af_err *err)
{
    char line[200];
    int got = af_drive_ask(d, text, line, sizeof(line), err);

    for (int i = 0; i < 200 && !got && strcmp(line, "ok") != 0; i++) {
        if (strcmp(line, "error:8") == 0) {
            ((struct gcode *)d->own)->unseen = true;
            return 0;
        }
        if (strncmp(line, "error:", 6) == 0)
            return af_drive_garbled(d, line, err);
        if ((got = see(d, line, err)) == 0)
            got = next_line(d, line, sizeof(line), d->reply_ms, err);
    }
    return got;
}

static int see_kind(struct af_drive *d, const char *line, struct af_err *err)
{
    struct gcode *g = d->own;

    (void)err;
    if (strncmp(line, "[VER:", 5) == 0)
        snprintf(d->model, sizeof(d->model), "GRBL %.60s", line + 5);
    if (strncmp(line, "echo:Unknown command", 20) == 0)
        g->marlin = true;
    return 0;
}

static int see_name(struct af_drive *d, const char *line, struct af_err *err)
{
    (void)err;
    if (strncmp(line, "FIRMWARE_NAME:", 14) == 0)
        snprintf(d->model, sizeof(d->model), "%.100s", line + 14);
    return 0;
}

static int see_setting(struct af_drive *d, const char *line, struct af_err *err)
{
    if (strncmp(line, "$13=1", 5) == 0)
        return af_fail(err, AF_EUSAGE, "%s: reports inches ($13=1)", d->uri->text);
    return 0;
}

/* "echo:  M92 X80.00 Y80.00 Z800.00 E93.00" */
static int see_steps(struct af_drive *d, const char *line, struct af_err *err)
{
    struct gcode *g = d->own;
    const char *s = strstr(line, "M92 "), *end;

    (void)err;
    for (int i = 0; s && i < AF_NAXES; i++) {
        const char *at = strchr(s, letters[i]);

        if (at && !af_drive_leading(at + 1, &g->steps[i], &end))
            g->steps[i] = 0;
    }
    return 0;
}

static int set_up(struct af_drive *d, struct af_err *err)
{
    struct gcode *g = d->own;
    int got;

    g->unseen = false;
    if ((got = ask_all(d, "$I\n", see_kind, err)))
        return got;
    if (g->unseen)
        snprintf(d->model, sizeof(d->model), "GRBL");
    if (!g->marlin && !*d->model)
        return af_drive_garbled(d, "an answer to $I without [VER:", err);
    if (!g->marlin)
        return g->unseen ? 0 : ask_all(d, "$$\n", see_setting, err);
    if ((got = ask_all(d, "M115\n", see_name, err)) || (got = ask_all(d, "M503\n", see_steps, err)))
        return got;
    for (int i = 0; i < AF_NAXES; i++)
        if (!(g->steps[i] > 0))
            return af_drive_garbled(d, "settings without M92", err);
    return strstr(d->model, "Marlin") ? 0 : af_drive_garbled(d, d->model, err);
}

/* What was in motion when it was opened must rest before its numbers are believed. */
static int see_settings(struct af_drive *d, struct af_err *err)
{
    struct gcode *g = d->own;
    int got = 0;

    if (g->unseen && (got = set_up(d, err)))
        g->unseen = true; // still
    else if (g->unseen)
        return af_drive_refused(d, err, "is in motion, and tells its settings only at rest");
    return got;
}

static int gcode_open(struct af_drive *d, struct af_err *err)
{
    const char *feed = af_uri_get(d->uri, "feed");
    struct gcode *g = af_calloc(1, sizeof(*g), err);
    int got = AF_AGAIN;

    if (!(d->own = g))
        return -1;
    g->feed = 60;
    if (feed && (!af_drive_number(feed, &g->feed) || !(g->feed > 0)))
        return af_fail(err, AF_EUSAGE, "%s: feed '%s' is not a rate above 0", d->uri->text, feed);
    for (int i = 0; i < AF_NAXES; i++)
        d->axis[i].has = strcmp(d->axis[i].name, "-") != 0;
    // Opening has reset the board, which then is deaf for two seconds or more: four tries.
    for (int i = 0; i < 4 && got == AF_AGAIN; i++)
        if ((got = gcode_sync(d, err)) == 0)
            got = set_up(d, err);
    return got ? -1 : 0;
}

static void gcode_close(struct af_drive *d)
{
    free(d->own);
}

/* "1.000,2.000,3.000" */
static bool read_three(const char *s, double *v)
{
    for (int i = 0; i < 3; i++) {
        if (!af_drive_leading(s, &v[i], &s) || (i < 2 ? *s != ',' : *s && !strchr("|>", *s)))
            return false;
        s += i < 2;
    }
    return true;
}

/* "<Jog|MPos:0.000,0.000,0.004|FS:60,0>" */
static int grbl_report(struct af_drive *d, double *v, struct af_err *err)
{
    struct gcode *g = d->own;
    char line[200];
    const char *at;
    int got = ask(d, "?", is_no_report, line, sizeof(line), err);
    size_t n;

    if (got)
        return got;
    n = strlen(line);
    if (*line != '<' || line[n - 1] != '>')
        return refused(d, line, err);
    if ((at = strstr(line, "|WCO:")) && !read_three(at + 5, g->offset))
        return af_drive_garbled(d, line, err);
    if ((at = strstr(line, "|MPos:"))) {
        if (!read_three(at + 6, v))
            return af_drive_garbled(d, line, err);
    } else if (!(at = strstr(line, "|WPos:")) || !read_three(at + 6, v)) {
        return af_drive_garbled(d, line, err);
    } else {
        for (int i = 0; i < 3; i++)
            v[i] += g->offset[i];
    }
    n = strcspn(line + 1, "|:");
    snprintf(g->state, sizeof(g->state), "%.*s", n < 11 ? (int)n : 11, line + 1);
    return 0;
}

/*
 * "X:0.00 Y:127.00 Z:145.00 E:0.00 Count X:0 Y:10160 Z:116000", then ok; steps are finer than what
 * is planned
 */
static int marlin_report(struct af_drive *d, double *planned, double *now, struct af_err *err)
{
    const struct gcode *g = d->own;
    char line[200], ok[200];
    const char *s = line, *end;
    int got = ask(d, "M114\n", is_no_report, line, sizeof(line), err);

    if (got)
        return got;
    for (int i = 0; i < 2 * AF_NAXES; i++) {
        double *v = i < AF_NAXES ? planned : now;

        if (i == AF_NAXES && !(s = strstr(line, " Count ")))
            return refused(d, line, err);
        if (!(s = strchr(s, letters[i % AF_NAXES])) || s[1] != ':' ||
            !af_drive_leading(s + 2, &v[i % AF_NAXES], &end) || (*end && *end != ' '))
            return refused(d, line, err);
    }
    for (int i = 0; i < AF_NAXES; i++)
        now[i] /= g->steps[i];
    if ((got = next_line(d, ok, sizeof(ok), d->reply_ms, err)))
        return got;
    return strcmp(ok, "ok") == 0 ? 0 : refused(d, ok, err);
}

static int gcode_position(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err)
{
    const struct gcode *g = d->own;
    double planned[AF_NAXES], now[AF_NAXES];
    int got = see_settings(d, err);

    if (!got)
        got = g->marlin ? marlin_report(d, planned, now, err) : grbl_report(d, now, err);
    if (!got)
        *um = now[axis] * unit_um(d, axis);
    return got;
}

static int gcode_move(struct af_drive *d, unsigned axes, const double *um, struct af_err *err)
{
    const struct gcode *g = d->own;
    char text[160];
    size_t n = (size_t)snprintf(text, sizeof(text), "%s", g->marlin ? "G0" : "$J=G90 G21 G53");
    int got = see_settings(d, err);

    if (!got && g->marlin)
        got = command(d, "G90\n", err);
    if (got)
        return got;
    for (int i = 0; i < AF_NAXES; i++)
        if (axes & 1u << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %c%.5f", letters[i],
                                  um[i] / unit_um(d, i));
    snprintf(text + n, sizeof(text) - n, " F%.9g\n", g->feed);
    return command(d, text, err);
}

/* The ok of homing comes at its end. */
static int homing_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    struct gcode *g = d->own;
    char line[200];
    int got = next_line(d, line, sizeof(line), 20, err);

    *busy = true;
    if (got == AF_AGAIN || (!got && is_chatter(line)))
        return 0;
    if (got || strcmp(line, "ok") != 0)
        return got ? got : refused(d, line, err);
    g->homing = *busy = false;
    return 0;
}

static int gcode_busy(struct af_drive *d, bool *busy, struct af_err *err)
{
    struct gcode *g = d->own;
    double planned[AF_NAXES], now[AF_NAXES];
    int got;

    if (g->homing)
        return homing_busy(d, busy, err);
    if ((got = g->marlin ? marlin_report(d, planned, now, err) : grbl_report(d, now, err)))
        return got;
    if (g->marlin) { // the plan has two decimals: nearer than that, readings must tell
        *busy = false;
        for (int i = 0; i < AF_NAXES; i++)
            *busy = *busy || fabs(planned[i] - now[i]) > 0.006 + 1 / g->steps[i];
        return 0;
    }
    if (strcmp(g->state, "Idle") != 0 && strcmp(g->state, "Jog") != 0 &&
        strcmp(g->state, "Run") != 0 && strcmp(g->state, "Home") != 0 &&
        strcmp(g->state, "Hold") != 0) {
        if (strcmp(g->state, "Alarm") != 0 && strcmp(g->state, "Door") != 0 &&
            strcmp(g->state, "Check") != 0 && strcmp(g->state, "Sleep") != 0)
            return af_drive_garbled(d, g->state, err);
        return af_drive_fault(d, err, "the controller is in state %s", g->state);
    }
    *busy = strcmp(g->state, "Idle") != 0;
    return 0;
}

static int gcode_halt(struct af_drive *d, struct af_err *err)
{
    struct gcode *g = d->own;
    const char *stop = g->marlin ? "\nM410\n" : g->homing ? "\x18" : "\x85";

    g->homing = false;
    if (af_port_send(d->port, stop, err))
        return -1;
    return gcode_sync(d, err);
}

static int gcode_home(struct af_drive *d, enum af_axis axis, struct af_err *err)
{
    struct gcode *g = d->own;
    char text[16];

    snprintf(text, sizeof(text), "G28 %c\n", letters[axis]);
    if (af_port_discard(d->port, false, 10, err) < 0 ||
        af_port_send(d->port, g->marlin ? text : "$H\n", err))
        return -1;
    g->homing = true;
    return 0;
}

const struct af_driver af_driver_gcode = {
    .scheme = "gcode",
    .keys = "feed",
    .serial = {.baud = 115200, .stopbits = 1},
    .reply_ms = 500,
    .poll_ms = 50,
    .open = gcode_open,
    .close = gcode_close,
    .sync = gcode_sync,
    .position = gcode_position,
    .move = gcode_move,
    .busy = gcode_busy,
    .halt = gcode_halt,
    .home = gcode_home,
};
