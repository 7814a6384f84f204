/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/safety.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct af_axis_conf limits(void)
{
    struct af_instrument in;

    af_instrument_init(&in);
    in.axis[AF_Z].min_um = -100;
    in.axis[AF_Z].max_um = 100;
    in.axis[AF_Z].max_step_um = 50;
    in.axis[AF_Z].max_toward_um = 20;
    in.axis[AF_Z].max_travel_um = 80;
    return in.axis[AF_Z];
}

static int check(const struct af_axis_conf *a, double from, double to)
{
    struct af_legs legs;
    struct af_err err = {AF_OK, ""};
    int ret = af_safety_check("s", AF_Z, a, 0, from, to, &legs, &err);

    assert_int_equal(err.kind, ret ? AF_ELIMIT : AF_OK);
    return ret;
}

static void limits_are_reached_and_not_passed(void **state)
{
    struct af_axis_conf a = limits();

    (void)state;
    assert_int_equal(check(&a, 0, 20), 0);
    assert_int_equal(check(&a, 0, 20.00001), -1);
    assert_int_equal(check(&a, 0, -50), 0);
    assert_int_equal(check(&a, 0, -50.00001), -1);
    assert_int_equal(check(&a, 70, 80), 0);
    assert_int_equal(check(&a, 70, 80.00001), -1); // travel
    a.max_travel_um = 1000;
    assert_int_equal(check(&a, 90, 100), 0);
    assert_int_equal(check(&a, 90, 100.00001), -1);
    assert_int_equal(check(&a, -90, -100), 0);
    assert_int_equal(check(&a, -90, -100.00001), -1);
}

/* Sums of decimal numbers are off in the last bit: that is no reason to refuse. */
static void rounding_is_forgiven(void **state)
{
    struct af_axis_conf a = limits();

    (void)state;
    a.max_toward_um = 0.3;
    assert_int_equal(check(&a, 0, 0.1 + 0.2), 0);
}

static void what_is_no_number_is_refused(void **state)
{
    struct af_axis_conf a = limits();
    const double bad[] = {NAN, INFINITY, -INFINITY};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(check(&a, 0, bad[i]), -1);
        assert_int_equal(check(&a, bad[i], 0), -1);
    }
}

static void each_limit_is_needed(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct af_axis_conf a = limits();
        double *all[] = {&a.min_um, &a.max_um, &a.max_step_um, &a.max_travel_um};

        *all[i] = NAN;
        assert_false(af_axis_has_limits(&a));
        assert_int_equal(check(&a, 0, 0), -1);
    }
}

/* Whatever is asked: if it is allowed, each leg obeys every rule and the last ends at the target.
 */
static void what_is_allowed_obeys_every_rule(void **state)
{
    struct af_random r;
    struct af_axis_conf a = limits();
    int allowed = 0;

    (void)state;
    af_random_init(&r, 5, "safety");
    a.backlash_um = 3;
    for (int i = 0; i < 100000; i++) {
        double from = 220 * af_random_uniform(&r) - 110, to = 220 * af_random_uniform(&r) - 110,
               at = from;
        double origin = 100 * af_random_uniform(&r) - 50;
        struct af_legs l;

        if (af_safety_check("s", AF_Z, &a, origin, from, to, &l, NULL))
            continue;
        allowed++;
        assert_true(l.n == 1 || l.n == 2);
        for (int k = 0; k < l.n; k++) {
            assert_true(l.um[k] >= -100.001 && l.um[k] <= 100.001);
            assert_true(l.um[k] - at <= 20.001 && at - l.um[k] <= 50.001);
            assert_true(fabs(l.um[k] - origin) <= 80.001);
            at = l.um[k];
        }
        assert_true(at == to);
        assert_true(l.n == 2 ? l.um[0] < to : to >= from + 3); // always from below
    }
    assert_true(allowed > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_reached_and_not_passed), cmocka_unit_test(rounding_is_forgiven),
        cmocka_unit_test(what_is_no_number_is_refused),      cmocka_unit_test(each_limit_is_needed),
        cmocka_unit_test(what_is_allowed_obeys_every_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
