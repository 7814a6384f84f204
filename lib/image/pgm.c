/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/pgm.h"
#include "base/memory.h"
#include "image/pagename.h"

#include <errno.h>
#include <stdlib.h>

enum {
    MAX_COMMENT = 1024,    // bytes of a comment that are looked at
    MAX_HEAD = 1 << 16,    // bytes of a header, comments included
};

struct reader {
    FILE *fp;
    const char *name;
    struct af_pgm_head *head;
    size_t nread;          // bytes of this header, against endless ones
};

static int is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next character; a comment counts as the newline at its end. Past MAX_HEAD: any. */
static int next_char(struct reader *r)
{
    char text[MAX_COMMENT];
    size_t n = 0;
    int c = getc(r->fp);

    r->nread++;
    if (c != '#')
        return c;
    while ((c = getc(r->fp)) != EOF && c != '\n' && r->nread++ < MAX_HEAD)
        if (n < sizeof(text) - 1)
            text[n++] = (char)c;
    text[n] = '\0';
    af_pagename_parse(text, &r->head->plane);
    return c;
}

static int fail_at(struct reader *r, const char *what, struct af_err *err)
{
    if (ferror(r->fp))
        return af_fail_errno(err, "%s", r->name);
    if (feof(r->fp))
        what = "header is cut short";
    else if (r->nread >= MAX_HEAD)
        what = "header does not end";
    return af_fail(err, AF_EDATA, "%s: frame %zu: %s", r->name, r->head->nheads - 1, what);
}

/* A whole number up to `max`, and the one blank behind it. */
static int read_number(struct reader *r, size_t max, size_t *out, const char *what,
                       struct af_err *err)
{
    size_t v = 0;
    int c;

    while (is_blank(c = next_char(r)) && r->nread < MAX_HEAD)
        ;
    if (c < '0' || c > '9')
        return fail_at(r, what, err);
    for (; c >= '0' && c <= '9' && r->nread < MAX_HEAD; c = next_char(r)) {
        v = v * 10 + (size_t)(c - '0');
        if (v > max)
            return af_fail(err, AF_EDATA, "%s: frame %zu: %s, the limit is %zu", r->name,
                           r->head->nheads - 1, what, max);
    }
    if (!is_blank(c))
        return fail_at(r, what, err);
    *out = v;
    return 0;
}

int af_pgm_read_head(FILE *fp, const char *name, size_t max_pixels, struct af_pgm_head *head,
                     struct af_err *err)
{
    struct reader r = {fp, name, head, 0};
    size_t maxval, n;
    int c;

    errno = 0;
    head->plane = AF_PLANE_UNKNOWN;
    while (is_blank(c = getc(fp)))
        ;
    if (c == EOF && !ferror(fp))
        return 0;
    head->nheads++;
    if (c != 'P')
        return fail_at(&r, "no PGM header", err);
    c = getc(fp);
    if (c == '1' || c == '3' || c == '4' || c == '6' || c == '7')
        return fail_at(&r, "bitmap or colour PNM, gray PGM (P5, P2) is needed", err);
    if (c != '5' && c != '2')
        return fail_at(&r, "no PGM header", err);
    head->plain = c == '2';
    if (!is_blank(next_char(&r)))
        return fail_at(&r, "no PGM header", err);
    if (read_number(&r, max_pixels, &head->w, "bad width", err) ||
        read_number(&r, max_pixels, &head->h, "bad height", err) ||
        read_number(&r, 65535, &maxval, "bad maxval", err))
        return -1;
    head->maxval = (unsigned)maxval;
    if (!head->w || !head->h || !maxval)
        return fail_at(&r, "width, height or maxval is 0", err);
    if (!af_size_mul(head->w, head->h, &n) || n > max_pixels)
        return af_fail(err, AF_EDATA, "%s: frame %zu: %zux%zu px is more than --max-pixels %zu",
                       name, head->nheads - 1, head->w, head->h, max_pixels);
    return 1;
}

static int fail_body(FILE *fp, const char *name, const struct af_pgm_head *head, size_t y,
                     struct af_err *err)
{
    if (ferror(fp))
        return af_fail_errno(err, "%s", name);
    return af_fail(err, AF_EDATA, "%s: frame %zu: cut short in row %zu of %zu", name,
                   head->nheads - 1, y, head->h);
}

/* A row of big-endian bytes, already lying in out, to counts of this machine. */
static void decode_row(uint16_t *out, size_t w)
{
    const uint8_t *in = (const uint8_t *)out;

    for (size_t x = 0; x < w; x++)
        out[x] = (uint16_t)(in[2 * x] << 8 | in[2 * x + 1]);
}

