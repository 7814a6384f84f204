/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stack.h"

#include "base/memory.h"
#include "base/natural.h"
#include "image/bmp.h"
#include "image/png.h"
#include "image/stackparts.h"
#include "image/zname.h"
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

int af_stack_add_file(struct af_stack *st, const char *path, enum af_file_format format,
                      size_t *index, struct af_err *err)
{
    char *copy = af_strdup(path, err);

    if (!copy ||
        af_grow((void **)&st->file, &st->files_room, st->nfiles + 1, sizeof(*st->file), err)) {
        free(copy);
        return -1;
    }
    if (index)
        *index = st->nfiles;
    st->file[st->nfiles++] = (struct af_stack_file){copy, format};
    return 0;
}

int af_stack_add_plane(struct af_stack *st, const struct af_plane *p, struct af_stack_place place,
                       struct af_err *err)
{
    size_t n = st->nplanes + 1;

    if (n > st->o.max_planes)
        return af_fail(err, AF_EDATA, "%s: more than %zu planes", st->name, st->o.max_planes);
    if (af_grow((void **)&st->plane, &st->planes_room, n, sizeof(*st->plane), err) ||
        af_grow((void **)&st->place, &st->places_room, n, sizeof(*st->place), err))
        return -1;
    st->plane[st->nplanes] = *p;
    st->plane[st->nplanes].z_um += 0.0; // -0 is 0
    st->place[st->nplanes++] = place;
    return 0;
}

/* ----------------------------------------------------- opening one file */

/* All of a pipe. *bytes is the caller's. */
static int slurp(FILE *fp, const char *name, uint8_t **bytes, size_t *n, struct af_err *err)
{
    size_t room = 0, got;

    *bytes = NULL;
    *n = 0;
    do {
        if (af_grow((void **)bytes, &room, *n + 65536, 1, err))
            goto fail;
        got = fread(*bytes + *n, 1, room - *n, fp);
        *n += got;
    } while (got);
    if (!ferror(fp))
        return 0;
    af_fail_errno(err, "%s", name);
fail:
    free(*bytes);
    *bytes = NULL;
    return -1;
}

/* The format by the first byte, which stays in the stream; -1 with AF_EDATA. */
static int sniff(FILE *fp, const char *name, enum af_file_format *format, struct af_err *err)
{
    int c = getc(fp);

    if (c == EOF)
        return ferror(fp) ? af_fail_errno(err, "%s", name)
                          : af_fail(err, AF_EDATA, "%s: empty", name);
    ungetc(c, fp);
    if (c == 'I' || c == 'M')
        *format = AF_FILE_TIFF;
    else if (c == 0x89)
        *format = AF_FILE_PNG;
    else if (c == 'B')
        *format = AF_FILE_BMP;
    else if (c == 'P')
        *format = AF_FILE_PGM;
    else if (c == '<')
        return af_fail(err, AF_EDATA, "%s: XML has no pixels, OME-TIFF is needed", name);
    else
        return af_fail(err, AF_EDATA, "%s: neither TIFF, PNG, BMP nor PGM", name);
    return 0;
}

static int open_file(const char *path, FILE **fp, bool *regular, struct af_err *err)
{
    struct stat sb;

    *fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!*fp || fstat(fileno(*fp), &sb))
        return af_fail_errno(err, "%s", path);
    if (S_ISDIR(sb.st_mode)) {
        errno = EISDIR;
        return af_fail_errno(err, "%s", path);
    }
    *regular = S_ISREG(sb.st_mode);
    return 0;
}

static void close_file(FILE *fp)
{
    if (fp && fp != stdin)
        fclose(fp);
}

static int open_tiff(struct af_stack *st, FILE *fp, bool regular, struct af_err *err)
{
    const char *path = strcmp(st->name, "-") == 0 ? "/dev/stdin" : st->name;
    uint8_t *bytes;
    size_t n;

    if (regular)
        return af_tiff_open(&st->tiff, path, st->o.max_pixels, st->o.max_planes, err);
    if (slurp(fp, st->name, &bytes, &n, err))
        return -1;
    return af_tiff_open_memory(&st->tiff, st->name, bytes, n, st->o.max_pixels, st->o.max_planes,
                               err);
}

static int read_single(FILE *fp, const char *name, enum af_file_format format, size_t max_pixels,
                       struct af_image *img, struct af_err *err)
{
    return format == AF_FILE_PNG ? af_png_read(fp, name, max_pixels, img, err)
                                 : af_bmp_read(fp, name, max_pixels, img, err);
}

/* The frame whose header is at hand; the first one's size is the stack's. */
static int add_frame(struct af_stack *st, off_t at, struct af_err *err)
{
    if (st->nplanes == 0) {
        st->info.w = st->head.w;
        st->info.h = st->head.h;
        st->info.bits = af_pgm_bits(st->head.maxval);
        st->info.type = af_sample_for_bits(st->info.bits, false);
    }
    return af_stack_add_plane(st, &st->head.plane, (struct af_stack_place){.offset = at}, err);
}

