/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "signal/whiten.h"
#include <math.h>
#include <string.h>

enum { N = 12 };

/* A A^T of a random A, and a little more on the diagonal. */
static void make_covariance(uint64_t seed, double c[N][N])
{
    double a[N][N];
    struct af_random r;

    af_random_init(&r, seed, "covariance");
    for (size_t i = 0; i < N * N; i++)
        a[i / N][i % N] = af_random_normal(&r);
    memset(c, 0, N * N * sizeof(double));
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            for (size_t k = 0; k < N; k++)
                c[i][j] += a[i][k] * a[j][k];
            c[i][j] += i == j ? 0.1 : 0;
        }
}

static void what_is_whitened_has_unit_covariance(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        double c[N][N], spent[N][N], w[N][N] = {{0}};

        make_covariance(seed, c);
        memcpy(spent, c, sizeof(c));
        af_whiten(spent[0], N, w[0]);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                double v = 0;

                for (size_t k = 0; k < N; k++)
                    for (size_t l = 0; l < N; l++)
                        v += w[i][k] * c[k][l] * w[j][l];
                assert_true(fabs(v - (i == j)) < 1e-9); // the condition is some 1e4
            }
    }
}

static void only_the_lower_triangle_is_read_and_written(void **state)
{
    double c[2][2] = {{4, NAN}, {2, 10}}, w[2][2] = {{0, 7}, {0, 0}};

    (void)state;
    af_whiten(c[0], 2, w[0]); // L = (2 0; 1 3)
    assert_true(fabs(w[0][0] - 0.5) < 1e-15 && w[0][1] == 7);
    assert_true(fabs(w[1][0] + 1.0 / 6) < 1e-15 && fabs(w[1][1] - 1.0 / 3) < 1e-15);
}

/* So that no distance by it is below any limit. */
static void what_has_no_spread_is_no_number(void **state)
{
    double c[2][2] = {{4, 0}, {2, 1}}, w[2][2] = {{0, 0}, {0, 0}};

    (void)state;
    af_whiten(c[0], 2, w[0]);
    assert_true(isnan(w[0][0]) && isnan(w[1][0]) && isnan(w[1][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whitened_has_unit_covariance),
        cmocka_unit_test(only_the_lower_triangle_is_read_and_written),
        cmocka_unit_test(what_has_no_spread_is_no_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
