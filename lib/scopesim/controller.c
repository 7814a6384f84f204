/* SPDX-License-Identifier: BSD-2-Clause */
#include "scopesim/controller.h"
#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the end of a command to the first byte of its reply. */
#define LATENCY_S 0.5e-3

enum { QUEUE = 4096, LINE = 256 };

struct af_controller {
    const struct af_protocol *protocol;
    struct af_simscope *scope;
    struct af_controller_opts opts;
    struct af_random random;
    struct af_err err;              // the first failure of the microscope
    double zero_um[AF_SIM_NAXES];   // the controller's zero on the microscope's scale
    double target_um[AF_SIM_NAXES]; // from the controller's zero
    bool stopped[AF_SIM_NAXES];     // the target is where it comes to rest
    double stale_um[AF_SIM_NAXES];  // what is told instead of the position; NaN: the truth
    unsigned switches[AF_SIM_NAXES];
    char in[LINE];
    size_t nin;
    bool overlong; // the line that is coming in
    struct {
        char c;
        double due_s;
    } out[QUEUE];
    size_t first, nout;
    double free_s; // when the line is free for another byte
    double nreplies;
    bool unplugged;
    void *own;
};

static const struct af_protocol *const protocols[] = {
    &af_protocol_tango, &af_protocol_asi,  &af_protocol_prior,  &af_protocol_pi,
    &af_protocol_zaber, &af_protocol_grbl, &af_protocol_marlin,
};

const struct af_protocol *af_protocol_at(size_t n)
{
    return n < sizeof(protocols) / sizeof(*protocols) ? protocols[n] : NULL;
}

const struct af_protocol *af_protocol_find(const char *name)
{
    for (size_t i = 0; af_protocol_at(i); i++)
        if (strcmp(af_protocol_at(i)->name, name) == 0)
            return af_protocol_at(i);
    return NULL;
}

int af_controller_new(struct af_controller **out, const struct af_protocol *protocol,
                      struct af_simscope *scope, const struct af_controller_opts *opts,
                      struct af_err *err)
{
    struct af_controller *c = af_calloc(1, sizeof(*c), err);

    *out = NULL;
    if (!c || !(c->own = af_calloc(1, protocol->own_size, err))) {
        free(c);
        return -1;
    }
    c->protocol = protocol;
    c->scope = scope;
    c->opts = *opts;
    af_random_init(&c->random, (uint64_t)opts->faults.seed, "faults");
    for (int i = 0; i < AF_SIM_NAXES; i++) {
        c->stale_um[i] = NAN;
        c->target_um[i] = af_controller_position(c, i);
    }
    if (protocol->begin)
        protocol->begin(c);
    *out = c;
    return 0;
}

void af_controller_free(struct af_controller *c)
{
    if (!c)
        return;
    free(c->own);
    free(c);
}

void af_controller_set_faults(struct af_controller *c, const struct af_simfaults *faults)
{
    c->opts.faults = *faults;
    c->nreplies = 0;
    c->unplugged = false;
    for (int i = 0; i < AF_SIM_NAXES; i++)
        c->stale_um[i] = NAN;
}

bool af_controller_is_unplugged(const struct af_controller *c)
{
    return c->unplugged;
}

const struct af_err *af_controller_failure(const struct af_controller *c)
{
    return &c->err;
}

void *af_controller_own(struct af_controller *c)
{
    return c->own;
}

bool af_controller_answers_late(const struct af_controller *c)
{
    return c->opts.late_answer;
}

/* Keep the first failure of the microscope. */
static bool good(struct af_controller *c, int ret, const struct af_err *err)
{
    if (ret && c->err.kind == AF_OK)
        c->err = *err;
    return ret == 0;
}

double af_controller_now_s(struct af_controller *c)
{
    struct af_sim_truth t = {.time_s = 0};
    struct af_err err = {AF_OK, ""};

    good(c, af_simscope_truth(c->scope, &t, &err), &err);
    return t.time_s;
}

/* ---- saying ---- */

static bool befalls(struct af_controller *c, double share)
{
    return share > 0 && af_random_uniform(&c->random) < share;
}

/* Queue n bytes that go out as fast as the line takes them, from `when` on. */
static void queue(struct af_controller *c, const char *p, size_t n, double when_s)
{
    for (size_t i = 0; i < n && c->nout < QUEUE; i++) {
        c->free_s = fmax(c->free_s, when_s) + 10.0 / c->protocol->baud;
        c->out[(c->first + c->nout) % QUEUE].c = p[i];
        c->out[(c->first + c->nout++) % QUEUE].due_s = c->free_s;
    }
}

