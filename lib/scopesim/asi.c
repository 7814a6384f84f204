/* SPDX-License-Identifier: BSD-2-Clause */
/* An ASI Tiger controller with x, y and z. Written from the protocol, not from the driver. */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 0.1

struct asi {
    int decimals[3]; // of W
    double speed[3]; // mm/s
};

enum { UNKNOWN = 1, NO_AXIS = 2, MISSING = 3, RANGE = 4, HALTED = 21 };

static void begin(struct af_controller *c)
{
    struct asi *a = af_controller_own(c);

    for (int i = 0; i < 3; i++) {
        a->decimals[i] = 1;
        a->speed[i] = 2;
    }
}

static void fail(struct af_controller *c, int n)
{
    af_controller_say(c, ":N-%d\r\n", n);
}

static int axis_of(char letter)
{
    const char *at = letter ? strchr("XYZ", letter) : NULL;

    return at ? (int)(at - "XYZ") : -1;
}

/* The next "Z=12.3", "Z" (0) or "Z?"; 1, 0 at the end, -1 with *error. */
static int next(char **text, int *axis, double *v, bool *query, int *error)
{
    char *s = *text + strspn(*text, " "), *end;

    if (!*s)
        return 0;
    *axis = axis_of(*s++);
    *v = 0;
    *query = *s == '?';
    if (*s == '?') {
        s++;
    } else if (*s == '=') {
        *v = strtod(s + 1, &end);
        if (end == s + 1) {
            *error = MISSING;
            return -1;
        }
        s = end;
    }
    if (*axis < 0 || (*s && *s != ' ') || !isfinite(*v)) {
        *error = *axis < 0 ? NO_AXIS : RANGE;
        return -1;
    }
    *text = s;
    return 1;
}

static void move(struct af_controller *c, bool relative, char *text)
{
    int axis, got, error = 0, n = 0;
    double v, to[3];
    bool query, given[3] = {false, false, false};

    while ((got = next(&text, &axis, &v, &query, &error)) > 0) {
        to[axis] = v * UNIT_UM + (relative ? af_controller_target(c, axis) : 0);
        given[axis] = true;
        n++;
    }
    if (got < 0 || !n) {
        fail(c, got < 0 ? error : MISSING);
        return;
    }
    for (int i = 0; i < 3; i++) // a limit ends the move there, without a word
        if (given[i] && !af_controller_go(c, i, to[i]))
            af_controller_go(c, i,
                             fmin(fmax(to[i], af_controller_limit(c, i, false)),
                                  af_controller_limit(c, i, true)));
    af_controller_say(c, ":A\r\n");
}

/* W: the controller's own order, whatever order was asked. */
static void where(struct af_controller *c, char *text)
{
    const struct asi *a = af_controller_own(c);
    char reply[120] = ":A";
    bool given[3] = {false, false, false}, query;
    int axis, got, error = 0;
    double v;
    size_t n = 2;

    while ((got = next(&text, &axis, &v, &query, &error)) > 0)
        given[axis] = true;
    if (got < 0 || !(given[0] || given[1] || given[2])) {
        fail(c, got < 0 ? error : MISSING);
        return;
    }
    for (int i = 0; i < 3; i++)
        if (given[i])
            af_controller_add(reply, sizeof(reply), &n, " %.*f", a->decimals[i],
                              af_controller_position(c, i) / UNIT_UM);
    af_controller_say(c, "%s\r\n", reply);
}

static unsigned status_byte(struct af_controller *c, int axis)
{
    bool moves = af_controller_moving(c, axis);
    unsigned at = af_controller_switches(c, axis);

    return moves | 1u << 1 | (unsigned)moves << 2 | 1u << 3 | (at & 2 ? 1u << 6 : 0) |
           (at & 1 ? 1u << 7 : 0);
}

