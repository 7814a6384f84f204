/* SPDX-License-Identifier: BSD-2-Clause */
/* Exposures of the simulated microscope's cameras. */
#include "device/simparts.h"

#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include <math.h>
#include <stdlib.h>

static bool any_moving(struct af_simstore *st, double t)
{
    bool moving = false;

    for (int a = 0; a < AF_SIM_NAXES; a++)
        moving |= af_sim_moving(st, a, t);
    return moving;
}

/* Look at the stage, where asked after `ms` of virtual time have passed. */
static int look(struct af_simscope *s, double ms, struct af_sim_shot *shot, bool count,
                double *motions, struct af_err *err)
{
    struct af_simstore *st = &s->store;

    if (af_simstore_lock(st, err))
        return -1;
    if (st->params.clock == AF_CLOCK_VIRTUAL)
        st->state.time_s += 1e-3 * ms;
    double t = af_sim_now(st);
    if (count) {
        shot->number = (uint64_t)st->state.frames++;
        shot->time_s = t;
        shot->x_um = af_sim_true_um(st, AF_SIM_X, t);
        shot->y_um = af_sim_true_um(st, AF_SIM_Y, t);
        shot->z_um = af_sim_true_um(st, AF_SIM_Z, t);
        shot->defocus_um = shot->z_um - af_sim_focus_um(s, t);
    }
    shot->moved |= any_moving(st, t);
    *motions = st->state.motions;
    return af_simstore_unlock(st, true, err);
}

static int check(const struct af_sim_exposure *e, size_t w, size_t h, struct af_err *err)
{
    unsigned bits = e->bits;

    if (!(e->exposure_ms > 0 && e->exposure_ms <= 1e6 && e->gain > 0 && isfinite(e->gain)))
        return af_fail(err, AF_EUSAGE, "sim: an exposure of %g ms at gain %g", e->exposure_ms,
                       e->gain);
    if (bits && bits != 8 && bits != 10 && bits != 12 && bits != 16)
        return af_fail(err, AF_EUSAGE, "sim: %u bits: 8, 10, 12 or 16", bits);
    if (e->x >= w || e->y >= h || e->w > w - e->x || e->h > h - e->y)
        return af_fail(err, AF_EUSAGE, "sim: region %zux%zu+%zu+%zu: the sensor has %zux%zu px",
                       e->w, e->h, e->x, e->y, w, h);
    return 0;
}

int af_simscope_sensor(struct af_simscope *s, bool imaging, struct af_sim_sensor *sensor,
                       struct af_err *err)
{
    const struct af_sim_params *p = &s->store.params;

    if (af_simstore_lock(&s->store, err))
        return -1;
    double w = imaging ? p->bead_width : p->width, h = imaging ? p->bead_height : p->height;
    double pixel = imaging ? p->bead_pixel_um : p->pixel_um;
    *sensor = (struct af_sim_sensor){
        .w = (size_t)w,
        .h = (size_t)h,
        .bits = (unsigned)p->bits,
        .pixel_um = pixel,
        .sample_um = pixel / (imaging ? p->bead_magnification : p->magnification)};
    return af_simstore_unlock(&s->store, false, err);
}

static void release_camera(struct af_simscope *s, bool imaging)
{
    struct af_simcamera *c = &s->camera[imaging];

    if (imaging)
        af_beads_release(&s->beads);
    else
        af_spot_release(&s->spot);
    af_sensor_release(&c->sensor);
    free(c->light);
    *c = (struct af_simcamera){0};
}

void af_sim_release_cameras(struct af_simscope *s)
{
    release_camera(s, false);
    release_camera(s, true);
}

/* A camera of the parameters as they are. */
static int prepare(struct af_simscope *s, bool imaging, const struct af_sim_sensor *sensor,
                   struct af_err *err)
{
    const struct af_sim_params *p = &s->store.params;
    struct af_simcamera *c = &s->camera[imaging];

    if (c->generation == s->store.generation)
        return 0;
    release_camera(s, imaging);
    if (imaging)
        af_beads_init(&s->beads, p);
    else if (af_spot_init(&s->spot, p, err))
        return -1;
    if (af_sensor_init(&c->sensor, p, sensor->w, sensor->h, err) ||
        !(c->light = af_calloc(sensor->w * sensor->h, sizeof(float), err)))
        return -1;
    c->generation = s->store.generation;
    return 0;
}

static int draw(struct af_simscope *s, bool imaging, const struct af_sim_exposure *e,
                const struct af_sim_sensor *sensor, const struct af_sim_shot *shot,
                struct af_image *img, struct af_err *err)
{
    const struct af_sim_params *p = &s->store.params;
    const struct af_alignment *a = af_sim_alignment(s, shot->time_s);
    struct af_simcamera *c = &s->camera[imaging];
    bool whole = !e->w || !e->h;
    struct af_sensor_exposure se = {.exposure_ms = e->exposure_ms,
                                    .stray = p->background + (imaging ? 0 : p->glow),
                                    .gain = e->gain,
                                    .bits = e->bits ? e->bits : sensor->bits,
                                    .x = whole ? 0 : e->x,
                                    .y = whole ? 0 : e->y,
                                    .w = whole ? sensor->w : e->w,
                                    .h = whole ? sensor->h : e->h};
    double total = p->light * e->exposure_ms * af_spot_power(p, a);
    struct af_random r;

    af_random_init(&r, (uint64_t)p->seed * 0x9e3779b97f4a7c15u ^ shot->number, "frame");
    if (prepare(s, imaging, sensor, err) ||
        (imaging ? af_beads_light(&s->beads, a, shot->x_um, shot->y_um, shot->defocus_um,
                                  e->exposure_ms, c->light, err)
                 : af_spot_light(&s->spot, a, shot->defocus_um, total, c->light, err)))
        return -1;
    return af_sensor_expose(&c->sensor, c->light, &se, &r, img, err);
}

static int expose(struct af_simscope *s, bool imaging, const struct af_sim_exposure *e,
                  struct af_image *img, struct af_sim_shot *shot, struct af_err *err)
{
    struct af_sim_shot own = {0};
    struct af_sim_sensor sensor;
    double begun = af_now_s(), half = e->exposure_ms / 2, before, middle, after;

    shot = shot ? shot : &own;
    *shot = (struct af_sim_shot){0};
    if (af_simscope_sensor(s, imaging, &sensor, err) || check(e, sensor.w, sensor.h, err) ||
        look(s, 0, shot, false, &before, err))
        return -1;
    bool real = s->store.params.clock == AF_CLOCK_REAL;
    if ((real && af_sim_sleep(1e-3 * half, err)) || look(s, half, shot, true, &middle, err) ||
        draw(s, imaging, e, &sensor, shot, img, err) ||
        (real && af_sim_sleep(2e-3 * half - (af_now_s() - begun), err)) ||
        look(s, half, shot, false, &after, err))
        return -1;
    shot->moved |= after != before;
    return 0;
}

int af_simscope_frame(struct af_simscope *s, const struct af_sim_exposure *e, struct af_image *img,
                      struct af_sim_shot *shot, struct af_err *err)
{
    return expose(s, false, e, img, shot, err);
}

int af_simscope_beads(struct af_simscope *s, const struct af_sim_exposure *e, struct af_image *img,
                      struct af_sim_shot *shot, struct af_err *err)
{
    return expose(s, true, e, img, shot, err);
}
