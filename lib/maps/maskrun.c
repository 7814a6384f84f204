/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/maskrun.h"

#include "base/memory.h"
#include "maps/height.h"
#include "maps/kernels.h"
#include "maps/mask.h"
#include "maps/otsu.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct af_mask_source *maps;
    const struct af_mask_opts *o;
    struct af_mapfile_geometry g;
    size_t nx, ny, nplanes;
    float *map; // [ny][nx] of the slice at hand
    struct af_depth depth;
    struct af_height height;
    double threshold; // of `ref`, `stack`, and of the largest scores for `peak`
    float *known;     // [h][w] depth of each pixel, NaN where it is not known; of `fit`
    const struct af_sum_kernels *kernels;
    struct af_image mask;
    struct af_areas areas;
};

/* How many pixels a cell has. */
static uint64_t weight(const struct run *r, size_t i)
{
    const size_t x = i % r->nx * r->g.cell, y = i / r->nx * r->g.cell;
    const size_t w = r->g.w - x < r->g.cell ? r->g.w - x : r->g.cell;
    const size_t h = r->g.h - y < r->g.cell ? r->g.h - y : r->g.cell;

    return (uint64_t)w * h;
}

static void widen(struct af_otsu *o, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i])) {
            o->lo = fmin(o->lo, v[i]);
            o->hi = fmax(o->hi, v[i]);
        }
}

static void count(const struct run *r, struct af_otsu *o, const float *v)
{
    for (size_t i = 0; i < r->nx * r->ny; i++)
        if (isfinite(v[i]) && o->hi > o->lo)
            af_otsu_add(o, v[i], weight(r, i));
}

static double threshold_of(const struct run *r, const float *v)
{
    struct af_otsu o = {.lo = INFINITY, .hi = -INFINITY};

    widen(&o, v, r->nx * r->ny);
    count(r, &o, v);
    return af_otsu_threshold(&o);
}

static int read_map(struct run *r, size_t i, struct af_err *err)
{
    return r->maps->read(r->maps->ctx, i, r->map, err);
}

/* ------------------------------------------------- the whole stack, before the first mask */

static int look_for_stack(struct run *r, struct af_err *err)
{
    struct af_otsu o = {.lo = INFINITY, .hi = -INFINITY};

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < r->nplanes; i++) {
            if (read_map(r, i, err))
                return -1;
            if (pass)
                count(r, &o, r->map);
            else
                widen(&o, r->map, r->nx * r->ny);
        }
    r->threshold = af_otsu_threshold(&o);
    return 0;
}

static int look_for_ref(struct run *r, struct af_err *err)
{
    const size_t ref = r->o->ref < 0 ? r->nplanes - 1 : (size_t)r->o->ref;

    r->threshold = r->o->threshold;
    if (r->o->fixed)
        return 0;
    if (ref >= r->nplanes)
        return af_fail(err, AF_EUSAGE, "%s: no slice %zu: slices are 0 to %zu", r->maps->name, ref,
                       r->nplanes - 1);
    if (read_map(r, ref, err))
        return -1;
    r->threshold = threshold_of(r, r->map);
    return 0;
}

/* Once for all slices. */
static int spread_depth(struct run *r, struct af_err *err)
{
    float *e = af_calloc(r->g.w, sizeof(*e), err);

    if (!e || !(r->known = af_calloc(r->g.h, r->g.w * sizeof(*r->known), err))) {
        free(e);
        return -1;
    }
    for (size_t y = 0; y < r->g.h; y++) {
        float *row = r->known + y * r->g.w;

        af_height_row(&r->height, y, row, e);
        for (size_t x = 0; x < r->g.w; x++)
            row[x] = e[x] <= r->o->most_err ? row[x] : NAN;
    }
    free(e);
    return 0;
}

static int look_for_depth(struct run *r, struct af_err *err)
{
    if (af_depth_init(&r->depth, r->nx * r->ny, r->o->least, err) ||
        af_height_init(&r->height, r->g.w, r->g.h, r->g.cell, err))
        return -1;
    for (size_t i = 0; i < r->nplanes; i++) {
        if (read_map(r, i, err))
            return -1;
        af_depth_add(&r->depth, r->map);
    }
    if (r->o->rule == AF_MASK_FIT)
        return af_height_fit(&r->height, &r->depth, r->g.overlap, err) || spread_depth(r, err) ? -1
                                                                                               : 0;
    af_height_raw(&r->height, &r->depth);
    for (size_t i = 0; i < r->nx * r->ny; i++)
        r->map[i] = (float)af_depth_fit(&r->depth, i).best * (r->o->least ? -1 : 1);
    r->threshold = threshold_of(r, r->map);
    return 0;
}

static int look(struct run *r, struct af_err *err)
{
    switch (r->o->rule) {
    case AF_MASK_STACK: return look_for_stack(r, err);
    case AF_MASK_REF: return look_for_ref(r, err);
    case AF_MASK_SLICE: return 0;
    default: return look_for_depth(r, err);
    }
}

