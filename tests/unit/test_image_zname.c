/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/zname.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static void names_give_their_z_in_micrometres(void **state)
{
    static const struct {
        const char *pattern, *path;
        double z_um;
    } good[] = {
        {"k-%fmm", "k-300mm.png", 300000},
        {"k-%fmm", "/a/b-7mm/k-300mm", 300000},
        {"k-%fmm.png", "k-300mm.png", 300000},
        {"z%f", "z-1.5.bmp", -1.5},
        {"z%f.bmp", "z-1.5.bmp", -1.5},
        {"z%f{mm}", "z-1.5.bmp", -1500},
        {"z%f{mm}.bmp", "x/z10.0.bmp", 10000},
        {"z%f", "z-1.5.ome.tif", -1.5},
        {"z%f", "z+.25", 0.25},
        {"pos_%d_um", "pos_-12_um.tif", -12},
        {"pos_%d_nm", "pos_500_nm.tif", 0.5},
        {"a%fnm_%*", "a250nm_x_y.tif", 0.25},
        {"a%f\xc2\xb5m", "a2\xc2\xb5m.tif", 2},
        {"a%f\xce\xbcm", "a2\xce\xbcm.tif", 2},
        {"f%fm", "f0.5m", 5e5},
        {"f%fmax", "f5max.png", 5},          // letters that are no unit
        {"f%f_m2", "f5_m2", 5},
        {"%*_z%d", "run3_z7.tif", 7},
        {"%*_z%d", "run_z_z7.tif", 7},
        {"%*z%d%*", "z12z13", 12},           // the first that meets it
        {"%*%d", "run42", 42},               // and from its first digit
        {"%*_%d%*", "a_b_-3_c", -3},
        {"100%%_%f", "100%_2.5.png", 2.5},
        {"%d", "7", 7},
        {"p-%f", "p--3", -3},
    };
    struct af_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        double z = NAN;
        if (af_zname_parse(good[i].pattern, good[i].path, &z, &err))
            fail_msg("%s", err.text);
        if (!(fabs(z - good[i].z_um) <= 1e-12 * fabs(good[i].z_um))) // one rounding of the unit
            fail_msg("%s of %s is %g", good[i].pattern, good[i].path, z);
    }
}

static void other_names_are_refused_and_z_is_left(void **state)
{
    static const char *const bad[][2] = {
        {"k-%fmm", "k-300.png"},  {"k-%fmm", "k-mm.png"},   {"k-%fmm", "kk-1mm"},
        {"z%d", "z-1.5.bmp"},     {"z%f", "z1.5.5"},        {"z%f", ""},
        {"z%f", "dir/z1/"},       {"z%f", "zinf"},          {"z%f", "znan"},
        {"z%f", "z0x10"},         {"z%f", "z1e5"},          {"z%f.bmp", "z1.png"},
        {"%*_z%d_%*", "run3_z7"}, {"z%d", "z-"},            {"z%d", "z--1"},
        {"z%d", "z123456789012345678901234567890123"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_err err = {0};
        double z = 77;
        if (!af_zname_parse(bad[i][0], bad[i][1], &z, &err))
            fail_msg("%s of %s is %g", bad[i][0], bad[i][1], z);
        assert_int_equal(err.kind, AF_EDATA);
        assert_true(z == 77);
    }
}

static void wrong_patterns_are_usage_errors(void **state)
{
    static const char *const bad[] = {"", "z", "%*", "%f%f", "z%x", "z%f%", "z%", "a/%f",
                                      "z%f{}", "z%f{mm", "z%f{parsec}",
                                      "z%f{a unit with a long name}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_err err = {0};
        double z;
        assert_int_equal(af_zname_parse(bad[i], "z1", &z, &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_non_null(strstr(err.text, "pattern '"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_give_their_z_in_micrometres),
        cmocka_unit_test(other_names_are_refused_and_z_is_left),
        cmocka_unit_test(wrong_patterns_are_usage_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
