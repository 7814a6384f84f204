/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/psfrun.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "psf/find.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLANES_LEAST = 5, BATCH_BYTES = 200000000 };

/* A stack that can be read again: from its file, or from planes kept. */
struct source {
    struct af_stack *st;
    bool keep;
    struct af_image *plane; // [n] with keep
    size_t n, room;
};

static void close_source(struct source *s)
{
    for (size_t i = 0; i < s->n; i++)
        af_image_release(&s->plane[i]);
    free(s->plane);
    af_stack_close(s->st);
}

/* ---- first pass ---- */

static int keep_plane(struct source *s, struct af_image *img, struct af_err *err)
{
    if (af_grow((void **)&s->plane, &s->room, s->n + 1, sizeof *s->plane, err))
        return -1;
    s->plane[s->n++] = *img;
    *img = (struct af_image){0};
    return 0;
}

static int add_plane(struct af_psfrun *r, size_t *room, double z_um, const char *name,
                     struct af_err *err)
{
    if (isnan(z_um))
        return af_fail(err, AF_EDATA, "%s: z is not known: --dz", name);
    for (size_t i = 0; i < r->nplanes; i++)
        if (r->z_um[i] == z_um)
            return af_fail(err, AF_EDATA, "%s: planes %zu and %zu are at one z: --channel, --time",
                           name, i, r->nplanes);
    if (af_grow((void **)&r->z_um, room, r->nplanes + 1, sizeof *r->z_um, err))
        return -1;
    r->z_um[r->nplanes++] = z_um;
    return 0;
}

static double expected_px(const struct af_psfrun *r, const struct af_psfrun_opts *o)
{
    return isnan(o->psf.fwhm_um) ? 4 : fmax(o->psf.fwhm_um / fmin(r->px_um, r->py_um), 1.5);
}

/* Look for beads in n planes, the first ones tell the size; kept where they cannot be read again.
 */
static int look_at(struct af_psfrun *r, struct source *s, const struct af_psfrun_opts *o,
                   struct af_psf_finder *f, struct af_image *img, size_t n, struct af_err *err)
{
    struct af_err cause;

    if (n && !f->w) {
        r->w = img[0].w;
        r->h = img[0].h;
        if (af_psf_finder_init(f, r->w, r->h, expected_px(r, o) / AF_FWHM, o->nthreads, err))
            return -1;
    }
    if (af_psf_finder_add(f, img, n, &cause))
        return af_fail(err, cause.kind, "%s: %s", af_stack_info(s->st)->name, cause.text);
    for (size_t i = 0; i < n && s->keep; i++)
        if (keep_plane(s, &img[i], err))
            return -1;
    return 0;
}

static int find_pass(struct af_psfrun *r, struct source *s, const struct af_psfrun_opts *o,
                     struct af_psf_finder *f, struct af_err *err)
{
    const char *name = af_stack_info(s->st)->name;
    struct af_image img[AF_PSF_ATONCE] = {{0}};
    size_t i, n = 0, room = 0;
    int more;

    while ((more = af_stack_next(s->st, &img[n], &i, err)) == 1) {
        if (add_plane(r, &room, af_stack_plane(s->st, i)->z_um, name, err) ||
            (++n == AF_PSF_ATONCE && look_at(r, s, o, f, img, n, err))) {
            more = -1;
            break;
        }
        n %= AF_PSF_ATONCE;
    }
    if (more == 0)
        more = look_at(r, s, o, f, img, n, err);
    for (i = 0; i < AF_PSF_ATONCE; i++)
        af_image_release(&img[i]);
    if (more == 0 && r->nplanes < PLANES_LEAST)
        return af_fail(err, AF_EDATA, "%s: %zu planes, %d are needed", name, r->nplanes,
                       PLANES_LEAST);
    return more;
}

/* ---- second pass ---- */

struct job {
    const struct af_psf_spot *spot;
    size_t x0, y0; // of its box
    struct af_box box;
    float *v;            // [n][h][w]
    float *mask;         // [h][w]
    const char *refused; // before it is measured; NULL: not
    struct af_psf psf;
    struct af_err err;
};

struct crew {
    struct af_psfrun *r;
    struct af_psf_opts o;
    struct job *job;
};

