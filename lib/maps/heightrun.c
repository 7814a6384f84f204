/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/heightrun.h"

#include "base/memory.h"
#include "maps/mapfile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void af_heightrun_release(struct af_heightrun *r)
{
    af_height_release(&r->height);
    free(r->probe);
    *r = (struct af_heightrun){0};
}

/* Both kinds of extreme are followed until the stack has told which is focus. */
struct follow {
    const struct af_heightrun_opts *o;
    struct af_heightrun *r;
    struct af_depth most, least;
    struct af_image cells;
    size_t w, h, cell;
    double overlap;
};

static int follow_init(struct follow *f, size_t n, struct af_err *err)
{
    if (f->o->contrast != AF_CONTRAST_LEAST && af_depth_init(&f->most, n, false, err))
        return -1;
    return f->o->contrast != AF_CONTRAST_MOST ? af_depth_init(&f->least, n, true, err) : 0;
}

static void follow_release(struct follow *f)
{
    af_depth_release(&f->most);
    af_depth_release(&f->least);
    af_image_release(&f->cells);
}

static void follow_add(struct follow *f, const float *map)
{
    if (f->most.n)
        af_depth_add(&f->most, map);
    if (f->least.n)
        af_depth_add(&f->least, map);
    f->r->nslices++;
}

static double prominence(const struct af_depth *d)
{
    double sum = 0;

    for (size_t i = 0; i < d->n; i++) {
        const struct af_depth_fit p = af_depth_fit(d, i);

        sum += isfinite(p.var) ? p.prominence : 0;
    }
    return sum;
}

static int follow_finish(struct follow *f, struct af_err *err)
{
    struct af_heightrun *r = f->r;

    r->prominence[0] = prominence(&f->most);
    r->prominence[1] = prominence(&f->least);
    r->least = f->o->contrast == AF_CONTRAST_LEAST ||
               (f->o->contrast == AF_CONTRAST_AUTO && r->prominence[1] > r->prominence[0]);
    if (af_height_init(&r->height, f->w, f->h, f->cell, err))
        return -1;
    return af_height_fit(&r->height, r->least ? &f->least : &f->most, f->overlap, err);
}

/* ------------------------------------------------------------- by scoring */

static int find_measure(unsigned mask)
{
    int m = 0;

    while (!(mask >> m & 1))
        m++;
    return m;
}

static int add_probe(struct follow *f, const struct af_mapped *m, struct af_err *err)
{
    const struct af_heightrun_opts *o = f->o;
    struct af_heightrun *r = f->r;
    struct af_probe p;

    if (o->probe_x >= m->img->w || o->probe_y >= m->img->h)
        return af_fail(err, AF_EUSAGE, "--probe: %zu,%zu is not within %zux%zu px", o->probe_x,
                       o->probe_y, m->img->w, m->img->h);
    if (af_grow((void **)&r->probe, &r->probe_room, r->nslices + 1, sizeof(*r->probe), err))
        return -1;
    af_sample_to_f64((char *)af_image_row(m->img, o->probe_y) +
                         o->probe_x * af_sample_size(m->img->type),
                     m->img->type, 1, &p.value);
    p.score = ((float *)f->cells.data)[o->probe_y / f->cell * f->cells.w + o->probe_x / f->cell];
    r->probe[r->nslices] = p;
    return 0;
}

static int take(void *ctx, const struct af_mapped *m, struct af_err *err)
{
    struct follow *f = ctx;
    const double *map = m->map[find_measure(f->o->map.measures)];

    f->cell = m->plan->cell;
    if (af_scoremap_image(m->plan, map, f->cell, AF_F32, &f->cells, err))
        return -1;
    if (!f->r->nslices) {
        f->w = m->plan->w;
        f->h = m->plan->h;
        if (follow_init(f, f->cells.w * f->cells.h, err))
            return -1;
    }
    if (f->o->probe && add_probe(f, m, err))
        return -1;
    follow_add(f, f->cells.data);
    if (f->o->step && f->o->step(f->o->step_ctx, f->r->nslices))
        return af_fail(err, AF_ESYS, "interrupted");
    return 0;
}

int af_heightrun_stack(struct af_stack *st, const struct af_heightrun_opts *o,
                       struct af_heightrun *r, struct af_err *err)
{
    struct follow f = {.o = o, .r = r};
    double window = o->map.windows[0];
    int ret = -1;

    *r = (struct af_heightrun){0};
    for (size_t i = 1; i < o->map.nwindows; i++)
        window = fmin(window, o->map.windows[i]);
    if (af_maprun(st, &o->map, take, &f, err))
        goto done;
    if (!r->nslices) {
        af_fail(err, AF_EDATA, "%s: no slices", af_stack_info(st)->name);
        goto done;
    }
    f.overlap = fmax(1, window * window / ((double)f.cell * (double)f.cell));
    ret = follow_finish(&f, err);
done:
    follow_release(&f);
    return ret;
}

/* ---------------------------------------------------------------- by maps */

int af_heightrun_maps(struct af_stack *maps, const struct af_heightrun_opts *o,
                      struct af_heightrun *r, struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(maps);
    struct follow f = {.o = o, .r = r};
    struct af_mapfile_geometry g;
    float *map = NULL;
    size_t n;
    int ret = -1;

    *r = (struct af_heightrun){0};
    if (!info->seekable || !info->nplanes)
        return af_fail(err, AF_EUSAGE, "%s: not a file of maps", info->name);
    if (af_mapfile_geometry(maps, &g, err))
        return -1;
    f.w = g.w, f.h = g.h, f.cell = g.cell, f.overlap = g.overlap;
    n = ((g.w - 1) / g.cell + 1) * ((g.h - 1) / g.cell + 1);
    if (!(map = af_calloc(n, sizeof(*map), err)) || follow_init(&f, n, err))
        goto done;
    for (size_t i = 0; i < info->nplanes; i++) {
        if (af_mapfile_read(maps, i, &g, &f.cells, map, err))
            goto done;
        follow_add(&f, map);
    }
    ret = follow_finish(&f, err);
done:
    free(map);
    follow_release(&f);
    return ret;
}

