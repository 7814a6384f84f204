/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "focus/evallimit.h"
#include <math.h>

static struct af_err err;
static const char small[] = "size=160x120&pixel=20"; // the same field in a sixteenth of the pixels

static void compute(struct af_eval_limit *l, const char *more, double reach_um)
{
    char options[200];

    snprintf(options, sizeof(options), "%s%s", small, more);
    if (af_eval_limit(l, options, reach_um, &err))
        fail_msg("%s", err.text);
}

static void the_bound_falls_with_the_root_of_the_light(void **state)
{
    struct af_eval_limit one, four;

    (void)state;
    compute(&one, "&read_noise=0&background=0&glow=0&dark=0&full_well=1e7", 2);
    compute(&four, "&read_noise=0&background=0&glow=0&dark=0&full_well=1e7&light=4e6", 2);
    for (int i = 0; i < AF_EVAL_NODES; i++) {
        double ratio = one.sd_um[AF_EVAL_KNOWN][i] / four.sd_um[AF_EVAL_KNOWN][i];

        assert_true(fabs(ratio - 2) < 1e-3); // light is float
        assert_true(one.sd_um[AF_EVAL_UNKNOWN][i] >= one.sd_um[AF_EVAL_KNOWN][i]);
    }
    af_eval_limit_release(&one);
    af_eval_limit_release(&four);
}

static void an_aligned_instrument_knows_both_sides_alike(void **state)
{
    struct af_eval_limit l;

    (void)state;
    compute(&l, "&preset=ideal", 2);
    for (int i = 0; i < AF_EVAL_NODES / 2; i++) {
        double a = l.sd_um[AF_EVAL_KNOWN][i], b = l.sd_um[AF_EVAL_KNOWN][AF_EVAL_NODES - 1 - i];

        assert_true(fabs(a / b - 1) < 0.01); // the Fresnel fringes and float
    }
    af_eval_limit_release(&l);
}

static void full_wells_tell_nothing(void **state)
{
    struct af_eval_limit open, full;

    (void)state;
    compute(&open, "&full_well=1e7", 2);
    compute(&full, "&full_well=300", 2);
    for (int i = 0; i < AF_EVAL_NODES; i++) {
        assert_true(full.sd_um[AF_EVAL_KNOWN][i] > 1.2 * open.sd_um[AF_EVAL_KNOWN][i]);
    }
    af_eval_limit_release(&open);
    af_eval_limit_release(&full);
}

static void it_is_told_between_the_nodes_and_nowhere_else(void **state)
{
    double sd[AF_EVAL_NODES];
    struct af_eval_limit l = {.reach_um = 16, .sd_um = {sd, sd}};

    (void)state;
    for (int i = 0; i < AF_EVAL_NODES; i++)
        sd[i] = 1 + i;
    assert_true(af_eval_limit_at(&l, AF_EVAL_KNOWN, -16) == 1);
    assert_true(af_eval_limit_at(&l, AF_EVAL_KNOWN, 16) == AF_EVAL_NODES);
    assert_true(fabs(af_eval_limit_at(&l, AF_EVAL_UNKNOWN, 0.5) - 9.25) < 1e-12);
    assert_true(isnan(af_eval_limit_at(&l, AF_EVAL_KNOWN, 16.1)));
    assert_true(isnan(af_eval_limit_at(&l, AF_EVAL_KNOWN, NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_falls_with_the_root_of_the_light),
        cmocka_unit_test(an_aligned_instrument_knows_both_sides_alike),
        cmocka_unit_test(full_wells_tell_nothing),
        cmocka_unit_test(it_is_told_between_the_nodes_and_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
