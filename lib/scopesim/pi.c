/* SPDX-License-Identifier: BSD-2-Clause */
/* A PI controller, GCS 2.0, with three axes in mm: 1 is z, 2 and 3 are x and y. From the protocol.
 */
#include "scopesim/controller.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 1000.0

enum {
    UNKNOWN = 2,
    NO_SERVO = 5,
    OUTSIDE = 7,
    STOPPED = 10,
    BAD_AXIS = 15,
    COUNT = 24,
    NUMBER = 25,
    MISSING = 26
};

struct pi {
    int error;
    bool servo[3], referenced[3]; // by number of PI's axis less 1
    double velocity[3];
};

static const int axis_of[3] = {AF_SIM_Z, AF_SIM_X, AF_SIM_Y};

static void begin(struct af_controller *c)
{
    struct pi *p = af_controller_own(c);

    for (int i = 0; i < 3; i++) {
        p->referenced[i] = true;
        p->velocity[i] = 2;
    }
}

static double number_of(struct af_controller *c, const char *query, int i, bool *whole)
{
    const struct pi *p = af_controller_own(c);
    int axis = axis_of[i];

    *whole = false;
    if (strcmp(query, "POS?") == 0)
        return af_controller_position(c, axis) / UNIT_UM;
    if (strcmp(query, "MOV?") == 0)
        return af_controller_target(c, axis) / UNIT_UM;
    if (strcmp(query, "TMN?") == 0 || strcmp(query, "TMX?") == 0)
        return af_controller_limit(c, axis, query[2] == 'X') / UNIT_UM;
    if (strcmp(query, "VEL?") == 0)
        return p->velocity[i];
    *whole = true;
    if (strcmp(query, "ONT?") == 0)
        return !af_controller_moving(c, axis) && p->servo[i];
    if (strcmp(query, "FRF?") == 0)
        return p->referenced[i];
    if (strcmp(query, "SVO?") == 0)
        return p->servo[i];
    return NAN;
}

/* "POS? 1 2": a line an axis, all but the last ending in a space; without axes all of them. */
static void answer(struct af_controller *c, const char *query, const char *axes)
{
    struct pi *p = af_controller_own(c);
    char reply[200], list[8] = "";
    size_t n = 0, k = 0;
    bool whole, unit = strcmp(query, "PUN?") == 0;

    for (const char *s = axes; *s && k < 4; s++)
        if (*s != ' ')
            list[k++] = *s;
    if (!k)
        memcpy(list, "123", k = 3);
    for (size_t i = 0; i < k; i++) {
        double v;

        if (list[i] < '1' || list[i] > '3') {
            p->error = BAD_AXIS;
            return;
        }
        v = number_of(c, query, list[i] - '1', &whole);
        if (unit)
            af_controller_add(reply, sizeof(reply), &n, "%c=MM", list[i]);
        else if (isnan(v)) {
            p->error = UNKNOWN;
            return;
        } else
            af_controller_add(reply, sizeof(reply), &n, "%c=%.*f", list[i], whole ? 0 : 7, v);
        af_controller_add(reply, sizeof(reply), &n, i + 1 < k ? " \n" : "\n");
    }
    af_controller_say(c, "%s", reply);
}

/* MOV and MVR: all are checked before one moves. */
static void move(struct af_controller *c, char *text, bool relative)
{
    struct pi *p = af_controller_own(c);
    int axis[3], n = 0;
    double um[3];

    p->error = 0;
    for (char *s = strtok(text, " "), *end; s && !p->error; s = strtok(NULL, " ")) {
        char *value = strtok(NULL, " ");

        if (n == 3 || strlen(s) != 1 || *s < '1' || *s > '3') {
            p->error = n == 3 ? COUNT : BAD_AXIS;
            return;
        }
        axis[n] = *s - '1';
        um[n] = value ? strtod(value, &end) * UNIT_UM : NAN;
        if (!value || *end || !isfinite(um[n]))
            p->error = value ? NUMBER : MISSING;
        else if (!p->servo[axis[n]] || !p->referenced[axis[n]])
            p->error = NO_SERVO;
        n++;
    }
    if (!n && !p->error)
        p->error = MISSING;
    for (int i = 0; i < n && !p->error; i++) {
        int a = axis_of[axis[i]];

        if (!af_controller_go(c, a, um[i] + (relative ? af_controller_target(c, a) : 0)))
            p->error = OUTSIDE;
    }
}

static void servo(struct af_controller *c, const char *text)
{
    struct pi *p = af_controller_own(c);
    char axis;
    int on;

    if (sscanf(text, " %c %d", &axis, &on) != 2)
        p->error = COUNT;
    else if (axis < '1' || axis > '3')
        p->error = BAD_AXIS;
    else
        p->servo[axis - '1'] = on != 0;
}

static void line(struct af_controller *c, char *text)
{
    struct pi *p = af_controller_own(c);
    char word[8];
    size_t n;

    text += strspn(text, " \r");
    text[strcspn(text, "\r")] = '\0';
    n = strcspn(text, " ");
    snprintf(word, sizeof(word), "%.*s", (int)(n < 7 ? n : 7), text);
    text += n;
    if (!*word)
        return;
    if (strcmp(word, "*IDN?") == 0)
        af_controller_say(c, "(c)2013 Physik Instrumente(PI) Karlsruhe, E-861 Version 7.2.0\n");
    else if (strcmp(word, "ERR?") == 0) {
        int error = p->error;

        p->error = 0;
        af_controller_say(c, "%d\n", error);
    } else if (strcmp(word, "CSV?") == 0)
        af_controller_say(c, "2.0\n");
    else if (strcmp(word, "SAI?") == 0)
        af_controller_say(c, "1 \n2 \n3\n");
    else if (word[strlen(word) - 1] == '?')
        answer(c, word, text);
    else if (strcmp(word, "MOV") == 0 || strcmp(word, "MVR") == 0)
        move(c, text, word[2] == 'R');
    else if (strcmp(word, "SVO") == 0)
        servo(c, text);
    else if (strcmp(word, "HLT") == 0 || strcmp(word, "STP") == 0) {
        af_controller_stop(c);
        p->error = STOPPED;
    } else if (strcmp(word, "FRF") == 0) {
        text += strspn(text, " ");
        if (*text < '1' || *text > '3') {
            p->error = BAD_AXIS;
        } else {
            p->referenced[*text - '1'] = true;
            af_controller_home(c, axis_of[*text - '1']);
        }
    } else
        p->error = UNKNOWN;
}

static bool byte(struct af_controller *c, char b)
{
    struct pi *p = af_controller_own(c);
    unsigned mask = 0;

    for (int i = 0; i < 3; i++)
        mask |= (unsigned)af_controller_moving(c, axis_of[i]) << i;
    switch (b) {
    case 0x04: af_controller_say(c, "0x%X\n", 0x9000u | mask << 2); return true;
    case 0x05: af_controller_say(c, "%X\n", mask); return true;
    case 0x07: af_controller_say(c, "\xb1\n"); return true;
    case 0x08: af_controller_say(c, "0\n"); return true;
    case 0x18:
        af_controller_stop(c);
        p->error = STOPPED;
        return true;
    default: return false;
    }
}

const struct af_protocol af_protocol_pi = {
    .name = "pi",
    .scheme = "pi",
    .keys = "?z=1&x=2&y=3",
    .baud = 115200,
    .ends = "\n",
    .stray = "0\n",
    .own_size = sizeof(struct pi),
    .begin = begin,
    .byte = byte,
    .line = line,
};
