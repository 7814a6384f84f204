/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/segment.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/crew.h"
#include "nn/unet.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How a slice is cut. Windows are as large as each other; each has a core that is kept of it. */
struct cuts {
    size_t w, h;           // px, filled up
    size_t nx, ny;         // tiles
    size_t core_w, core_h; // px
    size_t win_w, win_h;   // px, core and what it sees
};

/* What a thread has for itself. */
struct desk {
    struct af_unet_net *net;
    size_t w, h; // px, of the net
    float *x;    // [h][w][sees]
    float *p;    // [h][w]
    float *sum;  // [h][w] of the views
    struct af_err err;
};

struct af_segmenter {
    const struct af_unet_model *m;
    struct af_nn_crew *crew;
    struct af_unet_weights *weights;
    size_t margin, multiple; // px
    size_t memory;           // bytes, of a thread
    size_t whole;            // bytes, of all threads together, where slices are not cut; or 0
    unsigned views;          // that are averaged: 1, 4 or 8
    struct desk *desk;       // [threads]
    size_t sees;             // slices
    /* The slices at hand. */
    const struct af_image *const *img; // [n][sees]
    size_t n;
    float *const *p;              // [n]
    struct af_slice_scale *scale; // [n][sees]
    struct cuts *cuts;            // [n]
};

static size_t up_to(size_t v, size_t multiple)
{
    return (v + multiple - 1) / multiple * multiple;
}

static void swap(float *a, float *b)
{
    float was = *a;

    *a = *b;
    *b = was;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

int af_segmenter_new(struct af_segmenter **out, const struct af_unet_model *m, unsigned nthreads,
                     size_t memory, bool average, struct af_err *err)
{
    struct af_segmenter *s = af_calloc(1, sizeof(*s), err);

    *out = NULL;
    if (!s)
        return -1;
    if (nthreads == 0)
        nthreads = af_cpu_count();
    s->m = m;
    s->multiple = af_unet_multiple(&m->arch);
    s->margin = up_to(af_unet_reach(&m->arch), s->multiple);
    s->memory = memory / nthreads;
    s->whole = m->arch.norm ? memory : 0;
    s->views = !average ? 1 : m->arch.slices > 1 ? 8 : 4;
    s->sees = m->arch.slices;
    if (af_nn_crew_new(&s->crew, nthreads, err) ||
        af_unet_weights_new(&s->weights, &m->arch, false, NULL, err) ||
        !(s->desk = af_calloc(nthreads, sizeof(*s->desk), err)) ||
        !(s->scale = af_calloc(nthreads, s->sees * sizeof(*s->scale), err)) ||
        !(s->cuts = af_calloc(nthreads, sizeof(*s->cuts), err))) {
        af_segmenter_free(s);
        return -1;
    }
    af_unet_weights_pack(s->weights, m->params, 0, 1);
    *out = s;
    return 0;
}

static void clear_desk(struct desk *d)
{
    af_unet_net_free(d->net);
    free(d->x);
    *d = (struct desk){.net = NULL};
}

void af_segmenter_free(struct af_segmenter *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->desk && i < af_nn_crew_size(s->crew); i++)
        clear_desk(&s->desk[i]);
    af_unet_weights_free(s->weights);
    af_nn_crew_free(s->crew);
    free(s->desk);
    free(s->scale);
    free(s->cuts);
    free(s);
}

size_t af_segmenter_slices(const struct af_segmenter *s)
{
    return af_nn_crew_size(s->crew);
}

size_t af_segmenter_sees(const struct af_segmenter *s)
{
    return s->sees;
}

/* Slice i itself. */
static const struct af_image *middle(const struct af_segmenter *s, size_t i)
{
    return s->img[i * s->sees + s->sees / 2];
}

/* ------------------------------------------------------------------ tiles */