static void copy_box(struct job *j, size_t plane, const struct af_image *img, double *row)
{
    float *out = j->v + plane * j->box.w * j->box.h;
    size_t size = af_sample_size(img->type);

    for (size_t y = 0; y < j->box.h; y++) {
        const char *from = (const char *)af_image_row(img, j->y0 + y) + j->x0 * size;

        if (img->type == AF_U16) {
            for (size_t x = 0; x < j->box.w; x++)
                out[y * j->box.w + x] = ((const uint16_t *)(const void *)from)[x];
            continue;
        }
        af_sample_to_f64(from, img->type, j->box.w, row);
        for (size_t x = 0; x < j->box.w; x++)
            out[y * j->box.w + x] = (float)row[x];
    }
}

/* Fill the boxes of n jobs from all planes. */
static int cut_out(struct af_psfrun *r, struct source *s, struct job *job, size_t n,
                   struct af_err *err)
{
    struct af_image img = {0};
    double *row = af_calloc(r->w, sizeof *row, err);
    int ret = row ? 0 : -1;

    for (size_t k = 0; k < r->nplanes && !ret; k++) {
        if (!s->keep && (ret = af_stack_read(s->st, k, &img, err)))
            break;
        for (size_t i = 0; i < n; i++)
            copy_box(&job[i], k, s->keep ? &s->plane[k] : &img, row);
    }
    af_image_release(&img);
    free(row);
    return ret;
}

static void measure(void *ctx, size_t i, size_t slot)
{
    struct crew *c = ctx;
    struct job *j = &c->job[i];
    struct af_psf_seed seed = {j->spot->x - j->x0, j->spot->y - j->y0, j->spot->plane,
                               j->spot->contrast, j->refused};

    (void)slot;
    af_psf_measure(&j->box, j->mask, &seed, &c->o, &j->psf, &j->err);
}

static int take(void *ctx, size_t i, size_t slot)
{
    struct crew *c = ctx;

    (void)slot;
    return c->job[i].err.kind != AF_OK;
}

/* What lies nearer to another spot, of all those that disturb, is not this bead's. */
static void mask_others(struct job *j, const struct af_psf_spot *spots, size_t n)
{
    const struct af_psf_spot *s = j->spot;

    for (size_t i = 0; i < j->box.w * j->box.h; i++)
        j->mask[i] = 1;
    for (size_t k = 0; k < n; k++) {
        double dx = (double)spots[k].x - (double)s->x, dy = (double)spots[k].y - (double)s->y;
        double x = (double)s->x - (double)j->x0 + dx / 2, y = (double)s->y - (double)j->y0 + dy / 2;

        if (&spots[k] == s || spots[k].contrast < AF_PSF_NEIGHBOUR * s->contrast ||
            fabs(dx) > 2 * (double)j->box.w || fabs(dy) > 2 * (double)j->box.h)
            continue;
        for (size_t i = 0; i < j->box.w * j->box.h; i++)
            if (((double)(i % j->box.w) - x) * dx + ((double)(i / j->box.w) - y) * dy > 0)
                j->mask[i] = 0;
    }
}

/* The box about a spot, cut at the edges of the picture. */
static int prepare(struct job *j, const struct af_psfrun *r, const struct af_psf_spot *spots,
                   size_t n, const struct af_psf_spot *s, size_t half, struct af_err *err)
{
    size_t x1 = s->x + half + 1 < r->w ? s->x + half + 1 : r->w;
    size_t y1 = s->y + half + 1 < r->h ? s->y + half + 1 : r->h;

    j->spot = s;
    j->x0 = s->x > half ? s->x - half : 0;
    j->y0 = s->y > half ? s->y - half : 0;
    j->box = (struct af_box){.w = x1 - j->x0,
                             .h = y1 - j->y0,
                             .n = r->nplanes,
                             .z_um = r->z_um,
                             .x0_um = (double)j->x0 * r->px_um,
                             .y0_um = (double)j->y0 * r->py_um,
                             .px_um = r->px_um,
                             .py_um = r->py_um};
    j->v = af_calloc(j->box.w * j->box.h * j->box.n, sizeof *j->v, err);
    j->mask = af_calloc(j->box.w * j->box.h, sizeof *j->mask, err);
    j->box.v = j->v;
    if (!j->v || !j->mask)
        return -1;
    mask_others(j, spots, n);
    return 0;
}

