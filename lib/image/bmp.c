/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/bmp.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>

enum {
    FILE_HEAD = 14,           // bytes of the file header
    CORE_HEAD = 12,           // bytes of the oldest picture header
    INFO_HEAD = 40,           // bytes of the usual one, which later ones begin with
    MAX_HEAD = 256,
    MAX_GAP = 1 << 20,        // bytes between palette and pixels that are passed over
};

struct bmp {
    FILE *fp;
    const char *name;
    size_t at;                // bytes read so far
    size_t pixels_at;         // where the file header says that pixels begin
    size_t w, h, stride;      // px, px, bytes
    bool top_down, core;
    unsigned bits;            // 1, 4, 8
    size_t ncolours;
    uint8_t gray[256];
};

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned le16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static int get(struct bmp *b, void *out, size_t n, const char *what, struct af_err *err)
{
    errno = 0;
    if (fread(out, 1, n, b->fp) != n) {
        if (ferror(b->fp))
            return af_fail_errno(err, "%s", b->name);
        return af_fail(err, AF_EDATA, "%s: BMP is cut short in its %s", b->name, what);
    }
    b->at += n;
    return 0;
}

/* Size and depth, as the two families of headers tell them. */
static int read_geometry(struct bmp *b, const uint8_t *head, size_t len, struct af_err *err)
{
    unsigned long compression = 0;
    uint32_t h;

    b->core = len == CORE_HEAD;
    if (b->core) {
        b->w = le16(head + 4);
        b->h = le16(head + 6);
        b->bits = le16(head + 10);
    } else {
        h = le32(head + 8); // two's complement; negative: from the top
        b->w = le32(head + 4);
        b->top_down = h >> 31;
        b->h = b->top_down ? (size_t)(UINT32_MAX - h) + 1 : h;
        b->bits = le16(head + 14);
        compression = le32(head + 16);
        b->ncolours = le32(head + 32);
    }
    if (b->bits == 16 || b->bits == 24 || b->bits == 32)
        return af_fail(err, AF_EDATA, "%s: colour BMP, gray is needed", b->name);
    if (b->bits != 1 && b->bits != 4 && b->bits != 8)
        return af_fail(err, AF_EDATA, "%s: BMP of %u bits a pixel; 1, 4 and 8 are read", b->name,
                       b->bits);
    if (compression)
        return af_fail(err, AF_EDATA, "%s: compressed BMP (method %lu); plain ones are read",
                       b->name, compression);
    if (!b->w || b->w > INT32_MAX || !b->h)
        return af_fail(err, AF_EDATA, "%s: BMP of %zux%zu px", b->name, b->w, b->h);
    if (!b->ncolours)
        b->ncolours = (size_t)1 << b->bits;
    if (b->ncolours > (size_t)1 << b->bits)
        return af_fail(err, AF_EDATA, "%s: BMP with %zu colours of %u bits", b->name, b->ncolours,
                       b->bits);
    b->stride = (b->w * b->bits + 31) / 32 * 4;
    return 0;
}

static int read_head(struct bmp *b, struct af_err *err)
{
    uint8_t head[MAX_HEAD];
    size_t len;

    if (get(b, head, FILE_HEAD + 4, "header", err))
        return -1;
    if (head[0] != 'B' || head[1] != 'M')
        return af_fail(err, AF_EDATA, "%s: not a BMP", b->name);
    b->pixels_at = le32(head + 10);
    len = le32(head + FILE_HEAD);
    if (len != CORE_HEAD && (len < INFO_HEAD || len > MAX_HEAD))
        return af_fail(err, AF_EDATA, "%s: BMP header of %zu bytes", b->name, len);
    if (get(b, head + 4, len - 4, "header", err))
        return -1;
    return read_geometry(b, head, len, err);
}

static int read_palette(struct bmp *b, struct af_err *err)
{
    size_t width = b->core ? 3 : 4; // blue, green, red, and an unused byte
    uint8_t entry[4];

    for (size_t i = 0; i < b->ncolours; i++) {
        if (get(b, entry, width, "palette", err))
            return -1;
        if (entry[0] != entry[1] || entry[0] != entry[2])
            return af_fail(err, AF_EDATA, "%s: colour BMP, gray is needed", b->name);
        b->gray[i] = entry[0];
    }
    if (b->pixels_at < b->at || b->pixels_at - b->at > MAX_GAP)
        return af_fail(err, AF_EDATA, "%s: BMP pixels at byte %zu, the palette ends at %zu",
                       b->name, b->pixels_at, b->at);
    while (b->at < b->pixels_at)
        if (get(b, entry, 1, "header", err))
            return -1;
    return 0;
}

/* One row of packed indices to grays. */
static int unpack(const struct bmp *b, const uint8_t *row, size_t y, uint8_t *out,
                  struct af_err *err)
{
    unsigned mask = (1u << b->bits) - 1, per_byte = 8 / b->bits;

    for (size_t x = 0; x < b->w; x++) {
        unsigned i = row[x / per_byte] >> (8 - b->bits * (x % per_byte + 1)) & mask;
        if (i >= b->ncolours)
            return af_fail(err, AF_EDATA, "%s: pixel (%zu,%zu) is not in the palette of %zu",
                           b->name, x, y, b->ncolours);
        out[x] = b->gray[i];
    }
    return 0;
}

int af_bmp_read(FILE *fp, const char *name, size_t max_pixels, struct af_image *img,
                struct af_err *err)
{
    struct bmp b = {.fp = fp, .name = name};
    uint8_t *row = NULL;
    size_t n;
    int ret = -1;

    if (read_head(&b, err))
        return -1;
    if (!af_size_mul(b.w, b.h, &n) || n > max_pixels)
        return af_fail(err, AF_EDATA, "%s: %zux%zu px is more than --max-pixels %zu", name, b.w,
                       b.h, max_pixels);
    if (read_palette(&b, err) || af_image_resize(img, b.w, b.h, AF_U8, err))
        return -1;
    if (!(row = af_calloc(b.stride, 1, err)))
        return -1;
    for (size_t i = 0; i < b.h; i++) {
        size_t y = b.top_down ? i : b.h - 1 - i;
        if (get(&b, row, b.stride, "pixels", err) ||
            unpack(&b, row, y, (uint8_t *)img->data + y * b.w, err))
            goto done;
    }
    ret = 0;
done:
    free(row);
    return ret;
}
