/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TANGO controller: native instruction set, three axes. Written from the protocol, not from the
 * driver.
 */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICROSTEPS_A_UM 819.2 // a spindle of 1 mm pitch

enum {
    NO_AXIS = 1,
    NO_INSTRUCTION = 2,
    INVALID = 4,
    RANGE = 5,
    COUNT = 6,
    NO_MARK = 7,
    JOYSTICK = 11,
    SWITCH = 12,
    OUTSIDE = 32
};

struct tango {
    int dim[3]; // 0 microsteps, 1 um, 2 mm, 9 mm with mm/s
    int error;
    bool autostatus, joystick, was_moving;
    unsigned cal[3]; // bit 0 after !cal, bit 1 after !rm
    double vel[3], accel[3];
    bool zeroing[3]; // 0 is where !cal ends
    char ended[3];   // what ?statusaxis shows at rest: @ or A or D
};

static void begin(struct af_controller *c)
{
    struct tango *t = af_controller_own(c);

    t->autostatus = true;
    for (int i = 0; i < 3; i++) {
        t->dim[i] = 2;
        t->vel[i] = 20;
        t->accel[i] = 0.2;
        t->ended[i] = '@';
    }
}

/* um in the unit that !dim chose */
static double unit_um(const struct tango *t, int axis)
{
    switch (t->dim[axis]) {
    case 0: return 1 / MICROSTEPS_A_UM;
    case 1: return 1;
    default: return 1000;
    }
}

static void say_value(struct af_controller *c, int axis, double um, const char *end)
{
    const struct tango *t = af_controller_own(c);
    int decimals = t->dim[axis] == 0 ? 0 : t->dim[axis] == 1 ? 3 : 6;
    char text[64];

    snprintf(text, sizeof(text), "%.*f", decimals, um / unit_um(t, axis));
    af_controller_say(c, "%s%s", strtod(text, NULL) == 0 && *text == '-' ? text + 1 : text, end);
}

static void say_positions(struct af_controller *c, bool limits, int axis)
{
    const struct tango *t = af_controller_own(c);
    char text[160];
    size_t n = 0;

    if (axis >= 0 && !limits) {
        say_value(c, axis, af_controller_position(c, axis), "\r");
        return;
    }
    for (int i = 0; i < (limits ? 2 : 3); i++) {
        int a = limits ? axis : i;
        double um = limits ? af_controller_limit(c, axis, i) : af_controller_position(c, i);

        af_controller_add(text, sizeof(text), &n, "%s%.3f", n ? " " : "", um / unit_um(t, a));
    }
    af_controller_say(c, "%s\r", text);
}

static void say_status(struct af_controller *c, int axis)
{
    const struct tango *t = af_controller_own(c);
    char s[4] = "";

    for (int i = 0; i < 3; i++)
        s[i] = af_controller_moving(c, i)     ? 'M'
               : af_controller_switches(c, i) ? 'S'
               : t->joystick                  ? 'J'
                                              : t->ended[i];
    if (axis >= 0)
        af_controller_say(c, "%c\r", s[axis]);
    else
        af_controller_say(c, "%s-.-\r", s);
}

/* Numbers of an instruction: as many as there are, -1 where one is none. */
static int numbers(char *text, double *v, int max)
{
    int n = 0;

    for (char *s = strtok(text, " "), *end; s; s = strtok(NULL, " ")) {
        if (n == max)
            return -1;
        v[n] = strtod(s, &end);
        if (*end || !isfinite(v[n]))
            return -1;
        n++;
    }
    return n;
}

static void go(struct af_controller *c, bool relative, int axis, char *rest)
{
    struct tango *t = af_controller_own(c);
    double v[3];
    int n = numbers(rest, v, axis >= 0 ? 1 : 3);

    t->error = n < 0 ? RANGE : n == 0 ? COUNT : t->joystick ? JOYSTICK : 0;
    for (int i = 0; i < n && !t->error; i++) {
        int a = axis >= 0 ? axis : i;
        double um = v[i] * unit_um(t, a) + (relative ? af_controller_target(c, a) : 0);

        t->ended[a] = '@';
        if (!af_controller_go(c, a, um))
            t->error = OUTSIDE;
        t->was_moving = true;
    }
}

