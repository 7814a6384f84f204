/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/tiff.h"

#include "base/date.h"
#include "base/memory.h"
#include "image/micromanager.h"
#include "image/pagename.h"
#include "image/tiffgray.h"
#include "image/tiffio.h"
#include "image/unpack.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_MICROMANAGER = 51123 };

struct af_tiff {
    char *name;
    TIFF *tif;
    struct af_tiffio io; // file or memory behind tif
    struct af_tiff_page *page;
    size_t npages, room;
    size_t current; // page whose directory libtiff holds unchanged; SIZE_MAX: none
    char *description, *date, *damage;
    double pixel_um;
    enum af_colour part; // what colour pages are read as
    void *scratch;       // a strip or tile
    size_t scratch_size;
};

/* ------------------------------------------------------- directories */

/* Offset of the samples if they are one uncompressed run of whole bytes, else 0. */
static uint64_t plain_run(TIFF *tif, const struct af_tiff_page *p)
{
    uint64_t *offset, row = (uint64_t)p->w * (p->bits / 8);
    uint16_t compression, fill;
    uint32_t rows;

    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tif, TIFFTAG_FILLORDER, &fill);
    TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &rows);
    if (compression != COMPRESSION_NONE || fill != FILLORDER_MSB2LSB || TIFFIsTiled(tif) ||
        p->extra || p->bits != af_sample_bits(p->type) || rows == 0 ||
        af_tiffgray_photometric(tif) == PHOTOMETRIC_MINISWHITE ||
        af_tiffgray_loose_predictor(tif) != PREDICTOR_NONE ||
        !TIFFGetField(tif, TIFFTAG_STRIPOFFSETS, &offset))
        return 0;
    for (uint32_t s = 1, n = TIFFNumberOfStrips(tif); s < n; s++)
        if (offset[s] != offset[s - 1] + rows * row)
            return 0;
    return offset[0];
}

static void page_metadata(TIFF *tif, struct af_tiff_page *p)
{
    uint32_t n = 0;
    char *text;

    if (TIFFGetField(tif, TIFFTAG_PAGENAME, &text) && text)
        af_pagename_parse(text, &p->plane);
    if (TIFFGetField(tif, TAG_MICROMANAGER, &n, &text) && text)
        p->micromanager = af_micromanager_plane(text, n, &p->plane, &p->depth);
}

/* Describe the directory that libtiff holds. */
static int describe(struct af_tiff *t, struct af_tiff_page *p, size_t max_pixels,
                    struct af_err *err)
{
    uint32_t w = 0, h = 0, kind = 0;
    uint16_t bits, format, compression, spp;
    size_t n;

    TIFFGetField(t->tif, TIFFTAG_IMAGEWIDTH, &w);
    TIFFGetField(t->tif, TIFFTAG_IMAGELENGTH, &h);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SUBFILETYPE, &kind);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLESPERPIXEL, &spp);
    *p = (struct af_tiff_page){
        .ifd = TIFFCurrentDirOffset(t->tif),
        .w = w,
        .h = h,
        .bits = bits,
        .extra = spp - 1u,
        .reduced = (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0,
        .plane = AF_PLANE_UNKNOWN,
    };
    p->refuse =
        af_tiffgray_refusal(t->tif, t->description && strncmp(t->description, "ImageJ=", 7) == 0);
    p->colour = p->refuse && af_tiffgray_is_colour(t->tif);
    if (p->refuse && !p->colour)
        return 0;
    if (format == SAMPLEFORMAT_IEEEFP)
        p->type = bits == 64 ? AF_F64 : AF_F32;
    else
        p->type = af_sample_for_bits(bits, format == SAMPLEFORMAT_INT);
    if (!w || !h)
        return af_fail(err, AF_EDATA, "%s: page %zu: %ux%u px", t->name, t->npages, w, h);
    if (!af_size_mul(w, h, &n) || n > max_pixels)
        return af_fail(err, AF_EDATA, "%s: page %zu: %ux%u px is more than --max-pixels %zu",
                       t->name, t->npages, w, h, max_pixels);
    /* Bytes that it needs at the least, (n / 8) * bits, against those the file can stand for. */
    if (n / 8 / af_tiffgray_expansion(compression) > t->io.size / bits)
        return af_fail(err, AF_EDATA,
                       "%s: page %zu: %ux%u px of %u bits cannot lie in a file of %llu bytes",
                       t->name, t->npages, w, h, bits, (unsigned long long)t->io.size);
    p->raw = plain_run(t->tif, p);
    page_metadata(t->tif, p);
    return 0;
}

