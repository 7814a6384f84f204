/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/instrument.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int read_text(struct af_instrument *in, const char *text, struct af_err *err)
{
    FILE *fp = fopen("test.conf", "w");

    assert_non_null(fp);
    fputs(text, fp);
    assert_int_equal(fclose(fp), 0);
    return af_instrument_read(in, "test.conf", err);
}

static void the_shipped_file_is_read_whole(void **state)
{
    struct af_instrument in;
    struct af_err err = {AF_OK, ""};
    char path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/testdata/sim.conf", getenv("SRC") ? getenv("SRC") : ".");
    if (af_instrument_read(&in, path, &err))
        fail_msg("%s", err.text);
    assert_string_equal(in.camera, "sim:");
    assert_string_equal(in.stage, "sim:");
    assert_null(in.xy_stage);
    assert_true(in.pixel_um == 0.0833 && in.sensor_pixel_um == 5 && in.exposure_ms == 5 &&
                in.gain == 1);
    assert_true(in.axis[AF_Z].min_um == -300 && in.axis[AF_Z].max_um == 300);
    assert_true(in.axis[AF_Z].max_toward_um == 300 && in.axis[AF_Z].tolerance_um == 0.1);
    assert_true(in.axis[AF_X].max_um == 127760);
    for (int i = 0; i < AF_NAXES; i++)
        assert_true(af_axis_has_limits(&in.axis[i]));
    af_instrument_release(&in);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"[z]\nmin = 1\n", "belong together"},
        {"[z]\nmin=5\nmax=5\nmax_step=1\nmax_travel=1\n", "not below max"},
        {"[z]\nmim = 1\n", "line 2: mim: [z] has no key 'mim'"},
        {"[q]\nmin = 1\n", "line 2: min: there is no section [q]"},
        {"min = 1\n", "line 1: min: there is no section []"},
        {"[z]\nmin = nan\n", "line 2: min: 'nan' is not a length"},
        {"[z]\nmin = 1lightyear\n", "not a length"},
        {"[z]\nmin = 1e9\n", "not in"},
        {"[z]\nreadings = 1\n", "not in 2 to 100"},
        {"[z]\ndirection = 0\n", "neither 1 nor -1"},
        {"[z]\ndirection = 1.5\n", "not a whole number"},
        {"[z\n", "line 1: neither"},
        {"[z]\nnonsense\n", "line 2: neither"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_instrument in;
        struct af_err err = {AF_OK, ""};

        assert_int_equal(read_text(&in, bad[i].text, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        if (!strstr(err.text, bad[i].why))
            fail_msg("%s: not said: %s", err.text, bad[i].why);
        af_instrument_release(&in);
    }
}

static void a_long_line_is_not_cut_in_two(void **state)
{
    static char text[3000];
    struct af_instrument in;
    struct af_err err = {AF_OK, ""};

    (void)state;
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "[z]\n;", 5);
    memcpy(text + 2000, "min = 5", 7);
    assert_int_equal(read_text(&in, text, &err), -1);
    assert_non_null(strstr(err.text, "longer than"));
    af_instrument_release(&in);
}

static void without_a_file_there_are_no_limits(void **state)
{
    struct af_instrument in;
    struct af_err err = {AF_OK, ""};

    (void)state;
    unsetenv("AF_INSTRUMENT");
    setenv("XDG_CONFIG_HOME", "/nowhere", 1);
    assert_int_equal(af_instrument_read(&in, NULL, &err), 0);
    assert_null(in.path);
    assert_false(af_axis_has_limits(&in.axis[AF_Z]));
    af_instrument_release(&in);
    setenv("AF_INSTRUMENT", "/nowhere/x.conf", 1); // a file that was asked for must be there
    assert_int_equal(af_instrument_read(&in, NULL, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    af_instrument_release(&in);
    unsetenv("AF_INSTRUMENT");
}

static void the_option_goes_before_the_environment_before_the_file(void **state)
{
    struct af_instrument in;
    struct af_err err = {AF_OK, ""};

    (void)state;
    unsetenv("AF_STAGE");
    af_instrument_init(&in);
    assert_null(af_instrument_stage(&in, NULL, &err));
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(read_text(&in, "[stage]\nuri = tango:a\n", &err), 0);
    assert_string_equal(af_instrument_stage(&in, NULL, &err), "tango:a");
    setenv("AF_STAGE", "tango:b", 1);
    assert_string_equal(af_instrument_stage(&in, NULL, &err), "tango:b");
    assert_string_equal(af_instrument_stage(&in, "tango:c", &err), "tango:c");
    unsetenv("AF_STAGE");
    af_instrument_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_file_is_read_whole),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(a_long_line_is_not_cut_in_two),
        cmocka_unit_test(without_a_file_there_are_no_limits),
        cmocka_unit_test(the_option_goes_before_the_environment_before_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
