/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/omewrite.h"
#include "child.h"
#include "image/ome.h"
#include "writemake.h"

#include <math.h>
#include <sys/stat.h>

static const struct af_keyvalue keys[] = {
    {"encoder", "123456789012"}, {"a <&> \"b\"", "tab\there"}, {"empty", ""}};

static struct af_stack_meta full_meta(void)
{
    struct af_stack_meta m = AF_STACK_META_UNKNOWN;

    m.nplanes = 3;
    m.px_um = m.py_um = 0.0345;
    m.dz_um = 0.25;
    m.date = "2026-11-21T10:00:00";
    m.image_name = "run <3> & \"more\"";
    m.stage_label = "A1 \xc2\xb5 \xe5\xb9\xb3 \xf0\x9f\x94\xac \xff\xc3x"; // ends in broken UTF-8
    m.channel_name = "reflection";
    m.objective = "100x \xce\xb1 Plan";
    m.magnification = 100;
    m.na = 1.4;
    m.immersion = "Oil";
    m.detector = "CMOS 1.6 MP";
    m.laser = "NIR";
    m.wavelength_nm = 830;
    m.temperature_c = 36.6;
    m.keys = keys;
    m.nkeys = 3;
    return m;
}

/* xmllint against the schema of OME; skips where either is absent. */
static void assert_valid(const char *xml)
{
    char command[9000];
    struct stat st;

    spill_file("v.xml", xml, strlen(xml));
    snprintf(command, sizeof(command), "%s/../reference/ome/ome.xsd", getenv("REALDATA"));
    if (stat(command, &st) || system("xmllint --version >/dev/null 2>&1")) {
        print_message("# no xmllint, or no %s\n", command);
        skip();
    }
    snprintf(command, sizeof(command),
             "d='%s'/../reference/ome; XML_CATALOG_FILES=$d/catalog.xml "
             "xmllint --nonet --noout --schema \"$d/ome.xsd\" v.xml 2>lint",
             getenv("REALDATA"));
    if (system(command))
        fail_msg("%s", text_of("lint"));
}

static void full_metadata_is_ascii_and_valid(void **state)
{
    struct af_stack_meta meta = full_meta();
    struct af_stack_writer *w = begin("full.ome.tif", &meta);
    struct af_stack *st;
    const char *xml;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        add(w, AF_U16, i);
    commit(w);
    assert_planes("full.ome.tif", AF_U16, 3, AF_Z_POSITION);
    st = open_one("full.ome.tif", NULL, NULL);
    xml = af_stack_ome(st);
    for (const char *s = xml; *s; s++)
        assert_true((unsigned char)*s < 0x7f);
    assert_non_null(strstr(xml, "Name=\"run &#60;3&#62; &#38; &#34;more&#34;\""));
    assert_non_null(strstr(xml, "<StageLabel Name=\"A1 &#181; &#24179; &#128300; ??x\"/>"));
    assert_non_null(strstr(xml, "<M K=\"encoder\">123456789012</M>"));
    assert_non_null(strstr(xml, "<M K=\"a &#60;&#38;&#62; &#34;b&#34;\">tab here</M>"));
    assert_non_null(strstr(xml, "Wavelength=\"830\" WavelengthUnit=\"nm\""));
    assert_non_null(strstr(xml, "Temperature=\"36.6\""));
    assert_valid(xml);
    af_stack_close(st);
}

static void any_part_of_the_metadata_alone_is_valid(void **state)
{
    const struct af_stack_meta full = full_meta(), unknown = AF_STACK_META_UNKNOWN;
    struct af_image img = {.w = 7, .h = 5, .type = AF_U8, .bits = 8};
    const struct af_plane p[] = {plane_at(0), AF_PLANE_UNKNOWN, plane_at(2)};

    (void)state;
    for (int k = 0; k < 12; k++) {
        struct af_stack_meta m = unknown;
        struct af_err err = {AF_OK, ""};
        char *xml;

        m.objective = k == 1 ? full.objective : NULL;
        m.na = k == 2 ? full.na : NAN;
        m.magnification = k == 3 ? full.magnification : NAN;
        m.immersion = k == 4 ? full.immersion : NULL;
        m.laser = k == 5 ? full.laser : NULL;
        m.wavelength_nm = k == 6 ? full.wavelength_nm : NAN;
        m.detector = k == 7 ? full.detector : NULL;
        m.stage_label = k == 8 ? full.stage_label : NULL;
        m.temperature_c = k == 9 ? full.temperature_c : NAN;
        m.keys = k == 10 ? keys : NULL;
        m.nkeys = k == 10;
        m.channel_name = k == 11 ? full.channel_name : NULL;
        xml = af_ome_write(&m, &img, k % 2 ? p : NULL, 3, &err);
        if (!xml)
            fail_msg("%s", err.text);
        assert_valid(xml);
        free(xml);
    }
}

static void what_xml_cannot_hold_is_not_written(void **state)
{
    struct af_stack_meta m = AF_STACK_META_UNKNOWN;
    struct af_image img = {2, 2, AF_U8, 8, NULL, 0};
    struct af_ome ome;
    char *xml;

    (void)state;
    m.date = "yesterday";
    m.image_name = "a\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80z"; // U+FFFE, U+FFFF, U+D800
    xml = af_ome_write(&m, &img, NULL, 1, NULL);
    assert_non_null(xml);
    assert_null(strstr(xml, "AcquisitionDate"));
    assert_int_equal(af_ome_parse(&ome, xml, strlen(xml), "x", 9, NULL), 0);
    assert_string_equal(ome.image[0].name, "a???z");
    af_ome_release(&ome);
    assert_valid(xml);
    free(xml);
}

/* Planes at 1, 1.5 and 3 um; nobody has stated a step. */
static void the_step_is_the_mean_of_those_made(void **state)
{
    const struct af_stack_meta m = AF_STACK_META_UNKNOWN;
    struct af_image img = {2, 2, AF_U8, 8, NULL, 0};
    struct af_plane p[3] = {AF_PLANE_UNKNOWN, AF_PLANE_UNKNOWN, AF_PLANE_UNKNOWN};
    char *xml;

    (void)state;
    p[0].z_um = 3;
    p[1].z_um = 1.5;
    p[2].z_um = 1;
    xml = af_ome_write(&m, &img, p, 3, NULL);
    assert_non_null(xml);
    assert_non_null(strstr(xml, " PhysicalSizeZ=\"1\" PhysicalSizeZUnit=\"&#181;m\""));
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_metadata_is_ascii_and_valid),
        cmocka_unit_test(any_part_of_the_metadata_alone_is_valid),
        cmocka_unit_test(what_xml_cannot_hold_is_not_written),
        cmocka_unit_test(the_step_is_the_mean_of_those_made),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
