/* SPDX-License-Identifier: BSD-2-Clause */
/* OME sets of several files, and what their XML is worth. */
#include "image/stack.h"
#include "stackset.h"

#include <math.h>
#include <unistd.h>

static void any_file_of_a_set_gives_all_planes_in_order(void **state)
{
    static const char *const path[] = {"set/a.ome.tif", "set/b.ome.tif", "set/c.ome.tif"};
    static const double want[] = {10, 11, 20, 31, 30};

    (void)state;
    make_set();
    for (int k = 0; k < 3; k++) {
        struct af_stack *st = open_one(path[k], NULL, NULL);
        struct af_image img = {0};

        assert_marks(st, want, 5);
        assert_int_equal(af_stack_info(st)->missing, 0);
        assert_true(af_stack_plane(st, 0)->z_um == 7);
        assert_true(mark_of(st, 0) == 10); // back again, in another file
        assert_null(af_stack_plane(st, 5));
        assert_int_equal(af_stack_read(st, 5, &img, NULL), -1);
        af_stack_close(st);
    }
}

static void files_that_are_absent_are_told(void **state)
{
    static const double want[] = {10, 11, 31, 30};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_set();
    unlink("set/b.ome.tif");
    st = open_one("set/a.ome.tif", NULL, why);
    assert_marks(st, want, 4);
    assert_int_equal(af_stack_info(st)->missing, 1);
    assert_string_equal(why, "set/a.ome.tif: 1 of the 5 planes it promises are in files that are "
                             "absent\n");
    assert_int_equal(af_stack_plane(st, 2)->z, 3);
    af_stack_close(st);
}

static void a_file_that_was_renamed_is_known_by_its_uuid(void **state)
{
    static const double want[] = {10, 11, 20, 31, 30};
    struct af_stack *st;

    (void)state;
    make_set();
    assert_int_equal(rename("set/b.ome.tif", "set/other.tif"), 0);
    st = open_one("set/other.tif", NULL, NULL);
    assert_marks(st, want, 5);
    af_stack_close(st);
}

static void a_single_file_that_was_renamed_is_read(void **state)
{
    static const double want[] = {5, 6};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_file("renamed.tif",
              "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"2\">" BLOCK(
                  0, 0, 2, "old.ome.tif", "urn:uuid:x") "</Pixels></Image></OME>",
              2, 5);
    st = open_one("renamed.tif", NULL, why);
    assert_marks(st, want, 2);
    assert_string_equal(why, "");
    assert_string_equal(af_stack_info(st)->format, "OME-TIFF");
    af_stack_close(st);
}

static void xml_about_other_files_is_not_believed(void **state)
{
    static const double want[] = {5, 6, 7};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_file("lost.tif",
              "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"2\">" BLOCK(0, 0, 1, "p.tif",
                                                                               "urn:uuid:p")
                  BLOCK(0, 1, 1, "q.tif", "urn:uuid:q") "</Pixels></Image></OME>",
              3, 5);
    st = open_one("lost.tif", NULL, why);
    assert_marks(st, want, 3);
    assert_non_null(strstr(why, "lost.tif: its OME-XML is about other files"));
    assert_string_equal(af_stack_info(st)->format, "TIFF");
    af_stack_close(st);
}

static void names_never_leave_the_folder(void **state)
{
    static const double want[] = {10};
    struct af_stack *st;
    char why[2048];

    (void)state;
    mkdir("in", 0777);
    make_file("secret.tif", NULL, 1, 99);
    make_file("in/a.tif",
              "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"4\">" BLOCK(
                  0, 0, 1, "a.tif", "urn:uuid:a") BLOCK(0, 1, 1, "../secret.tif", "urn:uuid:b")
                  BLOCK(0, 2, 1, "/etc/passwd", "urn:uuid:c")
                      BLOCK(0, 3, 1, "", "urn:uuid:d") "</Pixels></Image></OME>",
              1, 10);
    st = open_one("in/a.tif", NULL, why);
    assert_marks(st, want, 1);
    assert_non_null(
        strstr(why, "in/a.tif: names '../secret.tif' as a part, which is outside its folder"));
    assert_non_null(strstr(why, "names '/etc/passwd' as a part"));
    assert_int_equal(af_stack_info(st)->missing, 3);
    af_stack_close(st);
}

