/* SPDX-License-Identifier: BSD-2-Clause */
/* A GenICam camera's features as the settings that are asked for, and its pixels as ours. */
#ifndef AF_DEVICE_GENICAM_H
#define AF_DEVICE_GENICAM_H
#include "device/camera_driver.h"

struct _ArvCamera; // ArvCamera and GError of Aravis, which only those need who call it
struct _GError;

/* How the camera lays out its pixels. */
struct af_genicam_format {
    const char *name; // GenICam's
    unsigned bits;
    enum { AF_GENICAM_WHOLE, AF_GENICAM_PACKED_GEV, AF_GENICAM_PACKED_PFNC } layout;
};

/*
 * Have the camera do what cam->info.now asks for, and make that what it says it does; sensor size
 * too. format: GenICam's name of one, or NULL: by bits.
 *
 * AF_EUSAGE: what it cannot do; AF_EDEVICE: what it does not.
 */
int af_genicam_set_up(struct af_camera *cam, struct _ArvCamera *camera, const char *format,
                      const struct af_genicam_format **found, struct af_err *err);

/* Bytes of n pixels, and these as 8 or 16 bits; img has their size. */
size_t af_genicam_bytes(const struct af_genicam_format *f, size_t n);
void af_genicam_unpack(const struct af_genicam_format *f, const uint8_t *in, struct af_image *img);

/* "aravis:NAME: what: Aravis's message"; e is freed, NULL: refused. Returns -1 with AF_EDEVICE. */
int af_genicam_fail(const struct af_camera *cam, const char *what, struct _GError *e,
                    struct af_err *err);

#endif
