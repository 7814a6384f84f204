/* SPDX-License-Identifier: BSD-2-Clause */
/* Exposures of the simulated microscope's cameras. */
#include "device/simparts.h"

#include "base/progress.h"
#include "base/random.h"
#include <math.h>

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
        shot->defocus_um = shot->z_um - af_sim_focus_um(&st->params, &st->state, t);
    }
    shot->moved |= any_moving(st, t);
    *motions = st->state.motions;
    return af_simstore_unlock(st, true, err);
}

static int check(const struct af_simscope *s, const struct af_sim_exposure *e, size_t w, size_t h,
                 struct af_err *err)
{
    unsigned bits = e->bits;

    (void)s;
    if (!(e->exposure_ms > 0 && e->exposure_ms <= 1e6 && e->gain > 0 && isfinite(e->gain)))
        return af_fail(err, AF_EUSAGE, "sim: an exposure of %g ms at gain %g", e->exposure_ms,
                       e->gain);
    if (bits && bits != 8 && bits != 10 && bits != 12 && bits != 16)
        return af_fail(err, AF_EUSAGE, "sim: %u bits: 8, 10, 12 or 16", bits);
    if (e->x > w || e->y > h || e->w > w - e->x || e->h > h - e->y)
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

/* A Gaussian line. */
static int draw(struct af_simscope *s, const struct af_sim_exposure *e, size_t w, size_t h,
                const struct af_sim_shot *shot, struct af_image *img, struct af_err *err)
{
    const struct af_sim_params *p = &s->store.params;
    unsigned bits = e->bits ? e->bits : (unsigned)p->bits;
    size_t nx = e->w ? e->w : w, ny = e->h ? e->h : h;
    double u = shot->defocus_um / 0.4, wy = 2 * sqrt(1 + u * u), wx = 6 * sqrt(1 + u * u / 81);
    double full = ldexp(1, (int)bits) - 1;
    struct af_random r;

    if (af_image_resize(img, nx, ny, bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = bits;
    af_random_init(&r, (uint64_t)p->seed ^ shot->number << 20, "frame");
    for (size_t i = 0; i < nx * ny; i++) {
        double x = (double)(i % nx + e->x) - 0.52 * (double)w;
        double y = (double)(i / nx + e->y) - 0.48 * (double)h;
        double light = p->light * e->exposure_ms / (6.2832 * wx * wy) *
                       exp(-(x * x / (wx * wx) + y * y / (wy * wy)) / 2);
        light += p->black +
                 p->noise * sqrt(light + p->read_noise * p->read_noise) * af_random_normal(&r);
        double v = fmax(0, fmin(full, floor(light * e->gain * full / p->full_well + 0.5)));
        if (bits > 8)
            ((uint16_t *)img->data)[i] = (uint16_t)v;
        else
            ((uint8_t *)img->data)[i] = (uint8_t)v;
    }
    return 0;
}

static int expose(struct af_simscope *s, bool imaging, const struct af_sim_exposure *e,
                  struct af_image *img, struct af_sim_shot *shot, struct af_err *err)
{
    struct af_sim_shot own;
    struct af_sim_sensor sensor;
    double begun = af_now_s(), half = e->exposure_ms / 2, before, middle, after;

    shot = shot ? shot : &own;
    *shot = (struct af_sim_shot){0};
    if (af_simscope_sensor(s, imaging, &sensor, err) || check(s, e, sensor.w, sensor.h, err) ||
        look(s, 0, shot, false, &before, err))
        return -1;
    bool real = s->store.params.clock == AF_CLOCK_REAL;
    if ((real && af_sim_sleep(1e-3 * half, err)) || look(s, half, shot, true, &middle, err) ||
        draw(s, e, sensor.w, sensor.h, shot, img, err) ||
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