/* Too near to another that is bright enough, or to the edge. */
static const char *refuse(const struct af_psfrun *r, const struct af_psf_spot *spots, size_t n,
                          size_t i, double fwhm_px)
{
    const struct af_psf_spot *s = &spots[i];
    double edge = AF_PSF_EDGE * fwhm_px, apart = AF_PSF_APART * fwhm_px;
    double x = (double)s->x, y = (double)s->y;

    if (x < edge || y < edge || x > (double)r->w - 1 - edge || y > (double)r->h - 1 - edge ||
        s->plane == 0 || s->plane + 1 == r->nplanes)
        return AF_PSF_CLIPPED;
    for (size_t k = 0; k < n; k++)
        if (k != i && spots[k].contrast > AF_PSF_NEIGHBOUR * s->contrast &&
            hypot((double)spots[k].x - x, (double)spots[k].y - y) < apart)
            return AF_PSF_CROWDED;
    return NULL;
}

/* The rings of a bright bead are spots of their own in the brightest values over z; leave them out.
 */
static size_t drop_rings(struct af_psf_spot *spots, size_t n, double reach_px)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool ring = false;

        for (size_t k = 0; k < kept && !ring; k++) // brighter ones
            ring = spots[i].contrast < 0.08 * spots[k].contrast &&
                   hypot((double)spots[i].x - (double)spots[k].x,
                         (double)spots[i].y - (double)spots[k].y) < reach_px;
        if (!ring)
            spots[kept++] = spots[i];
    }
    return kept;
}

static int keep_picture(struct af_psfrun *r, const struct job *j, size_t at, struct af_err *err)
{
    struct af_psf_picture *p = &r->picture[at];
    const struct af_box *b = &j->box;
    size_t y = j->spot->y - j->y0;

    p->w = b->w;
    p->h = b->h;
    p->n = b->n;
    p->xy = af_calloc(b->w * b->h, sizeof *p->xy, err);
    p->xz = af_calloc(b->w * b->n, sizeof *p->xz, err);
    if (!p->xy || !p->xz)
        return -1;
    memcpy(p->xy, j->v + j->spot->plane * b->w * b->h, b->w * b->h * sizeof *p->xy);
    for (size_t k = 0; k < b->n; k++)
        memcpy(p->xz + k * b->w, j->v + (k * b->h + y) * b->w, b->w * sizeof *p->xz);
    return 0;
}

/* Spots first .. first + n - 1: cut out, measured, their memory given back. */
static int measure_batch(struct af_psfrun *r, struct source *s, struct crew *c,
                         const struct af_psf_spot *spots, size_t nspots, size_t first, size_t n,
                         const struct af_psfrun_opts *o, double fwhm_px, struct af_err *err)
{
    size_t half = (size_t)ceil(AF_PSF_BOX * fwhm_px);
    int ret = -1;

    c->job = af_calloc(n, sizeof *c->job, err);
    if (!c->job)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (prepare(&c->job[i], r, spots, nspots, &spots[first + i], half, err))
            goto done;
        c->job[i].refused = refuse(r, spots, nspots, first + i, fwhm_px);
    }
    if (cut_out(r, s, c->job, n, err))
        goto done;
    ret = af_parallel_ordered(n, o->nthreads, 64, measure, take, c, err);
    for (size_t i = 0; i < n && !ret; i++) {
        if (!c->job[i].psf.quality)
            continue; // nothing there
        r->bead[r->nbeads] = c->job[i].psf;
        if (r->picture)
            ret = keep_picture(r, &c->job[i], r->nbeads, err);
        r->nbeads++;
    }
    for (size_t i = 0; i < n && ret > 0; i++)
        if (c->job[i].err.kind != AF_OK)
            ret = af_fail(err, c->job[i].err.kind, "%s", c->job[i].err.text);
done:
    for (size_t i = 0; i < n; i++) {
        free(c->job[i].v);
        free(c->job[i].mask);
    }
    free(c->job);
    return ret;
}

