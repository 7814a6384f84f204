/* SPDX-License-Identifier: BSD-2-Clause */
/* Open one file or stream, of whatever format. */
#include "image/stackparts.h"

#include "base/memory.h"
#include "image/bmp.h"
#include "image/png.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

int af_stack_open_file(const char *path, FILE **fp, bool *regular, struct af_err *err)
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

void af_stack_close_file(FILE *fp)
{
    if (fp && fp != stdin)
        fclose(fp);
}

static int open_tiff(struct af_stack *st, FILE *fp, bool regular, struct af_err *err)
{
    const char *path = strcmp(st->name, "-") == 0 ? "/dev/stdin" : st->name;
    uint8_t *bytes;
    size_t n;

    if (regular ? af_tiff_open(&st->tiff, path, st->o.max_pixels, st->o.max_planes, err)
                : slurp(fp, st->name, &bytes, &n, err) ||
                      af_tiff_open_memory(&st->tiff, st->name, bytes, n, st->o.max_pixels,
                                          st->o.max_planes, err))
        return -1;
    af_tiff_take(st->tiff, st->o.colour);
    return 0;
}

int af_stack_read_single(struct af_stack *st, FILE *fp, const char *name,
                         enum af_file_format format, struct af_image *img, struct af_err *err)
{
    const size_t max = st->o.max_pixels;
    bool colour = false;
    int ret = format == AF_FILE_PNG
                  ? af_png_read_part(fp, name, max, st->o.colour, &colour, img, err)
                  : af_bmp_read(fp, name, max, img, err);

    st->info.colour |= colour;
    return ret;
}

int af_stack_add_frame(struct af_stack *st, off_t at, struct af_err *err)
{
    if (st->nplanes == 0) {
        st->info.w = st->head.w;
        st->info.h = st->head.h;
        st->info.bits = af_pgm_bits(st->head.maxval);
        st->info.type = af_sample_for_bits(st->info.bits, false);
    }
    return af_stack_add_plane(st, &st->head.plane,
                              (struct af_stack_place){.page = st->nplanes, .offset = at}, err);
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
            if (fseeko(st->fp, bytes, SEEK_CUR))
                return af_fail_errno(err, "%s", st->name);
        }
        if (af_stack_add_frame(st, at, err))
            return -1;
    }
    if (more < 0)
        return -1;
    if (!st->nplanes)
        return af_fail(err, AF_EDATA, "%s: frame 0: cut short", st->name);
    return st->info.missing ? af_stack_lack(st, err, "%s: frame %zu is cut short%s", st->name,
                                            st->nplanes, st->o.whole ? "" : " and left out")
                            : 0;
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

int af_stack_open_one(struct af_stack *st, struct af_err *err)
{
    enum af_file_format format = AF_FILE_TIFF;
    bool regular = false;
    FILE *fp = NULL;
    int ret = -1;

    if (af_stack_open_file(st->name, &fp, &regular, err) || sniff(fp, st->name, &format, err) ||
        af_stack_add_file(st, st->name, format, NULL, err))
        goto done;
    st->info.seekable = true;
    if (format != AF_FILE_TIFF && (st->o.channel > 1 || st->o.time > 1 || st->o.series > 1)) {
        af_fail(err, AF_EUSAGE, "%s: has one channel, one time and one image", st->name);
        goto done;
    }
    if (format == AF_FILE_TIFF) {
        ret = open_tiff(st, fp, regular, err) || af_stack_from_tiff(st, err) ? -1 : 0;
    } else if (format == AF_FILE_PGM) {
        ret = open_pgm(st, fp, regular, err);
        fp = NULL; // st->fp now
    } else {
        st->info.format = format == AF_FILE_PNG ? "PNG" : "BMP";
        ret = af_stack_read_single(st, fp, st->name, format, &st->first, err) ||
                      af_stack_add_plane(st, &AF_PLANE_UNKNOWN, (struct af_stack_place){0}, err)
                  ? -1
                  : 0;
    }
done:
    af_stack_close_file(fp);
    return ret;
}
