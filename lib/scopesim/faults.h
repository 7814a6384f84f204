/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes wrong on the way between a simulated controller and its driver, or in the stage. */
#ifndef AF_SCOPESIM_FAULTS_H
#define AF_SCOPESIM_FAULTS_H
#include "base/err.h"
#include <stdint.h>

/*
 * Shares of all bytes from the host, of all replies, then of all moves, 0 to 1. All-zero: nothing
 * goes wrong.
 */
struct af_simfaults {
    double noise;     // a bit of the byte is wrong
    double lost;      // the reply is not sent
    double repeated;  // it is sent twice
    double corrupted; // a bit of it is wrong
    double split;     // it comes in two halves, 20 to 120 ms apart
    double late;      // it comes 0.6 to 1.6 s later, with all that follow it
    double unasked;   // a line that nobody asked for comes first
    double stuck;     // the move is accepted, the stage stays where it is
    double limit;     // it runs into a limit switch half way
    double stale;     // positions are told as before the move, until the next one
    double unplugged; // replies until the cable is pulled; 0: never
    double seed;
};

/* "lost=0.1,late=0.02,unplugged=100,seed=7" into f; AF_EUSAGE: an unknown word, a bad number. */
int af_simfaults_parse(struct af_simfaults *f, const char *text, struct af_err *err);

#endif
