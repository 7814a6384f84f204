/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stack.h"
#include "stackset.h"

#include <math.h>
#include <sys/stat.h>

static struct af_stack *join(const char *const *path, size_t n, struct af_stack_opts o)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    o.join = true;
    if (af_stack_open(&st, path, n, &o, &err))
        fail_msg("%s", err.text);
    return st;
}

static void files_are_joined_in_natural_order(void **state)
{
    static const char *const path[] = {"p10.tif", "p9.tif", "p2.tif"};
    static const double want[] = {2, 9, 10, 11};
    struct af_stack *st;

    (void)state;
    make_file("p2.tif", NULL, 1, 2);
    make_file("p9.tif", NULL, 1, 9);
    make_file("p10.tif", NULL, 2, 10);
    st = join(path, 3, (struct af_stack_opts){.set_z = true, .z0_um = 1, .dz_um = 0.5});
    assert_marks(st, want, 4);
    assert_int_equal(af_stack_info(st)->nz, 4);
    assert_string_equal(af_stack_info(st)->name, "p10.tif");
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_GIVEN);
    for (size_t i = 0; i < 4; i++)
        assert_true(af_stack_plane(st, i)->z_um == 1 + 0.5 * (double)i);
    af_stack_close(st);
}

static void planes_with_z_in_their_names_are_sorted_by_it(void **state)
{
    static const char *const path[] = {"z-1.5um.tif", "z2um.tif", "z-10um.tif", "z0um.tif"};
    static const double want[] = {10, 1, 0, 2}, z[] = {-10, -1.5, 0, 2};
    const char *const bad[] = {"z0um.tif", "p2.tif"};
    struct af_stack_opts o = {.z_name = "z%fum", .join = true};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    (void)state;
    make_file("z-1.5um.tif", NULL, 1, 1);
    make_file("z2um.tif", NULL, 1, 2);
    make_file("z-10um.tif", NULL, 1, 10);
    make_file("z0um.tif", NULL, 1, 0);
    st = join(path, 4, o);
    assert_marks(st, want, 4);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_NAME);
    for (size_t i = 0; i < 4; i++)
        assert_true(af_stack_plane(st, i)->z_um == z[i]);
    af_stack_close(st);
    make_file("p2.tif", NULL, 1, 2);
    assert_int_equal(af_stack_open(&st, bad, 2, &o, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_non_null(strstr(err.text, "p2.tif: name does not meet the pattern 'z%fum'"));
}

static void planes_of_one_z_keep_the_order_of_their_names(void **state)
{
    static const char *const path[] = {"two/z1um.tif", "one/z1um.tif", "one/z0um.tif"};
    static const double want[] = {0, 1, 2};
    struct af_stack *st;

    (void)state;
    mkdir("one", 0777);
    mkdir("two", 0777);
    make_file("one/z0um.tif", NULL, 1, 0);
    make_file("one/z1um.tif", NULL, 1, 1);
    make_file("two/z1um.tif", NULL, 1, 2);
    st = join(path, 3, (struct af_stack_opts){.z_name = "z%fum"});
    assert_marks(st, want, 3);
    af_stack_close(st);
}

static void z_that_only_some_files_have_is_not_taken(void **state)
{
    static const char *const path[] = {"m1.tif", "m2.tif"};
    struct tiff_spec s = {
        .w = 2, .h = 2, .photometric = PHOTOMETRIC_MINISBLACK, .page_name = "z_um=3"};
    struct af_stack *st;

    (void)state;
    make_tiff("m1.tif", "w", s);
    make_file("m2.tif", NULL, 1, 2);
    st = join(path, 2, (struct af_stack_opts){0});
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_NONE);
    assert_true(isnan(af_stack_plane(st, 0)->z_um));
    af_stack_close(st);
}

static void formats_may_be_mixed_in_a_join(void **state)
{
    static const char *const path[] = {"j1.bmp", "j2.bmp", "j3.tif"};
    /* 1 px, 8 bits, a palette of two grays */
    static const uint8_t bmp[] =
        "BM\x42\0\0\0\0\0\0\0\x3e\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x08\0"
        "\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
        "\7\7\7\0\x09\x09\x09\0\0\0\0";
    static const double want[] = {7, 9, 3};
    uint8_t second[sizeof(bmp)];
    struct af_stack *st;

    (void)state;
    spill_file("j1.bmp", bmp, 66);
    memcpy(second, bmp, sizeof(bmp));
    second[62] = 1;
    spill_file("j2.bmp", second, 66);
    make_file("j3.tif", NULL, 1, 3);
    st = join(path, 3, (struct af_stack_opts){0});
    assert_marks(st, want, 3);
    assert_true(mark_of(st, 0) == 7);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_NONE);
    af_stack_close(st);
    st = open_one("j2.bmp", NULL, NULL);
    assert_string_equal(af_stack_info(st)->format, "BMP");
    assert_marks(st, want + 1, 1);
    af_stack_close(st);
}

