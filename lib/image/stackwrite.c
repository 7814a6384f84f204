/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE // flock
#include "image/stackwrite.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/outfile.h"
#include "image/omewrite.h"
#include "image/pagename.h"
#include "image/tiffio.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Description of page 0 while the number of planes is not known; longer than an entry holds, so
 * that it has a place. */
#define PROVISIONAL "aftools: a stack being written"

/* Classic TIFF ends at 4 GiB; above this estimate BigTIFF is written. */
#define CLASSIC_MOST 3.9e9

struct af_stack_writer {
    struct af_stack_meta meta;
    char *path, *part; // part NULL: held in memory, written to `path` or stdout at the end
    struct af_tiffio io;
    TIFF *tif;            // NULL until the first plane
    bool big;             // BigTIFF
    struct af_image like; // size, type and bits of the first plane; no pixels
    struct af_plane *plane;
    size_t nplanes, room;
};

/* ---------------------------------------------------------------- open */

/* Does the name still stand for the file we have locked? Another writer may have renamed it
 * meanwhile: 0. -1: cannot be told. */
static int same_file(int fd, const char *path)
{
    struct stat a, b;

    if (fstat(fd, &a) || stat(path, &b))
        return errno == ENOENT ? 0 : -1;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int lock_part(int fd)
{
    int bad;

    while ((bad = flock(fd, LOCK_EX | LOCK_NB)) && errno == EINTR)
        ;
    return bad;
}

/* An empty file that could not even be locked is the one just made. */
static void unlink_empty(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && st.st_size == 0)
        unlink(path);
}

