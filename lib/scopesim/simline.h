/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a simulated controller is reached: a pseudo-terminal or a TCP port of this machine. */
#ifndef AF_SCOPESIM_SIMLINE_H
#define AF_SCOPESIM_SIMLINE_H
#include "scopesim/controller.h"

struct af_simline; // opaque

/*
 * tcp: -1: a pseudo-terminal; 0: any free port on 127.0.0.1; else that port. -1 with AF_ESYS,
 * AF_EBUSY (the port is taken).
 */
int af_simline_open(struct af_simline **l, int tcp, struct af_err *err);
void af_simline_close(struct af_simline *l); // accepts NULL

/* "/dev/pts/5" or "tcp:127.0.0.1:4000"; borrowed. */
const char *af_simline_name(const struct af_simline *l);

/*
 * Serve c until stopped() is not 0. When its cable is pulled the line is closed, so that the client
 * sees it go. -1: what the microscope or poll(2) failed with.
 */
int af_simline_serve(struct af_simline *l, struct af_controller *c, int (*stopped)(void),
                     struct af_err *err);

#endif