/* ------------------------------------------------------------------ files */

static size_t slice_below(size_t n, double depth)
{
    const size_t most = n > 1 ? n - 2 : 0;

    return depth > 0 ? depth < (double)most ? (size_t)depth : most : 0;
}

double af_height_z(const double *z_um, size_t n, double depth)
{
    const size_t i = slice_below(n, depth);

    return n > 1 ? z_um[i] + (depth - (double)i) * (z_um[i + 1] - z_um[i]) : z_um[0];
}

double af_height_dz(const double *z_um, size_t n, double depth)
{
    const size_t i = slice_below(n, depth);

    return n > 1 ? fabs(z_um[i + 1] - z_um[i]) : 0;
}

enum { HEIGHT, ERROR, KNOWN, DEPTH, PLANES };

struct filling {
    const struct af_height *t;
    double most_err;
    const double *z_um; // [n], or NULL
    size_t n;
};

/* A row of a plane from depths and errors. */
static void fill_row(const struct filling *f, int what, const float *d, const float *e, float *out)
{
    const double last = (double)(f->n - 1);

    for (size_t x = 0; x < f->t->w; x++) {
        const double depth = d[x] > 0 ? d[x] < last ? d[x] : last : 0;
        float v = (float)depth;

        if (what == HEIGHT && f->z_um)
            v = (float)af_height_z(f->z_um, f->n, depth);
        else if (what == ERROR)
            v = (float)(e[x] * (f->z_um ? af_height_dz(f->z_um, f->n, depth) : 1));
        else if (what == KNOWN)
            v = e[x] <= f->most_err;
        out[x] = isnan(d[x]) || !isfinite(v) ? what == KNOWN ? 0 : NAN : v;
    }
}

static int fill_plane(const struct filling *f, int what, struct af_image *img, struct af_err *err)
{
    const struct af_height *t = f->t;
    float *d, *e;

    if (af_image_resize(img, t->w, t->h, AF_F32, err))
        return -1;
    if (!(d = af_calloc(t->w, 2 * sizeof(*d), err)))
        return -1;
    e = what == ERROR || what == KNOWN ? d + t->w : NULL;
    for (size_t y = 0; y < t->h; y++) {
        af_height_row(t, y, d, e);
        switch (what) { // a loop of its own for each
        case HEIGHT: fill_row(f, HEIGHT, d, e, af_image_row(img, y)); break;
        case ERROR: fill_row(f, ERROR, d, e, af_image_row(img, y)); break;
        case KNOWN: fill_row(f, KNOWN, d, e, af_image_row(img, y)); break;
        default: fill_row(f, DEPTH, d, e, af_image_row(img, y));
        }
    }
    free(d);
    return 0;
}

int af_heightfile_write(const char *path, const struct af_height *t, double most_err,
                        const double *z_um, size_t nslices, double px_um, double py_um,
                        struct af_err *err)
{
    const char *const names[2][PLANES] = {
        {"height_slices", "error_slices", "known", "depth_slices"},
        {"height_um", "error_um", "known", "depth_slices"}};
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    const struct af_plane unknown = AF_PLANE_UNKNOWN;
    const struct filling f = {t, most_err, z_um, nslices};
    struct af_stack_writer *w;
    struct af_image img = {0};
    int bad = 0;

    meta.nplanes = meta.nchannels = PLANES;
    meta.channels = names[z_um != NULL];
    meta.px_um = px_um;
    meta.py_um = py_um;
    if (af_stack_writer_open(&w, path, &meta, err))
        return -1;
    for (int i = 0; i < PLANES && !bad; i++)
        bad = fill_plane(&f, i, &img, err) || af_stack_writer_add(w, &img, &unknown, err);
    af_image_release(&img);
    if (bad) {
        af_stack_writer_discard(w, false);
        return -1;
    }
    return af_stack_writer_commit(w, err);
}

int af_heightfile_read(struct af_stack *st, struct af_height *t, struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(st);
    struct af_image img = {0};
    double *row = NULL;
    int ret = -1;

    if (!info->seekable || info->nplanes != PLANES || info->nc != PLANES)
        return af_fail(err, AF_EDATA, "%s: no height map of focus-fuse: %d channels are needed",
                       info->name, PLANES);
    if (af_height_init(t, info->w, info->h, 1, err) ||
        !(row = af_calloc(info->w, sizeof(*row), err)))
        goto done;
    for (int i = KNOWN; i < PLANES; i++) {
        if (af_stack_read(st, (size_t)i, &img, err))
            goto done;
        if (img.w != t->w || img.h != t->h) {
            af_fail(err, AF_EDATA, "%s: planes of different sizes", info->name);
            goto done;
        }
        for (size_t y = 0; y < t->h; y++) {
            af_image_row_f64(&img, y, row);
            for (size_t x = 0; x < t->w; x++)
                if (i == KNOWN)
                    t->err[y * t->w + x] = row[x] > 0 ? 0 : INFINITY;
                else
                    t->depth[y * t->w + x] = (float)row[x];
        }
    }
    ret = 0;
done:
    free(row);
    af_image_release(&img);
    return ret;
}
