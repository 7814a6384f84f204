/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/ome.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define OME(VERSION)                                                                               \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OME "                                            \
    "xmlns=\"http://www.openmicroscopy.org/Schemas/OME/" VERSION "\">"
#define END "</OME>"

static void parse(struct af_ome *ome, const char *xml)
{
    struct af_err err = {AF_OK, ""};

    if (af_ome_parse(ome, xml, strlen(xml), "x", 1000, &err))
        fail_msg("%s", err.text);
}

static void assert_bad(const char *xml, enum af_kind kind, const char *words)
{
    struct af_err err = {AF_OK, ""};
    struct af_ome ome;

    assert_int_equal(af_ome_parse(&ome, xml, strlen(xml), "x", 1000, &err), -1);
    af_ome_release(&ome);
    assert_int_equal(err.kind, kind);
    if (!strstr(err.text, words))
        fail_msg("'%s' lacks '%s'", err.text, words);
}

static void index_and_place_are_inverse_in_all_orders(void **state)
{
    static const char *const order[] = {"XYZCT", "XYZTC", "XYCZT", "XYCTZ", "XYTZC", "XYTCZ"};

    (void)state;
    for (int k = 0; k < 6; k++) {
        struct af_ome_image im = {.nc = 2, .nt = 3, .nz = 4};
        bool seen[24] = {false};

        memcpy(im.order, order[k], 6);
        for (size_t c = 0; c < 2; c++)
            for (size_t t = 0; t < 3; t++)
                for (size_t z = 0; z < 4; z++) {
                    size_t i = af_ome_index(&im, c, t, z), c2 = 9, t2 = 9, z2 = 9;

                    assert_in_range(i, 0, 23);
                    assert_false(seen[i]);
                    seen[i] = true;
                    af_ome_place(&im, i, &c2, &t2, &z2);
                    assert_int_equal(c2, c);
                    assert_int_equal(t2, t);
                    assert_int_equal(z2, z);
                }
        /* The third letter runs fastest. */
        assert_int_equal(
            af_ome_index(&im, order[k][2] == 'C', order[k][2] == 'T', order[k][2] == 'Z'), 1);
        assert_int_equal(af_ome_index(&im, 2, 0, 0), 24);
        assert_int_equal(af_ome_index(&im, 0, 3, 0), 24);
        assert_int_equal(af_ome_index(&im, 0, 0, 4), 24);
    }
}

static void schema_2016_has_units_beside_numbers(void **state)
{
    struct af_ome ome;
    const struct af_ome_image *im;

    (void)state;
    parse(&ome,
          OME("2016-06") "<Image ID=\"Image:0\" Name=\"well &amp; field\">"
                         "<AcquisitionDate>2026-11-21T10:00:00</AcquisitionDate>"
                         "<Pixels DimensionOrder=\"XYCZT\" SizeX=\"7\" SizeY=\"5\" SizeZ=\"2\" "
                         "SizeC=\"2\" SizeT=\"1\" SignificantBits=\"12\" PhysicalSizeX=\"65\" "
                         "PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"6.5e-5\" "
                         "PhysicalSizeYUnit=\"mm\" PhysicalSizeZ=\"0.5\">"
                         "<Channel SamplesPerPixel=\"1\"/>"
                         "<TiffData IFD=\"3\" FirstZ=\"1\" FirstC=\"1\" PlaneCount=\"2\">"
                         "<UUID FileName=\"a.tif\">urn:uuid:1</UUID></TiffData>"
                         "<Plane TheZ=\"1\" TheC=\"1\" TheT=\"0\" DeltaT=\"2\" "
                         "DeltaTUnit=\"min\" ExposureTime=\"10\" ExposureTimeUnit=\"ms\" "
                         "PositionX=\"1\" PositionXUnit=\"mm\" PositionY=\"2\" "
                         "PositionYUnit=\"\xc2\xb5m\" PositionZ=\"-3e-6\" PositionZUnit=\"m\"/>"
                         "</Pixels></Image>" END);
    assert_int_equal(ome.nimages, 1);
    im = &ome.image[0];
    assert_string_equal(im->name, "well & field");
    assert_string_equal(im->date, "2026-11-21T10:00:00");
    assert_int_equal(im->w, 7);
    assert_int_equal(im->h, 5);
    assert_int_equal(im->bits, 12);
    assert_string_equal(im->order, "XYCZT");
    assert_true(fabs(im->px_um - 0.065) < 1e-12 && fabs(im->py_um - 0.065) < 1e-12);
    assert_true(im->dz_um == 0.5);
    assert_false(im->colour);
    assert_int_equal(im->nblocks, 1);
    assert_int_equal(im->block[0].ifd, 3);
    assert_int_equal(im->block[0].z, 1);
    assert_int_equal(im->block[0].c, 1);
    assert_int_equal(im->block[0].t, 0);
    assert_int_equal(im->block[0].count, 2);
    assert_string_equal(im->block[0].file, "a.tif");
    assert_string_equal(im->block[0].uuid, "urn:uuid:1");
    assert_true(im->has_z && !im->z_relative);
    assert_true(isnan(im->plane[0].z_um));
    assert_true(fabs(im->plane[3].z_um + 3) < 1e-12);
    assert_true(im->plane[3].x_um == 1000 && im->plane[3].y_um == 2);
    assert_true(im->plane[3].time_s == 120 && im->plane[3].exposure_ms == 10);
    assert_int_equal(im->plane[3].z, 1);
    assert_int_equal(im->plane[3].c, 1);
    af_ome_release(&ome);
    af_ome_release(&ome);
}

