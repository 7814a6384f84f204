/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/micromanager.h"
#include "tiffmake.h"

#include <math.h>
#include <unistd.h>

static bool parse(const char *text, struct af_plane *p, unsigned *bits)
{
    *p = AF_PLANE_UNKNOWN;
    return af_micromanager_plane(text, strlen(text), p, bits);
}

static void a_plane_of_version_1_4_says_where_it_is(void **state)
{
    struct af_plane p;
    unsigned bits;

    (void)state;
    assert_true(parse("{\"ZPositionUm\":5.25,\"XPositionUm\":-32,\"YPositionUm\":\"7.5\","
                      "\"Exposure-ms\":25,\"ElapsedTime-ms\":441,\"SliceIndex\":3,"
                      "\"ChannelIndex\":\"1\",\"FrameIndex\":2,\"BitDepth\":12}",
                      &p, &bits));
    assert_true(p.z_um == 5.25 && p.x_um == -32 && p.y_um == 7.5);
    assert_true(p.exposure_ms == 25 && p.time_s == 0.441);
    assert_int_equal(p.z, 3);
    assert_int_equal(p.c, 1);
    assert_int_equal(p.t, 2);
    assert_int_equal(bits, 12);
}

static void ndtiff_has_other_names_and_axes(void **state)
{
    struct af_plane p;
    unsigned bits;

    (void)state;
    assert_true(parse("{\"ZPosition_um_Intended\":-1.5,\"XPosition_um_Intended\":\"2\","
                      "\"YPosition_um_Intended\":3,\"Exposure\":10,\"Slice\":9,"
                      "\"Axes\":{\"z\":4,\"time\":1,\"channel\":\"DAPI\"}}",
                      &p, &bits));
    assert_true(p.z_um == -1.5 && p.x_um == 2 && p.y_um == 3 && p.exposure_ms == 10);
    assert_int_equal(p.z, 4);
    assert_int_equal(p.t, 1);
    assert_int_equal(p.c, 0);
    assert_int_equal(bits, 0);
}

static void the_last_brace_may_be_lost(void **state)
{
    const char text[] = "{\"ZPositionUm\":2,\"Axes\":{\"z\":1}\0\0";
    struct af_plane p = AF_PLANE_UNKNOWN;
    unsigned bits;

    (void)state;
    assert_true(af_micromanager_plane(text, sizeof(text), &p, &bits));
    assert_true(p.z_um == 2);
    assert_int_equal(p.z, 1);
}

static void numbers_that_are_none_are_passed_over(void **state)
{
    struct af_plane p;
    unsigned bits;

    (void)state;
    assert_true(parse("{\"ZPositionUm\":\"far\",\"XPositionUm\":null,\"YPositionUm\":\"inf\","
                      "\"Exposure-ms\":\"\",\"SliceIndex\":-1,\"ChannelIndex\":1e99,"
                      "\"FrameIndex\":[2],\"BitDepth\":65}",
                      &p, &bits));
    assert_true(isnan(p.z_um) && isnan(p.x_um) && isnan(p.y_um) && isnan(p.exposure_ms));
    assert_int_equal(p.z + p.c + p.t, 0);
    assert_int_equal(bits, 0);
}

static void text_that_is_no_json_changes_nothing(void **state)
{
    static const char *const bad[] = {"", "no JSON", "{", "{\"ZPositionUm\":", "[1,2]", "\xff{}"};
    struct af_plane p;
    unsigned bits;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        parse(bad[i], &p, &bits);
        assert_true(isnan(p.z_um));
        assert_int_equal(bits, 0);
    }
    assert_false(parse("no JSON", &p, &bits));
    assert_false(parse("{\"a\"", &p, &bits));
}

/* Tag 51123 stands in for the Software tag that libtiff wrote. */
static void pages_are_read_with_their_z_and_depth(void **state)
{
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .bits = 16,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .page_name = "{\"ZPositionUm\":7.5,\"SliceIndex\":2,\"BitDepth\":12}"};
    struct af_image img = {0};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_tiff("m.tif", "wl", s);
    rename_tag("m.tif", TIFFTAG_PAGENAME, 51123);
    st = open_one("m.tif", NULL, why);
    assert_string_equal(why, "m.tif: z from Micro-Manager's ZPositionUm\n");
    assert_string_equal(af_stack_info(st)->format, "Micro-Manager TIFF");
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_MICROMANAGER);
    assert_int_equal(af_stack_info(st)->bits, 12);
    assert_true(af_stack_plane(st, 0)->z_um == 7.5);
    assert_int_equal(af_stack_read(st, 0, &img, NULL), 0);
    assert_int_equal(img.bits, 12);
    af_stack_close(st);
    af_image_release(&img);
}

static void a_real_ndtiff_has_its_exposures(void **state)
{
    struct af_stack *st;
    char path[4096];

    (void)state;
    snprintf(path, sizeof(path), "%s/ometiff/12_bit_pycromanager_mda_NDTiffStack.tif",
             getenv("REALDATA"));
    if (access(path, R_OK)) {
        print_message("# %s is absent\n", path);
        skip();
    }
    st = open_one(path, NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 8);
    assert_int_equal(af_stack_info(st)->bits, 12);
    assert_int_equal(af_stack_info(st)->nt, 4);
    for (size_t i = 0; i < 8; i++)
        assert_true(af_stack_plane(st, i)->exposure_ms == 10);
    assert_true(af_stack_plane(st, 7)->time_s == 0.089);
    af_stack_close(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plane_of_version_1_4_says_where_it_is),
        cmocka_unit_test(ndtiff_has_other_names_and_axes),
        cmocka_unit_test(the_last_brace_may_be_lost),
        cmocka_unit_test(numbers_that_are_none_are_passed_over),
        cmocka_unit_test(text_that_is_no_json_changes_nothing),
        cmocka_unit_test(pages_are_read_with_their_z_and_depth),
        cmocka_unit_test(a_real_ndtiff_has_its_exposures),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
