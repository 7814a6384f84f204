/* SPDX-License-Identifier: BSD-2-Clause */
/* A Prior ProScan III with stage and focus. Written from the protocol, not from the driver. */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_FOUND = 5, RANGE = 8, NOT_IDLE = 2, PARSE = 4 };

struct prior {
    double xy_um, z_um; // um in a unit
    int pending;        // moves whose R comes at their end
    double began_s;
};

static void begin(struct af_controller *c)
{
    struct prior *p = af_controller_own(c);

    p->xy_um = p->z_um = 0.1;
}

static double unit_um(struct af_controller *c, int axis)
{
    const struct prior *p = af_controller_own(c);

    return axis == AF_SIM_Z ? p->z_um : p->xy_um;
}

static long count(struct af_controller *c, int axis)
{
    return lround(af_controller_position(c, axis) / unit_um(c, axis));
}

static void fail(struct af_controller *c, int n)
{
    af_controller_say(c, "E,%d\r", n);
}

/* R at once, or when all rest. */
static void answer_move(struct af_controller *c)
{
    struct prior *p = af_controller_own(c);

    if (af_controller_answers_late(c))
        p->pending++;
    else
        af_controller_say(c, "R\r");
}

static void idle(struct af_controller *c)
{
    struct prior *p = af_controller_own(c);

    if (!p->pending || af_controller_moving(c, -1))
        return;
    for (; p->pending; p->pending--)
        af_controller_say(c, "R\r");
}

/* Arguments after the command; -1 where one is no number. */
static int arguments(char *text, double *v)
{
    int n = 0;

    for (char *s = strtok(text, ", \t=;:"), *end; s; s = strtok(NULL, ", \t=;:")) {
        if (n == 4)
            return -1;
        v[n++] = strtod(s, &end);
        if (*end)
            return -1;
    }
    return n;
}

static void move(struct af_controller *c, int first, const double *v, int n, bool relative)
{
    for (int i = 0; i < n; i++) {
        int axis = first + i;
        double um = v[i] * unit_um(c, axis) + (relative ? af_controller_target(c, axis) : 0);

        if (!af_controller_go(c, axis, um)) {
            fail(c, RANGE);
            return;
        }
    }
    answer_move(c);
}

static void say_block(struct af_controller *c)
{
    af_controller_say(
        c, "PROSCAN INFORMATION\rDSP_1 IS 4-AXIS STEPPER VERSION 2.0\rDRIVE CHIPS 001111\r"
           "JOYSTICK NOT FITTED\rSTAGE = H101/2\rFOCUS = NORMAL\rFILTER_1 = NONE\rEND\r");
}

static void limits(struct af_controller *c)
{
    unsigned bits = 0;

    for (int i = 0; i < 3; i++) {
        unsigned at = af_controller_switches(c, i);

        bits |= (at & 2 ? 1u : 0) << 2 * i | (at & 1 ? 1u : 0) << (2 * i + 1);
    }
    af_controller_say(c, "%02X\r", bits);
}

static void moving(struct af_controller *c)
{
    int bits = 0;

    for (int i = 0; i < 3; i++)
        bits |= af_controller_moving(c, i) << i;
    af_controller_say(c, "%d\r", bits);
}

static void stop(struct af_controller *c)
{
    struct prior *p = af_controller_own(c);

    af_controller_stop(c);
    af_controller_say(c, "R\r");
    for (; p->pending; p->pending--) // the cut move answers too
        af_controller_say(c, "R\r");
}

/* RES,s  RES,Z  RES,s,0.1 */
static void resolution(struct af_controller *c, char *text)
{
    struct prior *p = af_controller_own(c);
    double *um, v[4];
    int n;

    text += strspn(text, ", ");
    um = toupper((unsigned char)*text) == 'Z' ? &p->z_um : &p->xy_um;
    if (!*text || !strchr("sSzZ", *text) || (n = arguments(text + 1, v)) < 0 || n > 1) {
        fail(c, PARSE);
        return;
    }
    if (!n) {
        af_controller_say(c, "%g\r", *um);
    } else if (v[0] == 0 || !isfinite(v[0])) {
        fail(c, RANGE);
    } else {
        *um = v[0];
        af_controller_say(c, "0\r");
    }
}