static void what_cannot_be_joined_is_named(void **state)
{
    const char *const in[] = {"p2.tif", "-"};
    const char *const set[] = {"p2.tif", "set/a.ome.tif"}, *const no[] = {"p2.tif", "p4"};
    const struct af_stack_opts o = {.join = true};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    (void)state;
    make_set();
    make_file("p2.tif", NULL, 1, 2);
    assert_int_equal(af_stack_open(&st, set, 2, &o, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_string_equal(
        err.text, "set/a.ome.tif: --join: a set of several files cannot be a part of a stack");
    assert_int_equal(af_stack_open(&st, in, 2, &o, &err), -1);
    assert_string_equal(err.text, "--join: stdin cannot be one of several files");
    assert_int_equal(af_stack_open(&st, no, 2, &o, &err), -1);
    assert_string_equal(err.text, "p4: No such file or directory");
}

static void planes_of_a_join_are_called_by_their_own_files(void **state)
{
    const char *const path[] = {"two.pgm", "one.pgm", "p2.tif"};
    const struct af_stack_opts o = {.join = true};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;
    size_t own;

    (void)state;
    write_pgm("one.pgm", NULL, 10, 1);
    write_pgm("two.pgm", NULL, 20, 2);
    make_file("p2.tif", NULL, 1, 30);
    assert_int_equal(af_stack_open(&st, path, 3, &o, &err), 0);
    assert_int_equal(af_stack_info(st)->nplanes, 4);
    assert_string_equal(af_stack_plane_file(st, 3, &own), "two.pgm");
    assert_int_equal(own, 1);
    assert_true(mark_of(st, 3) == 21);
    assert_true(mark_of(st, 1) == 30); // and back, from one format to the other
    assert_true(mark_of(st, 0) == 10);
    assert_true(mark_of(st, 2) == 20);
    af_stack_close(st);
}

static void steps_of_single_files_say_nothing_across_them(void **state)
{
    const char *const path[] = {"y1.tif", "y2.tif"};
    const char xml[] = "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"2\" "
                       "PhysicalSizeZ=\"0.5\"><TiffData/></Pixels></Image></OME>";
    struct af_stack *st;

    (void)state;
    make_file("y1.tif", xml, 2, 0);
    make_file("y2.tif", xml, 2, 2);
    st = join(path, 2, (struct af_stack_opts){0});
    assert_int_equal(af_stack_info(st)->nplanes, 4);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_NONE);
    assert_true(isnan(af_stack_plane(st, 3)->z_um));
    af_stack_close(st);
}

/* Two channels of two slices and two times, channels fastest: z counts slices, as the file does. */
static void z_that_is_given_is_that_of_the_slice(void **state)
{
    struct af_stack_opts o = {.set_z = true, .z0_um = 10, .dz_um = -2};
    struct af_stack *st;

    (void)state;
    make_file("hyper.tif",
              "ImageJ=1.53t\nimages=8\nchannels=2\nslices=2\nframes=2\nhyperstack=true\n", 8, 1);
    st = open_one("hyper.tif", &o, NULL);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_GIVEN);
    for (size_t i = 0; i < 8; i++)
        assert_true(af_stack_plane(st, i)->z_um == (i / 2 % 2 ? 8 : 10));
    af_stack_close(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_joined_in_natural_order),
        cmocka_unit_test(planes_with_z_in_their_names_are_sorted_by_it),
        cmocka_unit_test(planes_of_one_z_keep_the_order_of_their_names),
        cmocka_unit_test(z_that_only_some_files_have_is_not_taken),
        cmocka_unit_test(formats_may_be_mixed_in_a_join),
        cmocka_unit_test(what_cannot_be_joined_is_named),
        cmocka_unit_test(planes_of_a_join_are_called_by_their_own_files),
        cmocka_unit_test(steps_of_single_files_say_nothing_across_them),
        cmocka_unit_test(z_that_is_given_is_that_of_the_slice),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