static void set_windows(const struct af_segmenter *s, struct cuts *c)
{
    c->core_w = up_to((c->w + c->nx - 1) / c->nx, s->multiple);
    c->core_h = up_to((c->h + c->ny - 1) / c->ny, s->multiple);
    c->win_w = least(c->w, c->core_w + 2 * s->margin);
    c->win_h = least(c->h, c->core_h + 2 * s->margin);
}

/* As few tiles as memory allows, and where there are fewer slices than threads, tiles for all of
 * them as long as the overlap does not outweigh that. */
static struct cuts cut(const struct af_segmenter *s, const struct af_image *img, size_t nslices)
{
    struct cuts c = {up_to(img->w, s->multiple), up_to(img->h, s->multiple), 1, 1, 0, 0, 0, 0};
    size_t wanted = af_nn_crew_size(s->crew) / nslices;

    for (;;) {
        bool wide, large, shared;
        size_t longer;

        set_windows(s, &c);
        wide = c.core_w >= c.core_h;
        longer = wide ? c.core_w : c.core_h;
        large = af_unet_net_bytes(&s->m->arch, c.win_h, c.win_w, false) > s->memory;
        shared = c.nx * c.ny < wanted && longer >= 4 * s->margin;
        if ((!large && !shared) || longer <= s->margin || s->whole)
            return c;
        if (wide)
            c.nx++;
        else
            c.ny++;
    }
}

static int ready_desk(const struct af_segmenter *s, struct desk *d, size_t w, size_t h)
{
    size_t px;

    if (d->net && d->w == w && d->h == h)
        return 0;
    clear_desk(d);
    if (!af_size_mul(w, h, &px) || af_unet_net_new(&d->net, &s->m->arch, h, w, false, &d->err) ||
        !(d->x = af_calloc(px, (s->sees + 2) * sizeof(float), &d->err)))
        return -1;
    d->p = d->x + px * s->sees;
    d->sum = d->p + px;
    d->w = w;
    d->h = h;
    return 0;
}

/* Copy the core of a window into the slice's probabilities. */
static void keep(const struct cuts *c, const struct desk *d, size_t x0, size_t y0, size_t core_x,
                 size_t core_y, const struct af_image *img, float *p)
{
    size_t x1 = least(core_x + c->core_w, img->w), y1 = least(core_y + c->core_h, img->h);

    for (size_t y = core_y; y < y1; y++)
        for (size_t x = core_x; x < x1; x++)
            p[y * img->w + x] = d->sum[(y - y0) * c->win_w + x - x0];
}

/* Mirror v, [h][w][c] in place: left to right, top to bottom, as the bits say. */
static void mirror(float *v, size_t h, size_t w, size_t c, unsigned how)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; how & 1 && x < w / 2; x++)
            for (size_t i = 0; i < c; i++)
                swap(&v[(y * w + x) * c + i], &v[(y * w + w - 1 - x) * c + i]);
    for (size_t y = 0; how & 2 && y < h / 2; y++)
        for (size_t x = 0; x < w * c; x++)
            swap(&v[y * w * c + x], &v[(h - 1 - y) * w * c + x]);
}

/* One view of a window, added to the sum; bit 4: the stack upside down. */
static void add_view(struct af_segmenter *s, struct desk *d, size_t slice, unsigned view, size_t x0,
                     size_t y0)
{
    const struct cuts *c = &s->cuts[slice];

    for (size_t i = 0; i < s->sees; i++)
        af_slice_fill(s->img[slice * s->sees + i], &s->scale[slice * s->sees + i], (long)x0,
                      (long)y0, c->win_w, c->win_h, d->x + (view & 4 ? s->sees - 1 - i : i),
                      s->sees);
    mirror(d->x, c->win_h, c->win_w, s->sees, view);
    af_unet_forward(d->net, s->weights, d->x, 0, d->p);
    mirror(d->p, c->win_h, c->win_w, 1, view);
    for (size_t i = 0; i < c->win_w * c->win_h; i++)
        d->sum[i] += d->p[i] / (float)s->views;
}

