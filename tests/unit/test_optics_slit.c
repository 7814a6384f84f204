/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/slit.h"
#include <math.h>

#define PI 3.14159265358979323846

/* exp(y^2) erfc(y) on the imaginary axis; Gautschi's algorithm 363, Poppe and Wijers' 680
 * elsewhere. */
static void faddeeva_has_its_known_values(void **state)
{
    (void)state;
    for (double y = 0; y < 5; y += 0.25) {
        double complex w = af_faddeeva(I * y);
        assert_float_equal(creal(w), exp(y * y) * erfc(y), 1e-10);
        assert_float_equal(cimag(w), 0, 1e-10);
    }
    double complex w = af_faddeeva(1 + I);
    assert_float_equal(creal(w), 0.30474420525691259, 1e-10);
    assert_float_equal(cimag(w), 0.20821893820283163, 1e-10);
    w = af_faddeeva(5);
    assert_float_equal(creal(w), exp(-25), 1e-10);
    /* Dawson's integral of 5, times 2 / sqrt(pi). */
    assert_float_equal(cimag(w), 0.10213407442427684 * 2 / sqrt(PI), 1e-10);
}

/* The integral of the header by Simpson's rule. */
static double complex integrate(const struct af_slit *s, double u)
{
    enum { N = 20000 };
    double h = 2 * s->half_um / N;
    double complex sum = 0;

    for (int i = 0; i <= N; i++) {
        double at = -s->half_um + h * i, b = at - s->beam_at_um;
        double weight = i == 0 || i == N ? 1 : i % 2 ? 4 : 2;
        sum += weight * exp(-b * b / (s->beam_um * s->beam_um)) *
               cexp(I * PI * (at - u) * (at - u) / s->lambda_l);
    }
    return sum * h / 3 / csqrt(I * s->lambda_l);
}

static void field_is_the_integral_over_the_slit(void **state)
{
    static const struct af_slit slit[] = {{600, 2200, 40, .83 * 5e4},
                                          {1800, 2200, -90, .83 * 5e4},
                                          {600, 500, 100, -.83 * 5e4},
                                          {300, 1e5, 0, .83 * 2e5}};

    (void)state;
    for (size_t i = 0; i < sizeof slit / sizeof *slit; i++)
        for (double u = -2400; u <= 2400; u += 331) {
            double complex got = af_slit_field(&slit[i], u), want = integrate(&slit[i], u);
            assert_true(cabs(got - want) < 1e-6);
        }
}

static void light_spreads_behind_the_slit_but_stays(void **state)
{
    struct af_slit s = {600, 900, 50, .83 * 5e4};
    double here = 0, there = 0;

    (void)state;
    for (double u = -20000; u < 20000; u += 2) {
        there += 2 * pow(cabs(af_slit_field(&s, u)), 2);
        here += fabs(u) < 600 ? 2 * exp(-2 * (u - 50) * (u - 50) / (900. * 900)) : 0;
    }
    /* What is diffracted beyond 20 mm falls as the inverse distance. */
    assert_true(fabs(there / here - 1) < 2e-3);
}

static void slit_at_the_pupil_cuts_the_beam(void **state)
{
    struct af_slit s = {600, 900, 50, 0};

    (void)state;
    assert_float_equal(creal(af_slit_field(&s, 599)), exp(-549. * 549 / 810000), 1e-12);
    assert_float_equal(cabs(af_slit_field(&s, 601)), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faddeeva_has_its_known_values),
        cmocka_unit_test(field_is_the_integral_over_the_slit),
        cmocka_unit_test(light_spreads_behind_the_slit_but_stays),
        cmocka_unit_test(slit_at_the_pupil_cuts_the_beam),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
