/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/genicam.h"
#include "device/unpack12.h"

#include <arv.h>
#include <math.h>
#include <string.h>

static const struct af_genicam_format formats[] = {
    // of equal bits the first that the camera has
    {"Mono16", 16, AF_GENICAM_WHOLE},        {"Mono14", 14, AF_GENICAM_WHOLE},
    {"Mono12", 12, AF_GENICAM_WHOLE},        {"Mono12Packed", 12, AF_GENICAM_PACKED_GEV},
    {"Mono12p", 12, AF_GENICAM_PACKED_PFNC}, {"Mono10", 10, AF_GENICAM_WHOLE},
    {"Mono8", 8, AF_GENICAM_WHOLE},
};

int af_genicam_fail(const struct af_camera *cam, const char *what, GError *e, struct af_err *err)
{
    af_fail(err, AF_EDEVICE, "%s: %s: %s", cam->uri, what, e ? e->message : "refused");
    g_clear_error(&e);
    return -1;
}

size_t af_genicam_bytes(const struct af_genicam_format *f, size_t n)
{
    return f->layout != AF_GENICAM_WHOLE ? (n * 12 + 7) / 8 : n * (f->bits > 8 ? 2 : 1);
}

void af_genicam_unpack(const struct af_genicam_format *f, const uint8_t *in, struct af_image *img)
{
    size_t n = img->w * img->h;

    if (f->layout != AF_GENICAM_WHOLE)
        af_unpack12(in, n, f->layout == AF_GENICAM_PACKED_PFNC, img->data);
    else if (f->bits == 8)
        memcpy(img->data, in, n);
    else
        af_unpack16le(in, n, img->data);
}

static bool has_format(const char *const *names, guint n, const char *name)
{
    for (guint i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* By bits, or by name where the URI has ?format=NAME. */
static int choose_format(struct af_camera *cam, ArvCamera *camera, const char *wanted,
                         const struct af_genicam_format **found, struct af_err *err)
{
    const struct af_genicam_format *f = NULL;
    GError *e = NULL;
    guint n;
    const char **names = arv_camera_dup_available_pixel_formats_as_strings(camera, &n, &e);

    if (e)
        return af_genicam_fail(cam, "pixel formats", e, err);
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats) && !f; i++)
        if (has_format(names, n, formats[i].name) &&
            (wanted ? strcmp(wanted, formats[i].name) == 0
                    : !cam->info.now.bits || cam->info.now.bits == formats[i].bits))
            f = &formats[i];
    g_free(names);
    if (!f && wanted)
        return af_fail(err, AF_EUSAGE, "%s: has no pixel format %s that can be read", cam->uri,
                       wanted);
    if (!f)
        return af_fail(err, AF_EUSAGE, "%s: has no gray pixels of %u bits", cam->uri,
                       cam->info.now.bits);
    *found = f;
    cam->info.now.bits = f->bits;
    arv_camera_set_pixel_format_from_string(camera, f->name, &e);
    return e ? af_genicam_fail(cam, f->name, e, err) : 0;
}

/* Some cameras take no region that lies outside, and some take it and send something else. */
static int set_region(struct af_camera *cam, ArvCamera *camera, struct af_err *err)
{
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;
    gint w, h, x = 0, y = 0, rw, rh;

    arv_camera_get_sensor_size(camera, &w, &h, &e);
    if (e)
        return af_genicam_fail(cam, "sensor size", e, err);
    cam->info.sensor_w = (size_t)w;
    cam->info.sensor_h = (size_t)h;
    if (now->w && (now->x + now->w > (size_t)w || now->y + now->h > (size_t)h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %dx%d px",
                       cam->uri, now->w, now->h, now->x, now->y, w, h);
    if (now->w) {
        w = (gint)now->w, h = (gint)now->h;
        x = (gint)now->x, y = (gint)now->y;
    }
    arv_camera_set_region(camera, x, y, w, h, &e);
    if (e)
        return af_genicam_fail(cam, "region", e, err);
    arv_camera_get_region(camera, &x, &y, &rw, &rh, &e);
    if (e)
        return af_genicam_fail(cam, "region", e, err);
    if (rw > w || rh > h || rw <= 0 || rh <= 0)
        return af_fail(err, AF_EDEVICE, "%s: was told %dx%d px and says %dx%d", cam->uri, w, h, rw,
                       rh);
    now->x = (size_t)x, now->y = (size_t)y;
    now->w = (size_t)rw, now->h = (size_t)rh;
    return 0;
}

static int set_exposure(struct af_camera *cam, ArvCamera *camera, struct af_err *err)
{
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;

    if (!arv_camera_is_exposure_time_available(camera, NULL)) {
        if (!isnan(now->exposure_ms))
            return af_fail(err, AF_EUSAGE, "%s: its exposure cannot be set", cam->uri);
        return 0;
    }
    if (!isnan(now->exposure_ms)) {
        if (arv_camera_is_exposure_auto_available(camera, NULL))
            arv_camera_set_exposure_time_auto(camera, ARV_AUTO_OFF, &e);
        if (!e)
            arv_camera_set_exposure_time(camera, now->exposure_ms * 1e3, &e);
        if (e)
            return af_genicam_fail(cam, "exposure", e, err);
    }
    now->exposure_ms = arv_camera_get_exposure_time(camera, &e) / 1e3;
    return e ? af_genicam_fail(cam, "exposure", e, err) : 0;
}

static int set_gain(struct af_camera *cam, ArvCamera *camera, struct af_err *err)
{
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;

    if (!arv_camera_is_gain_available(camera, NULL)) {
        if (!isnan(now->gain))
            return af_fail(err, AF_EUSAGE, "%s: its gain cannot be set", cam->uri);
        return 0;
    }
    if (!isnan(now->gain)) {
        if (arv_camera_is_gain_auto_available(camera, NULL))
            arv_camera_set_gain_auto(camera, ARV_AUTO_OFF, &e);
        if (!e)
            arv_camera_set_gain(camera, now->gain, &e);
        if (e)
            return af_genicam_fail(cam, "gain", e, err);
    }
    now->gain = arv_camera_get_gain(camera, &e);
    return e ? af_genicam_fail(cam, "gain", e, err) : 0;
}

static int set_trigger(struct af_camera *cam, ArvCamera *camera, struct af_err *err)
{
    GError *e = NULL;

    if (cam->info.now.trigger == AF_TRIGGER_FREE)
        arv_camera_clear_triggers(camera, &e);
    else
        arv_camera_set_trigger(
            camera, cam->info.now.trigger == AF_TRIGGER_ASKED ? "Software" : "Line1", &e);
    if (!e)
        arv_camera_set_acquisition_mode(camera, ARV_ACQUISITION_MODE_CONTINUOUS, &e);
    return e ? af_genicam_fail(cam, "trigger", e, err) : 0;
}

int af_genicam_set_up(struct af_camera *cam, ArvCamera *camera, const char *format,
                      const struct af_genicam_format **found, struct af_err *err)
{
    return set_region(cam, camera, err) || choose_format(cam, camera, format, found, err) ||
                   set_exposure(cam, camera, err) || set_gain(cam, camera, err) ||
                   set_trigger(cam, camera, err)
               ? -1
               : 0;
}
