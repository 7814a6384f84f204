/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/fuserun.h"
#include "base/memory.h"
#include "base/natural.h"
#include "base/outfile.h"
#include "image/png.h"
#include "image/stackwrite.h"
#include "maps/fuse.h"
#include "maps/surface.h"

#include <math.h>
#include <stdlib.h>

struct job {
    const struct af_fuserun *run;
    struct af_stack *st;
    const struct af_heightrun *h;
    const double *z_um; // [nslices], or NULL where z is not known
    struct af_fuse fuse;
    struct af_image fused[3]; // gray, or red, green and blue
    int nfused;
};

static void meta_of(const struct job *j, struct af_stack_meta *meta)
{
    const struct af_stack_info *in = af_stack_info(j->st);

    *meta = AF_STACK_META_UNKNOWN;
    meta->px_um = in->px_um;
    meta->py_um = in->py_um;
    meta->dz_um = in->dz_um;
    meta->date = in->date;
}

/* One pass over the slices of st: fused into *out, and masked ones to w, which may be NULL. */
static int pass(struct job *j, struct af_stack *st, struct af_image *out, struct af_stack_writer *w,
                struct af_err *err)
{
    struct af_image img = {0}, masked = {0};
    struct af_err why = {AF_OK, ""};
    enum af_sample type = AF_U8;
    unsigned bits = 0;
    int ret = -1;

    for (size_t k = 0; k < j->h->nslices; k++) {
        if (af_stack_read(st, k, &img, err))
            goto done;
        type = img.type;
        bits = img.bits > bits ? img.bits : bits;
        if (af_fuse_add(&j->fuse, k, &img, &why)) {
            af_fail(err, why.kind, "%s: plane %zu: %s", af_stack_info(st)->name, k, why.text);
            goto done;
        }
        if (w && (af_fuse_masked(&j->fuse, k, j->run->tolerance, &img, &masked, err) ||
                  af_stack_writer_add(w, &masked, af_stack_plane(st, k), err)))
            goto done;
        if (j->run->stopped && j->run->stopped()) {
            af_fail(err, AF_ESYS, "interrupted");
            goto done;
        }
    }
    ret = af_fuse_take(&j->fuse, type, bits, out, err);
done:
    af_image_release(&masked);
    af_image_release(&img);
    return ret;
}

/* A part of a colour stack; the paths are those that have been opened before. */
static int pass_colour(struct job *j, int part, struct af_err *err)
{
    struct af_stack_opts so = *j->run->so;
    struct af_stack *st;
    int bad;

    so.colour = (enum af_colour)(AF_COLOUR_RED + part);
    so.warn = NULL;
    if (af_stack_open(&st, j->run->paths, j->run->npaths, &so, err))
        return -1;
    bad = pass(j, st, &j->fused[part], NULL, err);
    af_stack_close(st);
    return bad;
}

static int fuse_all(struct job *j, struct af_err *err)
{
    const bool colour = af_stack_info(j->st)->colour && j->run->image;
    struct af_stack_writer *w = NULL;
    struct af_stack_meta meta;

    meta_of(j, &meta);
    meta.nplanes = j->h->nslices;
    if (j->run->masked && af_stack_writer_open(&w, j->run->masked, &meta, err))
        return -1;
    j->nfused = colour ? 3 : 1;
    if (j->run->masked || j->run->surface || (j->run->image && !colour)) {
        if (pass(j, j->st, &j->fused[0], w, err)) {
            af_stack_writer_discard(w, false);
            return -1;
        }
    }
    if (w && af_stack_writer_commit(w, err))
        return -1;
    for (int part = 0; colour && part < 3; part++)
        if (pass_colour(j, part, err))
            return -1;
    return 0;
}

static int write_png(const struct job *j, struct af_err *err)
{
    const struct af_image *a = &j->fused[0];
    const size_t n = a->w * a->h, nc = (size_t)j->nfused;
    const double scale = 255 / af_image_full_scale(a);
    uint8_t *pixels;
    int ret;

    if (!(scale > 0))
        return af_fail(err, AF_EUSAGE, "%s: PNG takes counts; name an OME-TIFF for %s",
                       j->run->image, af_sample_name(a->type));
    if (!(pixels = af_calloc(n, nc, err)))
        return -1;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < nc; c++) {
            double v;

            af_sample_to_f64((char *)j->fused[c].data + i * af_sample_size(a->type), a->type, 1,
                             &v);
            pixels[i * nc + c] = (uint8_t)(v * scale + 0.5);
        }
    ret = af_png_save(j->run->image, pixels, a->w, a->h, j->nfused, "focus-fuse", err);
    free(pixels);
    return ret;
}

