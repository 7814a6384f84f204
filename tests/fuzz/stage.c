/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage drivers against replies of any kind: whatever comes back, a position that is believed is
 * a number, a move that is reported has arrived, nothing hangs and nothing is left. The first byte
 * picks the driver; what follows are its replies, one for each send, ended by a NUL.
 */
#include "device/stageparts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct line {
    const uint8_t *data;
    size_t n, at, due; // due: the end of what has been replied so far
    double now_s;
};

static int send_any(void *ctx, const void *p, size_t n, double timeout_ms, struct af_err *err)
{
    struct line *l = ctx;

    (void)p;
    (void)timeout_ms;
    (void)err;
    l->now_s += 1e-4 * (double)n;
    l->at = l->due;
    while (l->due < l->n && l->data[l->due])
        l->due++;
    l->due += l->due < l->n;
    return 0;
}

static long receive_any(void *ctx, void *p, size_t cap, double timeout_ms, struct af_err *err)
{
    struct line *l = ctx;
    size_t n = l->due - l->at;

    (void)err;
    if (!n) {
        l->now_s += timeout_ms / 1e3 + 1e-6;
        return 0;
    }
    n = n < cap ? n : cap;
    memcpy(p, l->data + l->at, n);
    l->at += n;
    l->now_s += 1e-4;
    return (long)n;
}

static double now_s(void *ctx)
{
    return ((struct line *)ctx)->now_s;
}

static void sleep_ms(void *ctx, double ms)
{
    ((struct line *)ctx)->now_s += ms / 1e3;
}

static void use(struct af_stage *st)
{
    struct af_err err = {AF_OK, ""};
    double um = NAN;
    bool busy;

    for (int i = 0; i < AF_NAXES; i++) {
        if (!af_stage_has(st, (enum af_axis)i))
            continue;
        if (af_stage_position(st, (enum af_axis)i, &um, &err) == 0 && !isfinite(um))
            abort();
        if (af_stage_move(st, (enum af_axis)i, 5, &um, &err) == 0 && !(fabs(um - 5) <= 0.1))
            abort();
    }
    af_stage_busy(st, &busy, &err);
    af_stage_halt(st, &err);
    af_stage_home(st, AF_Z, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const uris[] = {"tango:x",  "asi:x",   "prior:x",       "pi:x",
                                       "pi:x?x=2", "zaber:x", "zaber:x?x=1.2", "gcode:x"};
    static const struct af_port_ops ops = {send_any, receive_any, now_s, sleep_ms, NULL};
    struct line l = {.data = data + 1, .n = n ? n - 1 : 0};
    struct af_stage_opts opts = {.prog = "fuzz"};
    struct af_err err = {AF_OK, ""};
    struct af_instrument in;
    struct af_port *port;
    struct af_stage *st;

    if (!n)
        return 0;
    af_instrument_init(&in);
    for (int i = 0; i < AF_NAXES; i++) {
        in.axis[i].min_um = -100;
        in.axis[i].max_um = 100;
        in.axis[i].max_step_um = in.axis[i].max_travel_um = 200;
        if (*data & 0x80)
            in.axis[i].unit_um = 1;
    }
    in.motion_log = strdup("/dev/null");
    if (!af_port_new(&port, &ops, &l, "fuzz", &err) &&
        !af_stage_open_port(&st, uris[*data % 8], port, NULL, &in, &opts, &err)) {
        use(st);
        af_stage_close(st);
    }
    af_instrument_release(&in);
    return 0;
}