static int measure_pass(struct af_psfrun *r, struct source *s, const struct af_psfrun_opts *o,
                        const struct af_psf_finder *f, struct af_err *err)
{
    struct crew c = {.r = r, .o = o->psf};
    double fwhm_px = expected_px(r, o), box_bytes;
    struct af_psf_spot *spots;
    size_t n, batch;
    int ret = -1;

    if (af_psf_finder_spots(f, fmax(fwhm_px, 2), &spots, &n, err))
        return -1;
    n = drop_rings(spots, n, 12 * fwhm_px);
    box_bytes = pow(2 * AF_PSF_BOX * fwhm_px + 1, 2) * (double)r->nplanes * sizeof(float);
    batch = (size_t)fmax(BATCH_BYTES / box_bytes, 64);
    if (isnan(c.o.fwhm_um))
        c.o.fwhm_um = 4 * fmin(r->px_um, r->py_um);
    if (isnan(c.o.fwhm_z_um))
        c.o.fwhm_z_um = 3 * fabs(r->z_um[r->nplanes - 1] - r->z_um[0]) / (double)(r->nplanes - 1);
    r->bead = af_calloc(n, sizeof *r->bead, err);
    r->picture = o->keep_pictures ? af_calloc(n, sizeof *r->picture, err) : NULL;
    if (!r->bead || (o->keep_pictures && !r->picture))
        goto done;
    for (size_t i = 0; i < n; i += batch)
        if (measure_batch(r, s, &c, spots, n, i, n - i < batch ? n - i : batch, o, fwhm_px, err))
            goto done;
    ret = 0;
done:
    free(spots);
    return ret;
}

/*
 * Full scale; or the largest count met, where that is all ones below it, as of a camera of 12 bits
 * in a file of 16.
 */
static double saturation(const struct af_stack_info *info, double largest)
{
    struct af_image full = {.type = info->type, .bits = info->bits};
    double scale = af_image_full_scale(&full);

    if (isnan(scale))
        return INFINITY;
    for (double ones = 1023; ones < scale; ones = 2 * ones + 1)
        if (largest == ones)
            return ones;
    return scale;
}

static void count_from_middle(struct af_psfrun *r)
{
    double lo = r->z_um[0], hi = r->z_um[0];

    for (size_t i = 0; i < r->nplanes; i++) {
        lo = fmin(lo, r->z_um[i]);
        hi = fmax(hi, r->z_um[i]);
    }
    for (size_t i = 0; i < r->nplanes; i++)
        r->z_um[i] -= (lo + hi) / 2;
}

int af_psfrun(struct af_psfrun *r, const char *const *paths, size_t npaths,
              const struct af_psfrun_opts *o, struct af_err *err)
{
    struct af_psfrun_opts own = *o;
    struct source s = {0};
    struct af_psf_finder f = {0};
    const struct af_stack_info *info;
    int ret = -1;

    *r = (struct af_psfrun){0};
    if (af_stack_open(&s.st, paths, npaths, &o->stack, err))
        goto done;
    info = af_stack_info(s.st);
    s.keep = !info->seekable;
    r->px_um = isnan(o->pixel_um) ? info->px_um : o->pixel_um;
    r->py_um = isnan(o->pixel_um) ? (isnan(info->py_um) ? info->px_um : info->py_um) : o->pixel_um;
    if (!(r->px_um > 0 && r->py_um > 0)) {
        af_fail(err, AF_EDATA, "%s: the size of a pixel is not known: --pixel", info->name);
        goto done;
    }
    if (expected_px(r, o) > AF_PSF_WIDEST_PX) {
        af_fail(err, AF_EDATA, "%s: a bead would be %.0f px wide by a pixel of %g um: --pixel",
                info->name, expected_px(r, o), fmin(r->px_um, r->py_um));
        goto done;
    }
    if (find_pass(r, &s, o, &f, err))
        goto done;
    if (o->from_middle)
        count_from_middle(r);
    own.psf.saturated = saturation(info, f.largest);
    own.psf.quantum = !af_sample_is_float(info->type);
    free(f.plane); // room for the boxes
    f.plane = NULL;
    ret = measure_pass(r, &s, &own, &f, err);
done:
    af_psf_finder_release(&f);
    close_source(&s);
    return ret;
}

void af_psfrun_release(struct af_psfrun *r)
{
    for (size_t i = 0; r->picture && i < r->nbeads; i++) {
        free(r->picture[i].xy);
        free(r->picture[i].xz);
    }
    free(r->picture);
    free(r->bead);
    free(r->z_um);
    *r = (struct af_psfrun){0};
}
