/* SPDX-License-Identifier: BSD-2-Clause */
/* TIFF files made by libtiff for tests, of any depth and layout, and changed by hand afterwards. */
#ifndef AF_TESTS_TIFFMAKE_H
#define AF_TESTS_TIFFMAKE_H
#include "image/stack.h"
#include "image/tiff.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <tiffio.h>

/* All-zero members take what is said behind them. */
struct tiff_spec {
    size_t w, h;             // px; 0: 1
    size_t npages;           // 0: 1
    unsigned bits;           // 0: 8
    int format;              // SAMPLEFORMAT_...; 0: unsigned
    int photometric;         // PHOTOMETRIC_...; 0 is MinIsWhite: set it
    int compression;         // 0: none
    int predictor;           // 0: none
    unsigned samples;        // 0: 1; more: gray and alpha
    bool apart;              // samples in planes of their own
    uint32_t tile_w, tile_h; // 0: strips
    uint32_t rows;           // of a strip; 0: all
    bool difference;         // difference the samples here, for depths that libtiff does not
    uint32_t subfile;        // SubfileType of page 0
    const char *description; // of page 0
    const char *page_name;   // of all pages
    uint64_t (*value)(size_t page, size_t x, size_t y); // NULL: page + x + y
    bool turned; // set by make_tiff(): the file's byte order is not ours
};

/*
 * Put value v of `bits` bits into a row at sample i, as libtiff takes it; 24 bits packed too, with
 * their bytes turned where libtiff will turn them.
 */
static inline void pack(uint8_t *row, size_t i, unsigned bits, uint64_t v, bool turned)
{
    const uint16_t v2 = (uint16_t)v;
    const uint32_t v4 = (uint32_t)v;

    switch (bits) {
    case 8: row[i] = (uint8_t)v; return;
    case 16: memcpy(row + 2 * i, &v2, 2); return;
    case 24:
        for (int b = 0; b < 3; b++)
            row[3 * i + (size_t)(turned ? b : 2 - b)] = (uint8_t)(v >> 8 * b);
        return;
    case 32: memcpy(row + 4 * i, &v4, 4); return;
    case 64: memcpy(row + 8 * i, &v, 8); return;
    default:
        for (unsigned b = 0; b < bits; b++) // one bit after another, the highest first
            if (v >> (bits - 1 - b) & 1)
                row[(i * bits + b) / 8] |= (uint8_t)(0x80 >> (i * bits + b) % 8);
    }
}

static inline uint64_t spec_value(const struct tiff_spec *s, size_t page, size_t x, size_t y)
{
    return s->value ? s->value(page, x, y) : page + x + y;
}

/* Rows y0 .. y0+h-1, columns x0 .. x0+w-1 of a page; what lies outside the page is 0. */
static inline uint8_t *packed(const struct tiff_spec *s, size_t page, size_t x0, size_t y0,
                              size_t w, size_t h, size_t *bytes)
{
    size_t n = s->samples && !s->apart ? s->samples : 1, row = (w * n * s->bits + 7) / 8;
    uint8_t *out = calloc(h, row);

    assert_non_null(out);
    for (size_t y = y0; y < y0 + h && y < s->h; y++)
        for (size_t x = x0; x < x0 + w && x < s->w; x++) {
            uint64_t v = spec_value(s, page, x, y);

            if (s->difference && x > x0)
                v -= spec_value(s, page, x - 1, y);
            pack(out + (y - y0) * row, (x - x0) * n, s->bits,
                 s->bits == 64 ? v : v & (((uint64_t)1 << s->bits) - 1), s->turned);
            for (size_t k = 1; k < n; k++)
                pack(out + (y - y0) * row, (x - x0) * n + k, s->bits, 77, s->turned);
        }
    *bytes = h * row;
    return out;
}

