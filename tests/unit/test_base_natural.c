/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/natural.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* In order; every pair is compared, so antisymmetry and transitivity follow. */
static const char *const ordered[] = {
    "",          "-1",       "0",        "00",       "0a",       "00a",      "1",
    "01",        "001",      "1.tif",    "2",        "9",        "10",       "010",
    "99999999999999999999999999999999999998", "99999999999999999999999999999999999999",
    "a",         "a1",       "a1b2",     "a01b2",    "a1b3",     "a01b3",    "a1b10",
    "a2",        "a10",      "aa",       "k-9mm",    "k-10mm",   "k-010mm",  "k-100mm",
    "z",         "\xc3\xa9",
};
enum { N = sizeof(ordered) / sizeof(*ordered) };

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

static void order_is_total(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_int_equal(sign(af_natural_compare(ordered[i], ordered[k])), sign(i - k));
}

static void sort_restores_the_order_from_any_start(void **state)
{
    const char *names[N];

    (void)state;
    for (size_t turn = 0; turn < N; turn++) { // backwards, and turned
        for (size_t i = 0; i < N; i++)
            names[i] = ordered[(N - 1 - i + turn) % N];
        af_natural_sort(names, N);
        for (size_t i = 0; i < N; i++)
            assert_string_equal(names[i], ordered[i]);
    }
    af_natural_sort(NULL, 0);
}

static void names_end_behind_something(void **state)
{
    (void)state;
    assert_true(af_name_ends_in("a.png", ".png"));
    assert_false(af_name_ends_in(".png", ".png"));
    assert_false(af_name_ends_in("a.png.part", ".png"));
    assert_false(af_name_ends_in("a.PNG", ".png"));
    assert_false(af_name_ends_in("", ".png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_total),
        cmocka_unit_test(sort_restores_the_order_from_any_start),
        cmocka_unit_test(names_end_behind_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