static void set(struct af_controller *c, const char *word, int axis, char *rest)
{
    struct tango *t = af_controller_own(c);
    double v[3];
    int n = numbers(rest, v, 3), first = axis >= 0 ? axis : 0;

    if (n < 0) {
        t->error = RANGE;
        return;
    }
    t->error = 0;
    if (strcmp(word, "dim") == 0) {
        for (int i = 0; i < n && first + i < 3; i++)
            if (v[i] == 0 || v[i] == 1 || v[i] == 2 || v[i] == 9)
                t->dim[first + i] = (int)v[i];
            else
                t->error = RANGE;
    } else if (strcmp(word, "pos") == 0) {
        for (int i = 0; i < n && first + i < 3; i++)
            af_controller_call(c, first + i, v[i] * unit_um(t, first + i));
    } else if (strcmp(word, "autostatus") == 0 && n == 1) {
        t->autostatus = v[0] != 0;
    } else if (strcmp(word, "joy") == 0 && n == 1) {
        t->joystick = v[0] != 0;
    } else if ((strcmp(word, "vel") == 0 || strcmp(word, "accel") == 0) && n >= 1) {
        double *to = *word == 'v' ? t->vel : t->accel;

        for (int i = 0; i < n && first + i < 3; i++)
            to[first + i] = v[i];
    } else if ((strcmp(word, "cal") == 0 || strcmp(word, "rm") == 0) && axis >= 0) {
        bool up = *word == 'r';

        t->zeroing[axis] = !up;
        t->cal[axis] |= up ? 2 : 1;
        t->ended[axis] = up ? 'D' : 'A';
        t->was_moving = true;
        if (up)
            af_controller_go(c, axis, af_controller_limit(c, axis, true));
        else
            af_controller_home(c, axis);
    } else if (strcmp(word, "err") != 0 && strcmp(word, "encpos") != 0) {
        t->error = INVALID;
    }
}

static void ask(struct af_controller *c, const char *word, int axis)
{
    struct tango *t = af_controller_own(c);
    int a = axis >= 0 ? axis : 0;

    if (strcmp(word, "version") == 0)
        af_controller_say(c, "TANGO-DT, Version 1.55, Mar 11 2022, 13:51:01\r");
    else if (strcmp(word, "readsn") == 0)
        af_controller_say(c, "1122334455\r");
    else if (strcmp(word, "det") == 0)
        af_controller_say(c, "48\r");
    else if (strcmp(word, "err") == 0)
        af_controller_say(c, "%d\r", t->error);
    else if (strcmp(word, "pos") == 0)
        say_positions(c, false, axis);
    else if (strcmp(word, "lim") == 0)
        say_positions(c, true, a);
    else if (strcmp(word, "statusaxis") == 0)
        say_status(c, axis);
    else if (strcmp(word, "status") == 0 && t->error)
        af_controller_say(c, "ERR %d\r", t->error);
    else if (strcmp(word, "status") == 0)
        af_controller_say(c, "OK...\r");
    else if (strcmp(word, "dim") == 0)
        af_controller_say(c, "%d\r", t->dim[a]);
    else if (strcmp(word, "pitch") == 0)
        af_controller_say(c, "1.000\r");
    else if (strcmp(word, "calst") == 0)
        af_controller_say(c, "%u\r", t->cal[a]);
    else if (strcmp(word, "vel") == 0 || strcmp(word, "accel") == 0)
        af_controller_say(c, "%.3f\r", *word == 'v' ? t->vel[a] : t->accel[a]);
    else if (strcmp(word, "autostatus") == 0)
        af_controller_say(c, "%d\r", t->autostatus);
    else
        t->error = INVALID;
}

/* "!moa z 12.5": mark, word, perhaps an axis, numbers. */
static void line(struct af_controller *c, char *text)
{
    struct tango *t = af_controller_own(c);
    char word[24], mark = *text == '!' || *text == '?' ? *text++ : '\0';
    size_t n = strcspn(text, " ");
    int axis = -1;

    if (!mark && !*text)
        return;
    for (char *s = text; *s; s++)
        *s = (char)tolower((unsigned char)*s);
    snprintf(word, sizeof(word), "%.*s", (int)(n < 23 ? n : 23), text);
    text += n + (text[n] == ' ');
    if (*text && strchr("xyz", *text) && (text[1] == ' ' || !text[1])) {
        axis = strchr("xyz", *text) - "xyz";
        text += 1 + (text[1] == ' ');
    }
    if (strcmp(word, "a") == 0 && mark != '?')
        af_controller_stop(c);
    else if (!mark)
        t->error = NO_MARK;
    else if (mark == '?')
        ask(c, word, axis);
    else if (strcmp(word, "moa") == 0 || strcmp(word, "mor") == 0)
        go(c, word[2] == 'r', axis, text);
    else
        set(c, word, axis, text);
}

static bool byte(struct af_controller *c, char b)
{
    if (b != 0x03)
        return false;
    af_controller_stop(c);
    return true;
}

/* With autostatus a line comes when a motion has ended. */
static void idle(struct af_controller *c)
{
    struct tango *t = af_controller_own(c);

    if (!t->was_moving || af_controller_moving(c, -1))
        return;
    t->was_moving = false;
    for (int i = 0; i < 3; i++)
        if (t->zeroing[i])
            af_controller_call(c, i, 0);
    memset(t->zeroing, 0, sizeof(t->zeroing));
    if (t->autostatus)
        af_controller_say(c, "%c%c%c-.\r", t->ended[0], t->ended[1], t->ended[2]);
}

const struct af_protocol af_protocol_tango = {
    .name = "tango",
    .scheme = "tango",
    .keys = "",
    .baud = 57600,
    .ends = "\r",
    .stray = "@@@-.\r",
    .own_size = sizeof(struct tango),
    .begin = begin,
    .byte = byte,
    .line = line,
    .idle = idle,
};
