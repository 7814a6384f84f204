/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/cholesky.h"
#include "signal/levmar.h"
#include "base/random.h"
#include "child.h"

#include <math.h>

static void a_system_is_solved(void **state)
{
    double a[9] = {4, 0, 0, 2, 5, 0, -1, 3, 6}, b[3] = {4 + 4 - 3, 2 + 10 + 9, -1 + 6 + 18},
           half[3];

    (void)state;
    assert_true(af_cholesky(a, 3, 3));
    for (int i = 0; i < 3; i++)
        half[i] = b[i];
    af_cholesky_solve(a, 3, 3, b);
    assert_true(fabs(b[0] - 1) < 1e-12 && fabs(b[1] - 2) < 1e-12 && fabs(b[2] - 3) < 1e-12);
    af_cholesky_half(a, 3, 3, half); // its square is b^T a^-1 b = 5 + 42 + 69
    assert_true(fabs(half[0] * half[0] + half[1] * half[1] + half[2] * half[2] - 116) < 1e-10);
    double indefinite[4] = {1, 0, 2, 1};
    assert_false(af_cholesky(indefinite, 2, 2));
}

/* Rosenbrock's valley as residuals 10 (y - x^2), 1 - x. */
static double valley(void *ctx, const double *p, double *a, double *b)
{
    double r[2] = {-10 * (p[1] - p[0] * p[0]), -(1 - p[0])}; // data 0
    double j[2][2] = {{-20 * p[0], 10}, {-1, 0}};

    (void)ctx;
    for (int i = 0; a && i < 2; i++)
        for (int k = 0; k < 2; k++) {
            b[k] += r[i] * j[i][k];
            for (int m = 0; m <= k; m++)
                a[k * 2 + m] += j[i][k] * j[i][m];
        }
    return r[0] * r[0] + r[1] * r[1];
}

static void rosenbrocks_valley_is_walked_to_its_end(void **state)
{
    struct af_levmar m = {.n = 2, .cost = valley};
    double p[2] = {-1.2, 1}, cost;

    (void)state;
    assert_true(af_levmar(&m, p, NULL, &cost));
    assert_true(fabs(p[0] - 1) < 1e-5 && fabs(p[1] - 1) < 1e-5 && cost < 1e-10);
    p[0] = 0.5;
    p[1] = 0;
    m.fixed = 1; // x stays: y = x^2
    assert_true(af_levmar(&m, p, NULL, &cost));
    assert_true(p[0] == 0.5 && fabs(p[1] - 0.25) < 1e-6);
}

struct line {
    double x[20], y[20];
};

static double line(void *ctx, const double *p, double *a, double *b)
{
    const struct line *d = ctx;
    double sum = 0;

    for (int i = 0; i < 20; i++) {
        double r = d->y[i] - p[0] - p[1] * d->x[i];

        sum += r * r;
        if (!a)
            continue;
        a[0] += 1;
        a[2] += d->x[i];
        a[3] += d->x[i] * d->x[i];
        b[0] += r;
        b[1] += r * d->x[i];
    }
    return sum;
}

/* Textbook: x = 0 .. 19, var of slope 1 / sum (x - 9.5)^2 = 1 / 665, of the level sum x^2 / (n
 * 665). */
static void the_covariance_of_a_line_is_the_textbooks(void **state)
{
    struct line d;
    struct af_levmar m = {.n = 2, .cost = line, .ctx = &d};
    double p[2] = {0, 0}, cov[4], cost;
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, NULL);
    for (int i = 0; i < 20; i++) {
        d.x[i] = i;
        d.y[i] = 3 - 0.5 * i + af_random_normal(&r);
    }
    assert_true(af_levmar(&m, p, cov, &cost));
    assert_true(fabs(cov[3] - 1 / 665.0) < 1e-12);
    assert_true(fabs(cov[0] - 2470 / (20 * 665.0)) < 1e-12);
    assert_true(fabs(p[1] + 0.5) < 4 * sqrt(cov[3]));
}

static double hopeless(void *ctx, const double *p, double *a, double *b)
{
    (void)ctx;
    (void)a;
    (void)b;
    return p[0] * 0 + INFINITY;
}

/* A slope that is no number, as of an overflow, leads nowhere. */
static double numberless(void *ctx, const double *p, double *a, double *b)
{
    (void)ctx;
    if (a) {
        a[0] += 1;
        b[0] += NAN;
    }
    return 1 + p[0] * p[0];
}

static void what_cannot_be_fitted_is_said(void **state)
{
    struct af_levmar m = {.n = 1, .cost = hopeless};
    double p[1] = {0}, cost;

    (void)state;
    assert_false(af_levmar(&m, p, NULL, &cost));
    m.cost = numberless;
    assert_false(af_levmar(&m, p, NULL, &cost));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_is_solved),
        cmocka_unit_test(rosenbrocks_valley_is_walked_to_its_end),
        cmocka_unit_test(the_covariance_of_a_line_is_the_textbooks),
        cmocka_unit_test(what_cannot_be_fitted_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
