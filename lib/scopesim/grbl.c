/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GRBL 1.1h board. Steps per mm are set 1000 times lower than a millimetre's, as is usual where 1
 * um is too coarse: its "mm" is a micrometre. Written from the protocol, not from the driver.
 */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 1.0

enum {
    LETTER = 1,
    NUMBER = 2,
    BAD_DOLLAR = 3,
    NOT_IDLE = 8,
    TOO_LONG = 11,
    TRAVEL = 15,
    BAD_JOG = 16,
    UNSUPPORTED = 20,
    NO_FEED = 22
};

enum what { REST, RUN, JOG, HOME };

struct grbl {
    enum what what; // of the motion under way
    bool relative;  // G91
    bool alarm;
    int nreports;
    int waiting; // an ok that comes when all rest: G4, $H
};

static void say_error(struct af_controller *c, int n)
{
    af_controller_say(c, "error:%d\r\n", n);
}

static void begin(struct af_controller *c)
{
    af_controller_say(c, "\r\nGrbl 1.1h ['$' for help]\r\n");
}

static void idle(struct af_controller *c)
{
    struct grbl *g = af_controller_own(c);

    if (af_controller_moving(c, -1))
        return;
    for (int i = 0; i < 3; i++)
        if (af_controller_switches(c, i) && g->what != REST) {
            g->alarm = true;
            af_controller_say(c, "ALARM:1\r\n");
        }
    g->what = REST;
    for (; g->waiting; g->waiting--)
        af_controller_say(c, "ok\r\n");
}

static void report(struct af_controller *c)
{
    struct grbl *g = af_controller_own(c);
    static const char *const names[] = {"Idle", "Run", "Jog", "Home"};
    bool moves = af_controller_moving(c, -1);
    char more[60] = "";
    double v[3];

    for (int i = 0; i < 3; i++) {
        v[i] = af_controller_position(c, i) / UNIT_UM;
        if (fabs(v[i]) < 0.0005)
            v[i] = 0; // not -0.000
    }
    if (!moves)
        idle(c);
    if (++g->nreports % 10 == 2)
        snprintf(more, sizeof(more), "|WCO:0.000,0.000,0.000");
    af_controller_say(c, "<%s|MPos:%.3f,%.3f,%.3f|FS:%d,0%s>\r\n",
                      g->alarm ? "Alarm" : names[moves ? g->what : REST], v[0], v[1], v[2],
                      moves ? 60 : 0, more);
}

static void reset(struct af_controller *c)
{
    struct grbl *g = af_controller_own(c);

    if (af_controller_moving(c, -1)) {
        g->alarm = true;
        af_controller_stop(c);
        af_controller_say(c, "ALARM:3\r\n");
    }
    g->waiting = 0;
    g->what = REST;
    begin(c);
}

static bool byte(struct af_controller *c, char b)
{
    struct grbl *g = af_controller_own(c);

    switch ((unsigned char)b) {
    case '?': report(c); return true;
    case '!': af_controller_stop(c); return true;
    case '~': return true;
    case 0x18: reset(c); return true;
    case 0x84: return true;
    case 0x85:
        if (g->what == JOG)
            af_controller_stop(c);
        return true;
    default: return false;
    }
}

struct words {
    bool relative, machine, given[3], feed, dwell, moves;
    double um[3];
};

/* "G90 G21 G53 Z0.0125 F60"; 0 or an error's number. */
static int parse(const char *s, struct words *w)
{
    while (*(s += strspn(s, " "))) {
        char letter = (char)toupper((unsigned char)*s), *end;
        double v = strtod(s + 1, &end);

        if (!isalpha((unsigned char)letter))
            return LETTER;
        if (end == s + 1 || !isfinite(v))
            return NUMBER;
        s = end;
        if (letter == 'G' && (v == 90 || v == 91))
            w->relative = v == 91;
        else if (letter == 'G' && v == 53)
            w->machine = true;
        else if (letter == 'G' && (v == 0 || v == 1))
            w->moves = true;
        else if (letter == 'G' && v == 4)
            w->dwell = true;
        else if (letter == 'F')
            w->feed = true;
        else if (letter >= 'X' && letter <= 'Z') {
            w->given[letter - 'X'] = true;
            w->um[letter - 'X'] = v * UNIT_UM;
        } else if (!(letter == 'G' && v == 21) && letter != 'P')
            return UNSUPPORTED;
    }
    return 0;
}

static void go(struct af_controller *c, const struct words *w, enum what what)
{
    struct grbl *g = af_controller_own(c);
    double to[3];

    for (int i = 0; i < 3; i++) {
        to[i] = w->um[i] + (w->relative ? af_controller_target(c, i) : 0);
        if (w->given[i] &&
            (!(to[i] >= af_controller_limit(c, i, false)) ||
             !(to[i] <= af_controller_limit(c, i, true))) &&
            !af_controller_go(c, i, to[i])) { // all or none
            say_error(c, TRAVEL);
            return;
        }
    }
    for (int i = 0; i < 3; i++)
        if (w->given[i])
            af_controller_go(c, i, to[i]);
    g->what = what;
    af_controller_say(c, "ok\r\n");
}

static void dollar(struct af_controller *c, const char *s)
{
    struct grbl *g = af_controller_own(c);
    struct words w = {.relative = g->relative};
    int error;

    if (strncmp(s, "$J=", 3) == 0) {
        error = parse(s + 3, &w);
        if (g->alarm)
            error = 9;
        else if (!error && !w.feed)
            error = NO_FEED;
        else if (!error && !w.given[0] && !w.given[1] && !w.given[2])
            error = BAD_JOG;
        if (error)
            say_error(c, error);
        else
            go(c, &w, JOG);
    } else if (strcmp(s, "$X") == 0) {
        g->alarm = false;
        af_controller_say(c, "[MSG:Caution: Unlocked]\r\nok\r\n");
    } else if (g->what != REST && af_controller_moving(c, -1)) {
        say_error(c, NOT_IDLE);
    } else if (strcmp(s, "$I") == 0) {
        af_controller_say(c, "[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n");
    } else if (strcmp(s, "$$") == 0) {
        af_controller_say(
            c, "$10=1\r\n$13=0\r\n$20=1\r\n$22=1\r\n$102=250.000\r\n$112=500.000\r\nok\r\n");
    } else if (strcmp(s, "$H") == 0) {
        g->alarm = false;
        for (int i = 0; i < 3; i++)
            af_controller_home(c, i);
        g->what = HOME;
        g->waiting++;
    } else {
        say_error(c, BAD_DOLLAR);
    }
}

static void line(struct af_controller *c, char *text)
{
    struct grbl *g = af_controller_own(c);
    struct words w = {.relative = g->relative};
    int error;

    if (*text == '$') {
        dollar(c, text);
        return;
    }
    error = g->alarm && *text ? 9 : parse(text, &w);
    if (error) {
        say_error(c, error);
        return;
    }
    g->relative = w.relative;
    if (w.dwell)
        g->waiting++; // its ok comes when the queue is empty and all rest
    else if (w.given[0] || w.given[1] || w.given[2])
        go(c, &w, RUN);
    else
        af_controller_say(c, "ok\r\n");
}

const struct af_protocol af_protocol_grbl = {
    .name = "gcode",
    .scheme = "gcode",
    .keys = "?feed=120000",
    .unit_um = UNIT_UM,
    .baud = 115200,
    .ends = "\r\n",
    .stray = "[MSG:Check Limits]\r\n",
    .own_size = sizeof(struct grbl),
    .begin = begin,
    .byte = byte,
    .line = line,
    .idle = idle,
};