static inline void put_blocks(TIFF *tif, const struct tiff_spec *s, size_t page)
{
    size_t w = s->tile_w ? s->tile_w : s->w, h = s->tile_h ? s->tile_h : s->rows, bytes;
    uint32_t n = 0;

    for (unsigned sample = 0; sample < (s->apart ? s->samples : 1); sample++)
        for (size_t y = 0; y < s->h; y += h)
            for (size_t x = 0; x < s->w; x += w, n++) {
                size_t rows = !s->tile_h && s->h - y < h ? s->h - y : h;
                uint8_t *block = packed(s, page, x, y, w, rows, &bytes);

                if (sample)
                    memset(block, 77, bytes);
                assert_true((s->tile_w
                                 ? TIFFWriteEncodedTile(tif, n, block, (tmsize_t)bytes)
                                 : TIFFWriteEncodedStrip(tif, n, block, (tmsize_t)bytes)) > 0);
                free(block);
            }
}

static inline void put_page(TIFF *tif, const struct tiff_spec *s, size_t page)
{
    static const uint16_t alpha[] = {EXTRASAMPLE_ASSOCALPHA, 0, 0};

    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, (uint32_t)s->w);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, (uint32_t)s->h);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, s->bits);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, s->samples ? s->samples : 1);
    if (s->samples > 1 && s->photometric != PHOTOMETRIC_RGB)
        TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, s->samples - 1, alpha);
    TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT, s->format ? s->format : SAMPLEFORMAT_UINT);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, s->photometric);
    TIFFSetField(tif, TIFFTAG_PLANARCONFIG, s->apart ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    TIFFSetField(tif, TIFFTAG_COMPRESSION, s->compression ? s->compression : COMPRESSION_NONE);
    if (s->predictor)
        TIFFSetField(tif, TIFFTAG_PREDICTOR, s->predictor);
    if (s->tile_w) {
        TIFFSetField(tif, TIFFTAG_TILEWIDTH, s->tile_w);
        TIFFSetField(tif, TIFFTAG_TILELENGTH, s->tile_h);
    } else {
        TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, s->rows);
    }
    if (page == 0 && s->subfile)
        TIFFSetField(tif, TIFFTAG_SUBFILETYPE, s->subfile);
    if (page == 0 && s->description)
        TIFFSetField(tif, TIFFTAG_IMAGEDESCRIPTION, s->description);
    if (s->page_name)
        TIFFSetField(tif, TIFFTAG_PAGENAME, s->page_name);
    put_blocks(tif, s, page);
    assert_int_equal(TIFFWriteDirectory(tif), 1);
}

/* mode: as TIFFOpen, "w" classic, "w8" BigTIFF, with b or l for the byte order. */
static inline void make_tiff(const char *path, const char *mode, struct tiff_spec s)
{
    TIFF *tif = TIFFOpen(path, mode);

    s.w += !s.w;
    s.h += !s.h;
    s.npages += !s.npages;
    s.bits = s.bits ? s.bits : 8;
    s.rows = s.rows ? s.rows : (uint32_t)s.h;
    s.turned = strchr(mode, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'b' : 'l') != NULL;
    assert_non_null(tif);
    for (size_t i = 0; i < s.npages; i++)
        put_page(tif, &s, i);
    TIFFClose(tif);
}

/* ------------------------------------------------ classic files changed by hand */

static inline uint8_t *slurp_file(const char *path, size_t *n)
{
    FILE *fp = fopen(path, "rb");
    uint8_t *bytes;

    assert_non_null(fp);
    fseek(fp, 0, SEEK_END);
    *n = (size_t)ftell(fp);
    rewind(fp);
    bytes = malloc(*n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, fp), *n);
    fclose(fp);
    return bytes;
}

static inline void spill_file(const char *path, const void *bytes, size_t n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    assert_int_equal(fwrite(bytes, 1, n, fp), n);
    assert_int_equal(fclose(fp), 0);
}

/* A number of n bytes in the order of the file, whose first byte is I or M. */
static inline uint32_t get_number(const uint8_t *file, size_t at, int n)
{
    uint32_t v = 0;

    for (int i = 0; i < n; i++)
        v |= (uint32_t)file[at + (size_t)i] << 8 * (file[0] == 'I' ? i : n - 1 - i);
    return v;
}

static inline void put_number(uint8_t *file, size_t at, int n, uint32_t v)
{
    for (int i = 0; i < n; i++)
        file[at + (size_t)i] = (uint8_t)(v >> 8 * (file[0] == 'I' ? i : n - 1 - i));
}

