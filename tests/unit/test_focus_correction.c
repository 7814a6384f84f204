/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "focus/correction.h"

#include <math.h>
#include <string.h>

static int take(const char *text, struct af_correction *c, struct af_err *err)
{
    FILE *fp = fmemopen((void *)text, strlen(text), "r");
    int ret;

    assert_non_null(fp);
    ret = af_correction_read(c, fp, "p.tsv", err);
    fclose(fp);
    return ret;
}

static void the_median_of_the_looks_counts(void **state)
{
    struct af_correction c;
    struct af_err err;

    (void)state;
    assert_int_equal(take("defocus_um\ttrust\tz_um\n1\tok\t7\n-9\tok\t7.5\n2\tok\t7.9\n", &c, &err),
                     0);
    assert_true(c.defocus_um == 1 && c.z_um == 7.9); // where the last one was taken
    assert_int_equal(take("trust\tdefocus_um\nok\t1\nok\t2\n", &c, &err), 0);
    assert_true(c.defocus_um == 1.5 && isnan(c.z_um));
}

static void what_cannot_be_trusted_moves_nothing(void **state)
{
    static const char *const text[][2] = {
        {"defocus_um\ttrust\n1\tok\n1\tdark\n", "p.tsv: line 3: the prediction is not to be "
                                                "trusted: dark"},
        {"defocus_um\ttrust\n1\tNA\n", "p.tsv: line 2: the prediction is not to be trusted: NA"},
        {"defocus_um\ttrust\nNA\tok\n", "p.tsv: line 2: the prediction is not a number"},
        {"defocus_um\ttrust\n", "p.tsv: holds no prediction"},
        {"defocus_um\ttrust\tz_um\n1\tok\t0\n1\tok\t0.9\n1\tok\t1.8\n",
         "p.tsv: line 4: frames at different z do not make one correction"},
        {"defocus_um\ttrust\tz_um\n1\tok\t0\n1\tok\t-0.9\n1\tok\t0.9\n", // 1.8 apart
         "p.tsv: line 4: frames at different z do not make one correction"},
        {"defocus_um\ttrust\tz_um\n1\tok\t0\n1\tok\tNA\n",
         "p.tsv: line 3: frames at different z do not make one correction"},
        {"defocus_um\ttrust\tz_um\n1\tok\tNA\n1\tok\t0\n",
         "p.tsv: line 3: frames at different z do not make one correction"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
        struct af_correction c = {3, 4};
        struct af_err err;

        assert_int_equal(take(text[i][0], &c, &err), -1);
        assert_int_equal(err.kind, AF_ELIMIT);
        assert_string_equal(err.text, text[i][1]);
        assert_true(c.defocus_um == 3 && c.z_um == 4);
    }
}

static void what_is_no_table_of_predictions_is_told(void **state)
{
    static const char *const text[] = {"defocus_um\n1\n", "trust\nok\n",
                                       "defocus_um\ttrust\nx\tok\n", "defocus_um\ttrust\n1\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
        struct af_correction c;
        struct af_err err;

        assert_int_equal(take(text[i], &c, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_of_the_looks_counts),
        cmocka_unit_test(what_cannot_be_trusted_moves_nothing),
        cmocka_unit_test(what_is_no_table_of_predictions_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
