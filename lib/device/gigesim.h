/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GigE Vision camera made of software: a server that speaks GVCP and GVSP on UDP, so that the
 * driver of real cameras can be run, and made to suffer, without one.
 *
 * Choice: our own server, not Aravis's fake camera. That one shares its protocol code with the
 * driver under test, serves triggers on a clock of its own, cannot resend, and cannot lose, tear
 * or repeat a frame.
 *
 * Source: GigE Vision 2.0 as Wireshark's dissectors and Aravis 0.8 read it: bootstrap registers,
 * register and memory access, packet resend, image leader, payload and trailer.
 */
#ifndef AF_DEVICE_GIGESIM_H
#define AF_DEVICE_GIGESIM_H
#include "device/simscope.h"

/*
 * What goes wrong, as shares of all frames (`lose`: of the packets of pixels), 0 to 1. All-zero:
 * nothing.
 */
struct af_gigesim_faults {
    double drop;         // the frame is never sent, its number is used
    double tear;         // packets are missing and are not sent again
    double repeat;       // the same frame is sent once more, with the next number
    double lose;         // a packet is missing, and is sent again when asked for
    uint64_t gone_after; // frames, then the camera answers nothing; 0: never
    uint64_t seed;
};

/* "drop=0.01,tear=0.02,gone=100,seed=7" into f; AF_EUSAGE for an unknown word or a bad number. */
int af_gigesim_faults_parse(struct af_gigesim_faults *f, const char *text, struct af_err *err);

struct af_gigesim_opts {
    const char *address; // IPv4 to listen at, port 3956; all of 127.0.0.0/8 will do
    const char *serial;  // NULL: "AF01"
    size_t w, h;         // px, sensor
    /* Take a picture: e's region and bits, U8 or U16. Has err; nonzero ends af_gigesim_serve. */
    int (*expose)(void *ctx, const struct af_sim_exposure *e, struct af_image *img,
                  struct af_err *err);
    void *ctx;
    struct af_gigesim_faults faults;
};

/* `expose` for a simulated microscope: ctx is its struct af_simscope. */
int af_gigesim_expose_scope(void *ctx, const struct af_sim_exposure *e, struct af_image *img,
                            struct af_err *err);

struct af_gigesim; // opaque

/* -1 with AF_EUSAGE (no such address), AF_EBUSY (another camera is there), AF_ESYS. */
int af_gigesim_open(struct af_gigesim **g, const struct af_gigesim_opts *o, struct af_err *err);
void af_gigesim_close(struct af_gigesim *g); // accepts NULL

/* Answer and send for timeout_ms. 0, or -1: what expose() or poll(2) failed with. */
int af_gigesim_serve(struct af_gigesim *g, int timeout_ms, struct af_err *err);

#endif