static int run_tile(struct af_segmenter *s, struct desk *d, size_t slice, size_t tile)
{
    const struct cuts *c = &s->cuts[slice];
    const struct af_image *img = middle(s, slice);
    size_t core_x = tile % c->nx * c->core_w, core_y = tile / c->nx * c->core_h;
    size_t x0 = core_x < s->margin ? 0 : least(core_x - s->margin, c->w - c->win_w);
    size_t y0 = core_y < s->margin ? 0 : least(core_y - s->margin, c->h - c->win_h);

    if (core_x >= img->w || core_y >= img->h) // cores were rounded up
        return 0;
    if (ready_desk(s, d, c->win_w, c->win_h))
        return -1;
    memset(d->sum, 0, c->win_w * c->win_h * sizeof(*d->sum));
    for (unsigned view = 0; view < s->views; view++)
        add_view(s, d, slice, view, x0, y0);
    keep(c, d, x0, y0, core_x, core_y, img, s->p[slice]);
    return 0;
}

/* Threads that whole slices leave room for. */
static size_t workers(const struct af_segmenter *s)
{
    size_t threads = af_nn_crew_size(s->crew), most = 1, fit;

    for (size_t i = 0; s->whole && i < s->n; i++) {
        size_t bytes = af_unet_net_bytes(&s->m->arch, s->cuts[i].win_h, s->cuts[i].win_w, false);

        most = bytes > most ? bytes : most;
    }
    fit = s->whole / most;
    return !s->whole || fit > threads ? threads : fit > 1 ? fit : 1;
}

/* Every n-th tile of all slices, where n work. */
static void run_share(void *ctx, unsigned thread)
{
    struct af_segmenter *s = ctx;
    struct desk *d = &s->desk[thread];
    size_t threads = workers(s), number = 0;

    d->err.kind = AF_OK;
    for (size_t i = 0; i < s->n; i++)
        for (size_t t = 0; t < s->cuts[i].nx * s->cuts[i].ny; t++)
            if (number++ % threads == thread && run_tile(s, d, i, t))
                return;
}

/* What cannot be judged is not in focus. */
static void blank_numberless(const struct af_image *img, float *p)
{
    for (size_t i = 0; af_sample_is_float(img->type) && i < img->w * img->h; i++) {
        double v;

        af_sample_to_f64((const char *)img->data + i * af_sample_size(img->type), img->type, 1, &v);
        if (!isfinite(v))
            p[i] = 0;
    }
}

/* Brightness of each slice, once for all that see it. */
static void measure(struct af_segmenter *s)
{
    for (size_t i = 0; i < s->n * s->sees; i++) {
        size_t from = i < s->sees ? 0 : i - s->sees, k = from;

        while (k < i && s->img[k] != s->img[i])
            k++;
        if (k < i)
            s->scale[i] = s->scale[k];
        else
            af_slice_measure(s->img[i], &s->scale[i]);
    }
}

int af_segmenter_run(struct af_segmenter *s, const struct af_image *const *img, size_t n,
                     float *const *p, struct af_err *err)
{
    s->img = img;
    s->n = n;
    s->p = p;
    for (size_t i = 0; i < n * s->sees; i++)
        if (img[i]->w != middle(s, i / s->sees)->w || img[i]->h != middle(s, i / s->sees)->h)
            return af_fail(err, AF_EDATA,
                           "slices of %zux%zu and %zux%zu px: the network sees "
                           "several at a time",
                           img[i]->w, img[i]->h, middle(s, i / s->sees)->w,
                           middle(s, i / s->sees)->h);
    measure(s);
    for (size_t i = 0; i < n; i++)
        s->cuts[i] = cut(s, middle(s, i), n);
    af_nn_crew_run(s->crew, run_share, s);
    for (unsigned t = 0; t < af_nn_crew_size(s->crew); t++)
        if (s->desk[t].err.kind != AF_OK)
            return af_fail(err, s->desk[t].err.kind, "%s", s->desk[t].err.text);
    for (size_t i = 0; i < n; i++)
        blank_numberless(middle(s, i), p[i]);
    return 0;
}
