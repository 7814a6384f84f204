/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/weaklabels.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Maps of a measure at cell resolution, [nslices][ncells]. */
struct maps {
    float *score;
    size_t room; // floats
};

struct run {
    const struct af_weaklabel_opts *o;
    const struct af_weaklabel_sink *sink;
    struct af_mapfile_geometry g;
    size_t nslices, ncells;
    struct maps maps[AF_NSHARPS];
    enum af_sharp at; // whose maps are asked for
    struct af_image img;
};

size_t af_weaklabel_window(const struct af_weaklabel_opts *o)
{
    size_t out = o->windows[0];

    for (size_t i = 1; i < o->nwindows; i++)
        out = o->windows[i] < out ? o->windows[i] : out;
    return out;
}

static void set_geometry(struct run *r, const struct af_plan *plan)
{
    double side = (double)af_weaklabel_window(r->o), cell = (double)plan->cell;

    r->g = (struct af_mapfile_geometry){plan->w, plan->h, plan->cell,
                                        fmax(1, side * side / (cell * cell))};
    r->ncells = ((plan->w - 1) / plan->cell + 1) * ((plan->h - 1) / plan->cell + 1);
}

static int take(void *ctx, const struct af_mapped *m, struct af_err *err)
{
    struct run *r = ctx;

    if (!r->ncells)
        set_geometry(r, m->plan);
    if (r->sink->slice(r->sink->ctx, r->nslices, m->img, err))
        return -1;
    for (int i = 0; i < AF_NSHARPS; i++) {
        struct maps *maps = &r->maps[i];

        if (!(r->o->measures >> i & 1))
            continue;
        if (af_scoremap_image(m->plan, m->map[i], m->plan->cell, AF_F32, &r->img, err) ||
            af_grow((void **)&maps->score, &maps->room, (r->nslices + 1) * r->ncells, sizeof(float),
                    err))
            return -1;
        memcpy(maps->score + r->nslices * r->ncells, r->img.data, r->ncells * sizeof(float));
    }
    r->nslices++;
    return 0;
}

static int read_map(void *ctx, size_t i, float *out, struct af_err *err)
{
    const struct run *r = ctx;

    (void)err;
    memcpy(out, r->maps[r->at].score + i * r->ncells, r->ncells * sizeof(float));
    return 0;
}

int af_weaklabel(struct af_stack *st, const struct af_weaklabel_opts *o,
                 const struct af_weaklabel_sink *sink, struct af_err *err)
{
    const struct af_maprun_opts mo = {.windows = o->windows,
                                      .strides = o->strides,
                                      .nwindows = o->nwindows,
                                      .nstrides = o->nstrides,
                                      .measures = o->measures,
                                      .maps = true,
                                      .quiet_noise = true,
                                      .map = {AF_DEF_PAPER, AF_ACC_MEAN, AF_NORM_MEAN},
                                      .nthreads = o->nthreads};
    struct run r = {.o = o, .sink = sink};
    struct af_mask_source source = {.name = af_stack_info(st)->name, .read = read_map, .ctx = &r};
    int ret = af_maprun(st, &mo, take, &r, err);

    source.nplanes = r.nslices;
    source.g = r.g;
    for (int i = 0; !ret && i < AF_NSHARPS; i++) {
        r.at = (enum af_sharp)i;
        if (o->measures >> i & 1)
            ret = af_maskrun_source(&source, &o->rule, sink->voice, sink->ctx, err);
    }
    for (int i = 0; i < AF_NSHARPS; i++)
        free(r.maps[i].score);
    af_image_release(&r.img);
    return ret;
}
