/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/tiff.h"
#include "tiffmake.h"

#include <math.h>

static uint64_t mask_of(unsigned bits)
{
    return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

static uint64_t scatter(size_t page, size_t x, size_t y)
{
    uint64_t v = (page * 1000003 + y * 1009 + x + 1) * UINT64_C(0x9e3779b97f4a7c15);

    return v ^ v >> 31;
}

static void compare(const struct tiff_spec *s, const struct af_image *img, size_t page)
{
    unsigned bits = s->bits ? s->bits : 8;

    assert_int_equal(img->w, s->w);
    assert_int_equal(img->h, s->h);
    assert_int_equal(img->bits, bits);
    for (size_t y = 0; y < s->h; y++)
        for (size_t x = 0; x < s->w; x++) {
            uint64_t want = spec_value(s, page, x, y) & mask_of(bits);

            if (s->photometric == PHOTOMETRIC_MINISWHITE && s->format != SAMPLEFORMAT_INT)
                want = mask_of(bits) - want;
            if (s->format == SAMPLEFORMAT_INT && want >> (bits - 1))
                want |= ~mask_of(bits);
            if (integer_at(img, x, y) != want)
                fail_msg("%u bits, page %zu, (%zu, %zu): %llx, not %llx", bits, page, x, y,
                         (unsigned long long)integer_at(img, x, y), (unsigned long long)want);
        }
}

/* Write by the specification, read back from the file and from memory, the last page first. */
static void round_trip(const char *mode, struct tiff_spec s)
{
    size_t npages = s.npages ? s.npages : 1, n;
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    uint8_t *bytes;

    make_tiff("a.tif", mode, s);
    bytes = slurp_file("a.tif", &n);
    for (int memory = 0; memory < 2; memory++) {
        struct af_tiff *t = NULL;
        int bad = memory ? af_tiff_open_memory(&t, "m", bytes, n, 1 << 20, 100, &err)
                         : af_tiff_open(&t, "a.tif", 1 << 20, 100, &err);

        if (bad)
            fail_msg("%s", err.text);
        assert_int_equal(af_tiff_npages(t), npages);
        assert_null(af_tiff_damage(t));
        for (size_t i = npages; i-- > 0;) {
            if (af_tiff_read(t, i, &img, &err))
                fail_msg("%u bits: %s", s.bits, err.text);
            compare(&s, &img, i);
        }
        af_tiff_close(t);
    }
    af_image_release(&img);
}

static void every_depth_sign_order_and_size_of_offset_is_read(void **state)
{
    static const char *const mode[] = {"wl", "wb", "w8l", "w8b"};

    (void)state;
    for (unsigned bits = 1; bits <= 64; bits++)
        for (int k = 0; k < 4; k++) {
            struct tiff_spec s = {.w = 13, .h = 5, .bits = bits, .npages = 2, .value = scatter};

            /* libtiff writes, and turns round, the whole sizes; what is packed has no order */
            s.photometric = PHOTOMETRIC_MINISBLACK;
            s.rows = k == 1 ? 2 : 0;
            s.format = bits > 1 && k >= 2 ? SAMPLEFORMAT_INT : SAMPLEFORMAT_UINT;
            round_trip(mode[k], s);
            s.photometric = PHOTOMETRIC_MINISWHITE;
            round_trip(mode[k], s);
        }
}

static void strips_and_tiles_of_any_size_meet(void **state)
{
    static const int compression[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_PACKBITS,
                                      COMPRESSION_ADOBE_DEFLATE};
    static const unsigned bits[] = {1, 8, 12, 16, 24, 32, 64};

    (void)state;
    for (size_t b = 0; b < 7; b++)
        for (size_t c = 0; c < 4; c++) {
            struct tiff_spec s = {.w = 37,
                                  .h = 29,
                                  .bits = bits[b],
                                  .npages = 2,
                                  .photometric = PHOTOMETRIC_MINISBLACK,
                                  .compression = compression[c],
                                  .value = scatter};

            for (s.rows = 1; s.rows <= 31; s.rows += 6)
                round_trip("w", s);
            s.tile_w = 16, s.tile_h = 32;
            round_trip("wb", s);
            s.tile_w = 64, s.tile_h = 16;
            round_trip("w8", s);
        }
}

static void differencing_is_undone_at_every_depth(void **state)
{
    static const unsigned bits[] = {3, 8, 10, 12, 14, 16, 24, 32, 64};

    (void)state;
    for (size_t b = 0; b < 9; b++) {
        bool ours = bits[b] % 8 || bits[b] == 24;
        struct tiff_spec s = {.w = 21,
                              .h = 6,
                              .bits = bits[b],
                              .photometric = PHOTOMETRIC_MINISBLACK,
                              .compression = COMPRESSION_LZW,
                              .predictor = ours ? PREDICTOR_NONE : PREDICTOR_HORIZONTAL,
                              .difference = ours,
                              .value = scatter};
        struct af_err err = {AF_OK, ""};
        struct af_image img = {0};
        struct af_tiff *t;

        make_tiff("p.tif", "wl", s);
        if (ours)
            patch_tag("p.tif", TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
        assert_int_equal(af_tiff_open(&t, "p.tif", 1 << 20, 9, &err), 0);
        for (int again = 0; again < 2; again++) { // the directory is as it was
            if (af_tiff_read(t, 0, &img, &err))
                fail_msg("%s", err.text);
            compare(&s, &img, 0);
        }
        af_tiff_close(t);
        af_image_release(&img);
    }
}

static void differencing_without_compression_is_undone_too(void **state)
{
    static const unsigned bits[] = {4, 8, 12, 16, 24, 32, 64};

    (void)state;
    for (size_t b = 0; b < 7; b++) {
        struct tiff_spec s = {.w = 11,
                              .h = 4,
                              .bits = bits[b],
                              .npages = 1,
                              .photometric = PHOTOMETRIC_MINISBLACK,
                              .difference = true,
                              .value = scatter};
        struct af_image img = {0};
        struct af_tiff *t;

        make_tiff("q.tif", "wl", s);
        patch_tag("q.tif", TIFFTAG_PLANARCONFIG, 2); // of one sample; its entry is now ...
        rename_tag("q.tif", TIFFTAG_PLANARCONFIG, TIFFTAG_PREDICTOR); // ... the Predictor
        assert_int_equal(af_tiff_open(&t, "q.tif", 1 << 20, 9, NULL), 0);
        assert_int_equal(af_tiff_read(t, 0, &img, NULL), 0);
        compare(&s, &img, 0);
        af_tiff_close(t);
        af_image_release(&img);
        patch_tag("q.tif", TIFFTAG_PREDICTOR, PREDICTOR_FLOATINGPOINT);
        assert_unreadable("q.tif", "page 0: a predictor that its compression does not have");
    }
}

static uint64_t float_bits(size_t page, size_t x, size_t y)
{
    float v = (float)(page + 1) * (float)x - 1e3f * (float)y;
    uint32_t bits;

    memcpy(&bits, &v, 4);
    return bits;
}

static uint64_t double_bits(size_t page, size_t x, size_t y)
{
    double v = (double)(page + 1) / (double)(x + 1) - 1e300 * (double)y;
    uint64_t bits;

    memcpy(&bits, &v, 8);
    return bits;
}

static void floats_are_kept_to_the_last_bit(void **state)
{
    static const char *const mode[] = {"wl", "wb"};
    struct af_image img = {0};

    (void)state;
    for (int k = 0; k < 8; k++) {
        struct tiff_spec s = {.w = 9,
                              .h = 3,
                              .bits = k & 2 ? 64 : 32,
                              .format = SAMPLEFORMAT_IEEEFP,
                              .photometric = PHOTOMETRIC_MINISBLACK,
                              .compression = k & 4 ? COMPRESSION_LZW : COMPRESSION_NONE,
                              .value = k & 2 ? double_bits : float_bits};
        struct af_tiff *t;

        make_tiff("f.tif", mode[k & 1], s);
        assert_int_equal(af_tiff_open(&t, "f.tif", 1 << 20, 9, NULL), 0);
        assert_int_equal(af_tiff_read(t, 0, &img, NULL), 0);
        assert_int_equal(img.type, k & 2 ? AF_F64 : AF_F32);
        for (size_t y = 0; y < s.h; y++)
            for (size_t x = 0; x < s.w; x++) {
                uint64_t want = s.value(0, x, y), got = 0;

                memcpy(&got, (char *)af_image_row(&img, y) + x * s.bits / 8, s.bits / 8);
                assert_int_equal(got, want);
            }
        af_tiff_close(t);
    }
    af_image_release(&img);
}

static void alpha_beside_gray_is_left_out(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        struct tiff_spec s = {.w = 21,
                              .h = 18,
                              .bits = k & 1 ? 16 : 8,
                              .samples = 2 + (k & 4) / 4,
                              .apart = k & 2,
                              .photometric = PHOTOMETRIC_MINISBLACK,
                              .value = scatter};

        s.rows = 5;
        round_trip("wb", s);
        s.tile_w = s.tile_h = 16;
        s.compression = COMPRESSION_LZW;
        round_trip("wl", s);
    }
}

/* ---------------------------------------------------------------- refusals */

static void sizes_beyond_limits_are_refused_before_memory_is_taken(void **state)
{
    struct tiff_spec s = {.w = 8, .h = 8, .npages = 3, .photometric = PHOTOMETRIC_MINISBLACK};
    struct af_err err = {AF_OK, ""};
    struct af_tiff *t;

    (void)state;
    make_tiff("l.tif", "wl", s);
    assert_int_equal(af_tiff_open(&t, "l.tif", 63, 9, &err), -1);
    assert_string_equal(err.text, "l.tif: page 0: 8x8 px is more than --max-pixels 63");
    assert_int_equal(af_tiff_open(&t, "l.tif", 64, 2, &err), -1);
    assert_string_equal(err.text, "l.tif: more than 2 pages");
    assert_null(t);
    patch_tag("l.tif", TIFFTAG_IMAGEWIDTH, 1000);
    assert_int_equal(af_tiff_open(&t, "l.tif", 10000, 9, &err), -1);
    assert_non_null(strstr(err.text, "l.tif: page 0: 1000x8 px of 8 bits cannot lie in a file of"));
    assert_int_equal(err.kind, AF_EDATA);
    s.compression = COMPRESSION_PACKBITS;
    make_tiff("l.tif", "wl", s);
    patch_tag("l.tif", TIFFTAG_IMAGEWIDTH, 60000); // SHORT
    patch_tag("l.tif", TIFFTAG_IMAGELENGTH, 60000);
    assert_int_equal(af_tiff_open(&t, "l.tif", 1u << 31, 9, &err), -1);
    assert_int_equal(af_tiff_open(&t, "l.tif", SIZE_MAX, 9, &err), -1);
    assert_non_null(strstr(err.text, "cannot lie in a file of"));
    s.compression = COMPRESSION_LZW;
    make_tiff("l.tif", "wl", s);
    patch_tag("l.tif", TIFFTAG_IMAGEWIDTH, 60000);
    patch_tag("l.tif", TIFFTAG_IMAGELENGTH, 60000);
    assert_int_equal(af_tiff_open(&t, "l.tif", SIZE_MAX, 9, &err), -1);
    assert_non_null(strstr(err.text, "cannot lie in a file of"));
    s.compression = 0;
    s.tile_w = s.tile_h = 16;
    make_tiff("l.tif", "wl", s);
    patch_tag("l.tif", TIFFTAG_TILEWIDTH, 65520);
    patch_tag("l.tif", TIFFTAG_TILELENGTH, 65520);
    assert_unreadable("l.tif", "page 0: ");
}

static void what_is_no_tiff_says_so(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_tiff *t;

    (void)state;
    spill_file("n.tif", "II*\0", 4);
    assert_unreadable("n.tif", "n.tif: ");
    spill_file("n.tif", "II", 2);
    assert_unreadable("n.tif", "Cannot read TIFF header");
    spill_file("n.tif", "MMxx1234", 8);
    assert_unreadable("n.tif", "Not a TIFF");
    assert_int_equal(af_tiff_open(&t, "absent.tif", 99, 9, &err), -1);
    assert_string_equal(err.text, "absent.tif: No such file or directory");
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(af_tiff_open_memory(&t, "m", malloc(1), 0, 99, 9, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_tiff_close(NULL);
}

static void a_file_cut_short_keeps_the_pages_before_the_cut(void **state)
{
    struct tiff_spec s = {.w = 40, .h = 40, .npages = 3, .photometric = PHOTOMETRIC_MINISBLACK};
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_tiff *t;
    uint8_t *b;
    size_t n;

    (void)state;
    make_tiff("t.tif", "wl", s);
    b = slurp_file("t.tif", &n);
    spill_file("t.tif", b, n - 20); // in the last directory
    free(b);
    assert_int_equal(af_tiff_open(&t, "t.tif", 1 << 20, 9, &err), 0);
    assert_int_equal(af_tiff_npages(t), 2);
    assert_non_null(af_tiff_damage(t));
    assert_int_equal(af_tiff_read(t, 1, &img, &err), 0);
    af_tiff_close(t);
    af_image_release(&img);
}

/* Cut the samples of page 0 by a move of its offset to near the end. */
static void samples_cut_short_are_told(void **state)
{
    struct tiff_spec s = {.w = 40, .h = 40, .photometric = PHOTOMETRIC_MINISBLACK};

    (void)state;
    for (int k = 0; k < 3; k++) {
        size_t n;

        s.photometric = k == 2 ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_MINISBLACK;
        s.compression = k == 1 ? COMPRESSION_PACKBITS : COMPRESSION_NONE;
        make_tiff("u.tif", "wl", s);
        free(slurp_file("u.tif", &n));
        patch_tag("u.tif", TIFFTAG_STRIPOFFSETS, (uint32_t)n - 10);
        assert_unreadable("u.tif", "u.tif: page 0: ");
    }
}

static void a_loop_of_directories_ends(void **state)
{
    struct tiff_spec s = {.w = 4, .h = 4, .photometric = PHOTOMETRIC_MINISBLACK};
    struct af_err err = {AF_OK, ""};
    struct af_tiff *t;
    uint8_t *b;
    size_t n;
    uint32_t at;

    (void)state;
    make_tiff("o.tif", "wl", s);
    b = slurp_file("o.tif", &n);
    at = get_number(b, 4, 4);
    put_number(b, at + 2 + 12 * get_number(b, at, 2), 4, at);
    spill_file("o.tif", b, n);
    free(b);
    assert_int_equal(af_tiff_open(&t, "o.tif", 99, 9, &err), 0);
    assert_int_equal(af_tiff_npages(t), 1);
    assert_non_null(af_tiff_damage(t));
    af_tiff_close(t);
}

/* ----------------------------------------------------- one page, n planes */

static void planes_behind_one_page_are_unrolled(void **state)
{
    static const char *const mode[] = {"wl", "wb"};

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct tiff_spec s = {.w = 5, .h = 3, .bits = 16, .value = scatter};
        struct af_err err = {AF_OK, ""};
        struct af_image img = {0};
        struct af_tiff *t;
        size_t n, bytes;
        uint8_t *b, *plane;

        s.photometric = PHOTOMETRIC_MINISBLACK;
        make_tiff("j.tif", mode[k], s);
        b = slurp_file("j.tif", &n);
        b = realloc(b, n + 3 * 30);
        assert_non_null(b);
        for (size_t i = 0; i < 3; i++) { // samples of all planes behind the directory
            plane = packed(&s, i, 0, 0, s.w, s.h, &bytes);
            for (size_t x = 0; x < bytes; x++)
                b[n + i * 30 + x] = plane[k ? x ^ 1 : x];
            free(plane);
        }
        spill_file("j.tif", b, n + 90);
        free(b);
        patch_tag("j.tif", TIFFTAG_STRIPOFFSETS, (uint32_t)n);
        assert_int_equal(af_tiff_open(&t, "j.tif", 99, 9, &err), 0);
        assert_int_equal(af_tiff_unroll(t, 4, &err), -1);
        assert_string_equal(err.text, "j.tif: 4 planes behind one page do not lie in the file");
        assert_int_equal(af_tiff_unroll(t, SIZE_MAX / 2, &err), -1);
        assert_int_equal(af_tiff_unroll(t, 3, &err), 0);
        assert_int_equal(af_tiff_npages(t), 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(af_tiff_read(t, i, &img, &err), 0);
            compare(&s, &img, i);
        }
        af_tiff_close(t);
        af_image_release(&img);
    }
}

static void compressed_pages_are_not_unrolled(void **state)
{
    struct tiff_spec s = {
        .w = 5, .h = 3, .photometric = PHOTOMETRIC_MINISBLACK, .compression = COMPRESSION_LZW};
    struct af_err err = {AF_OK, ""};
    struct af_tiff *t;

    (void)state;
    make_tiff("z.tif", "w", s);
    assert_int_equal(af_tiff_open(&t, "z.tif", 99, 9, &err), 0);
    assert_int_equal(af_tiff_unroll(t, 2, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_tiff_close(t);
}

static void tags_of_page_0_are_kept(void **state)
{
    struct af_tiff *t;
    TIFF *tif = TIFFOpen("m.tif", "w");
    uint8_t px = 1;

    (void)state;
    assert_non_null(tif);
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 1);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tif, TIFFTAG_IMAGEDESCRIPTION, "what it is");
    TIFFSetField(tif, TIFFTAG_DATETIME, "2026:11:21 10:20:30");
    TIFFSetField(tif, TIFFTAG_XRESOLUTION, 1e5);
    TIFFSetField(tif, TIFFTAG_YRESOLUTION, 1e5);
    TIFFSetField(tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
    TIFFSetField(tif, TIFFTAG_PAGENAME, "z_um=-1.5 x_um=2");
    TIFFSetField(tif, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
    TIFFWriteEncodedStrip(tif, 0, &px, 1);
    TIFFClose(tif);
    assert_int_equal(af_tiff_open(&t, "m.tif", 99, 9, NULL), 0);
    assert_string_equal(af_tiff_description(t), "what it is");
    assert_string_equal(af_tiff_date(t), "2026-11-21T10:20:30");
    assert_true(fabs(af_tiff_pixel_um(t) - 0.1) < 1e-9);
    assert_true(af_tiff_page(t, 0)->plane.z_um == -1.5);
    assert_true(af_tiff_page(t, 0)->plane.x_um == 2);
    assert_true(af_tiff_page(t, 0)->reduced);
    assert_false(af_tiff_page(t, 0)->micromanager);
    af_tiff_close(t);
}

/* Zeros are the clock of a camera that nobody set. */
static void only_a_time_is_a_date(void **state)
{
    static const char *const none[] = {"0000:00:00 00:00:00", "2026:02:30 10:20:30", "yesterday",
                                       "-123:11:21 10:20:30", "2026:11:21 24:20:30"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        TIFF *tif = TIFFOpen("date.tif", "w");
        struct af_tiff *t;
        uint8_t px = 1;

        assert_non_null(tif);
        TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 1);
        TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
        TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 8);
        TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
        TIFFSetField(tif, TIFFTAG_DATETIME, none[i]);
        TIFFWriteEncodedStrip(tif, 0, &px, 1);
        TIFFClose(tif);
        assert_int_equal(af_tiff_open(&t, "date.tif", 99, 9, NULL), 0);
        assert_null(af_tiff_date(t));
        af_tiff_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_time_is_a_date),
        cmocka_unit_test(every_depth_sign_order_and_size_of_offset_is_read),
        cmocka_unit_test(strips_and_tiles_of_any_size_meet),
        cmocka_unit_test(differencing_is_undone_at_every_depth),
        cmocka_unit_test(differencing_without_compression_is_undone_too),
        cmocka_unit_test(floats_are_kept_to_the_last_bit),
        cmocka_unit_test(alpha_beside_gray_is_left_out),
        cmocka_unit_test(sizes_beyond_limits_are_refused_before_memory_is_taken),
        cmocka_unit_test(what_is_no_tiff_says_so),
        cmocka_unit_test(a_file_cut_short_keeps_the_pages_before_the_cut),
        cmocka_unit_test(samples_cut_short_are_told),
        cmocka_unit_test(a_loop_of_directories_ends),
        cmocka_unit_test(planes_behind_one_page_are_unrolled),
        cmocka_unit_test(compressed_pages_are_not_unrolled),
        cmocka_unit_test(tags_of_page_0_are_kept),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
