/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages with colour, a palette or samples of other kinds: what is gray enough. */
#include "image/tiff.h"
#include "tiffmake.h"

static void colour_is_refused_in_one_line(void **state)
{
    struct tiff_spec rgb = {.w = 4, .h = 4, .samples = 3, .photometric = PHOTOMETRIC_RGB};
    struct tiff_spec gray = {.w = 4, .h = 4, .photometric = PHOTOMETRIC_MINISBLACK};

    (void)state;
    make_tiff("c.tif", "wl", rgb);
    assert_unreadable("c.tif", "page 0: colour, gray is needed");
    rgb.apart = true;
    make_tiff("c.tif", "wl", rgb);
    assert_unreadable("c.tif", "page 0: colour, gray is needed");
    make_tiff("c.tif", "wl", gray);
    patch_tag("c.tif", TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_COMPLEXIEEEFP);
    assert_unreadable("c.tif", "page 0: complex numbers, gray is needed");
    make_tiff("c.tif", "wl", gray);
    patch_tag("c.tif", TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_CFA);
    assert_unreadable("c.tif", "page 0: colour, gray is needed");
    make_tiff("c.tif", "wl", gray);
    patch_tag("c.tif", TIFFTAG_COMPRESSION, 31337);
    assert_unreadable("c.tif", "page 0: a compression that this libtiff does not know");
    gray.bits = 20;
    make_tiff("c.tif", "wl", gray);
    patch_tag("c.tif", TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
    assert_unreadable("c.tif", "page 0: an unknown sample format");
}

static void of_colour_a_part_is_read_where_it_is_asked_for(void **state)
{
    static const uint8_t rgb[] = {10, 20, 30, 255, 0, 0, 0, 255, 0, 0, 0, 255};
    const struct {
        enum af_colour part;
        uint8_t want[4];
    } parts[] = {{AF_COLOUR_LUMA, {18, 76, 150, 29}}, // 0.299 R + 0.587 G + 0.114 B
                 {AF_COLOUR_RED, {10, 255, 0, 0}},
                 {AF_COLOUR_BLUE, {30, 0, 0, 255}}};
    struct af_image img = {0};
    struct af_tiff *t;

    (void)state;
    for (int k = 0; k < 8; k++) {
        const bool wide = k & 1, alpha = k & 2;
        const size_t spp = alpha ? 4 : 3;
        const uint16_t extra = EXTRASAMPLE_UNASSALPHA;
        TIFF *tif = TIFFOpen("rgb.tif", k & 4 ? "wb" : "wl");
        uint16_t row[16] = {0};

        assert_non_null(tif);
        for (size_t i = 0; i < 12; i++) {
            const size_t at = i / 3 * spp + i % 3;

            if (wide)
                row[at] = rgb[i];
            else
                ((uint8_t *)row)[at] = rgb[i];
        }
        TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 4);
        TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
        TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, wide ? 16 : 8);
        TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, (int)spp);
        TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
        TIFFSetField(tif, TIFFTAG_COMPRESSION, k & 2 ? COMPRESSION_LZW : COMPRESSION_NONE);
        if (k & 2)
            TIFFSetField(tif, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
        if (alpha)
            TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, 1, &extra);
        assert_int_equal(TIFFWriteEncodedStrip(tif, 0, row, (tmsize_t)(4 * spp * (wide ? 2 : 1))),
                         4 * spp * (wide ? 2 : 1));
        TIFFClose(tif);
        assert_unreadable("rgb.tif", "page 0: colour, gray is needed");
        assert_int_equal(af_tiff_open(&t, "rgb.tif", 99, 9, NULL), 0);
        for (size_t p = 0; p < 3; p++) {
            af_tiff_take(t, parts[p].part);
            assert_int_equal(af_tiff_read(t, 0, &img, NULL), 0);
            assert_int_equal(img.type, wide ? AF_U16 : AF_U8);
            for (size_t x = 0; x < 4; x++)
                assert_int_equal(integer_at(&img, x, 0), parts[p].want[x]);
        }
        af_tiff_close(t);
    }
    af_image_release(&img);
}

/* One page of 2 bits with a palette. */
static void make_palette(const char *path, const char *description, uint16_t r[4], uint16_t g[4],
                         uint16_t b[4])
{
    const uint8_t row = 0x1b; // 0 1 2 3
    TIFF *tif = TIFFOpen(path, "w");

    assert_non_null(tif);
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 4);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 1);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 2);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_PALETTE);
    TIFFSetField(tif, TIFFTAG_COLORMAP, r, g, b);
    if (description)
        TIFFSetField(tif, TIFFTAG_IMAGEDESCRIPTION, description);
    assert_int_equal(TIFFWriteEncodedStrip(tif, 0, (void *)&row, 1), 1);
    TIFFClose(tif);
}

static void palettes_are_read_where_they_are_gray(void **state)
{
    uint16_t up[] = {0, 20000, 40000, 65535}, down[] = {65535, 40000, 20000, 0};
    struct af_image img = {0};
    struct af_tiff *t;

    (void)state;
    make_palette("p.tif", NULL, up, up, up);
    assert_int_equal(af_tiff_open(&t, "p.tif", 99, 9, NULL), 0);
    assert_int_equal(af_tiff_read(t, 0, &img, NULL), 0);
    assert_memory_equal(img.data, "\0\1\2\3", 4);
    af_tiff_close(t);
    make_palette("p.tif", NULL, up, up, down);
    assert_unreadable("p.tif", "page 0: a colour palette, gray is needed");
    make_palette("p.tif", NULL, down, down, down); // falling: indices are not the counts
    assert_unreadable("p.tif", "page 0: a colour palette, gray is needed");
    make_palette("p.tif", "ImageJ=1.53t\n", up, up, down); // a look-up table for the eye
    assert_int_equal(af_tiff_open(&t, "p.tif", 99, 9, NULL), 0);
    assert_int_equal(af_tiff_read(t, 0, &img, NULL), 0);
    assert_memory_equal(img.data, "\0\1\2\3", 4);
    af_tiff_close(t);
    af_image_release(&img);
}

static void samples_without_a_meaning_are_refused(void **state)
{
    struct tiff_spec s = {.w = 4, .h = 4, .samples = 2, .photometric = PHOTOMETRIC_MINISBLACK};

    (void)state;
    s.bits = 12; // packed samples side by side are not taken apart
    make_tiff("s.tif", "wl", s);
    assert_unreadable("s.tif", "page 0: several samples per pixel, gray is needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colour_is_refused_in_one_line),
        cmocka_unit_test(of_colour_a_part_is_read_where_it_is_asked_for),
        cmocka_unit_test(palettes_are_read_where_they_are_gray),
        cmocka_unit_test(samples_without_a_meaning_are_refused),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
