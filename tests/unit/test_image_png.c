/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/png.h"
#include "base/random.h"
#include "graysums.h"

#include <png.h>

enum { W = 13, H = 11 };

/* Another way to write a PNG: libpng's own calls, samples packed as they lie in the file. */
static void make_png(FILE *fp, int depth, int kind, int interlace, const png_color *palette,
                     int npalette, uint8_t *rows, size_t stride)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep row[H];

    if (setjmp(png_jmpbuf(png)))
        abort();
    png_init_io(png, fp);
    png_set_IHDR(png, info, W, H, depth, kind, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (palette)
        png_set_PLTE(png, info, palette, npalette);
    png_write_info(png, info);
    for (size_t y = 0; y < H; y++)
        row[y] = rows + y * stride;
    png_write_image(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    rewind(fp);
}

/* Put n samples of `bits` into a row as PNG packs them: first sample in the high bits. */
static void pack(uint8_t *row, const unsigned *v, size_t n, unsigned bits)
{
    for (size_t i = 0; i < n; i++)
        for (unsigned b = 0; b < bits; b++) {
            size_t at = i * bits + b;
            row[at / 8] |= (uint8_t)((v[i] >> (bits - 1 - b) & 1) << (7 - at % 8));
        }
}

static void gray_depths_keep_counts(void **state)
{
    static const unsigned depth[] = {1, 2, 4, 8, 16};
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "png");
    for (size_t d = 0; d < 5; d++)
        for (int interlace = 0; interlace < 2; interlace++)
            for (int alpha = 0; alpha < (depth[d] >= 8 ? 2 : 1); alpha++) {
                unsigned v[H][W], mixed[2 * W];
                uint8_t rows[H][4 * W] = {0};
                struct af_image img = {0};
                FILE *fp = tmpfile();
                for (size_t y = 0; y < H; y++) {
                    for (size_t x = 0; x < W; x++) {
                        v[y][x] = (unsigned)af_random_below(&r, 1u << depth[d]);
                        mixed[x * (alpha + 1)] = v[y][x];
                        if (alpha)
                            mixed[2 * x + 1] = (unsigned)x;
                    }
                    pack(rows[y], mixed, W * (size_t)(alpha + 1), depth[d]);
                }
                make_png(fp, (int)depth[d], alpha ? PNG_COLOR_TYPE_GRAY_ALPHA : PNG_COLOR_TYPE_GRAY,
                         interlace ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, NULL, 0, rows[0],
                         sizeof(rows[0]));
                assert_int_equal(af_png_read(fp, "t", W * H, &img, NULL), 0);
                assert_int_equal(img.bits, depth[d]);
                assert_int_equal(img.type, depth[d] == 16 ? AF_U16 : AF_U8);
                for (size_t y = 0; y < H; y++) {
                    double row[W];
                    af_image_row_f64(&img, y, row);
                    for (size_t x = 0; x < W; x++)
                        assert_true(row[x] == v[y][x]);
                }
                af_image_release(&img);
                fclose(fp);
            }
}

static void gray_palettes_are_gray_and_others_refused(void **state)
{
    png_color palette[4] = {{9, 9, 9}, {200, 200, 200}, {0, 0, 0}, {255, 255, 255}};
    uint8_t rows[H][W] = {{0}};
    struct af_image img = {0};
    struct af_err err = {0};
    FILE *fp = tmpfile();

    (void)state;
    for (size_t i = 0; i < W; i++)
        rows[3][i] = (uint8_t)(i % 4);
    make_png(fp, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, palette, 4, rows[0], W);
    assert_int_equal(af_png_read(fp, "t", W * H, &img, &err), 0);
    for (size_t x = 0; x < W; x++)
        assert_int_equal(((uint8_t *)img.data)[3 * W + x], palette[x % 4].red);
    assert_int_equal(img.bits, 8);
    fclose(fp);
    palette[2].blue = 1;
    fp = tmpfile();
    make_png(fp, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, palette, 4, rows[0], W);
    assert_int_equal(af_png_read(fp, "t", W * H, &img, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, "t: colour PNG, gray is needed");
    fclose(fp);
    af_image_release(&img);
}

static void an_index_outside_the_palette_is_refused(void **state)
{
    png_color palette[2] = {{0, 0, 0}, {1, 1, 1}};
    uint8_t rows[H][W] = {{0}};
    struct af_image img = {0};
    struct af_err err = {0};
    FILE *fp = tmpfile();

    (void)state;
    rows[H - 1][W - 1] = 2;
    make_png(fp, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, palette, 2, rows[0], W);
    assert_int_equal(af_png_read(fp, "t", W * H, &img, &err), -1);
    assert_string_equal(err.text, "t: PNG pixel 142 is not in the palette of 2");
    fclose(fp);
    af_image_release(&img);
}

/* n bytes of a gray picture as af_png_write makes it; the caller frees. */
static uint8_t *written(size_t *n, int channels)
{
    uint8_t pixels[W * H * 3];
    FILE *fp = tmpfile();
    uint8_t *bytes;

    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i * 7);
    assert_int_equal(af_png_write(fp, "t", pixels, W, H, channels, "made by a test", NULL), 0);
    *n = (size_t)ftell(fp);
    rewind(fp);
    assert_non_null(bytes = malloc(*n));
    assert_int_equal(fread(bytes, 1, *n, fp), *n);
    fclose(fp);
    return bytes;
}