static void older_schemas_have_defaults(void **state)
{
    struct af_ome ome;

    (void)state;
    parse(&ome, OME("2010-06") "<Image><AcquiredDate>2010-06-18T21:20:00</AcquiredDate>"
                               "<Pixels SizeX=\"1\" SizeY=\"1\" SizeZ=\"1\" SizeC=\"1\" "
                               "SizeT=\"1\" PhysicalSizeX=\"0.2\"><TiffData IFD=\"0\"/>"
                               "<Plane TheZ=\"0\" TheC=\"0\" TheT=\"0\" DeltaT=\"3\" "
                               "ExposureTime=\"0.5\" PositionX=\"1\" PositionZ=\"4\"/>"
                               "</Pixels></Image>" END);
    assert_string_equal(ome.image[0].date, "2010-06-18T21:20:00");
    assert_string_equal(ome.image[0].order, "XYZCT");
    assert_true(ome.image[0].px_um == 0.2);
    assert_int_equal(ome.image[0].block[0].count, 1);
    assert_true(ome.image[0].plane[0].time_s == 3);
    assert_true(ome.image[0].plane[0].exposure_ms == 500);
    assert_true(ome.image[0].plane[0].z_um == 4 && ome.image[0].z_relative);
    af_ome_release(&ome);
    parse(&ome, OME("2013-06") "<Image><Pixels SizeX=\"1\" SizeY=\"1\"><TiffData/>"
                               "<Plane PositionZ=\"1\" PositionZUnit=\"reference frame\"/>"
                               "</Pixels></Image>" END);
    assert_true(ome.image[0].z_relative && ome.image[0].plane[0].z_um == 1);
    assert_int_equal(ome.image[0].block[0].count, 0); // as many as there are
    af_ome_release(&ome);
}

static void schemas_of_2003_and_2008_nest_time_and_place(void **state)
{
    struct af_ome ome;

    (void)state;
    parse(&ome, OME("2003-FC") "<Image><CreationDate>2003-12-01T00:00:00</CreationDate>"
                               "<Pixels DimensionOrder=\"XYZTC\" SizeX=\"1\" SizeY=\"1\" "
                               "SizeZ=\"1\" SizeC=\"2\" SizeT=\"2\">"
                               "<TiffData IFD=\"0\" NumPlanes=\"4\"/></Pixels></Image>" END);
    assert_string_equal(ome.image[0].date, "2003-12-01T00:00:00");
    assert_int_equal(ome.image[0].block[0].count, 4);
    assert_int_equal(ome.image[0].plane[1].t, 1);
    af_ome_release(&ome);
    parse(&ome, OME("2008-02") "<Image><Pixels SizeX=\"1\" SizeY=\"1\" SizeZ=\"2\" SizeC=\"1\" "
                               "SizeT=\"1\"><TiffData/><Plane TheZ=\"1\" TheC=\"0\" TheT=\"0\">"
                               "<PlaneTiming DeltaT=\"1.5\" ExposureTime=\"0.01\"/>"
                               "<StagePosition PositionX=\"1\" PositionY=\"2\" PositionZ=\"3\"/>"
                               "</Plane></Pixels></Image>" END);
    assert_true(ome.image[0].plane[1].time_s == 1.5);
    assert_true(ome.image[0].plane[1].exposure_ms == 10);
    assert_true(ome.image[0].plane[1].x_um == 1 && ome.image[0].plane[1].z_um == 3);
    af_ome_release(&ome);
}

