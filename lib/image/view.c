/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/view.h"
#include "base/memory.h"
#include "image/area.h"
#include "image/figure.h"
#include "image/montage.h"
#include "image/projection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THUMB_WIDTH = 160,
    WIDTH = 800,
    MOST_THUMBS = 64,
    MOST_CHOSEN = 4096,
    MIN_HEIGHT = 24,
    MAX_HEIGHT = 20000
};

/* What is gathered while the planes go by. */
struct show {
    const struct af_view *v;
    struct af_stack *st;
    const struct af_stack_info *info;
    size_t every, at, nused; // planes: step, next to read, taken so far
    struct af_image img, max;
    struct af_montage montage;
    struct af_slice slice;
    size_t plane; // the last one taken
    double z_um;
    float *values; // the picture of all but a montage
    char axis[16];
    char *title; // [AF_VIEW_TITLE]
};

/* Say whose plane it was. */
static int blame(const struct show *s, struct af_err *err)
{
    struct af_err inner = *err;

    return af_fail(err, inner.kind, "%s: %s", s->info->name, inner.text);
}

/* The next plane that is asked for: 1, 0 at the end, -1. Streams run past the others. */
static int next_plane(struct show *s, size_t *i, struct af_err *err)
{
    int got;

    if (s->at > s->v->last)
        return 0;
    if (s->info->seekable) {
        if (s->at >= s->info->nplanes)
            return 0;
        *i = s->at;
        got = af_stack_read(s->st, *i, &s->img, err) ? -1 : 1;
    } else {
        do {
            got = af_stack_next(s->st, &s->img, i, err);
        } while (got > 0 && *i < s->at);
    }
    if (s->every > SIZE_MAX - s->at)
        s->at = SIZE_MAX;
    else
        s->at += s->every;
    return got;
}

static int take_plane(struct show *s, size_t i, struct af_err *err)
{
    const struct af_plane *p = af_stack_plane(s->st, i);
    double z_um = p ? p->z_um : NAN;

    s->nused++;
    switch (s->v->kind) {
    case AF_VIEW_MONTAGE:
        if (s->v->every && s->montage.n == s->montage.most)
            return af_fail(err, AF_EUSAGE, "more than %d pictures: use a larger --every",
                           MOST_CHOSEN);
        return af_montage_add(&s->montage, &s->img, i, z_um, err);
    case AF_VIEW_PLANE:
        s->plane = i;
        s->z_um = z_um;
        return 0;
    case AF_VIEW_MAX: return af_max_add(&s->max, &s->img, err);
    default: return af_slice_add(&s->slice, &s->img, z_um, err);
    }
}

/* How many planes apart: a known number is spread evenly; a stream thins itself out. */
static size_t step_of(const struct show *s)
{
    size_t n = s->info->nplanes;

    if (s->v->every)
        return s->v->every;
    if (s->v->kind != AF_VIEW_MONTAGE || !s->info->seekable || n <= s->v->first)
        return 1;
    if (s->v->last < n)
        n = s->v->last + 1;
    return (n - s->v->first + MOST_THUMBS - 1) / MOST_THUMBS;
}

static int read_planes(struct show *s, struct af_err *err)
{
    const struct af_view *v = s->v;
    size_t i, seen;
    int got;

    s->at = v->first;
    s->every = step_of(s);
    s->montage.width = v->width ? v->width : THUMB_WIDTH;
    s->montage.most = v->every ? MOST_CHOSEN : MOST_THUMBS;
    s->slice.along_y = v->kind == AF_VIEW_YZ;
    s->slice.at = v->at;
    while ((got = next_plane(s, &i, err)) > 0)
        if (take_plane(s, i, err))
            return blame(s, err);
    if (got < 0)
        return -1;
    seen = s->info->nplanes;
    if (!s->nused && v->first && seen && seen != SIZE_MAX)
        return af_fail(err, AF_EUSAGE, "%s: no plane %zu: planes are 0 to %zu", s->info->name,
                       v->first, seen - 1);
    if (!s->nused)
        return af_fail(err, AF_EDATA, "%s: no plane to show", s->info->name);
    return 0;
}

/* Width in the picture of n pixels: whole factors up, any down. */
static size_t drawn(const struct af_view *v, size_t n)
{
    size_t width = v->width ? v->width : WIDTH;

    return n <= width ? n * (width / n) : width;
}

