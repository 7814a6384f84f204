/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stage driver is: a protocol, and nothing else. It is told where to go and says what the
 * device answers; whether a move is allowed, has arrived or can be believed is decided in stage.c
 * for all of them. One driver is one file and one row of the table in driver.c.
 *
 * Functions return
 *    0   done
 *    1   AF_AGAIN: no answer, or one that is not understood. err says which. stage.c gets in
 *        step again (sync) and repeats the request, four times in all; so a request must be one
 *        that may be repeated: moves are absolute
 *    2   AF_FAULT, of busy() alone: the stage rests, but for a fault: a switch, a stall, an alarm
 *   -1   the device refuses, reports a fault or is gone (AF_EDEVICE); no memory (AF_ESYS); a
 *        key that is no good (AF_EUSAGE)
 */
#ifndef AF_DEVICE_DRIVER_H
#define AF_DEVICE_DRIVER_H
#include "device/instrument.h"
#include "device/port.h"
#include "device/uri.h"

enum { AF_AGAIN = 1, AF_FAULT = 2 };

struct af_drive {
    struct af_port *port; // NULL where the driver opens something else
    const struct af_uri *uri;
    double reply_ms;  // time-out of a reply
    unsigned watched; // bits of the axes whose faults count: those of the motion under way
    char model[128];  // out of open: what the device calls itself
    struct af_drive_axis {
        bool has;       // out of open
        char name[12];  // the controller's: from the URI ("z=F"), else set by open
        double unit_um; // um in a unit of the controller; NaN: not said in the instrument file
    } axis[AF_NAXES];
    void *own; // of the driver; released by close
};

struct af_driver {
    const char *scheme;      // "tango"
    const char *keys;        // of the URI, besides x, y, z, baud and timeout
    struct af_serial serial; // baud 0: has no port
    double reply_ms;         // default
    double poll_ms;          // between two questions whether it still moves

    /* Wake up, identify, refuse a stranger; nothing moves, is homed or zeroed. */
    int (*open)(struct af_drive *d, struct af_err *err);
    void (*close)(struct af_drive *d); // NULL: nothing to do

    /* After AF_AGAIN: ask what has an answer of its own kind, and read until it comes. */
    int (*sync)(struct af_drive *d, struct af_err *err);

    /* Positions are in um of the controller's own direction and zero. */
    int (*position)(struct af_drive *d, enum af_axis axis, double *um, struct af_err *err);
    int (*move)(struct af_drive *d, unsigned axes, const double *um, struct af_err *err);

    int (*busy)(struct af_drive *d, bool *busy, struct af_err *err);

    /* The stop goes out before anything is waited for. */
    int (*halt)(struct af_drive *d, struct af_err *err);
    int (*home)(struct af_drive *d, enum af_axis axis, struct af_err *err); // begins it

    /* NULL, or: why it did not arrive: -1 with a fault that the device tells, 0 where it tells
     * none. */
    int (*fault)(struct af_drive *d, enum af_axis axis, struct af_err *err);

    /* NULL, or: limits of a stage that cannot be hurt, where none are given. */
    int (*limits)(struct af_drive *d, enum af_axis axis, struct af_axis_conf *a,
                  struct af_err *err);

    /* NULL: the port's. */
    double (*now_s)(struct af_drive *d);
    void (*sleep)(struct af_drive *d, double ms);
};

/* NULL where there is none of that name. */
const struct af_driver *af_driver_find(const char *scheme);

/* "sim tango asi ...", for messages. */
const char *af_driver_schemes(void);

/* ---- for drivers ---- */

/*
 * Send `request` and read one line. Stray input is thrown away first. 0, AF_AGAIN or -1.
 */
int af_drive_ask(struct af_drive *d, const char *request, char *line, size_t cap,
                 struct af_err *err);

/*
 * After a reply went missing: send `wake`, wait until nothing comes, send `request` and read until
 * a line has one of `words`, "Version|v3". What comes before belongs to older
 * requests.
 */
int af_drive_resync(struct af_drive *d, const char *wake, const char *request, const char *words,
                    char *line, size_t cap, struct af_err *err);

/* AF_AGAIN with "tango:/dev/ttyUSB0: cannot understand 'xyz'". */
int af_drive_garbled(const struct af_drive *d, const char *line, struct af_err *err);

/* AF_FAULT, or -1, with AF_EDEVICE, "tango:/dev/ttyUSB0: " and the text. */
int af_drive_fault(const struct af_drive *d, struct af_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int af_drive_refused(const struct af_drive *d, struct af_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A decimal number, whole text, blanks at its ends allowed; exponents, NaN and the like are not. */
bool af_drive_number(const char *s, double *v);
bool af_drive_integer(const char *s, long *v); // the same for whole numbers

/* ... and for the first thing in s; *end is what follows it. */
bool af_drive_leading(const char *s, double *v, const char **end);

extern const struct af_driver af_driver_sim, af_driver_tango, af_driver_asi, af_driver_prior,
    af_driver_pi, af_driver_zaber, af_driver_gcode;

#endif