/* What neither moves nor sets a resolution; k numbers in v. */
static void other(struct af_controller *c, const char *word, const double *v, int k)
{
    if (!*word || (strcmp(word, "P") == 0 && !k))
        af_controller_say(c, "%ld,%ld,%ld\r", count(c, 0), count(c, 1), count(c, 2));
    else if ((strcmp(word, "PX") == 0 || strcmp(word, "PY") == 0 || strcmp(word, "PZ") == 0) && !k)
        af_controller_say(c, "%ld\r", count(c, word[1] - 'X'));
    else if (strcmp(word, "PZ") == 0 || strcmp(word, "PS") == 0 || strcmp(word, "Z") == 0) {
        int first = *word == 'P' && word[1] == 'Z' ? 2 : 0, last = *word == 'Z' ? 2 : first ? 2 : 1;

        if (af_controller_moving(c, -1)) {
            fail(c, NOT_IDLE);
            return;
        }
        for (int i = first; i <= last; i++)
            af_controller_call(c, i, *word == 'Z' ? 0 : v[i - first] * unit_um(c, i));
        af_controller_say(c, "0\r");
    } else if (strcmp(word, "$") == 0)
        moving(c);
    else if (strcmp(word, "?") == 0)
        say_block(c);
    else if (strcmp(word, "I") == 0 || strcmp(word, "K") == 0)
        stop(c);
    else if (strcmp(word, "LMT") == 0 || strcmp(word, "=") == 0)
        limits(c);
    else if (strcmp(word, "COMP") == 0 || strcmp(word, "ERROR") == 0 || strcmp(word, "BLSH") == 0)
        af_controller_say(c, "0\r");
    else if (strcmp(word, "VERSION") == 0)
        af_controller_say(c, "112\r");
    else if (strcmp(word, "SERIAL") == 0)
        af_controller_say(c, "12345\r");
    else if (strcmp(word, "DATE") == 0)
        af_controller_say(
            c, "Prior Scientific Instruments ProScan III Version 1.12\rCompiled Mar 11 2022\r");
    else if (strcmp(word, "SIS") == 0) {
        af_controller_home(c, 0);
        af_controller_home(c, 1);
        answer_move(c);
    } else
        fail(c, NOT_FOUND);
}

static void line(struct af_controller *c, char *text)
{
    static const struct {
        const char *word;
        int first, n;
        bool relative;
        double sign;
    } moves[] = {{"G", 0, 2, false, 1},  {"GR", 0, 2, true, 1},  {"GX", 0, 1, false, 1},
                 {"GY", 1, 1, false, 1}, {"GZ", 2, 1, false, 1}, {"V", 2, 1, false, 1},
                 {"U", 2, 1, true, 1},   {"D", 2, 1, true, -1}};
    char word[12] = "";
    double v[4];
    size_t n;
    int k;

    text += strspn(text, " \n");
    n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (!n && *text && strchr("$?=#", *text))
        n = 1;
    for (size_t i = 0; i < n && i < sizeof(word) - 1; i++)
        word[i] = (char)toupper((unsigned char)text[i]);
    text += n;
    if (strcmp(word, "RES") == 0) {
        resolution(c, text);
        return;
    }
    if ((k = arguments(text, v)) < 0 || (!*word && *text)) {
        fail(c, PARSE);
        return;
    }
    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++)
        if (strcmp(word, moves[i].word) == 0 && (k == moves[i].n || (moves[i].n == 2 && k == 3))) {
            v[0] *= moves[i].sign;
            move(c, moves[i].first, v, k, moves[i].relative);
            return;
        }
    other(c, word, v, k);
}

const struct af_protocol af_protocol_prior = {
    .name = "prior",
    .scheme = "prior",
    .keys = "",
    .tolerance_um = 0.15,
    .baud = 9600,
    .ends = "\r",
    .stray = "R\r",
    .own_size = sizeof(struct prior),
    .begin = begin,
    .line = line,
    .idle = idle,
};
