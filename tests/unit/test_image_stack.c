/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stack.h"
#include "child.h"
#include "image/pgm.h"
#include "tiffmake.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------ OME sets of several files */

#define HEAD "<?xml version=\"1.0\"?><OME UUID=\"%s\">"
#define BLOCK(IFD, Z, N, FILE, UUID)                                                               \
    "<TiffData IFD=\"" #IFD "\" FirstZ=\"" #Z "\" PlaneCount=\"" #N "\"><UUID FileName=\"" FILE    \
    "\">" UUID "</UUID></TiffData>"

static uint64_t mark;

static uint64_t marked(size_t page, size_t x, size_t y)
{
    (void)x;
    (void)y;
    return mark + page;
}

/* A file of n pages whose first samples are from, from + 1 ... */
static void make_file(const char *path, const char *xml, size_t n, unsigned from)
{
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .npages = n,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .description = xml,
                          .value = marked};

    mark = from;
    make_tiff(path, "wl", s);
}

/* Planes 0, 1 in a, 2 in b, 3, 4 in c, whose pages lie the other way round. */
static void make_set(void)
{
    static const char body[] =
        HEAD "<Image><Pixels DimensionOrder=\"XYZCT\" SizeX=\"2\" SizeY=\"2\" SizeZ=\"5\">" BLOCK(
            0, 0, 2, "a.ome.tif", "urn:uuid:a") BLOCK(0, 2, 1, "b.ome.tif", "urn:uuid:b")
            BLOCK(1, 3, 1, "c.ome.tif", "urn:uuid:c") BLOCK(
                0, 4, 1, "c.ome.tif", "urn:uuid:c") "<Plane TheZ=\"0\" PositionZ=\"7\" "
                                                    "PositionZUnit=\"um\"/></Pixels></Image></OME>";
    char xml[3000];

    mkdir("set", 0777);
    snprintf(xml, sizeof(xml), body, "urn:uuid:a");
    make_file("set/a.ome.tif", xml, 2, 10);
    snprintf(xml, sizeof(xml), body, "urn:uuid:b");
    make_file("set/b.ome.tif", xml, 1, 20);
    snprintf(xml, sizeof(xml), body, "urn:uuid:c");
    make_file("set/c.ome.tif", xml, 2, 30);
}

static void assert_marks(struct af_stack *st, const double *want, size_t n)
{
    assert_int_equal(af_stack_info(st)->nplanes, n);
    for (size_t i = 0; i < n; i++)
        assert_true(mark_of(st, i) == want[i]);
}

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

/* ------------------------------------------------------------ plain pages */

static void a_thumbnail_is_no_plane(void **state)
{
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .npages = 2,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .subfile = FILETYPE_REDUCEDIMAGE};
    struct af_stack *st;

    (void)state;
    make_tiff("t.tif", "wl", s);
    st = open_one("t.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    assert_true(mark_of(st, 0) == 1);
    af_stack_close(st);
    s.npages = 1;
    make_tiff("t.tif", "wl", s);
    st = open_one("t.tif", NULL, NULL); // alone, it is what there is
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    af_stack_close(st);
}

static void limits_hold_for_pages_planes_and_pixels(void **state)
{
    struct af_stack_opts o = {.max_planes = 2};

    (void)state;
    make_file("l.tif", NULL, 3, 0);
    assert_refused("l.tif", &o, AF_EDATA, "l.tif: more than 2 pages");
    o = (struct af_stack_opts){.max_pixels = 3};
    assert_refused("l.tif", &o, AF_EDATA, "l.tif: page 0: 2x2 px is more than --max-pixels 3");
    o = (struct af_stack_opts){.channel = 2};
    assert_refused("l.tif", &o, AF_EUSAGE, "l.tif: has 1 channel, no channel 2");
    o = (struct af_stack_opts){.time = 3};
    assert_refused("l.tif", &o, AF_EUSAGE, "l.tif: has 1 time, no time 3");
}