/* A row of numbers as text, blanks between them. */
static int read_plain_row(FILE *fp, struct af_image *img, size_t y, unsigned maxval)
{
    uint8_t *out8 = img->data;
    uint16_t *out16 = img->data;

    for (size_t i = y * img->w; i < (y + 1) * img->w; i++) {
        unsigned v = 0;
        int c;
        while (is_blank(c = getc(fp)))
            ;
        if (c < '0' || c > '9')
            return -1;
        for (; c >= '0' && c <= '9' && v <= maxval; c = getc(fp))
            v = v * 10 + (unsigned)(c - '0');
        if (v > maxval || (c != EOF && !is_blank(c)))
            return -1;
        if (img->type == AF_U8)
            out8[i] = (uint8_t)v;
        else
            out16[i] = (uint16_t)v;
    }
    return 0;
}

/* Largest count of row y. */
static unsigned row_max(const struct af_image *img, size_t y)
{
    const uint8_t *p8 = (const uint8_t *)img->data + y * img->w;
    const uint16_t *p16 = (const uint16_t *)img->data + (img->type == AF_U16 ? y * img->w : 0);
    unsigned max = 0;

    for (size_t x = 0; x < img->w; x++) {
        unsigned v = img->type == AF_U8 ? p8[x] : p16[x];
        if (v > max)
            max = v;
    }
    return max;
}

unsigned af_pgm_bits(unsigned maxval)
{
    unsigned bits = 1;

    while (maxval >>= 1)
        bits++;
    return bits;
}

int af_pgm_read_body(FILE *fp, const char *name, const struct af_pgm_head *head,
                     struct af_image *img, struct af_err *err)
{
    size_t stride;

    if (af_image_resize(img, head->w, head->h, head->maxval > 255 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = af_pgm_bits(head->maxval);
    stride = img->w * af_sample_size(img->type);
    for (size_t y = 0; y < img->h; y++) {
        uint8_t *row = (uint8_t *)img->data + y * stride;
        unsigned max;
        errno = 0;
        if (head->plain) {
            if (read_plain_row(fp, img, y, head->maxval))
                return feof(fp) || ferror(fp)
                           ? fail_body(fp, name, head, y, err)
                           : af_fail(err, AF_EDATA, "%s: frame %zu: row %zu: no count up to %u",
                                     name, head->nheads - 1, y, head->maxval);
            continue;
        }
        if (fread(row, 1, stride, fp) != stride)
            return fail_body(fp, name, head, y, err);
        if (img->type == AF_U16)
            decode_row((uint16_t *)row, img->w);
        if ((max = row_max(img, y)) > head->maxval)
            return af_fail(err, AF_EDATA, "%s: frame %zu: row %zu: count %u is over maxval %u",
                           name, head->nheads - 1, y, max, head->maxval);
    }
    return 0;
}

/* Row y as bytes of the file. -1: a count over maxval. */
static int encode_row(const struct af_image *img, size_t y, unsigned maxval, uint8_t *out)
{
    const uint8_t *p8 = (const uint8_t *)img->data + y * img->w;
    const uint16_t *p16 = (const uint16_t *)img->data + (img->type == AF_U16 ? y * img->w : 0);

    for (size_t x = 0; x < img->w; x++) {
        unsigned v = img->type == AF_U8 ? p8[x] : p16[x];
        if (v > maxval)
            return -1;
        if (maxval > 255)
            *out++ = (uint8_t)(v >> 8);
        *out++ = (uint8_t)v;
    }
    return 0;
}

int af_pgm_write(FILE *fp, const struct af_image *img, const struct af_plane *p,
                 struct af_err *err)
{
    char comment[AF_PAGENAME_SIZE];
    unsigned maxval;
    uint8_t *row;
    size_t stride;
    int ret = -1;

    if ((img->type != AF_U8 && img->type != AF_U16) || img->bits < 1 || img->bits > 16)
        return af_fail(err, AF_EDATA, "PGM: holds unsigned counts of at most 16 bits, not %s",
                       af_sample_name(img->type));
    maxval = (1u << img->bits) - 1;
    stride = img->w * (maxval > 255 ? 2 : 1);
    if (!(row = af_calloc(stride, 1, err)))
        return -1;
    errno = 0;
    fputs("P5\n", fp);
    if (p && af_pagename_format(p, comment))
        fprintf(fp, "# %s\n", comment);
    fprintf(fp, "%zu %zu\n%u\n", img->w, img->h, maxval);
    for (size_t y = 0; y < img->h; y++) {
        if (encode_row(img, y, maxval, row)) {
            af_fail(err, AF_EDATA, "PGM: row %zu has counts over the %u of %u bits", y, maxval,
                    img->bits);
            goto done;
        }
        if (fwrite(row, 1, stride, fp) != stride)
            break;
    }
    if (fflush(fp) || ferror(fp)) {
        af_fail_errno(err, "PGM: cannot be written");
        goto done;
    }
    ret = 0;
done:
    free(row);
    return ret;
}
