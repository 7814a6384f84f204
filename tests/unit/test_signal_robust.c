/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void selection_agrees_with_sorting(void **state)
{
    (void)state;
    for (int t = 0; t < 3000; t++) {
        double x[40], sorted[40];
        struct af_random r;

        af_random_init(&r, (uint64_t)t, "select");
        size_t n = 1 + (size_t)af_random_below(&r, 40), k = (size_t)af_random_below(&r, n);
        uint64_t values = 1 + af_random_below(&r, 50); // few values: many ties
        for (size_t i = 0; i < n; i++)
            x[i] = (double)af_random_below(&r, values);
        memcpy(sorted, x, sizeof x);
        qsort(sorted, n, sizeof *sorted, ascending);

        af_select(x, n, k);
        assert_true(x[k] == sorted[k]);
        for (size_t i = 0; i < n; i++)
            assert_true(i < k ? x[i] <= x[k] : x[i] >= x[k]);
        assert_true(af_median(x, n) == (sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
        qsort(x, n, sizeof *x, ascending);
        assert_memory_equal(x, sorted, n * sizeof *x); // nothing lost
    }
}

static void mad_is_the_standard_deviation_of_normal_noise_and_ignores_outliers(void **state)
{
    enum { N = 20000 };
    static double x[N];
    struct af_random r;

    (void)state;
    af_random_init(&r, 2, "mad");
    for (size_t i = 0; i < N; i++)
        x[i] = i % 50 ? 10 + 3 * af_random_normal(&r) : 1e9;
    /* 2 % of outliers shift the quantile by 2.7 %; the estimate's own error is 0.8 %. */
    assert_true(fabs(af_mad_sigma(x, N) / 3 - 1.027) < 0.03);
}

/* Median 3, deviations 2 1 0 1 2; half of a normal sample lies within 0.6744897501960817 sigma. */
static void mad_of_five_is_one_over_the_quantile(void **state)
{
    double x[5] = {5, 1, 4, 2, 3};

    (void)state;
    assert_true(fabs(af_mad_sigma(x, 5) * 0.6744897501960817 - 1) < 1e-15);
}

static void lowest_share_is_averaged(void **state)
{
    double x[10] = {9, 3, 7, 1, 8, 2, 6, 0, 5, 4}, one[1] = {5};

    (void)state;
    assert_true(af_mean_lowest(x, 10, 0.3) == 1);
    assert_true(af_mean_lowest(x, 10, 0.26) == 1 && af_mean_lowest(x, 10, 0.24) == 0.5);
    assert_true(af_mean_lowest(x, 10, 0.0) == 0);
    assert_true(af_mean_lowest(x, 10, 1.0) == 4.5);
    assert_true(af_mean_lowest(one, 1, 0.05) == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_agrees_with_sorting),
        cmocka_unit_test(mad_is_the_standard_deviation_of_normal_noise_and_ignores_outliers),
        cmocka_unit_test(mad_of_five_is_one_over_the_quantile),
        cmocka_unit_test(lowest_share_is_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
