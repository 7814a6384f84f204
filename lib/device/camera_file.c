/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay of a recorded stack: the plane nearest to where the stage stands. */
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "image/stack.h"
#include <stdlib.h>

struct replay {
    struct af_stack *stack;
    double z_um; // to look at; NaN: one plane after the other
    size_t next;
    uint64_t count;
};

static int check(const struct af_camera *cam, const struct af_stack_info *in, struct af_err *err)
{
    const struct af_camera_settings *s = &cam->info.now;

    if (!in->seekable)
        return af_fail(err, AF_EUSAGE, "%s: a stream cannot be replayed by z; pgm: takes it",
                       cam->uri);
    if (in->type != AF_U8 && in->type != AF_U16)
        return af_fail(err, AF_EDATA, "%s: %s is not what a camera gives", cam->uri,
                       af_sample_name(in->type));
    if (s->bits && s->bits != in->bits)
        return af_fail(err, AF_EUSAGE, "%s: has %u bits, not %u", cam->uri, in->bits, s->bits);
    if (s->w && (s->x + s->w > in->w || s->y + s->h > in->h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %zux%zu px",
                       cam->uri, s->w, s->h, s->x, s->y, in->w, in->h);
    return 0;
}

static int file_open(struct af_camera *cam, const char *rest, struct af_err *err)
{
    struct replay *r = af_calloc(1, sizeof(*r), err);
    struct af_stack_opts o = {.uniform = true, .whole = true};
    const struct af_stack_info *in;

    if (!r)
        return -1;
    r->z_um = NAN;
    if (af_stack_open(&r->stack, &rest, 1, &o, err))
        goto failed;
    in = af_stack_info(r->stack);
    if (check(cam, in, err))
        goto failed;
    cam->state = r;
    cam->info.model = "recorded stack";
    cam->info.sensor_w = in->w;
    cam->info.sensor_h = in->h;
    cam->info.now.bits = in->bits;
    cam->info.now.exposure_ms = af_stack_plane(r->stack, 0)->exposure_ms;
    cam->info.now.gain = NAN;
    return 0;
failed:
    af_stack_close(r->stack);
    free(r);
    return -1;
}

static void file_close(struct af_camera *cam)
{
    struct replay *r = cam->state;

    af_stack_close(r->stack);
    free(r);
}

/* The plane nearest to z; nplanes where none says its z. */
static size_t nearest(const struct replay *r)
{
    size_t n = af_stack_info(r->stack)->nplanes, best = n;
    double least = INFINITY;

    for (size_t i = 0; i < n; i++) {
        double d = fabs(af_stack_plane(r->stack, i)->z_um - r->z_um);

        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

static int file_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    struct replay *r = cam->state;
    size_t n = af_stack_info(r->stack)->nplanes;
    size_t i = isnan(r->z_um) ? r->next++ : nearest(r);
    const struct af_plane *p;

    if (i >= n && isnan(r->z_um))
        return 0;
    if (i >= n)
        return af_fail(err, AF_EDATA, "%s: no plane says its z", cam->uri);
    f->begun_s = af_now_s();
    if (af_stack_read(r->stack, i, &f->image, err))
        return -1;
    p = af_stack_plane(r->stack, i);
    f->id = r->count++;
    f->stamp_s = p->time_s;
    f->exposure_ms = p->exposure_ms;
    f->gain = NAN;
    f->z_um = p->z_um;
    return 1;
}

static void file_look_at(struct af_camera *cam, double z_um)
{
    ((struct replay *)cam->state)->z_um = z_um;
}

const struct af_camera_driver af_camera_file = {
    .kind = "file",
    .crops = true,
    .open = file_open,
    .close = file_close,
    .grab = file_grab,
    .look_at = file_look_at,
};