static void a_companion_file_may_hold_the_xml(void **state)
{
    static const char stub[] = "<OME UUID=\"urn:uuid:%c\"><BinaryOnly "
                               "MetadataFile=\"x.companion.ome\" UUID=\"urn:uuid:m\"/></OME>Image";
    static const char real[] =
        "<OME UUID=\"urn:uuid:m\"><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"2\">" BLOCK(
            0, 0, 1, "x1.ome.tif", "urn:uuid:1")
            BLOCK(0, 1, 1, "x2.ome.tif", "urn:uuid:2") "</Pixels></Image></OME>";
    static const double want[] = {1, 2};
    char xml[300];
    struct af_stack *st;

    (void)state;
    for (char k = '1'; k <= '2'; k++) {
        char path[] = "x1.ome.tif";

        path[1] = k;
        snprintf(xml, sizeof(xml), stub, k);
        xml[strlen(xml) - 5] = '\0';
        strcat(xml, "<!-- Image -->");
        make_file(path, xml, 1, (unsigned)(k - '0'));
    }
    spill_file("x.companion.ome", real, sizeof(real) - 1);
    st = open_one("x2.ome.tif", NULL, NULL);
    assert_marks(st, want, 2);
    af_stack_close(st);
    assert_int_equal(rename("x2.ome.tif", "y.tif"), 0); // known by the UUID of its own stub
    st = open_one("y.tif", NULL, NULL);
    assert_marks(st, want, 2);
    af_stack_close(st);
    assert_int_equal(rename("y.tif", "x2.ome.tif"), 0);
    assert_int_equal(unlink("x.companion.ome"), 0);
    assert_refused("x1.ome.tif", NULL, AF_ESYS, "x.companion.ome");
    for (int k = 0; k < 2; k++) {
        const char *const bad[] = {"<OME/>", "<OME><BinaryOnly MetadataFile=\"y\"/></OME>"};
        char why[2048];

        spill_file("x.companion.ome", bad[k], strlen(bad[k]));
        st = open_one("x1.ome.tif", NULL, why);
        assert_non_null(strstr(why, "OME-XML without an Image; read as plain TIFF"));
        assert_int_equal(af_stack_info(st)->nplanes, 1);
        af_stack_close(st);
    }
}

static void planes_of_absent_files_alone_are_no_stack(void **state)
{
    static const char xml[] =
        "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\"><TiffData IFD=\"0\"/></Pixels></Image>"
        "<Image><Pixels SizeX=\"2\" SizeY=\"2\">" BLOCK(0, 0, 1, "away.tif",
                                                        "urn:uuid:z") "</Pixels></Image></OME>";
    struct af_stack_opts o = {.series = 2};

    (void)state;
    make_file("o.ome.tif", xml, 1, 0);
    assert_refused("o.ome.tif", &o, AF_EDATA, "o.ome.tif: no plane that is there");
}

static void a_file_of_a_set_that_is_too_short_is_named(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_stack *st;

    (void)state;
    make_set();
    make_file("set/c.ome.tif", NULL, 1, 30); // page 1 is gone
    st = open_one("set/a.ome.tif", NULL, NULL);
    assert_int_equal(af_stack_read(st, 3, &img, &err), -1);
    assert_string_equal(err.text, "set/c.ome.tif: no page 1");
    assert_int_equal(af_stack_read(st, 4, &img, &err), 0);
    af_stack_close(st);
    af_image_release(&img);
}

static void a_file_cut_short_gives_what_is_whole(void **state)
{
    struct af_stack *st;
    char why[2048];
    uint8_t *b;
    size_t n;

    (void)state;
    make_file("k.tif", NULL, 3, 5);
    b = slurp_file("k.tif", &n);
    spill_file("k.tif", b, n - 20);
    free(b);
    st = open_one("k.tif", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 2);
    assert_int_equal(af_stack_info(st)->missing, 1);
    assert_non_null(strstr(why, "k.tif: cut short behind page 1: "));
    af_stack_close(st);
}

static void images_of_a_file_are_picked_by_number(void **state)
{
    static const char xml[] =
        "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"2\"><TiffData IFD=\"0\" "
        "PlaneCount=\"2\"/></Pixels></Image><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"1\">"
        "<TiffData IFD=\"2\"/></Pixels></Image></OME>";
    static const double one[] = {0, 1}, two[] = {2};
    struct af_stack_opts o = {0};
    struct af_stack *st;

    (void)state;
    make_file("s.ome.tif", xml, 3, 0);
    st = open_one("s.ome.tif", NULL, NULL);
    assert_marks(st, one, 2);
    assert_string_equal(af_stack_ome(st), xml);
    af_stack_close(st);
    o.series = 2;
    st = open_one("s.ome.tif", &o, NULL);
    assert_marks(st, two, 1);
    af_stack_close(st);
    o.series = 3;
    assert_refused("s.ome.tif", &o, AF_EUSAGE, "s.ome.tif: has 2 images, no image 3");
}