/* TIFF writes "2026:11:21 10:00:00", of an unset clock zeros; the rest of the world ISO 8601. */
static char *iso_date(const char *s, struct af_err *err)
{
    char *date = s ? af_strdup(s, err) : NULL;

    if (date && strlen(date) >= 19) {
        date[4] = date[7] = '-';
        date[10] = 'T';
        date[19] = '\0';
        if (af_is_date_time(date))
            return date;
    }
    free(date);
    return NULL;
}

static int first_page(struct af_tiff *t, struct af_err *err)
{
    const char *text = NULL;
    uint16_t unit = RESUNIT_INCH;
    float res = 0;

    if (TIFFGetField(t->tif, TIFFTAG_IMAGEDESCRIPTION, &text) && text &&
        !(t->description = af_strdup(text, err)))
        return -1;
    if (TIFFGetField(t->tif, TIFFTAG_DATETIME, &text))
        t->date = iso_date(text, err);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_RESOLUTIONUNIT, &unit);
    if (TIFFGetField(t->tif, TIFFTAG_XRESOLUTION, &res) && res > 0 && unit == RESUNIT_CENTIMETER)
        t->pixel_um = 1e4 / res;
    return 0;
}

static int scan(struct af_tiff *t, size_t max_pixels, size_t max_pages, struct af_err *err)
{
    bool last;

    if (first_page(t, err))
        return -1;
    do {
        if (t->npages == max_pages)
            return af_fail(err, AF_EDATA, "%s: more than %zu pages", t->name, max_pages);
        if (af_grow((void **)&t->page, &t->room, t->npages + 1, sizeof(*t->page), err) ||
            describe(t, &t->page[t->npages], max_pixels, err))
            return -1;
        t->npages++;
        t->io.error[0] = '\0';
        /* TIFFReadDirectory says 0 at the end and at damage; only the end has no next offset. */
        last = TIFFLastDirectory(t->tif);
    } while (!last && TIFFReadDirectory(t->tif));
    /* A directory that could not be read has taken the place of the last page's. */
    t->current = last ? t->npages - 1 : SIZE_MAX;
    if (last)
        return 0;
    t->damage =
        af_strdup(t->io.error[0] ? t->io.error : "the next page's directory cannot be read", err);
    return t->damage ? 0 : -1;
}

/* Where a read fails or memory runs out, libtiff finds the file damaged: the system's word goes
 * first. */
static int finish_open(struct af_tiff *t, size_t max_pixels, size_t max_pages, struct af_err *err)
{
    int ret = -1;

    t->pixel_um = NAN;
    errno = 0;
    t->tif = af_tiffio_open_read(&t->io, t->name);
    if (t->tif)
        ret = scan(t, max_pixels, max_pages, err);
    if (errno == ENOMEM && !t->io.error_errno)
        t->io.error_errno = ENOMEM;
    if (t->io.error_errno) {
        errno = t->io.error_errno;
        return af_fail_errno(err, "%s", t->name);
    }
    if (t->tif)
        return ret;
    return af_fail(err, AF_EDATA, "%s: %s", t->name,
                   t->io.error[0] ? t->io.error : "not a TIFF file");
}

int af_tiff_open(struct af_tiff **out, const char *path, size_t max_pixels, size_t max_pages,
                 struct af_err *err)
{
    struct af_tiff *t = af_calloc(1, sizeof(*t), err);

