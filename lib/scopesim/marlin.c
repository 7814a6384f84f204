/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Marlin board: 800 steps/mm along x and y, 12800 along z, until M92 says otherwise. Written from
 * the protocol, not from the driver.
 */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 1000.0

struct marlin {
    bool relative;
    int waiting;     // an ok that comes when all rest: M400, G28
    double told_s;   // when "busy" was said last
    double steps[3]; // a mm
};

static void begin(struct af_controller *c)
{
    struct marlin *m = af_controller_own(c);

    m->steps[0] = m->steps[1] = 800;
    m->steps[2] = 12800;
    af_controller_say(c, "start\necho:Marlin 2.1.2\n");
}

static void idle(struct af_controller *c)
{
    struct marlin *m = af_controller_own(c);
    double now_s = af_controller_now_s(c);

    if (!m->waiting)
        return;
    if (!af_controller_moving(c, -1)) {
        for (; m->waiting; m->waiting--)
            af_controller_say(c, "ok\n");
    } else if (now_s - m->told_s > 2) {
        m->told_s = now_s;
        af_controller_say(c, "echo:busy: processing\n");
    }
}

/* The plan with two decimals, then where the motors are, in steps. */
static void report(struct af_controller *c)
{
    const struct marlin *m = af_controller_own(c);
    double plan[3];
    long steps[3];

    for (int i = 0; i < 3; i++) {
        plan[i] = af_controller_target(c, i) / UNIT_UM;
        plan[i] = fabs(plan[i]) < 0.005 ? 0 : plan[i]; // not -0.00
        steps[i] = lround(af_controller_position(c, i) / UNIT_UM * m->steps[i]);
    }
    af_controller_say(c, "X:%.2f Y:%.2f Z:%.2f E:0.00 Count X:%ld Y:%ld Z:%ld\nok\n", plan[0],
                      plan[1], plan[2], steps[0], steps[1], steps[2]);
}

/* M92 X80 Z800, or without numbers as M503 */
static void steps(struct af_controller *c, const char *s)
{
    struct marlin *m = af_controller_own(c);
    bool set = false;

    for (int i = 0; i < 3; i++) {
        const char *at = strchr(s, "XYZ"[i]);
        double v = at ? strtod(at + 1, NULL) : 0;

        if (v > 0 && isfinite(v)) {
            m->steps[i] = v;
            set = true;
        }
    }
    if (!set)
        af_controller_say(c, "echo:; Steps per unit:\necho:  M92 X%.2f Y%.2f Z%.2f E93.00\n",
                          m->steps[0], m->steps[1], m->steps[2]);
    af_controller_say(c, "ok\n");
}

/* Soft end stops clip in silence. */
static void go(struct af_controller *c, const char *s)
{
    const struct marlin *m = af_controller_own(c);

    while (*(s += strspn(s, " "))) {
        char letter = (char)toupper((unsigned char)*s), *end;
        double v = strtod(s + 1, &end);
        int axis = letter - 'X';

        if (end == s + 1)
            break;
        s = end;
        if (axis < 0 || axis > 2 || !isfinite(v))
            continue;
        v = v * UNIT_UM + (m->relative ? af_controller_target(c, axis) : 0);
        v = round(v / UNIT_UM * m->steps[axis]) / m->steps[axis] * UNIT_UM;
        if (!af_controller_go(c, axis, v))
            af_controller_go(c, axis,
                             fmin(fmax(v, af_controller_limit(c, axis, false)),
                                  af_controller_limit(c, axis, true)));
    }
    af_controller_say(c, "ok\n");
}

static void home(struct af_controller *c, const char *s)
{
    struct marlin *m = af_controller_own(c);
    bool all = !strpbrk(s, "XYZxyz");

    for (int i = 0; i < 3; i++)
        if (all || strchr(s, "XYZ"[i]) || strchr(s, "xyz"[i]))
            af_controller_home(c, i);
    m->waiting++;
    m->told_s = af_controller_now_s(c);
}

static void line(struct af_controller *c, char *text)
{
    struct marlin *m = af_controller_own(c);
    char letter, *s = text + strspn(text, " ");
    long n = 0;

    s[strcspn(s, ";\r")] = '\0';
    letter = (char)toupper((unsigned char)*s);
    if (*s)
        n = strtol(s + 1, &text, 10);
    if (!letter)
        af_controller_say(c, "ok\n");
    else if (letter == 'G' && (n == 0 || n == 1))
        go(c, text);
    else if (letter == 'G' && (n == 90 || n == 91)) {
        m->relative = n == 91;
        af_controller_say(c, "ok\n");
    } else if (letter == 'G' && n == 28)
        home(c, text);
    else if (letter == 'M' && n == 114)
        report(c);
    else if (letter == 'M' && n == 115)
        af_controller_say(c, "FIRMWARE_NAME:Marlin 2.1.2 (simulated) PROTOCOL_VERSION:1.0\nok\n");
    else if (letter == 'M' && (n == 92 || n == 503))
        steps(c, n == 92 ? text : "");
    else if (letter == 'M' && n == 400) {
        m->waiting++;
        m->told_s = af_controller_now_s(c);
    } else if (letter == 'M' && n == 410) {
        af_controller_stop(c);
        af_controller_say(c, "ok\n");
    } else
        af_controller_say(c, "echo:Unknown command: \"%.60s\"\nok\n", s);
}

const struct af_protocol af_protocol_marlin = {
    .name = "marlin",
    .scheme = "gcode",
    .keys = "?feed=120",
    .baud = 115200,
    .ends = "\n",
    .stray = "echo:busy: processing\n",
    .own_size = sizeof(struct marlin),
    .begin = begin,
    .line = line,
    .idle = idle,
};
