/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Zaber device of three axes, 1 z, 2 x, 3 y, at address 1. Written from the protocol, not from
 * the driver.
 */
#include "scopesim/controller.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_UM 0.15625 // 2 mm a turn, 200 steps of 64

struct zaber {
    bool unreferenced; // WR until homed
    bool silent;       // comm.alert 0
    bool cleared[3];   // warnings of an axis's last motion
};

static const int axis_of[3] = {AF_SIM_Z, AF_SIM_X, AF_SIM_Y};

struct request {
    int axis;      // 0: the device
    int id;        // -1: none
    bool rejected; // RJ
};

static void reply(struct af_controller *c, const struct request *r, const char *data)
{
    const struct zaber *z = af_controller_own(c);
    const char *warning = z->unreferenced ? "WR" : "--";
    char id[16] = "";
    bool busy = false;

    for (int i = 1; i <= 3; i++) {
        if (r->axis && r->axis != i)
            continue;
        busy = busy || af_controller_moving(c, axis_of[i - 1]);
        if (af_controller_switches(c, axis_of[i - 1]) && !z->cleared[i - 1] &&
            !af_controller_moving(c, axis_of[i - 1]))
            warning = "FE";
    }
    if (r->id >= 0)
        snprintf(id, sizeof(id), " %02d", r->id);
    af_controller_say(c, "@01 %d%s %s %s %s %s\r\n", r->axis, id, r->rejected ? "RJ" : "OK",
                      busy ? "BUSY" : "IDLE", warning, data);
}

static void reject(struct af_controller *c, struct request *r, const char *why)
{
    r->rejected = true;
    reply(c, r, why);
}

static void get(struct af_controller *c, struct request *r, const char *name)
{
    char data[80] = "";
    size_t n = 0;
    int kind = strcmp(name, "pos") == 0         ? 0
               : strcmp(name, "limit.min") == 0 ? 1
               : strcmp(name, "limit.max") == 0 ? 2
                                                : -1;

    if (strcmp(name, "device.id") == 0 || strcmp(name, "deviceid") == 0)
        reply(c, r, "50081");
    else if (strcmp(name, "version") == 0)
        reply(c, r, "7.28");
    else if (strcmp(name, "system.axiscount") == 0)
        reply(c, r, "3");
    else if (strcmp(name, "system.serial") == 0)
        reply(c, r, "12345");
    else if (strcmp(name, "resolution") == 0)
        reply(c, r, "64");
    else if (kind < 0)
        reject(c, r, "BADCOMMAND");
    else {
        for (int i = 1; i <= 3; i++) {
            int axis = axis_of[i - 1];
            double um;

            if (r->axis && r->axis != i)
                continue;
            um = kind ? af_controller_limit(c, axis, kind == 2) : af_controller_position(c, axis);
            af_controller_add(data, sizeof(data), &n, "%s%ld", n ? " " : "", lround(um / UNIT_UM));
        }
        reply(c, r, data);
    }
}

static void move(struct af_controller *c, struct request *r, char *text)
{
    struct zaber *z = af_controller_own(c);
    char how[8] = "", *end = text;
    int axis = axis_of[r->axis ? r->axis - 1 : 0], n = 0;
    double um;

    if (sscanf(text, "%7s %n", how, &n) != 1 || (strcmp(how, "abs") && strcmp(how, "rel"))) {
        reject(c, r, "BADCOMMAND");
        return;
    }
    um = (double)strtol(text + n, &end, 10) * UNIT_UM;
    z->cleared[r->axis ? r->axis - 1 : 0] = false;
    if (z->unreferenced && *how == 'a')
        reject(c, r, "BADDATA");
    else if (end == text + n || *end ||
             !af_controller_go(c, axis, um + (*how == 'r' ? af_controller_target(c, axis) : 0)))
        reject(c, r, "BADDATA");
    else
        reply(c, r, "0");
}

static void command(struct af_controller *c, struct request *r, char *text)
{
    struct zaber *z = af_controller_own(c);

    if (!*text)
        reply(c, r, "0");
    else if (strncmp(text, "get ", 4) == 0)
        get(c, r, text + 4);
    else if (strncmp(text, "move ", 5) == 0)
        move(c, r, text + 5);
    else if (strcmp(text, "home") == 0) {
        z->unreferenced = false;
        for (int i = 1; i <= 3; i++)
            if (!r->axis || r->axis == i)
                af_controller_home(c, axis_of[i - 1]);
        reply(c, r, "0");
    } else if (strcmp(text, "stop") == 0 || strcmp(text, "estop") == 0) {
        af_controller_stop(c);
        reply(c, r, "0");
    } else if (strcmp(text, "warnings clear") == 0) {
        for (int i = 1; i <= 3; i++)
            z->cleared[i - 1] |= !r->axis || r->axis == i;
        reply(c, r, "0");
    } else if (strncmp(text, "set comm.alert ", 15) == 0) {
        z->silent = text[15] == '0';
        reply(c, r, "0");
    } else if (strcmp(text, "tools unreference") == 0) { // a stage just switched on
        z->unreferenced = true;
        reply(c, r, "0");
    } else if (strncmp(text, "tools echo", 10) == 0)
        reply(c, r, text + 10 + (text[10] == ' '));
    else
        reject(c, r, "BADCOMMAND");
}

static bool check_sum_is_right(char *text)
{
    char *colon = strrchr(text, ':');
    unsigned sum = 0, said;

    if (!colon)
        return true;
    for (const char *s = text; s < colon; s++)
        sum += (unsigned char)*s;
    if (strlen(colon) != 3 || sscanf(colon + 1, "%2X", &said) != 1)
        return false;
    *colon = '\0';
    return ((sum + said) & 0xff) == 0;
}

/* "/1 1 07 move abs 80:C5" */
static void line(struct af_controller *c, char *text)
{
    struct request r = {.axis = 0, .id = -1};
    long v[3] = {0, 0, -1};

    if (*text++ != '/' || !check_sum_is_right(text))
        return; // as a device does with what it cannot trust
    for (int i = 0; i < 3; i++) {
        char *end;

        text += strspn(text, " ");
        if (!isdigit((unsigned char)*text))
            break;
        v[i] = strtol(text, &end, 10);
        text = end;
    }
    text += strspn(text, " ");
    if (v[0] > 1)
        return; // somebody else's
    r.axis = (int)v[1];
    r.id = v[2] > 99 ? -1 : (int)v[2];
    if (v[1] > 3) {
        r.axis = 0;
        reject(c, &r, "BADAXIS");
    } else {
        command(c, &r, text);
    }
}

const struct af_protocol af_protocol_zaber = {
    .name = "zaber",
    .scheme = "zaber",
    .keys = "?z=1&x=2&y=3",
    .unit_um = UNIT_UM,
    .tolerance_um = 0.2,
    .baud = 115200,
    .ends = "\r\n",
    .stray = "!01 1 IDLE --\r\n",
    .own_size = sizeof(struct zaber),
    .line = line,
};