static void colour_companions_and_several_images_are_noticed(void **state)
{
    struct af_ome ome;

    (void)state;
    parse(&ome, "<ome:OME xmlns:ome=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
                "UUID=\"urn:uuid:7\">"
                "<ome:BinaryOnly MetadataFile=\"a.companion.ome\" UUID=\"urn:uuid:8\"/></ome:OME>");
    assert_int_equal(ome.nimages, 0);
    assert_string_equal(ome.metadata_file, "a.companion.ome");
    assert_string_equal(ome.uuid, "urn:uuid:7");
    af_ome_release(&ome);
    parse(&ome, OME("2016-06") "<Instrument/><Image><Pixels SizeX=\"1\" SizeY=\"1\">"
                               "<Channel SamplesPerPixel=\"3\"/></Pixels></Image>"
                               "<Image><Pixels SizeX=\"2\" SizeY=\"1\"/></Image>" END);
    assert_int_equal(ome.nimages, 2);
    assert_true(ome.image[0].colour);
    assert_int_equal(ome.image[1].w, 2);
    assert_int_equal(ome.image[1].nblocks, 0);
    af_ome_release(&ome);
}

static void planes_outside_the_sizes_are_passed_over(void **state)
{
    struct af_ome ome;

    (void)state;
    parse(&ome, OME("2016-06") "<Image><Pixels DimensionOrder=\"XYQQQ\" SizeX=\"1\" SizeY=\"1\" "
                               "SizeZ=\"2\"><Plane TheZ=\"2\" PositionZ=\"9\"/>"
                               "<Plane TheZ=\"-1\" PositionZ=\"8\"/>"
                               "<Plane TheZ=\"1\" PositionZ=\"NaN\" DeltaT=\"x\"/>"
                               "</Pixels></Image>" END);
    assert_string_equal(ome.image[0].order, "XYZCT");
    assert_true(ome.image[0].plane[0].z_um == 8); // an index that is none is the first
    assert_true(isnan(ome.image[0].plane[1].z_um) && isnan(ome.image[0].plane[1].time_s));
    af_ome_release(&ome);
}

static void broken_documents_are_refused_with_a_reason(void **state)
{
    (void)state;
    assert_bad("", AF_EDATA, "x: OME-XML: ");
    assert_bad("<OME", AF_EDATA, "x: OME-XML: line 1: ");
    assert_bad("<OME><Image></OME>", AF_EDATA, "x: OME-XML: line 1: ");
    assert_bad("<html/>", AF_EDATA, "x: XML, but no OME-XML");
    assert_bad("<OME/>", AF_EDATA, "x: OME-XML without an Image");
    assert_bad("<OME><Image/></OME>", AF_EDATA, "x: OME-XML: an Image without Pixels");
    assert_bad("<OME><Image><Pixels SizeZ=\"0\"/></Image></OME>", AF_EDATA, "0 x 1 x 1 planes");
    assert_bad("<OME><Image><Pixels SizeZ=\"1001\"/></Image></OME>", AF_EDATA, "1001 x 1 x 1");
    assert_bad("<OME><Image><Pixels SizeZ=\"1e9\" SizeC=\"1e9\" SizeT=\"1e9\"/></Image></OME>",
               AF_EDATA, "planes");
    /* The limit is that of all images together: a short text must not ask for much memory. */
    assert_bad("<OME><Image><Pixels SizeZ=\"600\"/></Image><Image><Pixels SizeT=\"401\"/></Image>"
               "</OME>",
               AF_EDATA, "1 x 1 x 401 planes, of at most 400");
}