static int open_part(struct af_stack_writer *w, struct af_err *err)
{
    int fd, same = 0;

    while (!same) {
        fd = open(w->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return af_fail_errno(err, "%s", errno == ENOENT ? w->path : w->part);
        if (lock_part(fd)) {
            if (errno == EWOULDBLOCK) {
                af_fail(err, AF_EBUSY, "%s: another process is writing it", w->part);
            } else {
                af_fail_errno(err, "%s: cannot be locked", w->part);
                unlink_empty(fd, w->part);
            }
            close(fd);
            return -1;
        }
        same = same_file(fd, w->part);
        if (!same)
            close(fd);
    }
    af_tiffio_from_fd(&w->io, fd, 0);
    if (same == 1 && ftruncate(fd, 0) == 0)
        return 0;
    af_fail_errno(err, "%s", w->part);
    unlink(w->part); // ours: it is locked
    return -1;
}

static int name_files(struct af_stack_writer *w, const char *path, struct af_err *err)
{
    struct stat st;
    bool whole = strcmp(path, "-") == 0; // held in memory, and written when it is whole

    if (!whole && stat(path, &st) == 0)
        whole = !S_ISREG(st.st_mode);
    else if (!whole && errno != ENOENT &&
             errno != ENOTDIR) // it may be a device, never to be replaced
        return af_fail_errno(err, "%s", path);
    if (whole)
        return (w->path = af_strdup(path, err)) ? 0 : -1;
    return (w->path = af_follow_links(path, err)) && (w->part = af_format(err, "%s.part", w->path))
               ? 0
               : -1;
}

int af_stack_writer_takes(const char *out, const char *path, struct af_err *err)
{
    struct af_stack_writer w = {.path = NULL};
    struct stat a, b;
    int ret = name_files(&w, out, err);

    if (!ret)
        ret = w.part && !stat(w.part, &a) &&
              !stat(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &b) && a.st_dev == b.st_dev &&
              a.st_ino == b.st_ino;
    free(w.path);
    free(w.part);
    return ret;
}

/* All planes are written: what libtiff still holds is one that failed, which shall not appear. */
static void close_tiff(struct af_stack_writer *w)
{
    if (w->tif) {
        TIFFSetMode(w->tif, O_RDONLY);
        TIFFClose(w->tif);
    }
    w->tif = NULL;
}

static void free_writer(struct af_stack_writer *w)
{
    close_tiff(w);
    af_tiffio_release(&w->io);
    free(w->path);
    free(w->part);
    free(w->plane);
    free(w);
}

int af_stack_writer_open(struct af_stack_writer **out, const char *path,
                         const struct af_stack_meta *meta, struct af_err *err)
{
    struct af_stack_writer *w = af_calloc(1, sizeof(*w), err);

    *out = NULL;
    if (!w)
        return -1;
    w->meta = *meta;
    af_tiffio_from_memory(&w->io, NULL, 0);
    if (name_files(w, path, err) || (w->part && open_part(w, err))) {
        free_writer(w);
        return -1;
    }
    *out = w;
    return 0;
}

/* --------------------------------------------------------------- planes */

/* What went wrong in libtiff, as our error. */
static int fail_tiff(struct af_stack_writer *w, struct af_err *err)
{
    const char *name = w->part ? w->part : w->path;

    if (w->io.error_errno) {
        errno = w->io.error_errno;
        return af_fail_errno(err, "%s", name);
    }
    if (strstr(w->io.error, "Maximum TIFF file size"))
        return af_fail(err, AF_EDATA, "%s: over 4 GiB, which takes BigTIFF (--bigtiff)", name);
    return af_fail(err, AF_ESYS, "%s: %s", name,
                   w->io.error[0] ? w->io.error : "cannot be written");
}

static int begin(struct af_stack_writer *w, const struct af_image *img, struct af_err *err)
{
    double bytes =
        ((double)(img->w * img->h * af_sample_size(img->type)) + 1000) * (double)w->meta.nplanes;

    if (img->type == AF_U64 || img->type == AF_I64)
        return af_fail(err, AF_EDATA, "%s: OME-TIFF has no 64-bit integers", w->path);
    w->like = *img;
    w->like.data = NULL;
    w->big = w->meta.bigtiff || bytes > CLASSIC_MOST;
    w->tif = af_tiffio_open_write(&w->io, w->path, w->big);
    return w->tif ? 0 : fail_tiff(w, err);
}

static int describe_first(struct af_stack_writer *w, struct af_err *err)
{
    char *xml = NULL, date[20];

    if (w->meta.nplanes && !(xml = af_ome_write(&w->meta, &w->like, NULL, w->meta.nplanes, err)))
        return -1;
    TIFFSetField(w->tif, TIFFTAG_IMAGEDESCRIPTION, xml ? xml : PROVISIONAL);
    free(xml);
    TIFFSetField(w->tif, TIFFTAG_SOFTWARE, "aftools " AF_VERSION);
    if (w->meta.date && af_is_date_time(w->meta.date)) {
        memcpy(date, w->meta.date, 19);
        date[4] = date[7] = ':';
        date[10] = ' ';
        date[19] = '\0';
        TIFFSetField(w->tif, TIFFTAG_DATETIME, date);
    }
    return 0;
}

static void set_tags(struct af_stack_writer *w, const struct af_plane *p)
{
    const struct af_image *im = &w->like;
    char name[AF_PAGENAME_SIZE];
    int format = af_sample_is_float(im->type)    ? SAMPLEFORMAT_IEEEFP
                 : af_sample_is_signed(im->type) ? SAMPLEFORMAT_INT
                                                 : SAMPLEFORMAT_UINT;

    TIFFSetField(w->tif, TIFFTAG_IMAGEWIDTH, (uint32_t)im->w);
    TIFFSetField(w->tif, TIFFTAG_IMAGELENGTH, (uint32_t)im->h);
    TIFFSetField(w->tif, TIFFTAG_BITSPERSAMPLE, (int)af_sample_bits(im->type));
    TIFFSetField(w->tif, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(w->tif, TIFFTAG_SAMPLEFORMAT, format);
    TIFFSetField(w->tif, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    TIFFSetField(w->tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(w->tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(w->tif, TIFFTAG_ROWSPERSTRIP, (uint32_t)im->h);
    if (w->meta.px_um > 0 && w->meta.py_um > 0) {
        TIFFSetField(w->tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
        TIFFSetField(w->tif, TIFFTAG_XRESOLUTION, 1e4 / w->meta.px_um);
        TIFFSetField(w->tif, TIFFTAG_YRESOLUTION, 1e4 / w->meta.py_um);
    }
    if (af_pagename_format(p, name))
        TIFFSetField(w->tif, TIFFTAG_PAGENAME, name);
}

int af_stack_writer_add(struct af_stack_writer *w, const struct af_image *img,
                        const struct af_plane *p, struct af_err *err)
{
    tmsize_t bytes = (tmsize_t)(img->w * img->h * af_sample_size(img->type));

    w->io.error[0] = '\0';
    w->io.error_errno = 0;
    if (!w->tif && begin(w, img, err))
        return -1;
    if (img->w != w->like.w || img->h != w->like.h || img->type != w->like.type)
        return af_fail(err, AF_EDATA, "%s: plane %zu is %zux%zu %s, plane 0 is %zux%zu %s", w->path,
                       w->nplanes, img->w, img->h, af_sample_name(img->type), w->like.w, w->like.h,
                       af_sample_name(w->like.type));
    if (img->bits > w->like.bits)
        w->like.bits = img->bits;
    if (af_grow((void **)&w->plane, &w->room, w->nplanes + 1, sizeof(*w->plane), err))
        return -1;
    if (w->nplanes == 0 && describe_first(w, err))
        return -1;
    set_tags(w, p);
    if (TIFFWriteEncodedStrip(w->tif, 0, img->data, bytes) != bytes || !TIFFWriteDirectory(w->tif))
        return fail_tiff(w, err);
    w->plane[w->nplanes++] = *p;
    return 0;
}

/* --------------------------------------------------------------- commit */

/* A number of `size` bytes, in the order of this machine, which is that of our files. */
static int read_number(struct af_stack_writer *w, uint64_t at, size_t size, uint64_t *out)
{
    uint16_t v2 = 0;
    uint32_t v4 = 0;
    uint64_t v8 = 0;
    void *v = size == 2 ? (void *)&v2 : size == 4 ? (void *)&v4 : (void *)&v8;
    ssize_t got = af_tiffio_pread(&w->io, v, size, at);

    if (got < 0 || (size_t)got < size) {
        errno = got < 0 ? errno : EIO;
        return -1;
    }
    *out = v2 + v4 + v8;
    return 0;
}

/*
 * Put the final description behind the last plane, then point page 0 at it, with one write of the
 * entry's count and offset: at any moment before or after, the file is whole. (libtiff's own way,
 * to rewrite the directory, has a moment at which the file has no first page.)
 */
static int point_at(struct af_stack_writer *w, const char *xml)
{
    uint64_t at = (w->io.size + 1) & ~(uint64_t)1, length = strlen(xml) + 1, ifd = 0, n = 0;
    uint64_t wide[2] = {length, at};
    uint32_t narrow[2] = {(uint32_t)length, (uint32_t)at};
    bool big = w->big;

    if (af_tiffio_pwrite(&w->io, xml, length, at) ||
        read_number(w, big ? 8 : 4, big ? 8 : 4, &ifd) || read_number(w, ifd, big ? 8 : 2, &n))
        return -1;
    for (uint64_t from = ifd + (big ? 8 : 2); n; n--, from += big ? 20 : 12) {
        uint64_t tag = 0;

        if (read_number(w, from, 2, &tag))
            return -1;
        if (tag == TIFFTAG_IMAGEDESCRIPTION)
            return big ? af_tiffio_pwrite(&w->io, wide, sizeof(wide), from + 4)
                       : af_tiffio_pwrite(&w->io, narrow, sizeof(narrow), from + 4);
    }
    errno = EIO;
    return -1;
}

static int write_memory(struct af_stack_writer *w, struct af_err *err)
{
    bool to_stdout = strcmp(w->path, "-") == 0;
    FILE *fp = to_stdout ? stdout : fopen(w->path, "wb");
    int ret = 0;

    if (!fp || fwrite(w->io.bytes, 1, w->io.size, fp) != w->io.size || fflush(fp))
        ret = af_fail_errno(err, "%s", to_stdout ? "standard output" : w->path);
    if (fp && !to_stdout && fclose(fp) && !ret)
        ret = af_fail_errno(err, "%s", w->path);
    return ret;
}

void af_stack_writer_set_keys(struct af_stack_writer *w, const struct af_keyvalue *keys, size_t n)
{
    w->meta.keys = keys;
    w->meta.nkeys = n;
}

static int finish(struct af_stack_writer *w, struct af_err *err)
{
    char *xml;
    int ret = -1;

    if (!w->nplanes)
        return af_fail(err, AF_EDATA, "%s: a stack without planes", w->path);
    w->io.error_errno = 0;
    w->io.error[0] = '\0';
    close_tiff(w);
    if (w->io.error_errno)
        return fail_tiff(w, err);
    if (!(xml = af_ome_write(&w->meta, &w->like, w->plane, w->nplanes, err)))
        return -1;
    if (!w->big && strlen(xml) + w->io.size + 2 > UINT32_MAX)
        af_fail(err, AF_EDATA, "%s: over 4 GiB, which takes BigTIFF (--bigtiff)", w->path);
    else if (point_at(w, xml))
        af_fail_errno(err, "%s", w->part ? w->part : w->path);
    else
        ret = 0;
    free(xml);
    if (ret)
        return -1;
    return w->part ? af_rename_durably(w->io.fd, w->part, w->path, err) : write_memory(w, err);
}

int af_stack_writer_commit(struct af_stack_writer *w, struct af_err *err)
{
    int ret = finish(w, err);

    af_stack_writer_discard(w, ret == 0);
    return ret;
}

void af_stack_writer_discard(struct af_stack_writer *w, bool keep)
{
    if (!w)
        return;
    if (w->part && !keep)
        unlink(w->part);
    free_writer(w);
}
