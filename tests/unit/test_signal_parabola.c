/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "signal/parabola.h"
#include <math.h>

static void planted_vertices_are_found(void **state)
{
    (void)state;
    for (int t = 0; t < 200; t++) {
        struct af_random r;
        double x[9], y[9], offset = (t % 4) * 1e5, vertex;
        struct af_parabola p;

        af_random_init(&r, (uint64_t)t, "vertex");
        vertex = offset + 6 * af_random_uniform(&r) - 1;
        for (size_t i = 0; i < 9; i++) {
            x[i] = offset + (double)i / 2 + af_random_uniform(&r) / 3; // unequal steps
            y[i] = 7 - 0.3 * (x[i] - vertex) * (x[i] - vertex);
        }
        assert_int_equal(af_parabola_fit(x, y, 9, &p, NULL), 0);
        assert_true(fabs(p.vertex - vertex) < 1e-9); // x itself is rounded at 1e-11
        assert_true(fabs(p.curvature + 0.6) < 1e-8);
        assert_true(fabs(p.value - 7) < 1e-8);
        assert_true(p.vertex_err < 1e-8 && p.rms < 1e-8);
        assert_true(fabs(af_parabola_at(&p, x[3]) - y[3]) < 1e-8);
    }
}

/*
 * 20,000 fits: the spread's own standard error is 1/sqrt(40,000) = 0.5 %, so
 * 2.5 % is five of them. The mean of the estimated variances must match it.
 */
static void standard_error_is_the_spread_over_repeated_noise(void **state)
{
    enum { REPEATS = 20000, N = 17 };
    const double vertex = 0.13, noise = 0.002;
    double sum = 0, squares = 0, variances = 0, curvatures = 0, curvature_sum = 0,
           curvature_squares = 0;
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "noise");
    for (int t = 0; t < REPEATS; t++) {
        double x[N], y[N];
        struct af_parabola p;

        for (size_t i = 0; i < N; i++) {
            x[i] = ((double)i - 8) / 10 + (i > 10 ? 0.07 : 0);
            y[i] = 1 + 0.5 * (x[i] - vertex) * (x[i] - vertex) + noise * af_random_normal(&r);
        }
        assert_int_equal(af_parabola_fit(x, y, N, &p, NULL), 0);
        sum += p.vertex - vertex;
        squares += (p.vertex - vertex) * (p.vertex - vertex);
        variances += p.vertex_err * p.vertex_err;
        curvature_sum += p.curvature - 1;
        curvature_squares += (p.curvature - 1) * (p.curvature - 1);
        curvatures += p.curvature_err * p.curvature_err;
    }
    double spread = sqrt(squares / REPEATS);
    assert_true(fabs(sqrt(variances / REPEATS) / spread - 1) < 0.025);
    assert_true(fabs(sum / REPEATS) < 5 * spread / sqrt(REPEATS));
    assert_true(fabs(sqrt(curvatures / curvature_squares) - 1) < 0.025);
    assert_true(fabs(curvature_sum / REPEATS) < 5 * sqrt(curvature_squares) / REPEATS);
}

static void three_points_have_a_vertex_without_error(void **state)
{
    double x[3] = {0, 1, 3}, y[3] = {1, 0, 4};
    struct af_parabola p;

    (void)state;
    assert_int_equal(af_parabola_fit(x, y, 3, &p, NULL), 0);
    assert_true(fabs(p.vertex - 1) < 1e-14);
    assert_true(isnan(p.vertex_err));
}

static void lines_and_repeated_points_are_refused(void **state)
{
    double x[5] = {0, 1, 2, 3, 4}, line[5] = {2, 2, 2, 2, 2}, two[5] = {1, 1, 2, 2, 2},
           y[5] = {1, 2, 1, 2, 5};
    struct af_parabola p;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_parabola_fit(x, line, 5, &p, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_int_equal(af_parabola_fit(two, y, 5, &p, &err), -1);
    assert_int_equal(af_parabola_fit(x, y, 2, &p, &err), -1);
    assert_int_equal(af_parabola_fit(line, y, 5, &p, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_vertices_are_found),
        cmocka_unit_test(standard_error_is_the_spread_over_repeated_noise),
        cmocka_unit_test(three_points_have_a_vertex_without_error),
        cmocka_unit_test(lines_and_repeated_points_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