static void what_is_written_is_read_back(void **state)
{
    struct af_image img = {0};
    size_t n;
    uint8_t *bytes = written(&n, 1);
    FILE *fp = fmemopen(bytes, n, "rb");

    (void)state;
    assert_int_equal(af_png_read(fp, "t", W * H, &img, NULL), 0);
    for (size_t i = 0; i < W * H; i++)
        assert_int_equal(((uint8_t *)img.data)[i], (uint8_t)(i * 7));
    fclose(fp);
    free(bytes);
    af_image_release(&img);
}

static void colour_is_refused_in_one_line(void **state)
{
    struct af_image img = {0};
    struct af_err err = {0};
    size_t n;
    uint8_t *bytes = written(&n, 3);
    FILE *fp = fmemopen(bytes, n, "rb");

    (void)state;
    assert_int_equal(af_png_read(fp, "a.png", W * H, &img, &err), -1);
    assert_string_equal(err.text, "a.png: colour PNG, gray is needed");
    fclose(fp);
    free(bytes);
}

static void the_same_pixels_give_the_same_bytes(void **state)
{
    size_t n, m;
    uint8_t *a = written(&n, 3), *b = written(&m, 3);

    (void)state;
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct af_image img = {0};
    struct af_err err;
    size_t n;
    uint8_t *bytes = written(&n, 1);

    (void)state;
    for (size_t len = 1; len < n; len++) {
        FILE *fp = fmemopen(bytes, len, "rb");
        err = (struct af_err){0};
        assert_int_equal(af_png_read(fp, "t", W * H, &img, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_true(strlen(err.text) > 3);
        fclose(fp);
    }
    free(bytes);
    af_image_release(&img);
}

/* Each byte wrong in turn: a chunk's checksum, or libpng, must find it, or it was harmless. */
static void a_damaged_file_is_never_read_as_other_pixels(void **state)
{
    struct af_image img = {0};
    size_t n, nread = 0;
    uint8_t *bytes = written(&n, 1);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        FILE *fp;
        bytes[i] ^= 0x5a;
        fp = fmemopen(bytes, n, "rb");
        if (!af_png_read(fp, "t", W * H, &img, NULL)) {
            nread++;
            for (size_t k = 0; k < W * H; k++)
                assert_int_equal(((uint8_t *)img.data)[k], (uint8_t)(k * 7));
        }
        bytes[i] ^= 0x5a;
        fclose(fp);
    }
    assert_in_range(nread, 1, 40); // the comment's text is all that may be damaged
    free(bytes);
    af_image_release(&img);
}

static void sizes_over_the_limit_are_refused_before_memory_is_taken(void **state)
{
    struct af_image img = {0};
    struct af_err err = {0};
    size_t n;
    uint8_t *bytes = written(&n, 1);
    FILE *fp = fmemopen(bytes, n, "rb");

    (void)state;
    assert_int_equal(af_png_read(fp, "t", W * H - 1, &img, &err), -1);
    assert_string_equal(err.text, "t: 13x11 px is more than --max-pixels 142");
    assert_null(img.data);
    fclose(fp);
    free(bytes);
}

static void a_full_disk_is_reported(void **state)
{
    struct af_err err = {0};
    uint8_t pixels[W * H] = {0};
    FILE *fp = fopen("/dev/full", "wb");

    (void)state;
    if (!fp)
        skip();
    setvbuf(fp, NULL, _IONBF, 0);
    assert_int_equal(af_png_write(fp, "o.png", pixels, W, H, 1, NULL, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "o.png: No space left on device");
    fclose(fp);
}

static void real_frames_have_the_sums_that_pillow_found(void **state)
{
    (void)state;
    compare_with_sums(".png", 9, af_png_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gray_depths_keep_counts),
        cmocka_unit_test(gray_palettes_are_gray_and_others_refused),
        cmocka_unit_test(an_index_outside_the_palette_is_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(colour_is_refused_in_one_line),
        cmocka_unit_test(the_same_pixels_give_the_same_bytes),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_damaged_file_is_never_read_as_other_pixels),
        cmocka_unit_test(sizes_over_the_limit_are_refused_before_memory_is_taken),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(real_frames_have_the_sums_that_pillow_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
