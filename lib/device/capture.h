/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames with the place they were taken at: the stage is read before and after each exposure. */
#ifndef AF_DEVICE_CAPTURE_H
#define AF_DEVICE_CAPTURE_H
#include "device/camera.h"
#include "device/stage.h"
#include "image/stack.h"

/* Who takes frames, and how. All but camera may be 0. */
struct af_rig {
    struct af_camera *camera; // borrowed, as the others
    struct af_stage *stage;   // NULL: where frames are taken is not known
    double still_um;          // both readings of z agree within this; 0: its tolerance
    bool xy_known;            // x and y stand at xy_um, so that they need not be read each time
    double xy_um[2];
    unsigned average;            // frames that become one; 0: 1
    const struct af_image *dark; // taken from each frame, counts below 0 become 0; NULL: none
    double since_s;              // clock of af_now_s(): where af_plane's time_s begins
};

struct af_shot {
    struct af_frame frame;      // image as it shall be kept
    struct af_plane plane;      // z_um: mean of both readings; x_um, y_um: before
    double before_um, after_um; // z; NaN: no stage, or it has no z
    uint64_t lost;              // frames of the camera, over all that were averaged
};

/*
 * Take a shot. shot: all-zero, or of an earlier call. z is the stage's, or where there is none
 * what a replay or a stream says.
 *
 * Returns 1; 0 where a replay or stream has ended; AF_SHOT_MOVED with AF_EDEVICE in err where the
 * stage moved meanwhile or is moving: the frame shows no place and is not to be kept; -1 as
 * af_camera_grab() and af_stage_position(), and AF_EDATA where the dark frame is of another size.
 */
enum { AF_SHOT_MOVED = 2 };
int af_capture(const struct af_rig *rig, struct af_shot *shot, struct af_err *err);
void af_shot_release(struct af_shot *shot);

/*
 * The mean of all planes of a stack, as `dark` of a rig: F32. -1 with AF_EDATA, AF_ESYS.
 */
int af_dark_read(struct af_image *dark, const char *path, struct af_err *err);

#endif