void af_controller_say(struct af_controller *c, const char *fmt, ...)
{
    const struct af_simfaults *f = &c->opts.faults;
    char text[512];
    double now_s = af_controller_now_s(c) + LATENCY_S;
    size_t n, half;
    va_list ap;

    va_start(ap, fmt);
    n = (size_t)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = n < sizeof(text) ? n : sizeof(text) - 1;
    if (f->unplugged > 0 && ++c->nreplies > f->unplugged)
        c->unplugged = true;
    if (c->unplugged || !n || befalls(c, f->lost))
        return;
    if (befalls(c, f->unasked))
        queue(c, c->protocol->stray, strlen(c->protocol->stray), now_s);
    if (befalls(c, f->late))
        now_s += 0.6 + af_random_uniform(&c->random);
    if (befalls(c, f->corrupted))
        text[af_random_below(&c->random, n)] ^= (char)(1u << af_random_below(&c->random, 8));
    half = befalls(c, f->split) ? (size_t)af_random_below(&c->random, n) : n;
    queue(c, text, half, now_s);
    if (half < n)
        queue(c, text + half, n - half,
              fmax(c->free_s, now_s) + 0.02 + 0.1 * af_random_uniform(&c->random));
    if (befalls(c, f->repeated))
        queue(c, text, n, now_s);
}

void af_controller_add(char *text, size_t size, size_t *n, const char *fmt, ...)
{
    va_list ap;
    int more;

    va_start(ap, fmt);
    more = vsnprintf(text + *n, size - *n, fmt, ap);
    va_end(ap);
    *n = more < 0 ? *n : (size_t)more < size - *n ? *n + (size_t)more : size - 1;
}

size_t af_controller_give(struct af_controller *c, char *p, size_t cap, double *next_s)
{
    double now_s;
    size_t n = 0;

    if (c->protocol->idle && !c->unplugged)
        c->protocol->idle(c);
    now_s = af_controller_now_s(c);
    while (n < cap && c->nout && c->out[c->first].due_s <= now_s) {
        p[n++] = c->out[c->first].c;
        c->first = (c->first + 1) % QUEUE;
        c->nout--;
    }
    if (next_s)
        *next_s = c->nout ? fmin(fmax(c->out[c->first].due_s - now_s, 0), 0.02) : 0.02;
    return n;
}

/* ---- hearing ---- */

void af_controller_reset_line(struct af_controller *c)
{
    c->nin = c->nout = 0;
    c->overlong = false;
}

void af_controller_take(struct af_controller *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n && !c->unplugged; i++) {
        char b = p[i];

        if (befalls(c, c->opts.faults.noise))
            b ^= (char)(1u << af_random_below(&c->random, 8));
        if (c->protocol->byte && c->protocol->byte(c, b))
            continue;
        if (!strchr(c->protocol->ends, b) || !b) {
            c->overlong = c->overlong || c->nin + 1 == LINE;
            if (!c->overlong)
                c->in[c->nin++] = b;
            continue;
        }
        c->in[c->nin] = '\0';
        if (c->overlong)
            snprintf(c->in, LINE, "?"); // as anything else that is no command
        c->nin = 0;
        c->overlong = false;
        c->protocol->line(c, c->in);
    }
}

/* ---- the stage ---- */

double af_controller_position(struct af_controller *c, int axis)
{
    struct af_err err = {AF_OK, ""};
    double um = 0;
    bool moving;

    if (!isnan(c->stale_um[axis]))
        return c->stale_um[axis] - c->zero_um[axis];
    good(c, af_simscope_position(c->scope, (enum af_simaxis)axis, &um, &moving, &err), &err);
    return um - c->zero_um[axis];
}

double af_controller_target(struct af_controller *c, int axis)
{
    if (c->stopped[axis])
        c->target_um[axis] = af_controller_position(c, axis);
    return c->target_um[axis];
}

bool af_controller_moving(struct af_controller *c, int axis)
{
    struct af_err err = {AF_OK, ""};
    struct af_sim_truth t = {.time_s = 0};

    if (!good(c, af_simscope_truth(c->scope, &t, &err), &err))
        return false;
    for (int i = 0; i < AF_SIM_NAXES; i++)
        if ((axis < 0 || axis == i) && t.moving[i] && isnan(c->stale_um[i]))
            return true;
    return false;
}

