/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scopesim/faults.h"

static void each_word_has_its_place(void **state)
{
    struct af_simfaults f;

    (void)state;
    assert_int_equal(
        af_simfaults_parse(&f,
                           "noise=0.01,lost=0.02,repeated=0.03,corrupted=0.04,split=0.05,late=0.06,"
                           "unasked=0.07,stuck=0.08,limit=0.09,stale=1,unplugged=1e2,seed=7",
                           NULL),
        0);
    assert_true(f.noise == 0.01 && f.lost == 0.02 && f.repeated == 0.03 && f.corrupted == 0.04);
    assert_true(f.split == 0.05 && f.late == 0.06 && f.unasked == 0.07 && f.stuck == 0.08);
    assert_true(f.limit == 0.09 && f.stale == 1 && f.unplugged == 100 && f.seed == 7);
    assert_int_equal(af_simfaults_parse(&f, "", NULL), 0);
    assert_true(f.noise == 0 && f.unplugged == 0 && f.seed == 0);
}

static void what_is_no_fault_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"lost", "'lost' is not FAULT=NUMBER"},
        {"lost=x", "'lost=x' is not FAULT=NUMBER"},
        {"lost=0.1;late=1", "'lost=0.1;late=1' is not FAULT=NUMBER"},
        {"broken=1", "there is no fault 'broken'"},
        {"lost=1e", "'1e' is not a number"},
        {"lost=1.5", "lost=1.5 is not in 0 to 1"},
        {"late=0.5,stuck=-0.1", "stuck=-0.1 is not in 0 to 1"},
        {"unplugged=1e10", "unplugged=1e10 is not in 0 to 1e+09"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_simfaults f;
        struct af_err err;

        assert_int_equal(af_simfaults_parse(&f, bad[i][0], &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_string_equal(err.text, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_has_its_place),
        cmocka_unit_test(what_is_no_fault_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
