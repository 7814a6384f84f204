/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/alignment.h"
#include <math.h>
#include <string.h>

static struct af_alignment at(struct af_sim_params *p, double day, double t_s)
{
    struct af_alignment a;

    p->day = day;
    af_alignment_at(p, t_s, &a);
    return a;
}

static struct af_sim_params paper(void)
{
    struct af_sim_params p;

    af_sim_params_preset(&p, AF_PRESET_PAPER);
    return p;
}

static void seed_day_and_time_decide_all(void **state)
{
    struct af_sim_params p = paper();
    struct af_alignment a = at(&p, 12, 5000), b = at(&p, 12, 5000);

    (void)state;
    assert_memory_equal(&a, &b, sizeof a);
    p.seed = 2;
    b = at(&p, 12, 5000);
    assert_true(a.shift_x_px != b.shift_x_px);
}

/*
 * x' = 0.75 x + step e: the difference of two days has the variance 2 step^2 / 1.75, the walk
 * itself step^2 / (1 - 0.75^2). 4000 days, correlated over some seven: 5 % is four standard errors.
 */
static void walk_has_the_steps_and_the_bounds_it_should(void **state)
{
    enum { DAYS = 4000 };
    struct af_sim_params p = paper();
    double difference = 0, all = 0, mean = 0, last = 0;

    (void)state;
    p.hour_drift = 0;
    for (int d = 0; d < DAYS; d++) {
        double x = at(&p, d, 0).beam_y_um - p.beam_y_um;
        difference += d ? (x - last) * (x - last) / (DAYS - 1) : 0;
        all += x * x / DAYS;
        mean += x / DAYS;
        last = x;
    }
    assert_true(fabs(difference / (25 * 25 * 2 / 1.75) - 1) < 0.1);
    assert_true(fabs((all - mean * mean) / (25 * 25 / 0.4375) - 1) < 0.15);
    assert_true(fabs(mean) < 8); // sqrt(7 variance / DAYS) is 1.6
}

static void wander_within_a_day_is_a_sixth_and_forgets_in_an_hour_and_a_half(void **state)
{
    enum { DAYS = 3000 };
    struct af_sim_params p = paper();
    double variance = 0, product = 0;

    (void)state;
    p.day_drift = 0;
    for (int d = 0; d < DAYS; d++) {
        double x = at(&p, d, 6000).shift_x_px, y = at(&p, d, 6000 + 5400).shift_x_px;
        variance += x * x / DAYS;
        product += x * y / DAYS;
    }
    assert_true(fabs(sqrt(variance) * 6 / 2 - 1) < 0.06);
    assert_true(fabs(product / variance - exp(-1)) < 0.08);
}

static void ideal_instrument_does_not_move(void **state)
{
    struct af_sim_params p;
    struct af_alignment a, b;

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_IDEAL);
    a = at(&p, 0, 0);
    b = at(&p, 50, 1e4);
    assert_memory_equal(&a, &b, sizeof a);
    assert_float_equal(a.spherical, 0, 0);
}

static void knock_is_three_times_as_wide_as_a_day(void **state)
{
    enum { KNOCKS = 2000 };
    struct af_sim_params p = paper();
    double before, variance = 0;

    (void)state;
    p.hour_drift = 0;
    before = at(&p, 3, 0).decentre_x_um;
    for (int k = 1; k <= KNOCKS; k++) {
        p.knock = k;
        double x = at(&p, 3, 0).decentre_x_um - before;
        variance += x * x / KNOCKS;
    }
    assert_true(fabs(sqrt(variance) / (3 * 6) - 1) < 0.08);
}

/* 2000 days that are alike over some seven: 0.25 of a standard deviation is six standard errors */
static void all_that_walks_does_so_by_what_is_told(void **state)
{
    enum { DAYS = 2000, MOST = 32 };
    struct af_sim_params p = paper();
    double sum[MOST] = {0}, squares[MOST] = {0}, sd[MOST];
    size_t place[MOST], n = 0;

    (void)state;
    p.hour_drift = 0;
    while (af_alignment_walks(n, &place[n], &sd[n]) == 0)
        assert_true(++n < MOST);
    assert_int_equal(n, 18);
    for (int d = 0; d < DAYS; d++) {
        struct af_alignment a = at(&p, d, 0);
        for (size_t i = 0; i < n; i++) {
            double x = *(double *)((char *)&a + place[i]);
            sum[i] += x / DAYS;
            squares[i] += x * x / DAYS;
        }
    }
    for (size_t i = 0; i < n; i++) {
        double seen = sqrt(squares[i] - sum[i] * sum[i]);
        assert_true(sd[i] > 0 && fabs(seen / sd[i] - 1) < 0.25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_day_and_time_decide_all),
        cmocka_unit_test(walk_has_the_steps_and_the_bounds_it_should),
        cmocka_unit_test(wander_within_a_day_is_a_sixth_and_forgets_in_an_hour_and_a_half),
        cmocka_unit_test(ideal_instrument_does_not_move),
        cmocka_unit_test(knock_is_three_times_as_wide_as_a_day),
        cmocka_unit_test(all_that_walks_does_so_by_what_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
