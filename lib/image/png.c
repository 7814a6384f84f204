/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/png.h"
#include "base/memory.h"
#include "base/outfile.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Everything that must outlive a longjmp lies here, behind a pointer that never changes. */
struct job {
    FILE *fp;
    const char *name;
    struct af_err *err;
    enum af_kind kind; // of the failure libpng is about to report
    int saved_errno;   // nonzero: the reason is the system's
    png_structp png;
    png_infop info;
    enum af_colour part;
    bool colour;   // read it as red, green, blue
    uint8_t *rows; // of a colour PNG: all of it
};

static void on_error(png_structp png, png_const_charp text)
{
    struct job *job = png_get_error_ptr(png);

    if (job->saved_errno) {
        errno = job->saved_errno;
        af_fail_errno(job->err, "%s", job->name);
    } else {
        af_fail(job->err, job->kind, "%s: %s", job->name, text);
    }
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t size)
{
    struct job *job = png_get_mem_ptr(png);
    void *p = malloc(size);

    if (!p)
        job->kind = AF_ESYS; // libpng says "Out of memory" next
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    free(p);
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct job *job = png_get_io_ptr(png);

    errno = 0;
    if (fread(out, 1, n, job->fp) == n)
        return;
    if (ferror(job->fp))
        job->saved_errno = errno ? errno : EIO;
    png_error(png, "PNG is cut short");
}

static void on_write(png_structp png, png_bytep in, size_t n)
{
    struct job *job = png_get_io_ptr(png);

    errno = 0;
    if (fwrite(in, 1, n, job->fp) == n)
        return;
    job->saved_errno = errno ? errno : EIO;
    png_error(png, "write error");
}

static void on_flush(png_structp png)
{
    (void)png; // the owner of the FILE flushes it
}

/* Gray levels of the palette into map[256]; -1 where an entry is coloured. *n: entries. */
static int palette_map(struct job *job, uint8_t *map, size_t *n)
{
    png_colorp entry;
    int count = 0;

    if (!png_get_PLTE(job->png, job->info, &entry, &count) || count < 1 || count > 256)
        return af_fail(job->err, AF_EDATA, "%s: PNG without its palette", job->name);
    for (int i = 0; i < count; i++) {
        if (entry[i].red != entry[i].green || entry[i].red != entry[i].blue)
            return af_fail(job->err, AF_EDATA, "%s: colour PNG, gray is needed", job->name);
        map[i] = entry[i].red;
    }
    *n = (size_t)count;
    return 0;
}

/* Replace indices by grays, in place. */
static int apply_palette(struct job *job, struct af_image *img)
{
    uint8_t map[256], *p = img->data;
    size_t n;

    if (palette_map(job, map, &n))
        return -1;
    for (size_t i = 0; i < img->w * img->h; i++) {
        if (p[i] >= n)
            return af_fail(job->err, AF_EDATA, "%s: PNG pixel %zu is not in the palette of %zu",
                           job->name, i, n);
        p[i] = map[p[i]];
    }
    img->bits = 8;
    return 0;
}

/* The header says what the file holds: check it, make room, and ask libpng for plain samples. */
static int prepare(struct job *job, size_t max_pixels, struct af_image *img)
{
    size_t w = png_get_image_width(job->png, job->info);
    size_t h = png_get_image_height(job->png, job->info);
    unsigned bits = png_get_bit_depth(job->png, job->info);
    int kind = png_get_color_type(job->png, job->info);
    uint16_t one = 1;
    uint8_t map[256];
    size_t n;

    if (kind == PNG_COLOR_TYPE_PALETTE) {
        struct af_err *err = job->err;

        job->err = job->part ? NULL : err;
        job->colour = palette_map(job, map, &n) != 0;
        job->err = err;
        if (job->colour && !job->part)
            return -1;
    } else if (kind & PNG_COLOR_MASK_COLOR) {
        job->colour = true;
    }
    if (job->colour && !job->part) {
        return af_fail(job->err, AF_EDATA, "%s: colour PNG, gray is needed", job->name);
    }
    if (!af_size_mul(w, h, &n) || n > max_pixels)
        return af_fail(job->err, AF_EDATA, "%s: %zux%zu px is more than --max-pixels %zu",
                       job->name, w, h, max_pixels);
    if (job->colour && kind == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(job->png);
        png_set_strip_alpha(job->png); // that tRNS would add
        bits = 8;
    }
    if (bits < 8)
        png_set_packing(job->png);
    if (kind & PNG_COLOR_MASK_ALPHA)
        png_set_strip_alpha(job->png);
    if (bits == 16 && *(uint8_t *)&one)
        png_set_swap(job->png);
    if (af_image_resize(img, w, h, bits == 16 ? AF_U16 : AF_U8, job->err))
        return -1;
    img->bits = bits;
    return 0;
}

/* All rows of a colour PNG are held, since passes of an interlaced one go over them again. */
static int read_colour(struct job *job, int npasses, struct af_image *img)
{
    const size_t row = png_get_rowbytes(job->png, job->info);

    if (row != 3 * img->w * af_sample_size(img->type))
        return af_fail(job->err, AF_EDATA, "%s: colour PNG rows of %zu bytes", job->name, row);
    if (!(job->rows = af_calloc(img->h, row, job->err)))
        return -1;
    for (int pass = 0; pass < npasses; pass++)
        for (size_t y = 0; y < img->h; y++)
            png_read_row(job->png, job->rows + y * row, NULL);
    png_read_end(job->png, NULL);
    for (size_t y = 0; y < img->h; y++)
        af_colour_pick(job->rows + y * row, img->w, 3, img->type, job->part, af_image_row(img, y));
    return 0;
}

