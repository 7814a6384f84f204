/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cameras behind one contract: opened by name, every call with a time-out, every frame with what is
 * known of it.
 *
 *   sim:[DIR][?key=value&...]  the simulated microscope
 *   file:PATH                  replay of a recorded stack: the plane nearest to z
 *   pgm:PATH                   frames that a program writes, as PGM, into a pipe, a socket or a
 * file aravis:[NAME]              GigE Vision and USB3 Vision; NAME as Aravis lists it, an IP
 * address, or nothing: the first one found v4l2:/dev/video0           video devices of the kernel
 */
#ifndef AF_DEVICE_CAMERA_H
#define AF_DEVICE_CAMERA_H
#include "image/image.h"
#include <math.h>

/* When an exposure begins. */
enum af_trigger {
    AF_TRIGGER_ASKED, // after it was asked for: by the camera's software trigger or, where it has
                      // none, by throwing away what was under way
    AF_TRIGGER_FREE,  // by the camera's own clock: frames come in order, none is passed over
    AF_TRIGGER_LINE,  // by a signal at its first line
};

/* What a camera can be told. AF_CAMERA_AS_IT_STANDS leaves all to it. */
struct af_camera_settings {
    double exposure_ms; // NaN: as it stands
    double gain;        // NaN: as it stands; in the camera's own unit: sim: a factor, GenICam dB
    size_t x, y, w, h;  // region, px from the sensor's corner; w = 0: all of it
    unsigned bits;      // 8, 10, 12, 16; 0: the most that it has
    enum af_trigger trigger;
    double timeout_ms; // longest wait for an answer, and beyond the exposure for a frame
};
#define AF_CAMERA_TIMEOUT_MS 2000.0
#define AF_CAMERA_AS_IT_STANDS                                                                     \
    ((struct af_camera_settings){                                                                  \
        .exposure_ms = NAN, .gain = NAN, .timeout_ms = AF_CAMERA_TIMEOUT_MS})

struct af_camera; // opaque

struct af_camera_info {
    const char *uri;               // as it was opened: for messages
    const char *model;             // "FLIR Chameleon3 CM3-U3-13Y3M"; NULL: not said
    size_t sensor_w, sensor_h;     // px; 0: not said
    struct af_camera_settings now; // as read back from the camera; timeout_ms as given
    bool live; // false: a replay, whose frames do not change with the stage of today
};

/* A frame. All-zero is the empty state; grab keeps the memory of the last one. */
struct af_frame {
    struct af_image image; // U8 or U16; image.bits: 8, 10, 12, ...
    uint64_t id;    // the camera's own count, one up from frame to frame, also over lost ones
    uint64_t lost;  // frames between the one handed out before and this: never came, or torn
    double begun_s; // no later than the begin of exposure, clock of af_now_s(); NaN: unknown
    double stamp_s; // by the camera's clock, from a zero of its own; NaN: it has none
    double exposure_ms, gain; // NaN: unknown
    double z_um;              // as a replay says it, or a stream; NaN: ask the stage
};

/*
 * Open and set up. The region, exposure and gain are read back: what the camera does not take is an
 * error, but exposure, gain and region are rounded to its steps (info->now).
 *
 * Returns 0, or -1 with *cam NULL: AF_EUSAGE (no such kind of camera, kind not built in, a setting
 * it cannot have), AF_EDEVICE (absent, silent, refusing), AF_EBUSY (another program holds it),
 * AF_EDATA (a replay that is no stack), AF_ESYS.
 */
int af_camera_open(struct af_camera **cam, const char *uri, const struct af_camera_settings *set,
                   struct af_err *err);
void af_camera_close(struct af_camera *cam); // accepts NULL

/* Borrowed until close. */
const struct af_camera_info *af_camera_info(const struct af_camera *cam);

/*
 * Tell a replay where the stage stands, so that the plane nearest to it comes next; without, planes
 * come in their order. Cameras that look at the stage themselves pass it over.
 */
void af_camera_look_at(struct af_camera *cam, double z_um);

/*
 * Take a frame. With AF_TRIGGER_ASKED its exposure began after this call did, so that it is never
 * older than a move that has ended; one that is lost or torn on its way is asked for again, three
 * times, and counted in f->lost. With the others it is the next one.
 *
 * Returns 1: a frame; 0: a replay or stream has ended; -1 with f->image undefined: AF_EDEVICE (no
 * frame within exposure and timeout_ms; camera gone), AF_EDATA (a stream that is no PGM), AF_ESYS.
 * A signal that is caught ends the wait with AF_ESYS, but for aravis:, whose library goes on.
 */
int af_camera_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err);
void af_frame_release(struct af_frame *f);

/* The kinds that are built in, as "sim: file: pgm: v4l2:": for messages and --help. */
const char *af_camera_kinds(void);

#endif
