/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/imagej.h"
#include "tiffmake.h"

#include <math.h>

static void a_hyperstack_says_its_sizes_and_its_spacing(void **state)
{
    struct af_imagej ij;

    (void)state;
    assert_true(af_imagej_parse("ImageJ=1.53t\nimages=24\nchannels=2\nslices=4\nframes=3\n"
                                "hyperstack=true\nmode=grayscale\nunit=nm\nspacing=250.0\n",
                                &ij));
    assert_int_equal(ij.images, 24);
    assert_int_equal(ij.nc, 2);
    assert_int_equal(ij.nz, 4);
    assert_int_equal(ij.nt, 3);
    assert_true(fabs(ij.spacing_um - 0.25) < 1e-12);
    assert_true(fabs(ij.unit_um - 1e-3) < 1e-15);
}

static void units_are_those_of_java_and_of_people(void **state)
{
    static const struct {
        const char *unit;
        double um;
    } want[] = {{"\\u00B5m", 1},  {"micron", 1}, {"microns", 1}, {"um", 1},
                {"\xc2\xb5m", 1}, {"mm", 1e3},   {"cm", 1e4},    {"inch", 25400}};
    struct af_imagej ij;
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
        snprintf(text, sizeof(text), "ImageJ=1\nimages=2\nslices=2\nunit=%s\r\nspacing=-2\r\n",
                 want[i].unit);
        assert_true(af_imagej_parse(text, &ij));
        assert_true(ij.unit_um == want[i].um);
        assert_true(ij.spacing_um == -2 * want[i].um);
    }
}

static void spacing_without_a_unit_of_length_says_nothing(void **state)
{
    struct af_imagej ij;

    (void)state;
    assert_true(af_imagej_parse("ImageJ=1\nspacing=2\n", &ij));
    assert_true(isnan(ij.spacing_um) && isnan(ij.unit_um));
    assert_true(af_imagej_parse("ImageJ=1\nunit=pixel\nspacing=2\n", &ij));
    assert_true(isnan(ij.spacing_um) && isnan(ij.unit_um));
    assert_true(af_imagej_parse("ImageJ=1\nunit=um\nspacing=far\n", &ij));
    assert_true(isnan(ij.spacing_um));
}

static void sizes_that_do_not_fit_make_one_run_of_slices(void **state)
{
    struct af_imagej ij;

    (void)state;
    assert_true(af_imagej_parse("ImageJ=1\nimages=5\nchannels=3\nslices=2\n", &ij));
    assert_int_equal(ij.nz, 5);
    assert_int_equal(ij.nc, 1);
    assert_true(af_imagej_parse("ImageJ=1\nchannels=0\nslices=-2\nframes=1e99\n", &ij));
    assert_int_equal(ij.images, 0);
    assert_int_equal(ij.nz, 1);
    assert_true(af_imagej_parse("ImageJ=1\nimages=9\nchannels=1e9\nslices=1e9\nframes=1e9", &ij));
    assert_int_equal(ij.nz, 9);
    assert_false(af_imagej_parse("a picture of ImageJ=1\n", &ij));
    assert_false(af_imagej_parse(NULL, &ij));
}

static uint64_t by_page(size_t page, size_t x, size_t y)
{
    (void)x;
    (void)y;
    return page;
}

static const struct tiff_spec hyperstack = {
    .w = 3,
    .h = 2,
    .npages = 12,
    .photometric = PHOTOMETRIC_MINISBLACK,
    .description = "ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\n"
                   "unit=micron\nspacing=0.5\n",
    .value = by_page};

