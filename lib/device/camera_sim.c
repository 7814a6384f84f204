/* SPDX-License-Identifier: BSD-2-Clause */
/* The cameras of the simulated microscope: the laser spot, or with ?camera=beads the imaging one.
 */
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "device/simscope.h"
#include "device/uri.h"
#include <stdlib.h>
#include <string.h>

#define DEFAULT_EXPOSURE_MS 5.0 // Choice: where nobody says one

struct sim {
    struct af_simscope *scope;
    bool beads;
    uint64_t count;
};

/* `rest` without our own key, which the microscope does not know. */
static char *without_camera(const char *rest, struct af_err *err)
{
    char *s = af_strdup(rest, err), *at = s;
    size_t n;

    while (s && (at = strstr(at, "camera="))) {
        if (at > s && (at[-1] == '?' || at[-1] == '&')) {
            n = strcspn(at, "&");
            memmove(at, at + n + (at[n] == '&'), strlen(at + n + (at[n] == '&')) + 1);
        } else {
            at++;
        }
    }
    if (s && (n = strlen(s)) && (s[n - 1] == '?' || s[n - 1] == '&'))
        s[n - 1] = '\0';
    return s;
}

static int settle(struct af_camera *cam, struct af_err *err)
{
    struct sim *s = cam->state;
    struct af_camera_settings *now = &cam->info.now;
    struct af_sim_sensor sensor;

    if (af_simscope_sensor(s->scope, s->beads, &sensor, err))
        return -1;
    cam->info.model = s->beads ? "simulated imaging camera" : "simulated autofocus camera";
    cam->info.live = true;
    cam->info.sensor_w = sensor.w;
    cam->info.sensor_h = sensor.h;
    if (!now->bits)
        now->bits = sensor.bits;
    if (isnan(now->exposure_ms))
        now->exposure_ms = DEFAULT_EXPOSURE_MS;
    if (isnan(now->gain))
        now->gain = 1;
    if (now->gain <= 0)
        return af_fail(err, AF_EUSAGE, "%s: a gain of %g", cam->uri, now->gain);
    if (now->bits != 8 && now->bits != 10 && now->bits != 12 && now->bits != 16)
        return af_fail(err, AF_EUSAGE, "%s: has 8, 10, 12 or 16 bits, not %u", cam->uri, now->bits);
    if (now->w && (now->x + now->w > sensor.w || now->y + now->h > sensor.h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %zux%zu px",
                       cam->uri, now->w, now->h, now->x, now->y, sensor.w, sensor.h);
    return 0;
}

static void sim_close(struct af_camera *cam)
{
    struct sim *s = cam->state;

    af_simscope_close(s->scope);
    free(s);
}

static int sim_open(struct af_camera *cam, const char *rest, struct af_err *err)
{
    struct sim *s = af_calloc(1, sizeof(*s), err);
    struct af_uri uri = {.text = NULL};
    char *scope = NULL;
    const char *which;
    int ret = -1;

    if (!s)
        return -1;
    cam->state = s;
    if (af_uri_parse(&uri, cam->uri, err) || !(scope = without_camera(rest, err)))
        goto done;
    which = af_uri_get(&uri, "camera");
    s->beads = which && strcmp(which, "beads") == 0;
    if (which && !s->beads && strcmp(which, "focus") != 0) {
        af_fail(err, AF_EUSAGE, "%s: camera=%s; there are focus and beads", cam->uri, which);
        goto done;
    }
    if (!af_simscope_open_uri(&s->scope, scope, err))
        ret = settle(cam, err);
done:
    af_uri_release(&uri);
    free(scope);
    if (ret)
        sim_close(cam);
    return ret;
}

static int sim_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    struct sim *s = cam->state;
    const struct af_camera_settings *now = &cam->info.now;
    struct af_sim_exposure e = {.exposure_ms = now->exposure_ms,
                                .gain = now->gain,
                                .x = now->x,
                                .y = now->y,
                                .w = now->w,
                                .h = now->h,
                                .bits = now->bits};
    struct af_sim_shot shot;

    f->begun_s = af_now_s();
    if (s->beads ? af_simscope_beads(s->scope, &e, &f->image, &shot, err)
                 : af_simscope_frame(s->scope, &e, &f->image, &shot, err))
        return -1;
    f->id = s->count++;
    f->stamp_s = shot.time_s;
    f->exposure_ms = now->exposure_ms;
    f->gain = now->gain;
    f->z_um = NAN; // as of any camera: the stage is asked
    return 1;
}

const struct af_camera_driver af_camera_sim = {
    .kind = "sim",
    .open = sim_open,
    .close = sim_close,
    .grab = sim_grab,
};