static void what_is_no_image_is_refused_in_words(void **state)
{
    const char *const two[] = {"l.tif", "l.tif"};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    (void)state;
    mkdir("folder", 0777);
    assert_refused("folder", NULL, AF_ESYS, "folder: Is a directory");
    assert_refused("absent.tif", NULL, AF_ESYS, "absent.tif: No such file or directory");
    spill_file("e", "", 0);
    assert_refused("e", NULL, AF_EDATA, "e: empty");
    spill_file("e", "text", 4);
    assert_refused("e", NULL, AF_EDATA, "e: neither TIFF, PNG, BMP nor PGM");
    spill_file("e", "<OME/>", 6);
    assert_refused("e", NULL, AF_EDATA, "e: XML has no pixels, OME-TIFF is needed");
    assert_int_equal(af_stack_open(&st, two, 2, NULL, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_string_equal(err.text, "2 files are not one stack; --join makes them one");
    assert_int_equal(af_stack_open(&st, two, 0, NULL, &err), -1);
    af_stack_close(NULL);
}

static void planes_that_differ_are_refused_where_they_must_not(void **state)
{
    struct af_stack_opts o = {.join = true, .uniform = true};
    const char *const path[] = {"u1.tif", "u2.tif"};
    struct tiff_spec s = {.w = 2, .h = 2, .photometric = PHOTOMETRIC_MINISBLACK};
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_stack *st;
    size_t i;

    (void)state;
    make_tiff("u1.tif", "w", s);
    s.w = 3;
    make_tiff("u2.tif", "w", s);
    assert_int_equal(af_stack_open(&st, path, 2, &o, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, "u1.tif: page 1: 3x2 uint8, page 0 is 2x2 uint8");
    af_stack_close(st);
    o.uniform = false;
    assert_int_equal(af_stack_open(&st, path, 2, &o, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 0);
    af_stack_close(st);
    af_image_release(&img);
}

/* ---------------------------------------------------------------- joining */

static struct af_stack *join(const char *const *path, size_t n, struct af_stack_opts o)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    o.join = true;
    if (af_stack_open(&st, path, n, &o, &err))
        fail_msg("%s", err.text);
    return st;
}

static void write_pgm(const char *path, const char *z, int mark_, int n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    for (int i = 0; i < n; i++)
        fprintf(fp, "P5\n%s%s%s2 1\n255\n%c%c", z ? "# z_um=" : "", z ? z : "", z ? "\n" : "",
                mark_ + i, 0);
    assert_int_equal(fclose(fp), 0);
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

/* -------------------------------------------------------- streams and pipes */

static void pgm_files_are_read_in_any_order(void **state)
{
    struct af_stack *st;
    char why[2048];

    (void)state;
    write_pgm("f.pgm", "2.5", 40, 3);
    st = open_one("f.pgm", NULL, why);
    assert_string_equal(af_stack_info(st)->format, "PGM");
    assert_true(af_stack_info(st)->seekable);
    assert_int_equal(af_stack_info(st)->nplanes, 3);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_PAGE);
    assert_true(mark_of(st, 2) == 42);
    assert_true(mark_of(st, 0) == 40);
    assert_true(af_stack_plane(st, 1)->z_um == 2.5);
    af_stack_close(st);
    spill_file("f.pgm", "P5 2 1 255\nab P2 2 1 255\n3 4\nP5 2 1 255\na", 41);
    st = open_one("f.pgm", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 2);
    assert_int_equal(af_stack_info(st)->missing, 1);
    assert_true(mark_of(st, 1) == 3);
    assert_string_equal(why, "f.pgm: frame 2 is cut short and left out\n");
    af_stack_close(st);
    assert_refused("f.pgm", &(struct af_stack_opts){.whole = true}, AF_EDATA,
                   "f.pgm: frame 2 is cut short");
    spill_file("f.pgm", "P5 2 1 255\na", 12);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: cut short");
    spill_file("f.pgm", "P5 2 1 255\nabP5 2 x", 19);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 1: ");
    spill_file("f.pgm", "P6 2 1 255\nabcdef", 17);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: ");
    spill_file("f.pgm", "P2 2 1 255\n3 ", 13);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: cut short");
}

/* Whatever was read before it. */
static void a_bad_frame_is_called_by_its_number(void **state)
{
    struct af_image img = {0};
    struct af_stack *st;
    struct af_err err;
    char why[2048];

    (void)state;
    spill_file("f.pgm", "P5 2 1 100\nabP5 2 1 100\nazP5 2 1 100\nab", 39);
    st = open_one("f.pgm", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 3);
    assert_int_equal(af_stack_read(st, 2, &img, &err), 0);
    assert_int_equal(af_stack_read(st, 1, &img, &err), -1);
    assert_string_equal(err.text, "f.pgm: frame 1: row 0: count 122 is over maxval 100");
    af_stack_close(st);
    af_image_release(&img);
}

/* Give the child the file as a pipe, and say what it read from "-". */
struct piped {
    const char *file;
    struct af_stack_opts o;
};

static int read_stdin(void *arg)
{
    const struct piped *p = arg;
    const char *const in = "-";
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_stack *st;
    char command[300];
    FILE *pipe_;
    size_t i;
    int more;

    snprintf(command, sizeof(command), "cat %s", p->file);
    if (!(pipe_ = popen(command, "r")) || dup2(fileno(pipe_), 0) < 0)
        return 9;
    if (af_stack_open(&st, &in, 1, &p->o, &err)) {
        fprintf(stderr, "%s", err.text);
        return 1;
    }
    printf("%s %d", af_stack_info(st)->format, af_stack_info(st)->seekable);
    while ((more = af_stack_next(st, &img, &i, &err)) == 1)
        printf(" %zu:%d@%g", i, *(uint8_t *)img.data, af_stack_plane(st, i)->z_um);
    if (!af_stack_info(st)->seekable && af_stack_read(st, 0, &img, NULL) == 0)
        return 8;
    printf(" %d %s", (int)af_stack_info(st)->nplanes, af_stack_info(st)->name);
    if (more)
        fprintf(stderr, "%s", err.text);
    af_stack_close(st);
    af_image_release(&img);
    pclose(pipe_);
    return more ? 1 : 0;
}

static void pipes_carry_every_format(void **state)
{
    struct piped p = {"q.tif", {0}};

    (void)state;
    make_file("q.tif", NULL, 3, 5);
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "TIFF 1 0:5@nan 1:6@nan 2:7@nan 3 -");
    p.o.set_z = true;
    p.o.dz_um = 2;
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "TIFF 1 0:5@0 1:6@2 2:7@4 3 -");
    write_pgm("q.pgm", "1.5", 64, 2);
    p = (struct piped){"q.pgm", {0}};
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "PGM 0 0:64@1.5 1:65@1.5 2 -");
    p.o.set_z = true;
    p.o.z0_um = 3;
    p.o.dz_um = -1;
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "PGM 0 0:64@3 1:65@2 2 -");
}