static void channels_run_fastest_then_slices_then_frames(void **state)
{
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_tiff("h.tif", "w", hyperstack);
    st = open_one("h.tif", NULL, why);
    assert_string_equal(af_stack_info(st)->format, "ImageJ TIFF");
    assert_int_equal(af_stack_info(st)->nplanes, 12);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_IMAGEJ);
    assert_true(af_stack_info(st)->dz_um == 0.5);
    assert_string_equal(why, "h.tif: z from ImageJ's spacing times the index\n");
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(af_stack_plane(st, i)->c, i % 2);
        assert_int_equal(af_stack_plane(st, i)->z, i / 2 % 3);
        assert_int_equal(af_stack_plane(st, i)->t, i / 6);
        assert_true(af_stack_plane(st, i)->z_um == 0.5 * (double)(i / 2 % 3));
        assert_true(mark_of(st, i) == (double)i);
    }
    af_stack_close(st);
}

static void a_channel_and_a_time_are_picked(void **state)
{
    struct af_stack_opts o = {.channel = 2, .time = 2, .set_z = true, .z0_um = 10, .dz_um = -1};
    struct af_stack *st;

    (void)state;
    make_tiff("h.tif", "w", hyperstack);
    st = open_one("h.tif", &o, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(mark_of(st, i) == (double)(7 + 2 * i));
        assert_true(af_stack_plane(st, i)->z_um == 10 - (double)i);
    }
    af_stack_close(st);
    o.channel = 3;
    assert_refused("h.tif", &o, AF_EUSAGE, "h.tif: has 2 channels, no channel 3");
    o.channel = 1;
    o.time = 3;
    assert_refused("h.tif", &o, AF_EUSAGE, "h.tif: has 2 times, no time 3");
    o.time = 0;
    o.series = 2;
    assert_refused("h.tif", &o, AF_EUSAGE, "h.tif: has 1 image, no image 2");
}

static void slices_that_are_not_there_are_missing(void **state)
{
    struct tiff_spec s = hyperstack;
    struct af_stack *st;

    (void)state;
    s.npages = 10;
    make_tiff("h.tif", "w", s);
    st = open_one("h.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 10);
    assert_int_equal(af_stack_info(st)->missing, 2);
    af_stack_close(st);
}

/* ImageJ's stacks over 4 GB: one directory, then the samples of all planes. */
static void one_page_with_n_planes_behind_it_is_unrolled(void **state)
{
    struct tiff_spec s = {.w = 3,
                          .h = 2,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .description = "ImageJ=1.53t\nimages=4\nslices=4\nunit=um\nspacing=2\n"};
    struct af_stack_opts few = {.max_planes = 3};
    struct af_stack *st;
    uint8_t *b;
    size_t n;

    (void)state;
    make_tiff("big.tif", "wl", s);
    b = slurp_file("big.tif", &n);
    b = realloc(b, n + 24);
    assert_non_null(b);
    for (size_t i = 0; i < 24; i++)
        b[n + i] = (uint8_t)(i / 6 * 10);
    spill_file("big.tif", b, n + 24);
    patch_tag("big.tif", TIFFTAG_STRIPOFFSETS, (uint32_t)n);
    st = open_one("big.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(mark_of(st, i) == 10 * (double)i);
        assert_true(af_stack_plane(st, i)->z_um == 2 * (double)i);
    }
    af_stack_close(st);
    assert_refused("big.tif", &few, AF_EDATA, "big.tif: more than 3 planes");
    spill_file("big.tif", b, n + 20);
    patch_tag("big.tif", TIFFTAG_STRIPOFFSETS, (uint32_t)n);
    assert_refused("big.tif", NULL, AF_EDATA, "4 planes behind one page do not lie in the file");
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hyperstack_says_its_sizes_and_its_spacing),
        cmocka_unit_test(units_are_those_of_java_and_of_people),
        cmocka_unit_test(spacing_without_a_unit_of_length_says_nothing),
        cmocka_unit_test(sizes_that_do_not_fit_make_one_run_of_slices),
        cmocka_unit_test(channels_run_fastest_then_slices_then_frames),
        cmocka_unit_test(a_channel_and_a_time_are_picked),
        cmocka_unit_test(slices_that_are_not_there_are_missing),
        cmocka_unit_test(one_page_with_n_planes_behind_it_is_unrolled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