/* "run3.ome.tif: plane 12, z -1.25 um": what the picture shows. */
static void name_title(struct show *s)
{
    const char *slash = strrchr(s->info->name, '/'), *name = slash ? slash + 1 : s->info->name;
    char *t = s->title, label[64];
    size_t n = AF_VIEW_TITLE, at;

    if (!strcmp(name, "-"))
        name = "standard input";
    at = (size_t)snprintf(t, n, "%.150s", name);
    if (s->v->nfiles > 1)
        at += (size_t)snprintf(t + at, n - at, " and %zu more", s->v->nfiles - 1);
    switch (s->v->kind) {
    case AF_VIEW_MONTAGE:
        at += (size_t)snprintf(t + at, n - at, ": %zu", s->montage.n);
        if (s->info->nplanes != SIZE_MAX && s->montage.n != s->info->nplanes) // a stream left early
            at += (size_t)snprintf(t + at, n - at, " of %zu", s->info->nplanes);
        snprintf(t + at, n - at, s->montage.n == 1 ? " plane" : " planes");
        break;
    case AF_VIEW_PLANE:
        af_plane_label(s->plane, s->z_um, fabs(s->z_um) >= AF_LABEL_MM, label, sizeof(label));
        at += (size_t)snprintf(t + at, n - at, ": plane %zu", s->plane);
        if (isfinite(s->z_um))
            snprintf(t + at, n - at, ", %s", label);
        break;
    case AF_VIEW_MAX:
        snprintf(t + at, n - at, ": maximum of %zu plane%s", s->nused, s->nused == 1 ? "" : "s");
        break;
    default:
        snprintf(t + at, n - at, ": %s %zu", s->v->kind == AF_VIEW_XZ ? "xz at y" : "yz at x",
                 s->slice.at);
    }
}

/* A plane or the maximum: as large as the width allows, pixels square. */
static int plan_plane(struct show *s, const struct af_image *img, struct af_figure *f,
                      struct af_err *err)
{
    size_t longer = img->w > img->h ? img->w : img->h;
    double zoom = (double)drawn(s->v, longer) / (double)longer;

    f->w = (size_t)fmax(1, round((double)img->w * zoom));
    f->h = (size_t)fmax(1, round((double)img->h * zoom));
    f->um_per_px = s->info->px_um / zoom;
    if (!(s->values = af_calloc(f->w * f->h, sizeof(*s->values), err)))
        return -1;
    return af_area_average(img, f->w, f->h, s->values, err);
}

/* Height of a slice zoom times as wide as its planes; the note says where it is not to scale. */
static size_t slice_height(const struct show *s, double zoom, double px_um, struct af_figure *f)
{
    double h = s->slice.n * s->v->aspect * zoom;

    if (s->v->aspect > 0)
        return (size_t)fmin(fmax(1, round(h)), MAX_HEIGHT + 1.0);
    h = s->axis[0] == 'z' ? (f->top - f->bottom) / px_um * zoom : NAN;
    if (h >= MIN_HEIGHT && h <= 2.0 * (double)f->w)
        return (size_t)round(h);
    f->note = "z not to scale";
    return f->w / 2 > MIN_HEIGHT ? f->w / 2 : MIN_HEIGHT;
}

static int plan_slice(struct show *s, struct af_figure *f, struct af_err *err)
{
    struct af_extent e = af_slice_extent(&s->slice);
    double px_um = s->v->kind == AF_VIEW_YZ ? s->info->py_um : s->info->px_um, zoom;

    f->w = drawn(s->v, s->slice.len);
    zoom = (double)f->w / (double)s->slice.len;
    f->um_per_px = px_um / zoom;
    f->bottom = e.bottom;
    f->top = e.top;
    snprintf(s->axis, sizeof(s->axis), "%s", e.um ? "z um" : "plane");
    f->axis = s->axis;
    f->h = slice_height(s, zoom, px_um, f);
    if (f->h > MAX_HEIGHT)
        return af_fail(err, AF_EUSAGE, "--aspect: the slice would be over %d px high", MAX_HEIGHT);
    if (!(s->values = af_calloc(f->w * f->h, sizeof(*s->values), err)))
        return -1;
    return af_slice_draw(&s->slice, f->w, f->h, s->values, err);
}

static int draw(struct show *s, struct af_canvas *canvas, struct af_err *err)
{
    const struct af_view *v = s->v;
    struct af_figure f = {.title = s->title, .scale = v->scale};
    struct af_montage_style style = {s->title, v->scale, v->fixed, v->each, v->clip};
    int bad;

    name_title(s);
    if (v->kind == AF_VIEW_MONTAGE)
        return af_montage_draw(&s->montage, &style, canvas, err);
    if (v->kind == AF_VIEW_XZ || v->kind == AF_VIEW_YZ)
        bad = plan_slice(s, &f, err);
    else
        bad = plan_plane(s, v->kind == AF_VIEW_MAX ? &s->max : &s->img, &f, err);
    if (bad || (!v->fixed && af_scale_fit(&f.scale, s->values, f.w * f.h, v->clip, err)))
        return -1;
    f.values = s->values;
    return af_figure_draw(&f, canvas, err);
}

int af_view_draw(const struct af_view *v, struct af_stack *st, char title[AF_VIEW_TITLE],
                 struct af_canvas *canvas, struct af_err *err)
{
    struct show s = {.v = v, .st = st, .info = af_stack_info(st), .title = title};
    int ret = read_planes(&s, err) || draw(&s, canvas, err) ? -1 : 0;

    free(s.values);
    af_slice_release(&s.slice);
    af_montage_release(&s.montage);
    af_image_release(&s.max);
    af_image_release(&s.img);
    return ret;
}