/* Where the entry of a tag of page 0 lies. */
static inline size_t find_tag(const uint8_t *file, unsigned tag)
{
    size_t at = get_number(file, 4, 4);

    for (uint32_t n = get_number(file, at, 2), e = 0; e < n; e++)
        if (get_number(file, at + 2 + 12 * e, 2) == tag)
            return at + 2 + 12 * e;
    fail_msg("no tag %u", tag);
    return 0;
}

/* Give a tag of page 0 another value, or a value another tag. */
static inline void patch_tag(const char *path, unsigned tag, uint32_t value)
{
    size_t n, at;
    uint8_t *file = slurp_file(path, &n);

    at = find_tag(file, tag);
    put_number(file, at + 8, get_number(file, at + 2, 2) == 3 ? 2 : 4, value);
    spill_file(path, file, n);
    free(file);
}

static inline void rename_tag(const char *path, unsigned tag, unsigned name)
{
    size_t n;
    uint8_t *file = slurp_file(path, &n);

    put_number(file, find_tag(file, tag), 2, name);
    spill_file(path, file, n);
    free(file);
}

/* ----------------------------------------------------------------------------- stacks */

/* Open one path; *why (may be NULL) collects the warnings, a line each. */
static inline void note_warning(void *why, const char *text)
{
    strncat(why, text, 2000 - strlen(why));
    strcat(why, "\n");
}

static inline struct af_stack *open_one(const char *path, struct af_stack_opts *o, char why[2048])
{
    struct af_stack_opts plain = {0};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    o = o ? o : &plain;
    if (why) {
        *why = '\0';
        o->warn = note_warning;
        o->warn_ctx = why;
    }
    if (af_stack_open(&st, &path, 1, o, &err))
        fail_msg("%s", err.text);
    return st;
}

/* The stack must be refused with this kind and these words. */
static inline void assert_refused(const char *path, const struct af_stack_opts *o,
                                  enum af_kind kind, const char *words)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    assert_int_equal(af_stack_open(&st, &path, 1, o, &err), -1);
    assert_null(st);
    if (!strstr(err.text, words))
        fail_msg("'%s' lacks '%s'", err.text, words);
    assert_int_equal(err.kind, kind);
}

/* Plane i as doubles, which the caller frees. */
static inline double *plane_f64(struct af_stack *st, size_t i, struct af_image *img)
{
    struct af_err err = {AF_OK, ""};
    double *v;

    if (af_stack_read(st, i, img, &err))
        fail_msg("%s", err.text);
    v = malloc(img->w * img->h * sizeof(*v));
    assert_non_null(v);
    for (size_t y = 0; y < img->h; y++)
        af_image_row_f64(img, y, v + y * img->w);
    return v;
}

/* First sample of plane i, by which tests know planes apart. */
static inline double mark_of(struct af_stack *st, size_t i)
{
    struct af_image img = {0};
    double *v = plane_f64(st, i, &img), mark = v[0];

    free(v);
    af_image_release(&img);
    return mark;
}

/* The integer that sample (x, y) must be, sign extended. */
static inline uint64_t integer_at(const struct af_image *img, size_t x, size_t y)
{
    const void *row = af_image_row(img, y);

    switch (img->type) {
    case AF_U8: return ((const uint8_t *)row)[x];
    case AF_U16: return ((const uint16_t *)row)[x];
    case AF_U32: return ((const uint32_t *)row)[x];
    case AF_I8: return (uint64_t)((const int8_t *)row)[x];
    case AF_I16: return (uint64_t)((const int16_t *)row)[x];
    case AF_I32: return (uint64_t)((const int32_t *)row)[x];
    default: return ((const uint64_t *)row)[x];
    }
}

/* Page 0 cannot be read, and the reason has these words. */
static inline void assert_unreadable(const char *path, const char *words)
{
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_tiff *t;
    int bad = af_tiff_open(&t, path, 1 << 20, 100, &err);

    if (!bad) {
        bad = af_tiff_read(t, 0, &img, &err);
        af_tiff_close(t);
    }
    af_image_release(&img);
    assert_int_equal(bad, -1);
    assert_int_equal(err.kind, AF_EDATA);
    if (!strstr(err.text, words) || !strstr(err.text, path))
        fail_msg("'%s' lacks '%s'", err.text, words);
}

#endif
