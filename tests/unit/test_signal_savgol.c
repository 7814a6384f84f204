/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signal/savgol.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NMAX = 700 };

static void smooth(const double *x, size_t n, size_t window, size_t order, double *out)
{
    struct af_savgol s;
    struct af_err err = {0};

    assert_int_equal(af_savgol_init(&s, window, order, &err), 0);
    af_savgol_apply(&s, x, n, out);
    af_savgol_release(&s);
}

/* 1e-12: some hundred roundings of a double. */
static void polynomials_up_to_the_order_are_left_unchanged(void **state)
{
    static const struct {
        size_t window, order;
    } c[] = {{5, 3}, {11, 3}, {101, 3}, {101, 9}, {501, 9}, {7, 6}, {1, 0}};
    double x[NMAX], y[NMAX];

    (void)state;
    for (size_t t = 0; t < sizeof c / sizeof *c; t++) {
        for (size_t n = c[t].window; n <= c[t].window + 3; n++) {
            for (size_t i = 0; i < n; i++) {
                double u = 2 * ((double)i / (double)n) - 1;
                x[i] = 0;
                for (size_t k = 0; k <= c[t].order; k++)
                    x[i] = x[i] * u + (k % 2 ? -1.5 : 1.25);
            }
            smooth(x, n, c[t].window, c[t].order, y);
            for (size_t i = 0; i < n; i++)
                assert_true(fabs(y[i] - x[i]) < 1e-12);
        }
    }
}

static void a_term_above_the_order_is_changed(void **state)
{
    double x[NMAX], y[NMAX];

    (void)state;
    for (size_t i = 0; i < 100; i++)
        x[i] = pow(((double)i - 50) / 50, 4);
    smooth(x, 100, 11, 3, y);
    assert_true(fabs(y[50] - x[50]) > 1e-6);
}

/* The weights printed in the paper's Table I: quadratic/cubic, 5 points. */
static void weights_are_those_of_the_paper(void **state)
{
    static const double want[5] = {-3 / 35., 12 / 35., 17 / 35., 12 / 35., -3 / 35.};
    double x[25] = {0}, y[25];

    (void)state;
    x[12] = 1;
    smooth(x, 25, 5, 2, y);
    for (size_t i = 0; i < 5; i++)
        assert_true(fabs(y[10 + i] - want[i]) < 1e-15);
    assert_true(y[9] == 0 && y[15] == 0);
}

static void even_windows_and_high_orders_are_refused(void **state)
{
    struct af_savgol s;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_savgol_init(&s, 10, 3, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_savgol_init(&s, 5, 5, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_savgol_init(&s, SIZE_MAX, 3, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    af_savgol_release(&s);
}

/* Numbers of scipy.signal.savgol_filter, where they are good, and of rational arithmetic:
 * tests/expect/make-signal.py. */
static void agrees_with_scipy_to_1e_6(void **state)
{
    double x[NMAX], y[NMAX], worst = 0;
    char path[4096], line[256];
    size_t count = 0, n, window, order, i, last[3] = {0};
    double want;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/expect/signal.txt", getenv("SRC"));
    FILE *fp = fopen(path, "r");
    assert_non_null(fp);
    while (fgets(line, sizeof line, fp)) {
        if (sscanf(line, "savgol %zu %zu %zu %zu %lf", &n, &window, &order, &i, &want) != 5)
            continue;
        if (n != last[0] || window != last[1] || order != last[2]) {
            assert_true(n <= NMAX);
            for (size_t j = 0; j < n; j++)
                x[j] = (double)(j * (j + 7) % 1009) / 1009 + (3 * j < n ? 0.5 : 0);
            smooth(x, n, window, order, y);
            last[0] = n, last[1] = window, last[2] = order;
        }
        worst = fmax(worst, fabs(y[i] / want - 1));
        count++;
    }
    fclose(fp);
    print_message("# %zu values, worst relative difference %.1e\n", count, worst);
    assert_true(count > 400);
    assert_true(worst < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polynomials_up_to_the_order_are_left_unchanged),
        cmocka_unit_test(a_term_above_the_order_is_changed),
        cmocka_unit_test(weights_are_those_of_the_paper),
        cmocka_unit_test(even_windows_and_high_orders_are_refused),
        cmocka_unit_test(agrees_with_scipy_to_1e_6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
