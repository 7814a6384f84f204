/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/adam.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void near(float got, double want, double tolerance)
{
    if (!(fabs((double)got - want) <= tolerance))
        fail_msg("%.9g, not %.9g", (double)got, want);
}

/* m = (1 - b1) g, v = (1 - b2) g^2: the step is lr g / (|g| + 1e-7 / sqrt(1 - b2)). */
static void the_first_step_is_lr_times_the_sign_of_the_gradient(void **state)
{
    static const float g[] = {1, -1, 1e-3f, -250, 0, 1e-7f};
    enum { N = sizeof(g) / sizeof(g[0]) };
    struct af_nn_adam a;
    struct af_err err = {0};
    float w[N] = {0};

    (void)state;
    assert_int_equal(af_nn_adam_init(&a, N, &err), 0);
    af_nn_adam_step(&a, w, g, 0, 0.01, NULL);
    for (int i = 0; i < N; i++) {
        double d = (double)g[i];

        near(w[i], -0.01 * d / (fabs(d) + 1e-7 / sqrt(0.001)), 1e-7); // a rounding or two of 0.01
    }
    assert_int_equal(a.step, 1);
    af_nn_adam_release(&a);
    assert_null(a.m);
}

/* With g constant the bias corrections cancel: every step is lr g / (|g| + eps / sqrt(1 - b2^t)).
 */
static void a_constant_gradient_gives_constant_steps(void **state)
{
    struct af_nn_adam a;
    struct af_err err = {0};
    float w = 0, g = -0.5f;

    (void)state;
    assert_int_equal(af_nn_adam_init(&a, 1, &err), 0);
    for (int t = 1; t <= 2000; t++) {
        float before = w;

        af_nn_adam_step(&a, &w, &g, 0, 1e-3, NULL);
        /* The roundings of m and v, which add up to 1e-3 at most, and those of the weight itself.
         */
        near(w - before, 1e-3, 1e-6 + 2e-7 * (double)w);
    }
    near(w, 2, 2e-3);
    af_nn_adam_release(&a);
}

/* The same recurrence in double. */
static void a_changing_gradient_follows_the_formula(void **state)
{
    struct af_nn_adam a;
    struct af_err err = {0};
    double m = 0, v = 0, want = 0.3;
    float w = 0.3f;

    (void)state;
    assert_int_equal(af_nn_adam_init(&a, 1, &err), 0);
    for (int t = 1; t <= 200; t++) {
        float g = sinf((float)t) + 0.2f * (float)(t % 7);

        m = 0.9 * m + 0.1 * (double)g;
        v = 0.999 * v + 0.001 * (double)g * (double)g;
        want -= 1e-2 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * m / (sqrt(v) + 1e-7);
        af_nn_adam_step(&a, &w, &g, 0, 1e-2, NULL);
        near(w, want, 1e-5); // 200 steps of 1e-2, each good to some 1e-6 of itself
    }
    af_nn_adam_release(&a);
}

static void what_lies_before_is_frozen(void **state)
{
    struct af_nn_adam a;
    struct af_err err = {0};
    float w[4] = {1, 2, 3, 4}, g[4] = {1, 1, 1, 1};

    (void)state;
    assert_int_equal(af_nn_adam_init(&a, 4, &err), 0);
    af_nn_adam_step(&a, w, g, 2, 0.1, NULL);
    assert_true(w[0] == 1 && w[1] == 2 && w[2] < 3 && w[3] < 4);
    assert_true(a.m[1] == 0 && a.v[1] == 0 && a.m[2] > 0);
    af_nn_adam_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_step_is_lr_times_the_sign_of_the_gradient),
        cmocka_unit_test(a_constant_gradient_gives_constant_steps),
        cmocka_unit_test(a_changing_gradient_follows_the_formula),
        cmocka_unit_test(what_lies_before_is_frozen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
