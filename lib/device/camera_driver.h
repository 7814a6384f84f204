/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a camera driver is: one file that fills one of these structs, and a row in the table of
 * camera.c. Only drivers include this.
 */
#ifndef AF_DEVICE_CAMERA_DRIVER_H
#define AF_DEVICE_CAMERA_DRIVER_H
#include "device/camera.h"

struct af_camera_driver {
    const char *kind; // of the URI, without its colon
    bool crops;       // the region of info.now is cut out of whole frames by camera.c

    /*
     * Open `rest`, what follows the colon of the URI. info.uri is set, and info.now is what was
     * asked for: make it what the camera says, and set the other fields. On failure the state is
     * released here.
     */
    int (*open)(struct af_camera *cam, const char *rest, struct af_err *err);
    void (*close)(struct af_camera *cam);

    /*
     * One try, as af_camera_grab() but for AF_GRAB_AGAIN: a frame was lost or torn (err says
     * how); the next try may succeed. f->id, as the camera counts; f->lost is camera.c's.
     */
    int (*grab)(struct af_camera *cam, struct af_frame *f, struct af_err *err);
    void (*look_at)(struct af_camera *cam, double z_um); // NULL: looks for itself
};
enum { AF_GRAB_AGAIN = 2 };

struct af_camera {
    const struct af_camera_driver *driver;
    struct af_camera_info info;
    char *uri;
    void *state;      // the driver's own
    const void *seam; // a test's stand-in for the system, of a kind that the driver knows; or NULL
    uint64_t last_id;
    bool any; // a frame has been handed out
};

/* Seconds until `deadline_s` of af_now_s() as whole ms for poll(2), rounded up; 0: it has passed.
 */
int af_ms_until(double deadline_s);

/* af_camera_open() with a seam, borrowed until close. */
int af_camera_open_with(struct af_camera **cam, const char *uri,
                        const struct af_camera_settings *set, const void *seam, struct af_err *err);

extern const struct af_camera_driver af_camera_sim, af_camera_file, af_camera_pgm, af_camera_v4l2,
    af_camera_aravis;

#endif
