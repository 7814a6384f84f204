/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signal/spectrum.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const size_t LENGTH[] = {1,  2,  3,  4,  5,   6,   7,   8,   9,   12,  16,
                                25, 49, 77, 97, 128, 143, 480, 487, 640, 641, 1021};
enum { NLENGTHS = sizeof LENGTH / sizeof *LENGTH, NMAX = 2048 };

static void fill(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (double)(i * (i + 7) % 1009) / 1009 + (3 * i < n ? 0.5 : 0);
}

static void power_of(const double *x, size_t n, double *power)
{
    struct af_spectrum s;
    struct af_err err = {0};

    assert_int_equal(af_spectrum_init(&s, n, &err), 0);
    af_spectrum_power(&s, x, power);
    af_spectrum_release(&s);
}

static double spread(const double *power, size_t n)
{
    double mean = 0, squares = 0;
    for (size_t k = 0; k < n; k++)
        mean += power[k] / (double)n;
    for (size_t k = 0; k < n; k++)
        squares += (power[k] - mean) * (power[k] - mean) / (double)n;
    return sqrt(squares);
}

static void power_is_that_of_the_definition(void **state)
{
    double x[NMAX], power[NMAX];

    (void)state;
    for (size_t t = 0; t < NLENGTHS; t++) {
        size_t n = LENGTH[t];
        fill(x, n);
        power_of(x, n, power);
        for (size_t k = 0; k < n; k += 1 + n / 50) {
            long double re = 0, im = 0;
            for (size_t j = 0; j < n; j++) {
                long double phase = -2 * 3.14159265358979323846264338328L *
                                    (long double)(j * k % n) / (long double)n;
                re += x[j] * cosl(phase);
                im += x[j] * sinl(phase);
            }
            /* Rounding grows with the largest bin, the zero frequency. */
            assert_true(fabs(power[k] - (double)(re * re + im * im)) < 1e-13 * power[0]);
        }
    }
}

static void energy_is_kept_parseval(void **state)
{
    double x[NMAX], power[NMAX];

    (void)state;
    for (size_t t = 0; t < NLENGTHS; t++) {
        double direct = 0, spectral = 0;
        fill(x, LENGTH[t]);
        power_of(x, LENGTH[t], power);
        for (size_t i = 0; i < LENGTH[t]; i++) {
            direct += x[i] * x[i];
            spectral += power[i] / (double)LENGTH[t];
        }
        assert_true(fabs(spectral / direct - 1) < 1e-13);
    }
}

/* std over all bins of |F|^2 = sqrt of the sum over lags t != 0 of R_t^2, R the circular
 * autocorrelation. */
static void spread_is_that_of_the_autocorrelation(void **state)
{
    double x[NMAX], power[NMAX];

    (void)state;
    for (size_t t = 1; t < NLENGTHS; t++) {
        size_t n = LENGTH[t];
        double sum = 0;
        fill(x, n);
        power_of(x, n, power);
        for (size_t lag = 1; lag < n; lag++) {
            double r = 0;
            for (size_t i = 0; i < n; i++)
                r += x[i] * x[(i + lag) % n];
            sum += r * r;
        }
        assert_true(fabs(spread(power, n) / sqrt(sum) - 1) < 1e-12);
    }
}

static void a_cosine_fills_two_bins(void **state)
{
    double x[30];

    (void)state;
    for (size_t i = 0; i < 30; i++)
        x[i] = cos(2 * 3.14159265358979323846 * 7 * (double)i / 30);
    power_of(x, 30, x); // in place
    for (size_t k = 0; k < 30; k++)
        assert_true(fabs(x[k] - (k == 7 || k == 23 ? 225 : 0)) < 1e-11);
}

/* Numbers of numpy.fft, tests/expect/make-signal.py: each bin relative to the largest, the spread
 * to itself. */
static void agrees_with_numpy_to_1e_6(void **state)
{
    double x[NMAX], power[NMAX], want, worst = 0, worst_spread = 0;
    char path[4096], line[256];
    size_t n, k, last = 0, count = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/expect/signal.txt", getenv("SRC"));
    FILE *fp = fopen(path, "r");
    assert_non_null(fp);
    while (fgets(line, sizeof line, fp)) {
        int bin = sscanf(line, "power %zu %zu %lf", &n, &k, &want) == 3;
        if (!bin && sscanf(line, "spread %zu %lf", &n, &want) != 2)
            continue;
        assert_true(n <= NMAX);
        if (n != last) {
            fill(x, n);
            power_of(x, n, power);
            last = n;
        }
        if (bin)
            worst = fmax(worst, fabs(power[k] - want) / power[0]);
        else if (n > 1)
            worst_spread = fmax(worst_spread, fabs(spread(power, n) / want - 1));
        count++;
    }
    fclose(fp);
    print_message("# %zu values, worst differences: bins %.1e, spread %.1e\n", count, worst,
                  worst_spread);
    assert_true(count > 100);
    assert_true(worst < 1e-6 && worst_spread < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_that_of_the_definition),
        cmocka_unit_test(energy_is_kept_parseval),
        cmocka_unit_test(spread_is_that_of_the_autocorrelation),
        cmocka_unit_test(a_cosine_fills_two_bins),
        cmocka_unit_test(agrees_with_numpy_to_1e_6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
