/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "optics/lens.h"
#include "optics/matmul.h"
#include <complex.h>
#include <math.h>
#include <stdlib.h>

static float *draw(size_t n, const char *name)
{
    float *v = malloc(n * sizeof *v);
    struct af_random r;

    assert_non_null(v);
    af_random_init(&r, 1, name);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)af_random_normal(&r);
    return v;
}

static void product_is_that_of_the_definition(void **state)
{
    enum { ROWS = AF_MATMUL_ROWS, COLUMNS = AF_MATMUL_COLUMNS };
    static const size_t size[][3] = {{ROWS, COLUMNS, 1},
                                     {2 * ROWS, 3 * COLUMNS, 7},
                                     {ROWS, 2 * COLUMNS, 600},
                                     {3 * ROWS, COLUMNS, 256}};

    (void)state;
    for (size_t t = 0; t < sizeof size / sizeof *size; t++) {
        size_t m = size[t][0], n = size[t][1], k = size[t][2];
        float *a = draw(m * k, "a"), *b = draw(k * n, "b"), *c = draw(m * n, "c");
        af_matmul(a, b, c, m, n, k);
        for (size_t i = 0; i < m * n; i++) {
            double sum = 0, scale = 0;
            for (size_t l = 0; l < k; l++) {
                double term = (double)a[i / n * k + l] * b[l * n + i % n];
                sum += term;
                scale += fabs(term);
            }
            /* Rounding of k float additions. */
            assert_true(fabs(c[i] - sum) <= (double)k * 6e-8 * scale);
        }
        free(a);
        free(b);
        free(c);
    }
}

/* Sizes even and odd, smaller and larger than the blocks. */
static const size_t SIZE[][4] = {{32, 32, 8, 8}, {33, 17, 10, 24}, {1, 1, 2, 2}, {70, 5, 64, 30}};

static void field_is_the_double_sum_of_the_definition(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof SIZE / sizeof *SIZE; t++) {
        size_t nx = SIZE[t][0], ny = SIZE[t][1], mx = SIZE[t][2], my = SIZE[t][3];
        double step_x = 0.031, step_y = 0.047, total = 0;
        float *re = draw(mx * my, "re"), *im = draw(mx * my, "im"), *out = draw(nx * ny, "out");
        struct af_lens l;
        struct af_err err;
        assert_int_equal(af_lens_init(&l, nx, ny, mx, my, step_x, step_y, &err), 0);
        af_lens_intensity(&l, re, im, 1, NULL, out);
        for (size_t i = 0; i < mx * my; i++)
            total += hypot(re[i], im[i]);
        for (size_t i = 0; i < nx * ny; i++) {
            double x = (double)(i % nx) - (double)(nx - 1) / 2;
            double y = (double)(i / nx) - (double)(ny - 1) / 2;
            double complex e = 0;
            for (size_t p = 0; p < mx * my; p++) {
                double u = (double)(p % mx) - (double)(mx - 1) / 2;
                double v = (double)(p / mx) - (double)(my - 1) / 2;
                e += (re[p] + I * im[p]) * cexp(I * (step_x * x * u + step_y * y * v));
            }
            assert_true(fabs(out[i] - creal(e * conj(e))) < 2e-6 * total * total);
        }
        af_lens_release(&l);
        free(re);
        free(im);
        free(out);
    }
}

/* Two point sources in the pupil, one of them handed over as the second field, interfere. */
static void second_field_adds_as_far_as_it_is_coherent(void **state)
{
    enum { N = 24 };
    float re[16] = {0}, im[16] = {0}, xr[N], xi[N], yr[N], yi[N], out[N * N];
    struct af_lens_second second = {xr, xi, yr, yi, 0.6f, 0.25f};
    struct af_lens l;
    struct af_err err;

    (void)state;
    re[1] = 1; // u = -0.5, v = -1.5
    assert_int_equal(af_lens_init(&l, N, N, 4, 4, 0.2, 0.3, &err), 0);
    for (int i = 0; i < N; i++) {
        double x = i - (N - 1) / 2.0;
        xr[i] = (float)cos(0.1 * x);
        xi[i] = (float)sin(0.1 * x);
        yr[i] = (float)cos(0.4 * x);
        yi[i] = (float)sin(0.4 * x);
    }
    af_lens_intensity(&l, re, im, 2, &second, out);
    for (int i = 0; i < N * N; i++) {
        double x = i % N - (N - 1) / 2.0, y = i / N - (N - 1) / 2.0;
        double phase = -0.5 * 0.2 * x - 1.5 * 0.3 * y - 0.1 * x - 0.4 * y;
        assert_float_equal(out[i], 2 * (1 + 0.36 + 0.25 + 1.2 * cos(phase)), 1e-5);
    }
    af_lens_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_that_of_the_definition),
        cmocka_unit_test(field_is_the_double_sum_of_the_definition),
        cmocka_unit_test(second_field_adds_as_far_as_it_is_coherent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
