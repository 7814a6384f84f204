/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stack.h"

#include "base/memory.h"
#include "image/stackparts.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *af_stack_z_source(enum af_z_source s)
{
    static const char *const name[] = {
        [AF_Z_NONE] = "not known",
        [AF_Z_GIVEN] = "--z0 and --dz",
        [AF_Z_NAME] = "the files' names",
        [AF_Z_POSITION] = "PositionZ",
        [AF_Z_MICROMANAGER] = "Micro-Manager's ZPositionUm",
        [AF_Z_PAGE] = "the pages' names",
        [AF_Z_SPACING] = "PhysicalSizeZ times the index",
        [AF_Z_IMAGEJ] = "ImageJ's spacing times the index",
    };

    return name[s];
}

void af_stack_warn(const struct af_stack *st, const char *fmt, ...)
{
    struct af_err line;
    char text[sizeof(line.text)];
    va_list ap;

    if (!st->o.warn)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    af_fail(&line, AF_EDATA, "%s", text); // for its cleaning of control characters
    st->o.warn(st->o.warn_ctx, line.text);
}

int af_stack_lack(const struct af_stack *st, struct af_err *err, const char *fmt, ...)
{
    struct af_err line;
    char text[sizeof(line.text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (st->o.whole)
        return af_fail(err, AF_EDATA, "%s", text);
    af_stack_warn(st, "%s", text);
    return 0;
}

/* ------------------------------------------------------ open and close */

/* Have file `file` open, a TIFF in st->tiff or a PGM in st->fp; one is open at a time. */
static int hold(struct af_stack *st, size_t file, struct af_err *err)
{
    const struct af_stack_file *f = &st->file[file];
    bool regular;

    if ((f->format == AF_FILE_TIFF ? (void *)st->tiff : (void *)st->fp) && st->held == file)
        return 0;
    af_tiff_close(st->tiff);
    af_stack_close_file(st->fp);
    st->tiff = NULL;
    st->fp = NULL;
    st->held = file;
    if (f->format == AF_FILE_PGM)
        return af_stack_open_file(f->path, &st->fp, &regular, err);
    if (af_tiff_open(&st->tiff, f->path, st->o.max_pixels, st->o.max_planes, err))
        return -1;
    af_tiff_take(st->tiff, st->o.colour);
    return 0;
}

/* A 12-bit camera's counts lie in 16 bits: OME-XML or Micro-Manager's tag knows. */
static unsigned significant(const struct af_stack *st, enum af_sample type, unsigned bits)
{
    return st->bits && st->bits < bits && !af_sample_is_float(type) ? st->bits : bits;
}

/* Size and type of the first plane, where that does not need a frame that has not come. */
static int first_plane(struct af_stack *st, struct af_err *err)
{
    const struct af_stack_place *at = st->place;
    const struct af_tiff_page *page;

    if (!st->nplanes)
        return 0;
    switch (st->file[at->file].format) {
    case AF_FILE_TIFF:
        if (hold(st, at->file, err))
            return -1;
        if (at->page >= af_tiff_npages(st->tiff))
            return af_fail(err, AF_EDATA, "%s: no page %zu", st->file[at->file].path, at->page);
        page = af_tiff_page(st->tiff, at->page);
        if (page->refuse)
            return af_fail(err, AF_EDATA, "%s: page %zu: %s", st->file[at->file].path, at->page,
                           page->refuse);
        st->info.w = page->w;
        st->info.h = page->h;
        st->info.type = page->type;
        st->info.colour = page->colour;
        st->info.bits = significant(st, page->type, page->type == AF_F32 ? 32 : page->bits);
        return 0;
    case AF_FILE_PGM: return 0; // af_stack_add_frame() has noted it
    default:
        st->info.w = st->first.w;
        st->info.h = st->first.h;
        st->info.type = st->first.type;
        st->info.bits = st->first.bits;
        return 0;
    }
}

static int open_stack(struct af_stack *st, const char *const *paths, size_t npaths,
                      struct af_err *err)
{
    if (st->o.join && npaths > 1 ? af_stack_join(st, paths, npaths, err)
                                 : af_stack_open_one(st, err))
        return -1;
    if (st->info.seekable)
        st->info.nplanes = st->nplanes;
    if (af_stack_settle_z(st, err) || first_plane(st, err))
        return -1;
    st->info.name = st->name;
    st->info.date = st->date;
    return 0;
}

int af_stack_open(struct af_stack **out, const char *const *paths, size_t npaths,
                  const struct af_stack_opts *o, struct af_err *err)
{
    struct af_stack *st;

    *out = NULL;
    if (npaths == 0 || (npaths > 1 && !(o && o->join)))
        return af_fail(err, AF_EUSAGE, "%zu files are not one stack; --join makes them one",
                       npaths);
    if (!(st = af_calloc(1, sizeof(*st), err)))
        return -1;
    if (o)
        st->o = *o;
    if (!st->o.max_pixels)
        st->o.max_pixels = AF_STACK_MAX_PIXELS;
    if (!st->o.max_planes)
        st->o.max_planes = AF_STACK_MAX_PLANES;
    st->info.nc = st->info.nt = st->info.nz = 1;
    st->info.px_um = st->info.py_um = st->info.dz_um = NAN;
    st->name = af_strdup(paths[0], err);
    if (!st->name || open_stack(st, paths, npaths, err)) {
        af_stack_close(st);
        return -1;
    }
    *out = st;
    return 0;
}

void af_stack_close(struct af_stack *st)
{
    if (!st)
        return;
    af_tiff_close(st->tiff);
    af_stack_close_file(st->fp);
    for (size_t i = 0; i < st->nfiles; i++)
        free(st->file[i].path);
    free(st->file);
    free(st->plane);
    free(st->place);
    af_image_release(&st->first);
    free(st->name);
    free(st->date);
    free(st->ome);
    free(st);
}

const struct af_stack_info *af_stack_info(const struct af_stack *st)
{
    return &st->info;
}

const struct af_plane *af_stack_plane(const struct af_stack *st, size_t i)
{
    return i < st->nplanes ? &st->plane[i] : NULL;
}

const char *af_stack_plane_file(const struct af_stack *st, size_t i, size_t *plane)
{
    bool joined = st->joined && i < st->nplanes;

    *plane = joined ? st->place[i].index : i;
    return joined ? st->file[st->place[i].file].path : st->name;
}

const char *af_stack_ome(const struct af_stack *st)
{
    return st->ome;
}

/* -------------------------------------------------------------- reading */

static int copy_image(struct af_image *to, const struct af_image *from, struct af_err *err)
{
    if (af_image_resize(to, from->w, from->h, from->type, err))
        return -1;
    to->bits = from->bits;
    memcpy(to->data, from->data, from->w * from->h * af_sample_size(from->type));
    return 0;
}

static int read_file(struct af_stack *st, const struct af_stack_file *f, struct af_image *img,
                     struct af_err *err)
{
    bool regular;
    FILE *fp = NULL;
    int ret;

    ret = af_stack_open_file(f->path, &fp, &regular, err) ||
                  af_stack_read_single(st, fp, f->path, f->format, img, err)
              ? -1
              : 0;
    af_stack_close_file(fp);
    return ret;
}

static int read_pgm(struct af_stack *st, const struct af_stack_place *at, struct af_image *img,
                    struct af_err *err)
{
    const char *path = st->file[at->file].path;

    if (hold(st, at->file, err))
        return -1;
    st->head.nheads = at->page;
    if (fseeko(st->fp, at->offset, SEEK_SET))
        return af_fail_errno(err, "%s", path);
    if (af_pgm_read_head(st->fp, path, st->o.max_pixels, &st->head, err) != 1)
        return af_fail(err, AF_EDATA, "%s: has changed while it was read", path);
    return af_pgm_read_body(st->fp, path, &st->head, img, err);
}

static int check_uniform(const struct af_stack *st, size_t i, const struct af_image *img,
                         struct af_err *err)
{
    if (!st->o.uniform ||
        (img->w == st->info.w && img->h == st->info.h && img->type == st->info.type))
        return 0;
    return af_fail(err, AF_EDATA, "%s: page %zu: %zux%zu %s, page 0 is %zux%zu %s", st->name, i,
                   img->w, img->h, af_sample_name(img->type), st->info.w, st->info.h,
                   af_sample_name(st->info.type));
}

int af_stack_read(struct af_stack *st, size_t i, struct af_image *img, struct af_err *err)
{
    const struct af_stack_place *at;
    const struct af_stack_file *f;
    int ret;

    if (!st->info.seekable || i >= st->nplanes)
        return af_fail(err, AF_EUSAGE, "%s: plane %zu cannot be read", st->name, i);
    at = &st->place[i];
    f = &st->file[at->file];
    if (f->format == AF_FILE_TIFF) {
        if (hold(st, at->file, err))
            return -1;
        if (at->page >= af_tiff_npages(st->tiff))
            return af_fail(err, AF_EDATA, "%s: no page %zu", f->path, at->page);
        ret = af_tiff_read(st->tiff, at->page, img, err);
        img->bits = significant(st, img->type, img->bits);
    } else if (f->format == AF_FILE_PGM) {
        ret = read_pgm(st, at, img, err);
    } else if (at->file == 0) {
        ret = copy_image(img, &st->first, err);
    } else {
        ret = read_file(st, f, img, err);
    }
    return ret ? ret : check_uniform(st, i, img, err);
}

/* The next frame of a stream joins the planes that have come. */
static int next_of_stream(struct af_stack *st, struct af_image *img, struct af_err *err)
{
    int more = af_pgm_read_head(st->fp, st->name, st->o.max_pixels, &st->head, err);

    if (more == 0) {
        if (!st->nplanes)
            return af_fail(err, AF_EDATA, "%s: empty", st->name);
        st->info.nplanes = st->nplanes;
    }
    if (more <= 0)
        return more;
    if (af_pgm_read_body(st->fp, st->name, &st->head, img, err) || af_stack_add_frame(st, 0, err) ||
        af_stack_given_z(st, st->next, err))
        return -1;
    if (st->info.z_source == AF_Z_NONE && !isnan(st->plane[st->next].z_um))
        st->info.z_source = AF_Z_PAGE;
    return check_uniform(st, st->next, img, err) ? -1 : 1;
}

int af_stack_next(struct af_stack *st, struct af_image *img, size_t *i, struct af_err *err)
{
    int more = 1;

    if (st->next == st->info.nplanes)
        return 0;
    if (!st->info.seekable)
        more = next_of_stream(st, img, err);
    else if (af_stack_read(st, st->next, img, err))
        more = -1;
    if (more == 1)
        *i = st->next++;
    return more;
}