/* Images of one size, a channel each, as one OME-TIFF. */
static int write_images(const struct job *j, const char *path, const struct af_image *img, int n,
                        const char *const *names, struct af_err *err)
{
    const struct af_plane unknown = AF_PLANE_UNKNOWN;
    struct af_stack_meta meta;
    struct af_stack_writer *w;

    meta_of(j, &meta);
    meta.nplanes = meta.nchannels = (size_t)n;
    meta.channels = names;
    if (af_stack_writer_open(&w, path, &meta, err))
        return -1;
    for (int i = 0; i < n; i++)
        if (af_stack_writer_add(w, &img[i], &unknown, err)) {
            af_stack_writer_discard(w, false);
            return -1;
        }
    return af_stack_writer_commit(w, err);
}

static int write_fused(const struct job *j, struct af_err *err)
{
    static const char *const gray[] = {"fused"}, *const rgb[] = {"red", "green", "blue"};

    if (af_name_ends_in(j->run->image, ".png"))
        return write_png(j, err);
    return write_images(j, j->run->image, j->fused, j->nfused, j->nfused > 1 ? rgb : gray, err);
}

static int write_source(const struct job *j, struct af_err *err)
{
    static const char *const name[] = {"source_slice"};
    struct af_image img = {0};
    int bad = af_fuse_source(&j->fuse, j->h->nslices, &img, err) ||
              write_images(j, j->run->source, &img, 1, name, err);

    af_image_release(&img);
    return bad ? -1 : 0;
}

/* Points at the centres of the height map's cells. */
static void fill_surface(const struct job *j, float *z, uint8_t *gray)
{
    const struct af_height *t = &j->h->height;
    const struct af_image *a = &j->fused[0];
    const double full = af_sample_is_float(a->type) ? NAN : af_image_full_scale(a);

    for (size_t i = 0; i < t->nx * t->ny; i++) {
        const size_t x = i % t->nx * t->cell + t->cell / 2, y = i / t->nx * t->cell + t->cell / 2;
        const size_t px = x < t->w ? x : t->w - 1, py = y < t->h ? y : t->h - 1;
        const double depth = fmin(fmax(t->depth[i], 0), (double)(j->h->nslices - 1));
        double v;

        z[i] = t->err[i] <= j->run->most_err
                   ? (float)(j->z_um ? af_height_z(j->z_um, j->h->nslices, depth) : depth)
                   : NAN;
        af_sample_to_f64((char *)a->data + (py * a->w + px) * af_sample_size(a->type), a->type, 1,
                         &v);
        gray[i] = isnan(full) ? 128 : (uint8_t)(v / full * 255 + 0.5);
    }
}

static int write_surface(const struct job *j, struct af_err *err)
{
    const struct af_height *t = &j->h->height;
    const struct af_stack_info *in = af_stack_info(j->st);
    const bool known = in->px_um > 0 && in->py_um > 0,
               ply = af_name_ends_in(j->run->surface, ".ply");
    struct af_surface s = {t->nx,
                           t->ny,
                           (double)t->cell * (known ? in->px_um : 1),
                           (double)t->cell * (known ? in->py_um : 1),
                           NULL,
                           NULL};
    float *z = af_calloc(t->nx * t->ny, sizeof(*z), err);
    uint8_t *gray = z ? af_calloc(t->nx * t->ny, 1, err) : NULL;
    struct af_outfile out = {0};
    struct af_err why = {AF_OK, ""};
    int ret = -1;

    if (!gray)
        goto done;
    fill_surface(j, z, gray);
    s.z_um = z;
    s.gray = gray;
    if (af_outfile_open(&out, j->run->surface, err))
        goto done;
    if (ply ? af_surface_write_ply(out.fp, &s, &why) : af_surface_write_stl(out.fp, &s, &why)) {
        af_fail(err, why.kind, "%s: %s", j->run->surface, why.text);
        goto done;
    }
    ret = af_outfile_commit(&out, err);
done:
    af_outfile_discard(&out);
    free(gray);
    free(z);
    return ret;
}

static int write_all(struct job *j, struct af_err *err)
{
    const struct af_fuserun *run = j->run;

    if (af_fuse_init(&j->fuse, &j->h->height, j->h->nslices, run->most_err, run->nearest, err))
        return -1;
    if ((run->image || run->masked || run->surface) && fuse_all(j, err))
        return -1;
    if ((run->source && write_source(j, err)) || (run->image && write_fused(j, err)))
        return -1;
    return run->surface ? write_surface(j, err) : 0;
}

int af_fuserun(const struct af_fuserun *run, struct af_stack *st, const struct af_heightrun *h,
               const double *z_um, struct af_err *err)
{
    struct job j = {.run = run, .st = st, .h = h, .z_um = z_um};
    int ret = write_all(&j, err);

    for (int i = 0; i < 3; i++)
        af_image_release(&j.fused[i]);
    af_fuse_release(&j.fuse);
    return ret;
}
