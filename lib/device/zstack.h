/* SPDX-License-Identifier: BSD-2-Clause */
/* A stack of frames over z: step, settle, read, expose, read. */
#ifndef AF_DEVICE_ZSTACK_H
#define AF_DEVICE_ZSTACK_H
#include "device/capturefile.h"

/*
 * Plane i is at from_um + i * step_um. Every plane is approached from below, the side away from the
 * sample, the first one too: by lead_um.
 */
struct af_zstack {
    double from_um, step_um; // step_um > 0
    size_t nplanes;
    double lead_um; // 0: the stage's backlash, at least AF_ZSTACK_LEAD_UM
    double wait_ms; // rest of the settled stage before each exposure
};
#define AF_ZSTACK_LEAD_UM 2.0  // Choice: more than the play of most stages
#define AF_ZSTACK_MOST 1000000 // planes

/* What a stack has been like. */
struct af_zstack_result {
    size_t nplanes;
    double first_um, last_um;         // readback
    double settle_ms, settle_most_ms; // from command to settled: mean and longest
    double error_um;                  // r.m.s. of readback less target
    uint64_t lost;                    // frames that were asked for again
    double seconds;
};

/*
 * Can the stage of `rig` do it? Nothing is moved. AF_ELIMIT: beyond the limits, the step larger
 * than the stage's cap, further than the travel cap from z_um; AF_EUSAGE: no stage, no z, no
 * planes.
 */
int af_zstack_check(const struct af_rig *rig, const struct af_zstack *z, double z_um,
                    struct af_err *err);

/*
 * Move z, however far: in hops no longer than the stage's caps, and at the end from below, by
 * lead_um. *reached_um as af_stage_move().
 */
int af_zstack_goto(const struct af_rig *rig, double um, double lead_um, double *reached_um,
                   struct af_err *err);
double af_zstack_lead(const struct af_rig *rig, const struct af_zstack *z);

/*
 * Take the stack into `path`, which appears whole or not at all. The stage stays at the last
 * plane. step (or NULL) is told after each plane; nonzero stops: AF_ESYS "interrupted".
 * notes: nplanes and dz_um are filled in here. r: only on success. A frame during which the
 * stage moved is taken again, three times.
 */
int af_zstack_take(const struct af_rig *rig, const struct af_zstack *z, const char *path,
                   const struct af_capture_notes *notes, int (*step)(void *ctx, size_t done),
                   void *ctx, struct af_zstack_result *r, struct af_err *err);

#endif
