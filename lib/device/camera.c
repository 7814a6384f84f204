/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/camera.h"
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 4 }; // of a frame that is asked for

static const struct af_camera_driver *const drivers[] = {
    &af_camera_sim,    &af_camera_file, &af_camera_pgm,
#ifdef __linux__
    &af_camera_v4l2,
#endif
#ifdef AF_ARAVIS
    &af_camera_aravis,
#endif
};
#ifdef __linux__
#define V4L2 " v4l2:"
#else
#define V4L2 ""
#endif
#ifdef AF_ARAVIS
#define ARAVIS " aravis:"
#else
#define ARAVIS ""
#endif
#define KINDS "sim: file: pgm:" V4L2 ARAVIS

const char *af_camera_kinds(void)
{
    return KINDS;
}

int af_ms_until(double deadline_s)
{
    double ms = ceil((deadline_s - af_now_s()) * 1e3);

    return ms <= 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static int check_settings(const struct af_camera_settings *s, const char *uri, struct af_err *err)
{
    if (!(isnan(s->exposure_ms) || (s->exposure_ms > 0 && s->exposure_ms < 1e7)))
        return af_fail(err, AF_EUSAGE, "%s: an exposure of %g ms", uri, s->exposure_ms);
    if (!(s->timeout_ms > 0 && s->timeout_ms < 1e8))
        return af_fail(err, AF_EUSAGE, "%s: a time-out of %g ms", uri, s->timeout_ms);
    if (isinf(s->gain))
        return af_fail(err, AF_EUSAGE, "%s: a gain without bounds", uri);
    if (!s->w != !s->h || s->w > SIZE_MAX - s->x || s->h > SIZE_MAX - s->y)
        return af_fail(err, AF_EUSAGE, "%s: a region of %zux%zu px at %zu,%zu", uri, s->w, s->h,
                       s->x, s->y);
    return 0;
}

int af_camera_open(struct af_camera **cam, const char *uri, const struct af_camera_settings *set,
                   struct af_err *err)
{
    return af_camera_open_with(cam, uri, set, NULL, err);
}

int af_camera_open_with(struct af_camera **out, const char *uri,
                        const struct af_camera_settings *set, const void *seam, struct af_err *err)
{
    size_t n = strcspn(uri, ":");
    const struct af_camera_driver *d = NULL;
    struct af_camera *cam;

    *out = NULL;
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
        if (uri[n] == ':' && strlen(drivers[i]->kind) == n && !strncmp(uri, drivers[i]->kind, n))
            d = drivers[i];
    if (!d)
        return af_fail(err, AF_EUSAGE, "%s: no such kind of camera; there are %s", uri, KINDS);
    if (check_settings(set, uri, err) || !(cam = af_calloc(1, sizeof(*cam), err)))
        return -1;
    cam->driver = d;
    cam->info.now = *set;
    cam->seam = seam;
    if (!(cam->uri = af_strdup(uri, err)))
        goto failed;
    cam->info.uri = cam->uri;
    if (d->open(cam, uri + n + 1, err))
        goto failed;
    *out = cam;
    return 0;
failed:
    free(cam->uri);
    free(cam);
    return -1;
}

void af_camera_close(struct af_camera *cam)
{
    if (!cam)
        return;
    cam->driver->close(cam);
    free(cam->uri);
    free(cam);
}

const struct af_camera_info *af_camera_info(const struct af_camera *cam)
{
    return &cam->info;
}

void af_camera_look_at(struct af_camera *cam, double z_um)
{
    if (cam->driver->look_at)
        cam->driver->look_at(cam, z_um);
}

/* Keep the region of a whole frame, in place. */
static int crop(struct af_camera *cam, struct af_image *img, struct af_err *err)
{
    const struct af_camera_settings *s = &cam->info.now;
    size_t px = af_sample_size(img->type);

    if (!s->w)
        return 0;
    if (s->x + s->w > img->w || s->y + s->h > img->h)
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %zux%zu px",
                       cam->uri, s->w, s->h, s->x, s->y, img->w, img->h);
    for (size_t y = 0; y < s->h; y++)
        memmove((uint8_t *)img->data + y * s->w * px,
                (uint8_t *)img->data + ((y + s->y) * img->w + s->x) * px, s->w * px);
    img->w = s->w;
    img->h = s->h;
    return 0;
}

int af_camera_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    uint64_t missed = 0;
    bool asked = cam->info.now.trigger == AF_TRIGGER_ASKED;
    double exposure_ms = isnan(cam->info.now.exposure_ms) ? 0 : cam->info.now.exposure_ms;
    double end_s = af_now_s() + (cam->info.now.timeout_ms + exposure_ms) / 1e3;

    for (;;) {
        int ret = cam->driver->grab(cam, f, err);

        if (ret == AF_GRAB_AGAIN && (asked ? missed + 1 < TRIES : af_now_s() < end_s)) {
            missed++;
            continue;
        }
        if (ret == AF_GRAB_AGAIN)
            return -1;
        if (ret != 1)
            return ret;
        if (!cam->any || asked || f->id > cam->last_id)
            break;
        if (af_now_s() > end_s) // the same frame again and again
            return af_fail(err, AF_EDEVICE, "%s: no new frame in %g ms", cam->uri,
                           cam->info.now.timeout_ms);
    }
    f->lost = asked ? missed : cam->any ? f->id - cam->last_id - 1 : 0;
    cam->last_id = f->id;
    cam->any = true;
    return cam->driver->crops && crop(cam, &f->image, err) ? -1 : 1;
}

void af_frame_release(struct af_frame *f)
{
    af_image_release(&f->image);
    *f = (struct af_frame){.id = 0};
}