static void pipes_that_break_off_are_told(void **state)
{
    struct piped p = {"w.pgm", {0}};

    (void)state;
    spill_file("w.pgm", "", 0);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: empty");
    spill_file("w.pgm", "P5 2 1 255\nabP5 2 1 255\na", 25);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("out"), "PGM 0 0:97@nan -1 -");
    assert_string_equal(text_of("err"), "-: frame 1: cut short in row 0 of 1");
    spill_file("w.pgm", "P5 2 1 255\nabP5 3 1 255\nabc", 27);
    p.o.uniform = true;
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: page 1: 3x1 uint8, page 0 is 2x1 uint8");
    p.o = (struct af_stack_opts){.max_planes = 1};
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: more than 1 planes");
    spill_file("w.pgm", "II*\0", 4);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_int_equal(strncmp(text_of("err"), "-: ", 3), 0);
}

static void every_source_of_z_has_a_name(void **state)
{
    (void)state;
    for (enum af_z_source s = AF_Z_NONE; s <= AF_Z_IMAGEJ; s++)
        assert_true(strlen(af_stack_z_source(s)) > 5);
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
        cmocka_unit_test(a_thumbnail_is_no_plane),
        cmocka_unit_test(limits_hold_for_pages_planes_and_pixels),
        cmocka_unit_test(what_is_no_image_is_refused_in_words),
        cmocka_unit_test(planes_that_differ_are_refused_where_they_must_not),
        cmocka_unit_test(files_are_joined_in_natural_order),
        cmocka_unit_test(planes_with_z_in_their_names_are_sorted_by_it),
        cmocka_unit_test(planes_of_one_z_keep_the_order_of_their_names),
        cmocka_unit_test(z_that_only_some_files_have_is_not_taken),
        cmocka_unit_test(formats_may_be_mixed_in_a_join),
        cmocka_unit_test(what_cannot_be_joined_is_named),
        cmocka_unit_test(planes_of_a_join_are_called_by_their_own_files),
        cmocka_unit_test(steps_of_single_files_say_nothing_across_them),
        cmocka_unit_test(pgm_files_are_read_in_any_order),
        cmocka_unit_test(a_bad_frame_is_called_by_its_number),
        cmocka_unit_test(pipes_carry_every_format),
        cmocka_unit_test(pipes_that_break_off_are_told),
        cmocka_unit_test(every_source_of_z_has_a_name),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