/* Frames of a PGM file, their pixels passed over; a frame cut short ends the stack. */
static int index_pgm(struct af_stack *st, struct af_err *err)
{
    off_t at, end;
    int more;

    if (fseeko(st->fp, 0, SEEK_END) || (end = ftello(st->fp)) < 0 || fseeko(st->fp, 0, SEEK_SET))
        return af_fail_errno(err, "%s", st->name);
    for (;;) {
        at = ftello(st->fp);
        more = af_pgm_read_head(st->fp, st->name, st->o.max_pixels, &st->head, err);
        if (more <= 0)
            break;
        if (st->head.plain) {
            struct af_image skip = {0};
            int bad = af_pgm_read_body(st->fp, st->name, &st->head, &skip, err);

            af_image_release(&skip);
            if (bad)
                return -1;
        } else {
            off_t bytes = (off_t)(st->head.w * st->head.h * (st->head.maxval > 255 ? 2 : 1));

            if (bytes > end - ftello(st->fp)) {
                st->info.missing = 1;
                break;
            }
            fseeko(st->fp, bytes, SEEK_CUR);
        }
        if (add_frame(st, at, err))
            return -1;
    }
    if (more < 0)
        return -1;
    if (!st->nplanes)
        return af_fail(err, AF_EDATA, "%s: frame 0: cut short", st->name);
    if (st->info.missing)
        af_stack_warn(st, "%s: frame %zu is cut short and left out", st->name, st->nplanes);
    return 0;
}

static int open_pgm(struct af_stack *st, FILE *fp, bool regular, struct af_err *err)
{
    bool z_known = true;

    st->fp = fp;
    st->info.format = "PGM";
    st->info.nplanes = SIZE_MAX;
    st->info.seekable = regular && fp != stdin;
    if (!st->info.seekable)
        return 0;
    if (index_pgm(st, err))
        return -1;
    for (size_t i = 0; i < st->nplanes; i++)
        z_known &= !isnan(st->plane[i].z_um);
    st->info.z_source = z_known ? AF_Z_PAGE : AF_Z_NONE;
    return 0;
}

static int open_one(struct af_stack *st, struct af_err *err)
{
    enum af_file_format format = AF_FILE_TIFF;
    bool regular = false;
    FILE *fp = NULL;
    int ret = -1;

    if (open_file(st->name, &fp, &regular, err) || sniff(fp, st->name, &format, err) ||
        af_stack_add_file(st, st->name, format, NULL, err))
        goto done;
    st->info.seekable = true;
    if (format == AF_FILE_TIFF) {
        ret = open_tiff(st, fp, regular, err) || af_stack_from_tiff(st, err) ? -1 : 0;
    } else if (format == AF_FILE_PGM) {
        ret = open_pgm(st, fp, regular, err);
        fp = NULL; // st->fp now
    } else {
        st->info.format = format == AF_FILE_PNG ? "PNG" : "BMP";
        ret = read_single(fp, st->name, format, st->o.max_pixels, &st->first, err) ||
                      af_stack_add_plane(st, &AF_PLANE_UNKNOWN, (struct af_stack_place){0}, err)
                  ? -1
                  : 0;
    }
done:
    close_file(fp);
    return ret;
}

/* ------------------------------------------------------- joining files */

/* Take the planes of one more file; what is true of the whole comes from the first. */
static int join_file(struct af_stack *st, const char *path, struct af_err *err)
{
    struct af_stack_opts one = st->o;
    struct af_stack *part = NULL;
    size_t file;
    int ret = -1;

    one.join = false;
    one.set_z = false;
    one.z_name = NULL;
    if (strcmp(path, "-") == 0)
        return af_fail(err, AF_EUSAGE, "--join: stdin cannot be one of several files");
    if (af_stack_open(&part, &path, 1, &one, err))
        return -1;
    if (part->nfiles > 1 || part->file[0].format == AF_FILE_PGM) {
        af_fail(err, AF_EUSAGE, "%s: --join: %s cannot be a part of a stack", path,
                part->nfiles > 1 ? "a set of several files" : "PGM");
        goto done;
    }
    if (af_stack_add_file(st, path, part->file[0].format, &file, err))
        goto done;
    for (size_t i = 0; i < part->nplanes; i++) {
        struct af_plane p = part->plane[i];

        p.z = st->nplanes;
        if (af_stack_add_plane(st, &p, (struct af_stack_place){file, part->place[i].page, 0}, err))
            goto done;
    }
    if (file == 0) {
        st->info = part->info;
        st->bits = part->bits;
        st->date = part->date;
        st->first = part->first;
        part->date = NULL;
        part->first = (struct af_image){0};
    } else {
        st->info.missing += part->info.missing;
        if (part->info.z_source != st->info.z_source)
            st->info.z_source = AF_Z_NONE;
    }
    ret = 0;
done:
    af_stack_close(part);
    return ret;
}