/* RS Z? and RS Z, SL and SU (mm), S (mm/s), VB, H and the like: one axis at a time. */
static void one_axis(struct af_controller *c, const char *word, char *text)
{
    struct asi *a = af_controller_own(c);
    int axis, error = MISSING;
    double v;
    bool query, set = strchr(text, '=') != NULL;

    if (next(&text, &axis, &v, &query, &error) <= 0)
        fail(c, error);
    else if (strcmp(word, "RS") == 0 && query)
        af_controller_say(c, ":A %c\r\n", af_controller_moving(c, axis) ? 'B' : 'N');
    else if (strcmp(word, "RS") == 0)
        af_controller_say(c, ":A %u\r\n", status_byte(c, axis));
    else if ((strcmp(word, "SL") == 0 || strcmp(word, "SU") == 0) && query)
        af_controller_say(c, ":A %c=%.3f\r\n", "XYZ"[axis],
                          af_controller_limit(c, axis, word[1] == 'U') / 1000);
    else if (strcmp(word, "S") == 0 && query)
        af_controller_say(c, ":A %c=%.6f\r\n", "XYZ"[axis], a -> speed[axis]);
    else if (strcmp(word, "UM") == 0 && query)
        af_controller_say(c, ":A %c=10000.000000\r\n", "XYZ"[axis]);
    else if (strcmp(word, "B") == 0 && query)
        af_controller_say(c, ":%c=0.040000 A\r\n", "XYZ"[axis]);
    else if (strcmp(word, "VB") == 0 && set && v >= 0 && v <= 6) {
        a->decimals[axis] = (int)v;
        af_controller_say(c, ":A\r\n");
    } else if (strcmp(word, "S") == 0 && set) {
        a->speed[axis] = v;
        af_controller_say(c, ":A\r\n");
    } else if (strcmp(word, "H") == 0) {
        af_controller_call(c, axis, v * UNIT_UM);
        af_controller_say(c, ":A\r\n");
    } else if (strcmp(word, "!") == 0) {
        af_controller_home(c, axis);
        af_controller_say(c, ":A\r\n");
    } else
        fail(c, set ? RANGE : UNKNOWN);
}

static void line(struct af_controller *c, char *text)
{
    char word[12];
    size_t n;

    text += strspn(text, " \n");
    for (char *s = text; *s; s++)
        *s = (char)toupper((unsigned char)*s);
    if (isdigit((unsigned char)*text)) // the address of a card
        text += strspn(text, "0123456789 ");
    n = *text && strchr("/\\!", *text) ? 1 : strcspn(text, " ");
    snprintf(word, sizeof(word), "%.*s", (int)(n < 11 ? n : 11), text);
    text += n;
    if (!*word)
        return;
    if (strcmp(word, "/") == 0)
        af_controller_say(c, "%s\r\n", af_controller_moving(c, -1) ? "B" : "N");
    else if (strcmp(word, "\\") == 0 || strcmp(word, "HALT") == 0) {
        bool cut = af_controller_moving(c, -1);

        af_controller_stop(c);
        af_controller_say(c, cut ? ":N-21\r\n" : ":A\r\n");
    } else if (strcmp(word, "V") == 0)
        af_controller_say(c, ":A v3.45\r\n");
    else if (strcmp(word, "BU") == 0)
        af_controller_say(c, "TIGER_COMM\rMotor Axes: X Y Z\rAxis Types: x x z\rAxis Addr: 1 1 2\r"
                             "Hex Addr: 31 31 32\rAxis Props: 0 0 0\r\n");
    else if (strcmp(word, "M") == 0 || strcmp(word, "R") == 0)
        move(c, *word == 'R', text);
    else if (strcmp(word, "W") == 0)
        where(c, text);
    else if (strcmp(word, "Z") == 0) {
        for (int i = 0; i < 3; i++)
            af_controller_call(c, i, 0);
        af_controller_say(c, ":A\r\n");
    } else if (strcmp(word, "VB") == 0 && strncmp(text, " F=", 3) == 0)
        af_controller_say(c, ":A\r\n");
    else
        one_axis(c, word, text);
}

const struct af_protocol af_protocol_asi = {
    .name = "asi",
    .scheme = "asi",
    .keys = "",
    .baud = 115200,
    .ends = "\r",
    .stray = ":A \r\n",
    .own_size = sizeof(struct asi),
    .begin = begin,
    .line = line,
};
