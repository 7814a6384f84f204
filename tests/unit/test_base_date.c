/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/date.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void days_are_those_of_the_calendar(void **state)
{
    static const char *const good[] = {"2026-11-21", "2028-02-29", "2000-02-29", "0001-01-31",
                                       "2026-11-21T10:00:00", "2026-12-31 or so"};
    static const char *const bad[] = {"",           "2026",       "2026-11-2",  "2026-1-21",
                                      "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31",
                                      "2027-02-29", "1900-02-29", "0000-01-01", "-123-11-21",
                                      "2026:11:21", " 2026-11-21"};

    (void)state;
    for (size_t i = 0; i < N(good); i++)
        assert_true(af_begins_with_day(good[i]));
    for (size_t i = 0; i < N(bad); i++)
        assert_false(af_begins_with_day(bad[i]));
}

static void date_times_are_those_of_xml_schema(void **state)
{
    static const char *const good[] = {"2026-11-21T10:00:00", "2026-11-21T23:59:59Z",
                                       "2026-11-21T10:00:00.25", "2026-11-21T10:00:00.5-07:00",
                                       "2026-11-21T00:00:00+01:00",
                                       "2026-11-21T00:00:00+13:59",
                                       "2026-11-21T00:00:00+14:00", // Kiribati
                                       "2026-11-21T00:00:00-14:00"};
    static const char *const bad[] = {"2026-11-21",           "2026-11-21 10:00:00",
                                      "2026-11-21T10:00",     "2026-11-21T24:00:00",
                                      "2026-11-21T10:60:00",  "2026-11-21T10:00:60",
                                      "2026-11-31T10:00:00",  "2026-11-21T10:00:00.",
                                      "2026-11-21T10:00:00z", "2026-11-21T10:00:00 +0100",
                                      "2026-11-21T10:00:00+14:01",
                                      "2026-11-21T10:00:00-15:00",
                                      "2026-11-21T10:00:00+13:60",
                                      "2026-11-21T10:00:00+1", "2026-11-21T10:00:00+01:00 "};

    (void)state;
    for (size_t i = 0; i < N(good); i++)
        assert_true(af_is_date_time(good[i]));
    for (size_t i = 0; i < N(bad); i++)
        assert_false(af_is_date_time(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_those_of_the_calendar),
        cmocka_unit_test(date_times_are_those_of_xml_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