static int join(struct af_stack *st, const char *const *paths, size_t n, struct af_err *err)
{
    const char **sorted = af_calloc(n, sizeof(*sorted), err);
    int ret = -1;

    if (!sorted)
        return -1;
    for (size_t i = 0; i < n; i++)
        sorted[i] = paths[i];
    af_natural_sort(sorted, n);
    for (size_t i = 0; i < n; i++)
        if (join_file(st, sorted[i], err))
            goto done;
    st->info.nz = st->nplanes;
    st->info.nc = st->info.nt = 1;
    /* An index counts within its own file: it says nothing across files. */
    if (st->info.z_source == AF_Z_SPACING || st->info.z_source == AF_Z_IMAGEJ)
        st->info.z_source = AF_Z_NONE;
    ret = 0;
done:
    free(sorted);
    return ret;
}

/* ------------------------------------------------------------------- z */

/* z of plane i, just read or found, where the user says it. */
static int given_z(struct af_stack *st, size_t i, struct af_err *err)
{
    struct af_plane *p = &st->plane[i];

    if (st->o.set_z) {
        bool by_index = st->info.nz > 1 && st->info.nz < st->nplanes;

        p->z_um = st->o.z0_um + st->o.dz_um * (double)(by_index ? p->z : i);
        st->info.z_source = AF_Z_GIVEN;
    } else if (st->o.z_name) {
        if (af_zname_parse(st->o.z_name, st->file[st->place[i].file].path, &p->z_um, err))
            return -1;
        st->info.z_source = AF_Z_NAME;
    }
    return 0;
}

struct placed {
    struct af_plane plane;
    struct af_stack_place place;
    size_t index;
};

static int by_z(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;

    if (p->plane.z_um != q->plane.z_um)
        return p->plane.z_um < q->plane.z_um ? -1 : 1;
    return p->index < q->index ? -1 : 1;
}

/* Names in natural order are not in order of z where z is signed: z-1.0 comes before z-2.0. */
static int sort_by_z(struct af_stack *st, struct af_err *err)
{
    struct placed *v = af_calloc(st->nplanes, sizeof(*v), err);

    if (!v)
        return -1;
    for (size_t i = 0; i < st->nplanes; i++)
        v[i] = (struct placed){st->plane[i], st->place[i], i};
    qsort(v, st->nplanes, sizeof(*v), by_z);
    for (size_t i = 0; i < st->nplanes; i++) {
        st->plane[i] = v[i].plane;
        st->place[i] = v[i].place;
    }
    free(v);
    return 0;
}

static int settle_z(struct af_stack *st, struct af_err *err)
{
    for (size_t i = 0; i < st->nplanes; i++) {
        if (given_z(st, i, err))
            return -1;
        if (st->info.z_source == AF_Z_NONE)
            st->plane[i].z_um = NAN;
    }
    if (st->o.set_z)
        st->info.dz_um = fabs(st->o.dz_um);
    if (st->info.z_source >= AF_Z_MICROMANAGER && !st->fp)
        af_stack_warn(st, "%s: z from %s", st->name, af_stack_z_source(st->info.z_source));
    return st->o.join && st->o.z_name ? sort_by_z(st, err) : 0;
}

/* ------------------------------------------------------ open and close */

/* The TIFF file of plane i; one is open at a time. */
static int hold_tiff(struct af_stack *st, size_t file, struct af_err *err)
{
    if (st->tiff && st->tiff_file == file)
        return 0;
    af_tiff_close(st->tiff);
    st->tiff_file = file;
    return af_tiff_open(&st->tiff, st->file[file].path, st->o.max_pixels, st->o.max_planes, err);
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
        if (hold_tiff(st, at->file, err))
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
        st->info.bits = significant(st, page->type, page->type == AF_F32 ? 32 : page->bits);
        return 0;
    case AF_FILE_PGM: return 0; // add_frame() has noted it
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
    if (st->o.join && npaths > 1 ? join(st, paths, npaths, err) : open_one(st, err))
        return -1;
    if (st->info.seekable)
        st->info.nplanes = st->nplanes;
    if (settle_z(st, err) || first_plane(st, err))
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
    close_file(st->fp);
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

    ret = open_file(f->path, &fp, &regular, err) ||
                  read_single(fp, f->path, f->format, st->o.max_pixels, img, err)
              ? -1
              : 0;
    close_file(fp);
    return ret;
}

static int read_pgm(struct af_stack *st, const struct af_stack_place *at, struct af_image *img,
                    struct af_err *err)
{
    if (fseeko(st->fp, at->offset, SEEK_SET))
        return af_fail_errno(err, "%s", st->name);
    if (af_pgm_read_head(st->fp, st->name, st->o.max_pixels, &st->head, err) != 1)
        return af_fail(err, AF_EDATA, "%s: has changed while it was read", st->name);
    return af_pgm_read_body(st->fp, st->name, &st->head, img, err);
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
        if (hold_tiff(st, at->file, err))
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
    if (af_pgm_read_body(st->fp, st->name, &st->head, img, err) || add_frame(st, 0, err) ||
        given_z(st, st->next, err))
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
