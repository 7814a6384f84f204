/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/pagename.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void a_plane_comes_back_from_its_words(void **state)
{
    const struct af_plane p = {-1.25, 1e5 / 3, -0.001, 10, 3.2, 0, 0, 0};
    struct af_plane q = AF_PLANE_UNKNOWN;
    char text[AF_PAGENAME_SIZE];
    size_t n;

    (void)state;
    n = af_pagename_format(&p, text);
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, "z_um=-1.25 x_um=33333.33333 y_um=-0.001 exposure_ms=10 time_s=3.2");
    af_pagename_parse(text, &q);
    assert_true(q.z_um == p.z_um && q.y_um == p.y_um && q.exposure_ms == 10 && q.time_s == 3.2);
    assert_true(fabs(q.x_um - p.x_um) < 5e-6); // ten digits
}

static void only_what_is_known_is_written(void **state)
{
    struct af_plane p = AF_PLANE_UNKNOWN;
    char text[AF_PAGENAME_SIZE] = "x";

    (void)state;
    assert_int_equal(af_pagename_format(&p, text), 0);
    assert_string_equal(text, "");
    p.time_s = 1;
    p.x_um = INFINITY;
    af_pagename_format(&p, text);
    assert_string_equal(text, "time_s=1");
}

static void the_longest_words_have_room(void **state)
{
    const double long_one = -1.234567891e-300;
    const struct af_plane p = {long_one, long_one, long_one, long_one, long_one, 0, 0, 0};
    char text[AF_PAGENAME_SIZE];
    size_t n;

    (void)state;
    n = af_pagename_format(&p, text);
    assert_int_equal(n, strlen(text));
    assert_true(strlen(text) < AF_PAGENAME_SIZE - 1);
}

static void unknown_and_broken_words_change_nothing(void **state)
{
    struct af_plane p = {1, 2, 3, 4, 5, 0, 0, 0};

    (void)state;
    af_pagename_parse("", &p);
    af_pagename_parse("frame 7 of 9", &p);
    af_pagename_parse("z_um x_um= y_um=3mm exposure_ms=nan time_s=inf Z_UM=9 az_um=9 z_um_=9", &p);
    assert_true(p.z_um == 1 && p.x_um == 2 && p.y_um == 3 && p.exposure_ms == 4 && p.time_s == 5);
    af_pagename_parse("\t label z_um=7\r\n\n x_um=8\ty_um=9 ", &p);
    assert_true(p.z_um == 7 && p.x_um == 8 && p.y_um == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plane_comes_back_from_its_words),
        cmocka_unit_test(only_what_is_known_is_written),
        cmocka_unit_test(the_longest_words_have_room),
        cmocka_unit_test(unknown_and_broken_words_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