static int read_image(struct job *job, size_t max_pixels, struct af_image *img)
{
    size_t stride;
    int npasses;

    png_read_info(job->png, job->info);
    if (prepare(job, max_pixels, img))
        return -1;
    npasses = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    if (job->colour)
        return read_colour(job, npasses, img);
    stride = img->w * af_sample_size(img->type);
    if (png_get_rowbytes(job->png, job->info) != stride)
        return af_fail(job->err, AF_EDATA, "%s: PNG rows of %zu bytes, %zu expected", job->name,
                       (size_t)png_get_rowbytes(job->png, job->info), stride);
    if (npasses > 1) // libpng fills in between the pixels of the passes before
        memset(img->data, 0, stride * img->h);
    for (int pass = 0; pass < npasses; pass++)
        for (size_t y = 0; y < img->h; y++)
            png_read_row(job->png, (uint8_t *)img->data + y * stride, NULL);
    png_read_end(job->png, NULL);
    if (png_get_color_type(job->png, job->info) == PNG_COLOR_TYPE_PALETTE)
        return apply_palette(job, img);
    return 0;
}

/* libpng's errors land here; nothing in this frame changes after setjmp. */
static int read_guarded(struct job *job, size_t max_pixels, struct af_image *img)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); // text, profiles, ...
    return read_image(job, max_pixels, img);
}

int af_png_read(FILE *fp, const char *name, size_t max_pixels, struct af_image *img,
                struct af_err *err)
{
    return af_png_read_part(fp, name, max_pixels, AF_COLOUR_REFUSED, &(bool){false}, img, err);
}

int af_png_read_part(FILE *fp, const char *name, size_t max_pixels, enum af_colour part,
                     bool *colour, struct af_image *img, struct af_err *err)
{
    struct job job = {.fp = fp, .name = name, .err = err, .kind = AF_EDATA, .part = part};
    png_uint_32 side = max_pixels < PNG_UINT_31_MAX ? (png_uint_32)max_pixels : PNG_UINT_31_MAX;
    int ret = -1;

    job.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning, &job,
                                       on_malloc, on_free);
    if (job.png)
        job.info = png_create_info_struct(job.png);
    if (!job.info) {
        af_fail(err, AF_ESYS, "%s: out of memory", name);
        goto done;
    }
    png_set_read_fn(job.png, &job, on_read);
    png_set_user_limits(job.png, side, side);
    png_set_chunk_cache_max(job.png, 16);
    png_set_chunk_malloc_max(job.png, (png_alloc_size_t)1 << 20);
    ret = read_guarded(&job, max_pixels, img);
    *colour = job.colour;
done:
    free(job.rows);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return ret;
}

struct picture {
    const uint8_t *pixels;
    size_t w, h;
    int channels;
    const char *comment;
};

static int write_guarded(struct job *job, const struct picture *p)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_IHDR(job->png, job->info, (png_uint_32)p->w, (png_uint_32)p->h, 8,
                 p->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(job->png, 6);
    png_set_filter(job->png, 0, PNG_FILTER_SUB | PNG_FILTER_UP); // fast, and small on flat colour
    if (p->comment) {
        png_text text = {.compression = PNG_TEXT_COMPRESSION_NONE,
                         .key = (char *)"Comment",
                         .text = (char *)p->comment,
                         .text_length = strlen(p->comment)};
        png_set_text(job->png, job->info, &text, 1);
    }
    png_write_info(job->png, job->info);
    for (size_t y = 0; y < p->h; y++)
        png_write_row(job->png, p->pixels + y * p->w * (size_t)p->channels);
    png_write_end(job->png, job->info);
    return 0;
}

int af_png_write(FILE *fp, const char *name, const uint8_t *pixels, size_t w, size_t h,
                 int channels, const char *comment, struct af_err *err)
{
    struct job job = {.fp = fp, .name = name, .err = err, .kind = AF_EUSAGE};
    struct picture picture = {pixels, w, h, channels, comment};
    int ret = -1;

    if (!w || !h || w > 1000000 || h > 1000000) // libpng's own limit on sides
        return af_fail(err, AF_EUSAGE, "%s: a PNG of %zux%zu px cannot be written", name, w, h);
    job.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning, &job,
                                        on_malloc, on_free);
    if (job.png)
        job.info = png_create_info_struct(job.png);
    if (!job.info) {
        af_fail(err, AF_ESYS, "%s: out of memory", name);
        goto done;
    }
    png_set_write_fn(job.png, &job, on_write, on_flush);
    ret = write_guarded(&job, &picture);
done:
    png_destroy_write_struct(&job.png, &job.info);
    return ret;
}

int af_png_save(const char *path, const uint8_t *pixels, size_t w, size_t h, int channels,
                const char *comment, struct af_err *err)
{
    struct af_outfile f = {0};

    if (af_outfile_open(&f, path, err))
        return -1;
    if (!af_png_write(f.fp, path, pixels, w, h, channels, comment, err))
        return af_outfile_commit(&f, err);
    af_outfile_discard(&f);
    return -1;
}