/* A laugh a line would be a thousand million laughs; a file of ours would be read. */
static void document_types_and_entities_are_refused(void **state)
{
    char xml[2000] = "<?xml version=\"1.0\"?><!DOCTYPE OME [<!ENTITY a \"ha\">";

    (void)state;
    assert_bad("<!DOCTYPE OME SYSTEM \"http://127.0.0.1:1/x.dtd\"><OME><Image><Pixels/></Image>"
               "</OME>",
               AF_EDATA, "x: OME-XML with a document type is refused");
    assert_bad("<!DOCTYPE OME [<!ENTITY f SYSTEM \"/etc/passwd\">]><OME><Image Name=\"n\">"
               "<Pixels/>&f;</Image></OME>",
               AF_EDATA, "x: OME-XML with a document type is refused");
    for (char c = 'b'; c <= 'j'; c++) {
        char line[100];

        snprintf(line, sizeof(line), "<!ENTITY %c \"&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;\">", c,
                 c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        strcat(xml, line);
    }
    strcat(xml, "]><OME><Image Name=\"&j;\"><Pixels/></Image></OME>");
    assert_bad(xml, AF_EDATA, "x: OME-XML");
}

static void documents_over_the_limit_are_not_parsed(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_ome ome;

    (void)state;
    assert_int_equal(af_ome_parse(&ome, "", AF_OME_MAX + 1, "x", 9, &err), -1);
    assert_string_equal(err.text, "x: OME-XML of 134217729 bytes");
}

static void descriptions_that_look_like_ome_are_known(void **state)
{
    (void)state;
    assert_true(af_ome_is("<?xml version=\"1.0\"?><OME><Image/></OME>"));
    assert_true(af_ome_is(" \n\xef\xbb\xbf<OME><Image/></OME>"));
    assert_false(af_ome_is(NULL));
    assert_false(af_ome_is(""));
    assert_false(af_ome_is("OME Image"));
    assert_false(af_ome_is("<html>Image</html>"));
    assert_false(af_ome_is("ImageJ=1.53t\n"));
}

/* Sizes and the first PositionZ as a look into the files shows them. */
static void real_documents_are_parsed(void **state)
{
    static const struct {
        const char *file;
        size_t nimages, nz, nc, nt;
        double dz_um, z_um; // 0: not said
    } want[] = {
        {"z-series.ome.xml", 1, 5, 1, 1, 0, 0},
        {"hcs.ome.xml", 1, 1, 3, 16, 0, 0},
        {"MMStack.ome.xml", 2, 5, 3, 2, 1.75, -4},
        {"one-screen-one-plate-four-wells.ome.xml", 11, 1, 1, 1, 0, 0},
        {"instrument-units-alternate.ome.xml", 1, 1, 1, 1, 0, 0},
    };
    char path[4096], *xml;

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
        struct af_err err = {AF_OK, ""};
        struct af_ome ome;
        FILE *fp;
        size_t n;

        snprintf(path, sizeof(path), "%s/ometiff/xml/%s", getenv("REALDATA"), want[i].file);
        if (!(fp = fopen(path, "r"))) {
            print_message("# %s is absent\n", path);
            skip();
        }
        xml = malloc(100000);
        assert_non_null(xml);
        n = fread(xml, 1, 100000, fp);
        fclose(fp);
        if (af_ome_parse(&ome, xml, n, want[i].file, 1000, &err))
            fail_msg("%s", err.text);
        free(xml);
        assert_int_equal(ome.nimages, want[i].nimages);
        assert_int_equal(ome.image[0].nz, want[i].nz);
        assert_int_equal(ome.image[0].nc, want[i].nc);
        assert_int_equal(ome.image[0].nt, want[i].nt);
        assert_true(want[i].dz_um ? ome.image[0].dz_um == want[i].dz_um
                                  : isnan(ome.image[0].dz_um));
        assert_true(want[i].z_um ? ome.image[0].plane[0].z_um == want[i].z_um
                                 : isnan(ome.image[0].plane[0].z_um));
        af_ome_release(&ome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_and_place_are_inverse_in_all_orders),
        cmocka_unit_test(schema_2016_has_units_beside_numbers),
        cmocka_unit_test(older_schemas_have_defaults),
        cmocka_unit_test(schemas_of_2003_and_2008_nest_time_and_place),
        cmocka_unit_test(colour_companions_and_several_images_are_noticed),
        cmocka_unit_test(planes_outside_the_sizes_are_passed_over),
        cmocka_unit_test(broken_documents_are_refused_with_a_reason),
        cmocka_unit_test(document_types_and_entities_are_refused),
        cmocka_unit_test(documents_over_the_limit_are_not_parsed),
        cmocka_unit_test(descriptions_that_look_like_ome_are_known),
        cmocka_unit_test(real_documents_are_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