/* A hundred kilobytes of XML could otherwise ask for 10^11 steps. */
static void blocks_that_overlap_without_end_are_refused(void **state)
{
    struct af_stack_opts o = {.max_planes = 10};
    char xml[20000] = "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"10\">";

    (void)state;
    for (int i = 0; i < 300; i++)
        strcat(xml, "<TiffData IFD=\"0\" PlaneCount=\"10\"/>");
    strcat(xml, "</Pixels></Image></OME>");
    make_file("o.ome.tif", xml, 10, 0);
    assert_refused("o.ome.tif", &o, AF_EDATA, "into the same places again and again");
}

static void xml_without_tiffdata_takes_the_pages_as_they_come(void **state)
{
    static const double want[] = {0, 1};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_file(
        "n.ome.tif",
        "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"3\" PhysicalSizeZ=\"0.5\">"
        "<Plane TheZ=\"1\" ExposureTime=\"2\" ExposureTimeUnit=\"s\"/></Pixels></Image></OME>",
        2, 0);
    st = open_one("n.ome.tif", NULL, why);
    assert_marks(st, want, 2);
    assert_int_equal(af_stack_info(st)->missing, 1);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_SPACING);
    assert_true(af_stack_plane(st, 1)->z_um == 0.5);
    assert_true(af_stack_plane(st, 1)->exposure_ms == 2000);
    assert_non_null(strstr(why, "n.ome.tif: z from PhysicalSizeZ times the index\n"));
    af_stack_close(st);
}

static void z_without_a_unit_of_length_gives_way_to_better_sources(void **state)
{
    static const char xml[] = "<OME><Image><Pixels SizeX=\"2\" SizeY=\"2\" SizeZ=\"1\"><TiffData/>"
                              "<Plane PositionZ=\"4\"/></Pixels></Image></OME>";
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .description = xml,
                          .page_name = "z_um=-3"};
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_file("r.ome.tif", xml, 1, 0);
    st = open_one("r.ome.tif", NULL, why);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_POSITION);
    assert_true(af_stack_plane(st, 0)->z_um == 4);
    assert_string_equal(why, "r.ome.tif: PositionZ has no unit of length, taken as um\n");
    af_stack_close(st);
    make_tiff("r.ome.tif", "wl", s);
    st = open_one("r.ome.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_PAGE);
    assert_true(af_stack_plane(st, 0)->z_um == -3);
    af_stack_close(st);
    s.page_name = "{\"ZPositionUm\":9}";
    make_tiff("r.ome.tif", "wl", s);
    rename_tag("r.ome.tif", TIFFTAG_PAGENAME, 51123);
    st = open_one("r.ome.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_MICROMANAGER);
    assert_true(af_stack_plane(st, 0)->z_um == 9);
    af_stack_close(st);
}

static void broken_xml_leaves_a_plain_tiff(void **state)
{
    struct af_stack *st;
    char why[2048];

    (void)state;
    make_file("b.ome.tif", "<OME><Image><Pixels></OME>", 2, 0);
    st = open_one("b.ome.tif", NULL, why);
    assert_string_equal(af_stack_info(st)->format, "TIFF");
    assert_int_equal(af_stack_info(st)->nplanes, 2);
    assert_non_null(strstr(why, "b.ome.tif: OME-XML: line 1: "));
    assert_non_null(strstr(why, "; read as plain TIFF\n"));
    af_stack_close(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_file_of_a_set_gives_all_planes_in_order),
        cmocka_unit_test(files_that_are_absent_are_told),
        cmocka_unit_test(a_file_that_was_renamed_is_known_by_its_uuid),
        cmocka_unit_test(a_single_file_that_was_renamed_is_read),
        cmocka_unit_test(xml_about_other_files_is_not_believed),
        cmocka_unit_test(names_never_leave_the_folder),
        cmocka_unit_test(a_companion_file_may_hold_the_xml),
        cmocka_unit_test(planes_of_absent_files_alone_are_no_stack),
        cmocka_unit_test(a_file_of_a_set_that_is_too_short_is_named),
        cmocka_unit_test(a_file_cut_short_gives_what_is_whole),
        cmocka_unit_test(images_of_a_file_are_picked_by_number),
        cmocka_unit_test(blocks_that_overlap_without_end_are_refused),
        cmocka_unit_test(xml_without_tiffdata_takes_the_pages_as_they_come),
        cmocka_unit_test(z_without_a_unit_of_length_gives_way_to_better_sources),
        cmocka_unit_test(broken_xml_leaves_a_plain_tiff),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