/* -------------------------------------------------------------------- masks */

static bool in_focus(const struct run *r, size_t i, size_t slice)
{
    if (r->o->rule == AF_MASK_PEAK) {
        const double best = af_depth_fit(&r->depth, i).best * (r->o->least ? -1 : 1);

        return fabs((double)r->height.depth[i] - (double)slice) <= r->o->tolerance &&
               best > r->threshold;
    }
    return (r->o->least ? -r->map[i] : r->map[i]) > (r->o->least ? -r->threshold : r->threshold);
}

static void mask_by_cells(struct run *r, size_t slice)
{
    const size_t cell = r->g.cell;

    for (size_t j = 0; j < r->ny; j++) {
        uint8_t *out = af_image_row(&r->mask, j * cell);

        for (size_t i = 0; i < r->nx; i++)
            memset(out + i * cell, in_focus(r, j * r->nx + i, slice) ? AF_MASK_ON : 0,
                   r->g.w - i * cell < cell ? r->g.w - i * cell : cell);
        for (size_t y = j * cell + 1; y < (j + 1) * cell && y < r->g.h; y++)
            memcpy(af_image_row(&r->mask, y), out, r->g.w);
    }
}

static int make_mask(struct run *r, size_t slice, struct af_err *err)
{
    const bool scores = r->o->rule >= AF_MASK_REF;

    if (scores && read_map(r, slice, err))
        return -1;
    if (r->o->rule == AF_MASK_SLICE)
        r->threshold = threshold_of(r, r->map);
    if (r->o->rule == AF_MASK_FIT)
        r->kernels->within(r->mask.data, r->known, r->g.w * r->g.h, (float)slice,
                           (float)r->o->tolerance);
    else
        mask_by_cells(r, slice);
    if (r->o->fill && af_mask_fill(&r->areas, &r->mask, r->o->fill, err))
        return -1;
    return r->o->sweep > 1 ? af_mask_sweep(&r->areas, &r->mask, r->o->sweep, err) : 0;
}

static int make_room(struct run *r, struct af_err *err)
{
    r->nx = (r->g.w - 1) / r->g.cell + 1;
    r->ny = (r->g.h - 1) / r->g.cell + 1;
    r->map = af_calloc(r->nx, r->ny * sizeof(*r->map), err);
    return r->map ? af_image_resize(&r->mask, r->g.w, r->g.h, AF_U8, err) : -1;
}

int af_maskrun_source(const struct af_mask_source *maps, const struct af_mask_opts *o,
                      int (*put)(void *ctx, size_t i, const struct af_image *mask,
                                 struct af_err *err),
                      void *ctx, struct af_err *err)
{
    struct run r = {.maps = maps,
                    .o = o,
                    .g = maps->g,
                    .nplanes = maps->nplanes,
                    .kernels = af_sum_kernels_best()};
    int ret = -1;

    if (!maps->nplanes)
        return af_fail(err, AF_EDATA, "%s: no maps", maps->name);
    if (make_room(&r, err) || look(&r, err))
        goto done;
    for (size_t i = 0; i < r.nplanes; i++)
        if (make_mask(&r, i, err) || put(ctx, i, &r.mask, err))
            goto done;
    ret = 0;
done:
    af_areas_release(&r.areas);
    af_image_release(&r.mask);
    af_height_release(&r.height);
    af_depth_release(&r.depth);
    free(r.known);
    free(r.map);
    return ret;
}

/* ------------------------------------------------------------------- a file */

struct file {
    struct af_stack *maps;
    struct af_mapfile_geometry g;
    struct af_image img;
};

static int read_file(void *ctx, size_t i, float *out, struct af_err *err)
{
    struct file *f = ctx;

    return af_mapfile_read(f->maps, i, &f->g, &f->img, out, err);
}

int af_maskrun(struct af_stack *maps, const struct af_mask_opts *o,
               int (*put)(void *ctx, size_t i, const struct af_image *mask, struct af_err *err),
               void *ctx, struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(maps);
    struct file f = {.maps = maps};
    struct af_mask_source source = {info->name, info->nplanes, .read = read_file, .ctx = &f};
    int ret;

    if (!info->seekable)
        return af_fail(err, AF_EUSAGE, "%s: maps are read twice, which a stream cannot be",
                       info->name);
    if (info->nc > 1 && info->nplanes == info->nc * info->nt * info->nz)
        return af_fail(err, AF_EUSAGE, "%s: %zu channels; --channel picks one", info->name,
                       info->nc);
    if (info->nplanes && af_mapfile_geometry(maps, &f.g, err))
        return -1;
    source.g = f.g;
    ret = af_maskrun_source(&source, o, put, ctx, err);
    af_image_release(&f.img);
    return ret;
}