double af_controller_limit(struct af_controller *c, int axis, bool upper)
{
    struct af_simaxis_facts f = {0};
    struct af_err err = {AF_OK, ""};

    good(c, af_simscope_axis(c->scope, (enum af_simaxis)axis, &f, &err), &err);
    return (upper ? f.hi_um : f.lo_um) - c->zero_um[axis];
}

unsigned af_controller_switches(const struct af_controller *c, int axis)
{
    return c->switches[axis];
}

bool af_controller_go(struct af_controller *c, int axis, double um)
{
    const struct af_simfaults *f = &c->opts.faults;
    struct af_err err = {AF_OK, ""};
    double from_um, to_um = um;

    if (c->opts.soft_limits && !(um >= af_controller_limit(c, axis, false) - 1e-6 &&
                                 um <= af_controller_limit(c, axis, true) + 1e-6))
        return false;
    c->stale_um[axis] = NAN;
    c->switches[axis] = 0;
    c->target_um[axis] = um;
    c->stopped[axis] = false;
    if (befalls(c, f->stuck))
        return true;
    from_um = af_controller_position(c, axis);
    if (befalls(c, f->stale))
        c->stale_um[axis] = from_um + c->zero_um[axis];
    if (befalls(c, f->limit)) {
        to_um = (from_um + um) / 2;
        c->switches[axis] = um > from_um ? 2 : 1;
    }
    good(c, af_simscope_move(c->scope, (enum af_simaxis)axis, to_um + c->zero_um[axis], 0, 0, &err),
         &err);
    return true;
}

void af_controller_stop(struct af_controller *c)
{
    struct af_err err = {AF_OK, ""};

    for (int i = 0; i < AF_SIM_NAXES; i++)
        c->stopped[i] = good(c, af_simscope_halt(c->scope, (enum af_simaxis)i, &err), &err);
}

void af_controller_home(struct af_controller *c, int axis)
{
    struct af_err err = {AF_OK, ""};

    c->switches[axis] = 0;
    c->stale_um[axis] = NAN;
    c->stopped[axis] = false;
    c->target_um[axis] = af_controller_limit(c, axis, false);
    good(c, af_simscope_home(c->scope, (enum af_simaxis)axis, &err), &err);
}

void af_controller_call(struct af_controller *c, int axis, double um)
{
    double at_um = af_controller_position(c, axis), aim_um = af_controller_target(c, axis);

    // Where it was sent, which what is left of the motion and noise do not blur
    c->zero_um[axis] += (fabs(at_um - aim_um) < 0.2 ? aim_um : at_um) - um;
    c->target_um[axis] = um;
    c->stopped[axis] = false;
}

/* ---- a port in the same process ---- */

static int take_bytes(void *ctx, const void *p, size_t n, double timeout_ms, struct af_err *err)
{
    struct af_controller *c = ctx;

    (void)timeout_ms;
    if (c->unplugged)
        return af_fail(err, AF_EDEVICE, "simulated %s: the device is gone", c->protocol->name);
    af_simscope_pause(c->scope, 1e4 * (double)n / c->protocol->baud, NULL);
    af_controller_take(c, p, n);
    return 0;
}

static long give_bytes(void *ctx, void *p, size_t cap, double timeout_ms, struct af_err *err)
{
    struct af_controller *c = ctx;
    double end_s = af_controller_now_s(c) + timeout_ms / 1e3, left_s, next_s;
    size_t n;

    while (!(n = af_controller_give(c, p, cap, &next_s))) {
        if (c->err.kind != AF_OK || c->unplugged)
            return af_fail(err, AF_EDEVICE, "simulated %s: %s", c->protocol->name,
                           c->unplugged ? "the device is gone" : c->err.text);
        left_s = end_s - af_controller_now_s(c);
        if (!(left_s > 0))
            return 0;
        af_simscope_pause(c->scope, 1e3 * fmin(left_s, fmax(next_s, 1e-6)), NULL);
    }
    return (long)n;
}

static double port_now_s(void *ctx)
{
    return af_controller_now_s(ctx);
}

static void port_sleep(void *ctx, double ms)
{
    struct af_controller *c = ctx;

    af_simscope_pause(c->scope, ms, NULL);
}

int af_controller_port(struct af_port **port, struct af_controller *c, struct af_err *err)
{
    static const struct af_port_ops ops = {take_bytes, give_bytes, port_now_s, port_sleep, NULL};

    return af_port_new(port, &ops, c, c->protocol->name, err);
}
