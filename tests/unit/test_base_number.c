/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/number.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static void lengths_come_in_micrometres(void **state)
{
    static const struct {
        const char *text;
        double um;
    } good[] = {
        {"7", 7},           {"-7", -7},          {"+.5", 0.5},       {"5.", 5},
        {"50nm", 0.05},     {"0.3mm", 300},      {"2um", 2},         {"1e-4m", 100},
        {"1E2", 100},       {"3\xc2\xb5m", 3},   {"3\xce\xbcm", 3},  {"3\xb5m", 3},
        {"3\\u00B5m", 3},   {"3micron", 3},      {"2cm", 2e4},       {"1dm", 1e5},
        {"1km", 1e9},       {"5pm", 5e-6},       {"5fm", 5e-9},      {"10Angstrom", 1e-3},
        {"10\xc3\x85", 1e-3}, {"1in", 25400},    {"1ft", 304800},    {"1mil", 25.4},
        {"10\xe2\x84\xab", 1e-3}, {"10\xc5", 1e-3}, {"3microns", 3}, {"1inch", 25400},
        {"1thou", 25.4},
        {"0", 0},           {"-0.0um", 0},       {"1e-400", 0},
    };
    double um;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(af_parse_length_um(good[i].text, &um, NULL), 0);
        // number, unit and product are each rounded: 3 halves of an ulp
        assert_true(fabs(um - good[i].um) <= 3 * 1.2e-16 * fabs(good[i].um));
    }
}

static void times_come_in_milliseconds(void **state)
{
    static const struct {
        const char *text;
        double ms;
    } good[] = {
        {"10", 10},   {"10ms", 10},       {"2s", 2000},         {"5min", 300000},
        {"1h", 3.6e6}, {"250us", 0.25},   {"250\xc2\xb5s", 0.25}, {"500000ns", 0.5},
        {"250\xce\xbcs", 0.25}, {"250\xb5s", 0.25}, {"250\\u00B5s", 0.25}, {"2sec", 2000},
        {"5e9ps", 5},
    };
    double ms;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(af_parse_time_ms(good[i].text, &ms, NULL), 0);
        assert_true(ms == good[i].ms);
    }
    assert_int_equal(af_parse_time_ms("2um", &ms, NULL), -1);
    assert_int_equal(af_parse_length_um("2s", &ms, NULL), -1);
}

static void what_is_not_whole_a_number_is_refused(void **state)
{
    static const char *const bad[] = {
        "",    " 1", "1 ",  "x",    "12x",  "nan", "inf",  "-inf", "0x10", "1e",  "1e+",
        ".",   "-",  "+",   "-.",   "1,5",  "--1", "1.2.3", "e5",  "1\n",  "1..", "NA",
    };
    struct af_err err = {0};
    double v = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(af_parse_real(bad[i], &v, &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_int_equal(af_parse_length_um(bad[i], &v, &err), -1);
        assert_int_equal(af_parse_time_ms(bad[i], &v, &err), -1);
    }
    assert_true(v == 42);
    af_parse_real("12x", &v, &err);
    assert_string_equal(err.text, "'12x' is not a number");
    assert_int_equal(af_parse_real("5um", &v, &err), -1);
    assert_int_equal(af_parse_length_um("5 um", &v, &err), -1);
    assert_int_equal(af_parse_length_um("5UM", &v, &err), -1);
    assert_int_equal(af_parse_length_um("um", &v, &err), -1);
}

static void numbers_without_a_double_are_too_large(void **state)
{
    struct af_err err;
    double v = 42;

    (void)state;
    assert_int_equal(af_parse_real("1e999", &v, &err), -1);
    assert_string_equal(err.text, "'1e999' is too large");
    assert_int_equal(af_parse_length_um("-1e305km", &v, &err), -1);
    assert_true(v == 42);
}

static void whole_numbers_reach_both_ends_of_64_bits(void **state)
{
    static const char *const bad[] = {"", "1.0", "1e3", " 1", "1 ", "+", "0x10", "12x"};
    struct af_err err;
    int64_t v;

    (void)state;
    assert_int_equal(af_parse_int("9223372036854775807", &v, NULL), 0);
    assert_true(v == INT64_MAX);
    assert_int_equal(af_parse_int("-9223372036854775808", &v, NULL), 0);
    assert_true(v == INT64_MIN);
    assert_int_equal(af_parse_int("+0010", &v, NULL), 0);
    assert_true(v == 10);
    assert_int_equal(af_parse_int("9223372036854775808", &v, &err), -1);
    assert_string_equal(err.text, "'9223372036854775808' is too large");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(af_parse_int(bad[i], &v, &err), -1);
        assert_non_null(strstr(err.text, "is not a whole number"));
    }
    assert_true(v == 10);
}

static void units_that_are_none_are_zero(void **state)
{
    (void)state;
    assert_true(af_unit_um("\xc2\xb5m") == 1);
    assert_true(af_unit_um("reference frame") == 0);
    assert_true(af_unit_um("pixel") == 0);
    assert_true(af_unit_um("") == 0);
    assert_true(af_unit_um("s") == 0);
    assert_true(af_unit_ms("s") == 1000);
    assert_true(af_unit_ms("um") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_come_in_micrometres),
        cmocka_unit_test(times_come_in_milliseconds),
        cmocka_unit_test(what_is_not_whole_a_number_is_refused),
        cmocka_unit_test(numbers_without_a_double_are_too_large),
        cmocka_unit_test(whole_numbers_reach_both_ends_of_64_bits),
        cmocka_unit_test(units_that_are_none_are_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
