/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A simulated stage controller: one of the protocols in front of the simulated microscope. It takes
 * bytes and gives bytes, each at its time, and knows no port: serve.h puts it on a pseudo-terminal
 * or TCP, af_controller_port() under a driver in the same process, with virtual time.
 */
#ifndef AF_SCOPESIM_CONTROLLER_H
#define AF_SCOPESIM_CONTROLLER_H
#include "base/random.h"
#include "device/port.h"
#include "device/simscope.h"
#include "scopesim/faults.h"
#include <stdbool.h>

struct af_controller;

/* A protocol: a row of the table in controller.c and a file. */
struct af_protocol {
    const char *name;    // "tango"
    const char *scheme;  // of the driver's URI
    const char *keys;    // what that URI needs besides: "?x=2&y=3"
    double unit_um;      // for the instrument file; 0: the driver knows
    double tolerance_um; // the same
    int baud;            // paces the replies
    const char *ends;    // bytes that end a command
    const char *stray;   // a line that may come unasked
    size_t own_size;     // of the protocol's own state, zeroed at first

    void (*begin)(struct af_controller *c);            // NULL: nothing to say at first
    bool (*byte)(struct af_controller *c, char b);     // true: acted on at once. NULL: none are
    void (*line)(struct af_controller *c, char *text); // a command, without its end
    void (*idle)(struct af_controller *c);             // time has passed. NULL: nothing to do
};

extern const struct af_protocol af_protocol_tango, af_protocol_asi, af_protocol_prior,
    af_protocol_pi, af_protocol_zaber, af_protocol_grbl, af_protocol_marlin;

/* NULL: there is none of that name. af_protocol_at: the n-th, then NULL. */
const struct af_protocol *af_protocol_find(const char *name);
const struct af_protocol *af_protocol_at(size_t n);

struct af_controller_opts {
    struct af_simfaults faults;
    bool soft_limits; // the controller refuses what is outside the microscope's limits
    bool late_answer; // moves are answered at their end, where the protocol leaves that open
};

/* scope is borrowed and must outlive it. */
int af_controller_new(struct af_controller **c, const struct af_protocol *protocol,
                      struct af_simscope *scope, const struct af_controller_opts *opts,
                      struct af_err *err);
void af_controller_free(struct af_controller *c); // accepts NULL

/* Bytes from the host. */
void af_controller_take(struct af_controller *c, const char *p, size_t n);

/*
 * Up to cap bytes that are due now. *next_s (may be NULL): when the next one is due, or the
 * controller wants to be asked again, s from now; at most 0.02.
 */
size_t af_controller_give(struct af_controller *c, char *p, size_t cap, double *next_s);

/* Forget what was said and half heard, as when a line is opened anew; a real board may restart. */
void af_controller_reset_line(struct af_controller *c);

/* The cable is pulled: faults.unplugged has been reached. The microscope failed: why. */
bool af_controller_is_unplugged(const struct af_controller *c);
const struct af_err *af_controller_failure(const struct af_controller *c); // kind AF_OK: none

/* New faults from now on. */
void af_controller_set_faults(struct af_controller *c, const struct af_simfaults *faults);

/*
 * A port (device/port.h) with the controller at its other end, in the time of its microscope, which
 * should be virtual. c is borrowed.
 */
int af_controller_port(struct af_port **port, struct af_controller *c, struct af_err *err);

/* ---- for protocols ---- */

void *af_controller_own(struct af_controller *c);
bool af_controller_answers_late(const struct af_controller *c);
double af_controller_now_s(struct af_controller *c);

/* Say something, its end included. Faults befall it. */
void af_controller_say(struct af_controller *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* printf behind the *n bytes that text[size] holds, which grow; what does not fit is cut: a
 * position of 1e300 is finite. */
void af_controller_add(char *text, size_t size, size_t *n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Position and the last target, um from the controller's zero; is the axis moving? */
double af_controller_position(struct af_controller *c, int axis);
double af_controller_target(struct af_controller *c, int axis);
bool af_controller_moving(struct af_controller *c, int axis); // axis -1: any

/* Move; false where the target is outside the soft limits and nothing happened. */
bool af_controller_go(struct af_controller *c, int axis, double um);
void af_controller_stop(struct af_controller *c);           // all axes
void af_controller_home(struct af_controller *c, int axis); // to the home switch
void af_controller_call(struct af_controller *c, int axis,
                        double um); // the position is um from now on
double af_controller_limit(struct af_controller *c, int axis,
                           bool upper); // from the controller's zero

/* Switches the axis stands at: 1 lower, 2 upper. */
unsigned af_controller_switches(const struct af_controller *c, int axis);

#endif
