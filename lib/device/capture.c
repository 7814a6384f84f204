/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/capture.h"

#include "base/memory.h"
#include "base/progress.h"
#include <stdlib.h>
#include <string.h>

/* *um: NaN where there is no such axis. */
static int read_axis(const struct af_rig *rig, enum af_axis a, double *um, struct af_err *err)
{
    *um = NAN;
    return rig->stage && af_stage_has(rig->stage, a) ? af_stage_position(rig->stage, a, um, err)
                                                     : 0;
}

static int read_xy(const struct af_rig *rig, struct af_plane *p, struct af_err *err)
{
    if (!rig->xy_known)
        return read_axis(rig, AF_X, &p->x_um, err) || read_axis(rig, AF_Y, &p->y_um, err) ? -1 : 0;
    p->x_um = rig->xy_um[0];
    p->y_um = rig->xy_um[1];
    return 0;
}

/* 0: at rest; AF_SHOT_MOVED; -1. */
static int refuse_moving(const struct af_rig *rig, struct af_err *err)
{
    bool busy = false;

    if (!rig->stage)
        return 0;
    if (af_stage_busy(rig->stage, &busy, err))
        return -1;
    if (!busy)
        return 0;
    af_fail(err, AF_EDEVICE, "%s: the stage is moving: the frame is not kept",
            af_stage_uri(rig->stage));
    return AF_SHOT_MOVED;
}

static int refuse_moved(const struct af_rig *rig, const struct af_shot *shot, struct af_err *err)
{
    double still = rig->still_um;

    if (isnan(shot->before_um))
        return 0;
    if (!(still > 0))
        still = af_stage_axis(rig->stage, AF_Z)->tolerance_um;
    if (fabs(shot->after_um - shot->before_um) <= still)
        return refuse_moving(rig, err);
    af_fail(err, AF_EDEVICE,
            "%s: z moved from %.3f to %.3f um during the exposure: the frame is not kept",
            af_stage_uri(rig->stage), shot->before_um, shot->after_um);
    return AF_SHOT_MOVED;
}

/* Whole frames are added up in 32 bits: 65536 frames of 16 bits fit. */
static void add(uint32_t *sum, const struct af_image *img)
{
    size_t n = img->w * img->h;

    for (size_t i = 0; i < n; i++)
        sum[i] +=
            img->type == AF_U8 ? ((const uint8_t *)img->data)[i] : ((const uint16_t *)img->data)[i];
}

static void put(struct af_image *img, size_t i, double v)
{
    v = v > 0 ? v + 0.5 : 0;
    if (img->type == AF_U8)
        ((uint8_t *)img->data)[i] = (uint8_t)v;
    else
        ((uint16_t *)img->data)[i] = (uint16_t)v;
}

/* Grab the frames of a shot; the last one's facts stay, its pixels become the mean. */
static int grab(const struct af_rig *rig, struct af_shot *shot, struct af_err *err)
{
    struct af_frame *f = &shot->frame;
    unsigned n = rig->average ? rig->average : 1;
    uint32_t *sum = NULL;
    size_t w = 0, h = 0;
    int ret;

    shot->lost = 0;
    for (unsigned k = 0; k < n; k++) {
        if ((ret = af_camera_grab(rig->camera, f, err)) != 1)
            goto done;
        shot->lost += f->lost;
        if (n == 1)
            break;
        if (k == 0) {
            w = f->image.w, h = f->image.h;
            if (!(sum = af_calloc(w * h, sizeof(*sum), err))) {
                ret = -1;
                goto done;
            }
        }
        if (f->image.w != w || f->image.h != h) {
            ret = af_fail(err, AF_EDATA, "frames to be averaged are %zux%zu and %zux%zu px", w, h,
                          f->image.w, f->image.h);
            goto done;
        }
        add(sum, &f->image);
    }
    for (size_t i = 0; sum && i < w * h; i++)
        put(&f->image, i, (double)sum[i] / n);
    ret = 1;
done:
    free(sum);
    return ret;
}

static int subtract(const struct af_image *dark, struct af_image *img, struct af_err *err)
{
    const float *d = dark->data;

    if (dark->w != img->w || dark->h != img->h)
        return af_fail(err, AF_EDATA, "the dark frame is %zux%zu px, frames are %zux%zu", dark->w,
                       dark->h, img->w, img->h);
    for (size_t i = 0; i < img->w * img->h; i++) {
        double v = img->type == AF_U8 ? ((uint8_t *)img->data)[i] : ((uint16_t *)img->data)[i];

        put(img, i, v - (double)d[i]);
    }
    return 0;
}

int af_capture(const struct af_rig *rig, struct af_shot *shot, struct af_err *err)
{
    struct af_plane *p = &shot->plane;
    int ret;

    *p = AF_PLANE_UNKNOWN;
    if ((ret = refuse_moving(rig, err)))
        return ret;
    if (read_xy(rig, p, err) || read_axis(rig, AF_Z, &shot->before_um, err))
        return -1;
    if (!isnan(shot->before_um))
        af_camera_look_at(rig->camera, shot->before_um);
    p->time_s = af_now_s() - rig->since_s;
    if ((ret = grab(rig, shot, err)) != 1)
        return ret;
    if (read_axis(rig, AF_Z, &shot->after_um, err))
        return -1;
    if ((ret = refuse_moved(rig, shot, err)))
        return ret;
    if (rig->dark && subtract(rig->dark, &shot->frame.image, err))
        return -1;
    if (!af_camera_info(rig->camera)->live) // a replay tells when it was
        p->time_s = shot->frame.stamp_s;
    p->z_um = isnan(shot->before_um) ? shot->frame.z_um : (shot->before_um + shot->after_um) / 2;
    p->exposure_ms = shot->frame.exposure_ms;
    return 1;
}

void af_shot_release(struct af_shot *shot)
{
    af_frame_release(&shot->frame);
}

int af_dark_read(struct af_image *dark, const char *path, struct af_err *err)
{
    struct af_stack_opts o = {.uniform = true, .whole = true};
    struct af_stack *st = NULL;
    struct af_image img = {0};
    double *sum = NULL, *row = NULL;
    size_t i, n = 0, px = 0;
    int got = 0, ret = -1;

    if (af_stack_open(&st, &path, 1, &o, err))
        return -1;
    while ((got = af_stack_next(st, &img, &i, err)) == 1) {
        if (!sum && (!(sum = af_calloc(px = img.w * img.h, sizeof(*sum), err)) ||
                     !(row = af_calloc(img.w, sizeof(*row), err))))
            goto done;
        for (size_t y = 0; y < img.h; y++) {
            af_image_row_f64(&img, y, row);
            for (size_t x = 0; x < img.w; x++)
                sum[y * img.w + x] += row[x];
        }
        n++;
    }
    if (got < 0 || af_image_resize(dark, img.w, img.h, AF_F32, err))
        goto done;
    for (size_t k = 0; k < px; k++) {
        double v = sum[k] / (double)n;

        ((float *)dark->data)[k] = isfinite(v) ? (float)v : 0;
    }
    ret = 0;
done:
    af_stack_close(st);
    af_image_release(&img);
    free(sum);
    free(row);
    return ret;
}
