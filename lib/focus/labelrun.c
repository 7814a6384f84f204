/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/labelrun.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/parallel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What belongs to one stack under way; the memory serves the next one too. */
struct slot {
    struct af_labelled out;
    struct af_stack *stack; // open until its rows are delivered
    double *z_um;
    struct af_scores *scores, *scores_x;
    size_t z_cap, cap, cap_x;
    char *warnings;
    size_t nwarnings, warnings_cap; // bytes
};

struct crew {
    const char *const *paths;
    size_t npaths;
    const struct af_labelrun_opts *o;
    struct slot *slots;
    int (*each)(void *ctx, size_t i, const struct af_labelled *stack);
    void *ctx;
};

/* For the planes of one stack. */
struct camera {
    struct af_image img;
    struct af_scorer y, x;
    double *rows, *columns;
    size_t w, h;
};

static void keep_warning(void *ctx, const char *text)
{
    struct slot *s = ctx;
    size_t n = strlen(text);
    const size_t limit = 1 << 16; // a hostile file may be odd in a million places

    if (s->nwarnings + n + 2 > limit ||
        af_grow((void **)&s->warnings, &s->warnings_cap, s->nwarnings + n + 2, 1, NULL))
        return;
    memcpy(s->warnings + s->nwarnings, text, n);
    s->nwarnings += n + 1;
    memcpy(s->warnings + s->nwarnings - 1, "\n", 2);
}

/* Make ready for frames of the first plane's size. */
static int set_up(struct camera *cam, const struct af_labelrun_opts *o, struct af_err *err)
{
    cam->w = cam->img.w;
    cam->h = cam->img.h;
    if (o->axis != AF_AXIS_X && (!(cam->rows = af_calloc(cam->h, sizeof *cam->rows, err)) ||
                                 af_scorer_init(&cam->y, cam->h, o->window, o->order, err)))
        return -1;
    if (o->axis != AF_AXIS_Y && (!(cam->columns = af_calloc(cam->w, sizeof *cam->columns, err)) ||
                                 af_scorer_init(&cam->x, cam->w, o->window, o->order, err)))
        return -1;
    return 0;
}

static void take_down(struct camera *cam)
{
    af_image_release(&cam->img);
    af_scorer_release(&cam->y);
    af_scorer_release(&cam->x);
    free(cam->rows);
    free(cam->columns);
}

static int score_plane(struct slot *s, struct camera *cam, const struct af_stack *st, size_t plane,
                       const struct af_labelrun_opts *o, struct af_err *err)
{
    size_t n = s->out.n;
    struct af_err cause = {AF_OK, ""};

    if (!cam->w && set_up(cam, o, &cause))
        return af_fail(err, cause.kind, "%s: %s", s->out.name, cause.text);
    if (cam->img.w != cam->w || cam->img.h != cam->h)
        return af_fail(err, AF_EDATA, "%s: plane %zu: %zux%zu px, the first is %zux%zu",
                       s->out.name, plane, cam->img.w, cam->img.h, cam->w, cam->h);
    if (af_profile(&cam->img, cam->rows, cam->columns, &cause))
        return af_fail(err, cause.kind, "%s: plane %zu: %s", s->out.name, plane, cause.text);
    if (af_grow((void **)&s->z_um, &s->z_cap, n + 1, sizeof *s->z_um, err) ||
        af_grow((void **)&s->scores, &s->cap, n + 1, sizeof *s->scores, err) ||
        (o->axis == AF_AXIS_BOTH &&
         af_grow((void **)&s->scores_x, &s->cap_x, n + 1, sizeof *s->scores_x, err)))
        return -1;
    s->z_um[n] = af_stack_plane(st, plane)->z_um;
    if (o->axis == AF_AXIS_X)
        af_scorer_run(&cam->x, cam->columns, &s->scores[n]);
    else
        af_scorer_run(&cam->y, cam->rows, &s->scores[n]);
    if (o->axis == AF_AXIS_BOTH)
        af_scorer_run(&cam->x, cam->columns, &s->scores_x[n]);
    s->out.n++;
    return 0;
}

static int label_stack(struct slot *s, const char *const *paths, size_t npaths,
                       const struct af_labelrun_opts *o, struct af_err *err)
{
    struct af_stack_opts so = o->stack;
    struct af_stack *st = NULL;
    struct camera cam = {.w = 0};
    size_t plane;
    int ret = -1, more;

    so.warn = keep_warning;
    so.warn_ctx = s;
    if (af_stack_open(&st, paths, npaths, &so, err))
        goto done;
    while ((more = af_stack_next(st, &cam.img, &plane, err)) == 1)
        if (score_plane(s, &cam, st, plane, o, err))
            goto done;
    if (more < 0)
        goto done;
    if (af_stack_info(st)->date && af_begins_with_day(af_stack_info(st)->date))
        memcpy(s->out.day, af_stack_info(st)->date, 10); // the rest is zero
    if (af_label_find(s->z_um, s->scores, s->out.n, &o->label, &s->out.label, err) ||
        (o->axis == AF_AXIS_BOTH &&
         af_label_find(s->z_um, s->scores_x, s->out.n, &o->label, &s->out.label_x, err)))
        goto done;
    s->stack = st;
    st = NULL;
    ret = 0;
done:
    take_down(&cam);
    af_stack_close(st);
    return ret;
}

static void work(void *ctx, size_t i, size_t slot)
{
    struct crew *c = ctx;
    struct slot *s = &c->slots[slot];
    bool join = c->o->stack.join;
    struct af_err err = {AF_OK, ""};

    s->out = (struct af_labelled){.name = c->paths[i]};
    s->nwarnings = 0;
    if (label_stack(s, c->paths + i, join ? c->npaths : 1, c->o, &err)) {
        s->out.n = 0;
        s->out.err = err;
    }
    s->out.stack = s->stack;
    s->out.z_um = s->z_um;
    s->out.scores = s->scores;
    s->out.scores_x = c->o->axis == AF_AXIS_BOTH ? s->scores_x : NULL;
    s->out.warnings = s->nwarnings ? s->warnings : "";
}

static int deliver(void *ctx, size_t i, size_t slot)
{
    struct crew *c = ctx;
    struct slot *s = &c->slots[slot];
    int ret = c->each(c->ctx, i, &s->out);

    af_stack_close(s->stack);
    s->stack = NULL;
    return ret;
}

int af_labelrun(const char *const *paths, size_t npaths, const struct af_labelrun_opts *o,
                int (*each)(void *ctx, size_t i, const struct af_labelled *stack), void *ctx,
                struct af_err *err)
{
    unsigned nthreads = o->nthreads ? o->nthreads : af_cpu_count();
    size_t nstacks = o->stack.join && npaths ? 1 : npaths, nslots = 2 * (size_t)nthreads;
    struct crew c = {.paths = paths, .npaths = npaths, .o = o, .each = each, .ctx = ctx};

    nslots = nslots < nstacks ? nslots : nstacks ? nstacks : 1;
    c.slots = af_calloc(nslots, sizeof *c.slots, err);
    if (!c.slots)
        return -1;
    int ret = af_parallel_ordered(nstacks, nthreads, nslots, work, deliver, &c, err);
    for (size_t i = 0; i < nslots; i++) {
        af_stack_close(c.slots[i].stack);
        free(c.slots[i].z_um);
        free(c.slots[i].scores);
        free(c.slots[i].scores_x);
        free(c.slots[i].warnings);
    }
    free(c.slots);
    return ret;
}