    *out = NULL;
    if (!t)
        return -1;
    t->io.fd = -1;
    t->name = af_strdup(path, err);
    if (!t->name || af_tiffio_from_file(&t->io, path, err) ||
        finish_open(t, max_pixels, max_pages, err)) {
        af_tiff_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

int af_tiff_open_memory(struct af_tiff **out, const char *name, void *bytes, size_t n,
                        size_t max_pixels, size_t max_pages, struct af_err *err)
{
    struct af_tiff *t = af_calloc(1, sizeof(*t), err);

    *out = NULL;
    if (!t) {
        free(bytes);
        return -1;
    }
    af_tiffio_from_memory(&t->io, bytes, n);
    t->name = af_strdup(name, err);
    if (!t->name || finish_open(t, max_pixels, max_pages, err)) {
        af_tiff_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void af_tiff_close(struct af_tiff *t)
{
    if (!t)
        return;
    if (t->tif)
        TIFFClose(t->tif);
    af_tiffio_release(&t->io);
    free(t->page);
    free(t->description);
    free(t->date);
    free(t->damage);
    free(t->scratch);
    free(t->name);
    free(t);
}

size_t af_tiff_npages(const struct af_tiff *t)
{
    return t->npages;
}

const struct af_tiff_page *af_tiff_page(const struct af_tiff *t, size_t i)
{
    return &t->page[i];
}

void af_tiff_take(struct af_tiff *t, enum af_colour part)
{
    t->part = part;
    for (size_t i = 0; i < t->npages; i++)
        if (t->page[i].colour)
            t->page[i].refuse = part == AF_COLOUR_REFUSED ? AF_TIFFGRAY_COLOUR : NULL;
}

const char *af_tiff_description(const struct af_tiff *t)
{
    return t->description;
}

const char *af_tiff_date(const struct af_tiff *t)
{
    return t->date;
}

const char *af_tiff_damage(const struct af_tiff *t)
{
    return t->damage;
}

double af_tiff_pixel_um(const struct af_tiff *t)
{
    return t->pixel_um;
}

int af_tiff_unroll(struct af_tiff *t, size_t n, struct af_err *err)
{
    struct af_tiff_page *p = t->page;
    size_t bytes = p->w * p->h * af_sample_size(p->type), all;

    if (!p->raw || !af_size_mul(bytes, n, &all) || p->raw > t->io.size || all > t->io.size - p->raw)
        return af_fail(err, AF_EDATA, "%s: %zu planes behind one page do not lie in the file",
                       t->name, n);
    if (af_grow((void **)&t->page, &t->room, n, sizeof(*t->page), err))
        return -1;
    for (size_t i = 1; i < n; i++) {
        t->page[i] = t->page[0];
        t->page[i].raw += i * bytes;
    }
    t->npages = n;
    return 0;
}

/* ------------------------------------------------------------ samples */

static int fail_page(const struct af_tiff *t, size_t i, const char *fallback, struct af_err *err)
{
    if (t->io.error_errno) {
        errno = t->io.error_errno;
        return af_fail_errno(err, "%s: page %zu", t->name, i);
    }
    return af_fail(err, AF_EDATA, "%s: page %zu: %s", t->name, i,
                   t->io.error[0] ? t->io.error : fallback);
}

static int scratch(struct af_tiff *t, size_t size, struct af_err *err)
{
    void *p;

    if (size <= t->scratch_size)
        return 0;
    if (!(p = malloc(size)))
        return af_fail(err, AF_ESYS, "%s: out of memory: %zu bytes", t->name, size);
    free(t->scratch);
    t->scratch = p;
    t->scratch_size = size;
    return 0;
}

/* libtiff undoes differencing at 8 to 64 bits and in some codecs; otherwise we do (unpack.h). */
static bool take_predictor(TIFF *tif, unsigned bits)
{
    uint16_t predictor = PREDICTOR_NONE, compression;

    if (af_tiffgray_loose_predictor(tif) == PREDICTOR_HORIZONTAL)
        return true;

    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    if (compression != COMPRESSION_LZW && compression != COMPRESSION_DEFLATE &&
        compression != COMPRESSION_ADOBE_DEFLATE && compression != COMPRESSION_ZSTD &&
        compression != COMPRESSION_LZMA)
        return false;
    TIFFGetFieldDefaulted(tif, TIFFTAG_PREDICTOR, &predictor);
    if (predictor != PREDICTOR_HORIZONTAL || bits == 8 || bits == 16 || bits == 32 || bits == 64)
        return false;
    TIFFSetField(tif, TIFFTAG_PREDICTOR, PREDICTOR_NONE); // the directory in memory differs now
    return true;
}

/* Of n pixels of `samples` samples of `size` bytes, keep the first sample. */
static void keep_first(uint8_t *row, size_t n, size_t samples, size_t size)
{
    for (size_t x = 1; x < n && samples > 1; x++)
        memmove(row + x * size, row + x * samples * size, size);
}

/* Strips and tiles alike: blocks of bw x bh px, unpacked into their place. */
static int read_blocks(struct af_tiff *t, size_t i, struct af_image *img, const struct af_unpack *u,
                       struct af_err *err)
{
    bool tiled = TIFFIsTiled(t->tif);
    uint32_t bw = (uint32_t)img->w, bh = 0;
    tmsize_t row = tiled ? TIFFTileRowSize(t->tif) : TIFFScanlineSize(t->tif), got;
    size_t bytes, n = 0, samples;
    uint16_t planar;

    TIFFGetFieldDefaulted(t->tif, TIFFTAG_PLANARCONFIG, &planar);
    samples =
        planar == PLANARCONFIG_CONTIG ? t->page[i].extra + 1 : 1; // apart: the first come first
    if (tiled)
        TIFFGetField(t->tif, TIFFTAG_TILEWIDTH, &bw);
    TIFFGetFieldDefaulted(t->tif, tiled ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP, &bh);
    if (!tiled && bh > img->h)
        bh = (uint32_t)img->h;
    if (!bw || !bh || row <= 0 || (size_t)row < af_unpack_row_bytes(u, bw * samples) ||
        !af_size_mul((size_t)row, bh, &bytes))
        return fail_page(t, i, "impossible strips or tiles", err);
    /* A tile may be larger than the plane; one that is very much larger is a trap. */
    if (tiled && bytes > (t->io.size + 4096) * 4096)
        return fail_page(t, i, "tiles larger than the file can hold", err);
    if (scratch(t, bytes, err))
        return -1;
    for (size_t y = 0; y < img->h; y += bh) {
        size_t rows = img->h - y < bh ? img->h - y : bh;

        for (size_t x = 0; x < img->w; x += bw, n++) {
            tmsize_t want = (tmsize_t)((size_t)row * (tiled ? bh : rows));

            got = tiled ? TIFFReadEncodedTile(t->tif, (uint32_t)n, t->scratch, want)
                        : TIFFReadEncodedStrip(t->tif, (uint32_t)n, t->scratch, want);
            if (got < want)
                return fail_page(t, i, "cut short", err);
            for (size_t k = 0; k < rows; k++) {
                uint8_t *in = (uint8_t *)t->scratch + k * (size_t)row;
                size_t w = img->w - x < bw ? img->w - x : bw;
                char *out = (char *)af_image_row(img, y + k) + x * af_sample_size(img->type);

                if (t->page[i].colour) {
                    af_colour_pick(in, w, samples, img->type, t->part, out);
                    continue;
                }
                keep_first(in, w, samples, u->bits / 8);
                af_unpack_row(u, in, w, out);
            }
        }
    }
    return 0;
}

static int read_run(struct af_tiff *t, size_t i, struct af_image *img, struct af_err *err)
{
    size_t bytes = img->w * img->h * af_sample_size(img->type);
    ssize_t got = af_tiffio_pread(&t->io, img->data, bytes, t->page[i].raw);

    if (got < 0)
        return af_fail_errno(err, "%s: page %zu", t->name, i);
    if ((size_t)got < bytes)
        return af_fail(err, AF_EDATA, "%s: page %zu: cut short", t->name, i);
    if (TIFFIsByteSwapped(t->tif))
        af_unpack_swap(img->data, img->w * img->h, af_sample_size(img->type));
    return 0;
}

int af_tiff_read(struct af_tiff *t, size_t i, struct af_image *img, struct af_err *err)
{
    const struct af_tiff_page *p = &t->page[i];
    struct af_unpack u = {.type = p->type, .bits = p->bits};
    uint16_t format;

    t->io.error[0] = '\0';
    t->io.error_errno = 0;
    if (p->refuse)
        return fail_page(t, i, p->refuse, err);
    if (af_image_resize(img, p->w, p->h, p->type, err))
        return -1;
    img->bits = p->type == AF_F32 ? 32 : p->bits;
    if (p->raw)
        return read_run(t, i, img, err);
    if (t->current != i) {
        t->current = SIZE_MAX;
        if (!TIFFSetSubDirectory(t->tif, p->ifd))
            return fail_page(t, i, "its directory cannot be read again", err);
        t->current = i;
    }
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLEFORMAT, &format);
    u.is_float = format == SAMPLEFORMAT_IEEEFP;
    u.invert = af_tiffgray_photometric(t->tif) == PHOTOMETRIC_MINISWHITE;
    u.turned = TIFFIsByteSwapped(t->tif);
    u.accumulate = take_predictor(t->tif, p->bits);
    if (u.accumulate)
        t->current = SIZE_MAX;
    return read_blocks(t, i, img, &u, err);
}
