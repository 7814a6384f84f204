/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line to a device: serial port, pseudo-terminal or TCP, all with time-outs. A port keeps the
 * time as well, so that a test can put a simulator and a clock of its own behind it.
 */
#ifndef AF_DEVICE_PORT_H
#define AF_DEVICE_PORT_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* What a port is made of. Those that can fail return -1 with AF_EDEVICE: the device is gone. */
struct af_port_ops {
    int (*send)(void *ctx, const void *p, size_t n, double timeout_ms, struct af_err *err);
    /* 1 to cap bytes as soon as there are some; 0: none within timeout_ms, or a signal came */
    long (*receive)(void *ctx, void *p, size_t cap, double timeout_ms, struct af_err *err);
    double (*now_s)(void *ctx);
    void (*sleep)(void *ctx, double ms); // a signal may cut it short
    void (*close)(void *ctx);            // NULL: nothing to do
};

struct af_port {
    const struct af_port_ops *ops;
    void *ctx;
    char *name;              // for messages
    bool (*stopped)(void *); // polled while waiting for a reply; NULL: never
    void *stopped_ctx;
    char buf[1024]; // received, not yet read
    size_t n;
};

struct af_serial {
    int baud;
    int stopbits; // 1 or 2
    bool rtscts;  // hardware handshake
};

/*
 * Open `path`: "tcp:HOST:PORT", a serial port, or a pseudo-terminal. `opens_ms`: time-out of a
 * connection. AF_EDEVICE: absent, refused; AF_EBUSY: locked by another program; AF_ESYS. The
 * caller closes; *port is NULL on failure.
 */
int af_port_open(struct af_port **port, const char *path, const struct af_serial *serial,
                 double opens_ms, struct af_err *err);

/* A port made of other things; ctx is closed with it, or here on failure (AF_ESYS). */
int af_port_new(struct af_port **port, const struct af_port_ops *ops, void *ctx, const char *name,
                struct af_err *err);
void af_port_close(struct af_port *port); // accepts NULL

double af_port_now_s(struct af_port *port);
void af_port_sleep(struct af_port *port, double ms);

/* Send a text whole. AF_EDEVICE: gone, or it takes nothing for a second. */
int af_port_send(struct af_port *port, const char *text, struct af_err *err);

/*
 * The next line that is not empty, without its CR, LF or both; lines end with either. Bytes that no
 * protocol has (NUL, above 0x7e) become '?', so that a parser refuses them.
 *
 * 1: a line. 0: none within timeout_ms, or stopped(): err says so. -1: the port is gone. A line
 * longer than cap counts as none.
 */
int af_port_line(struct af_port *port, char *line, size_t cap, double timeout_ms,
                 struct af_err *err);

/*
 * Throw away what has come. Where something had, or `always`: wait until nothing comes for quiet_ms
 * (1 s at most). Returns whether there was any, or -1.
 */
int af_port_discard(struct af_port *port, bool always, double quiet_ms, struct af_err *err);

#endif
