/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of every tool that takes pictures: which camera, which stage, how exposed. */
#ifndef AF_CLI_RIGOPTS_H
#define AF_CLI_RIGOPTS_H
#include "cli/option.h"
#include "device/capture.h"
#include <stdbool.h>
#include <stdint.h>

/* Embed as a member of struct opts, initialised with AF_RIGOPTS_INIT. */
struct af_rigopts {
    const char *camera, *stage, *instrument; // NULL: from the environment, then the file
    double exposure_ms, gain;                // NaN: from the file, then as the camera stands
    const char *region;                      // "WxH+X+Y"
    int64_t bits, average;
    const char *dark;
    double timeout_ms;
};
// clang-format off: the table is read as a table
#define AF_RIGOPTS_INIT                                                                            \
    {                                                                                              \
        .exposure_ms = NAN, .gain = NAN, .average = 1, .timeout_ms = AF_CAMERA_TIMEOUT_MS          \
    }

/* Rows for the tool's option table; `at` is the member's name in struct S. Alphabetical. */
#define AF_RIGOPTS_ROWS(S, at)                                                                     \
    {0, "average", AF_OPT_INT, offsetof(S, at.average), "N",                                       \
     "mean of N exposures for each frame [1]", NULL, 1, 65536},                                    \
    {0, "bits", AF_OPT_INT, offsetof(S, at.bits), "N",                                             \
     "8, 10, 12 or 16 of a pixel [all that the camera has]", NULL, 8, 16},                         \
    {0, "camera", AF_OPT_TEXT, offsetof(S, at.camera), "URI",                                      \
     "[$AF_CAMERA, then the instrument file]"},                                                    \
    {0, "dark", AF_OPT_FILE, offsetof(S, at.dark), "STACK",                                        \
     "take the mean of its planes from each frame"},                                               \
    {0, "exposure", AF_OPT_TIME, offsetof(S, at.exposure_ms), "TIME",                            \
     "[the instrument file, then as it stands]", NULL, 1e-3, 1e6},                                 \
    {0, "gain", AF_OPT_REAL, offsetof(S, at.gain), "G",                                            \
     "in the camera's unit [as exposure]", NULL, -100, 1e6},                                       \
    {0, "instrument", AF_OPT_FILE, offsetof(S, at.instrument), "FILE",                             \
     "instrument file [$AF_INSTRUMENT, ~/.config/aftools]"},                                       \
    {0, "region", AF_OPT_TEXT, offsetof(S, at.region), "WxH+X+Y",                                  \
     "part of the sensor, px [all of it]"},                                                        \
    {0, "stage", AF_OPT_TEXT, offsetof(S, at.stage), "URI",                                        \
     "[$AF_STAGE, then the instrument file]"},                                                     \
    {0, "timeout", AF_OPT_TIME, offsetof(S, at.timeout_ms), "TIME",                                \
     "longest wait for the camera [2s]", NULL, 1, 1e7}
// clang-format on

/* Camera, stage and all that they need. All-zero, with trigger as wanted, is the empty state. */
struct af_rigset {
    struct af_rig rig;
    enum af_trigger trigger;
    struct af_instrument instrument;
    struct af_image dark;
};

/*
 * Open what the options say. A camera is needed; a stage only with need_stage, and where none is
 * given the rig has none. prog: for the lock of the stage; borrowed. stopped: af_cli_stopped.
 * Release in any case.
 */
int af_rigset_open(struct af_rigset *set, const struct af_rigopts *o, const char *prog,
                   bool need_stage, bool quiet, struct af_err *err);
void af_rigset_release(struct af_rigset *set);

/* Let go of the stage before what follows in a pipe wants it. */
void af_rigset_leave_stage(struct af_rigset *set);

#endif
