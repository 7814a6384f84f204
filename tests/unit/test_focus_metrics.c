/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = AF_FRAME_SIDE, ALONG_Y = AF_METRIC_ALONG_Y, ALONG_X = AF_METRIC_ALONG_X };

struct spot {
    double x, y, sx, sy, turn; // px, rad
};

static void measure(const float *x, double out[AF_METRICS])
{
    struct af_metrics m;

    assert_int_equal(af_metrics_init(&m, NULL), 0);
    af_metrics_run(&m, x, out);
    af_metrics_release(&m);
}

/* A Gaussian spot on a ground of 0.1, r.m.s. 1. */
static void draw(const struct spot *s, float *x)
{
    double square = 0;

    for (size_t i = 0; i < SIDE * SIDE; i++) {
        double dx = (double)(i % SIDE) - s->x, dy = (double)(i / SIDE) - s->y;
        double u = (dx * cos(s->turn) + dy * sin(s->turn)) / s->sx;
        double v = (dy * cos(s->turn) - dx * sin(s->turn)) / s->sy;

        x[i] = (float)(0.1 + exp(-(u * u + v * v) / 2));
        square += (double)x[i] * (double)x[i];
    }
    for (size_t i = 0; i < SIDE * SIDE; i++)
        x[i] *= (float)(SIDE / sqrt(square));
}

static void of(const struct spot *s, double out[AF_METRICS])
{
    float x[SIDE * SIDE];

    draw(s, x);
    measure(x, out);
}

/*
 * The tail below a tenth of the peak is cut off: of a Gaussian that leaves sigma sqrt(1 - t
 * exp(-t^2/2) / (sqrt(pi/2) erf(t / sqrt 2))), t = sqrt(2 ln 10), which is 0.88 sigma. Its extent
 * is sqrt(2 pi) sigma.
 */
static void centre_and_widths_are_those_of_the_spot(void **state)
{
    const double t = sqrt(2 * log(10)), pi = 3.14159265358979323846;
    const double kept = sqrt(1 - t * exp(-t * t / 2) / (sqrt(pi / 2) * erf(t / sqrt(2))));
    double m[AF_METRICS];

    (void)state;
    of(&(struct spot){.x = 50.3, .y = 41.7, .sx = 8, .sy = 4}, m);
    assert_true(fabs(m[ALONG_X + AF_METRIC_CENTRE] - 50.3) <
                0.1); // pixels come in at the threshold
    assert_true(fabs(m[ALONG_Y + AF_METRIC_CENTRE] - 41.7) < 0.1);
    assert_true(fabs(m[ALONG_X + AF_METRIC_WIDTH] / (8 * kept) - 1) < 0.03);
    assert_true(fabs(m[ALONG_Y + AF_METRIC_WIDTH] / (4 * kept) - 1) < 0.03);
    assert_true(fabs(m[ALONG_X + AF_METRIC_EXTENT] / (8 * sqrt(2 * pi)) - 1) < 0.01);
    assert_true(fabs(m[ALONG_Y + AF_METRIC_EXTENT] / (4 * sqrt(2 * pi)) - 1) < 0.01);
}

static void a_wider_axis_is_seen_on_that_axis(void **state)
{
    double narrow[AF_METRICS], wide[AF_METRICS];

    (void)state;
    of(&(struct spot){.x = 48, .y = 48, .sx = 10, .sy = 3}, narrow);
    of(&(struct spot){.x = 48, .y = 48, .sx = 10, .sy = 6}, wide);
    assert_true(wide[ALONG_Y + AF_METRIC_WIDTH] > 1.8 * narrow[ALONG_Y + AF_METRIC_WIDTH]);
    assert_true(wide[ALONG_Y + AF_METRIC_SPREAD] > 1.2 * narrow[ALONG_Y + AF_METRIC_SPREAD]);
    for (size_t i = 0; i < AF_METRICS_A_PROFILE; i++)
        if (i != AF_METRIC_PEAK && i != AF_METRIC_HIGHEST) // brightness is shared; rounding
            assert_true(fabs(wide[ALONG_X + i] / narrow[ALONG_X + i] - 1) < 1e-3);
    assert_true(wide[AF_METRIC_FOURTH] < narrow[AF_METRIC_FOURTH]);
    assert_true(wide[AF_METRIC_BRIGHTEST] < narrow[AF_METRIC_BRIGHTEST]);
}

static void the_slant_tells_the_sense_of_a_turn(void **state)
{
    double plus[AF_METRICS], minus[AF_METRICS], none[AF_METRICS];
    struct spot s = {.x = 48, .y = 48, .sx = 9, .sy = 4};

    (void)state;
    of(&s, none);
    s.turn = 0.3;
    of(&s, plus);
    s.turn = -0.3;
    of(&s, minus);
    assert_true(fabs(none[AF_METRIC_SLANT] - 1) < 1e-6);
    assert_true(plus[AF_METRIC_SLANT] > 1.2 && minus[AF_METRIC_SLANT] < 0.8);
    assert_true(fabs(plus[AF_METRIC_SLANT] + minus[AF_METRIC_SLANT] - 2) < 1e-6);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The power of p less its mean, bin by bin from the definition. */
static void transform(const double *p, double *spread, double *highest)
{
    double mean = 0, norm = 0, all = 0, squares = 0, high = 0;

    for (int i = 0; i < SIDE; i++)
        mean += p[i] / SIDE;
    for (int i = 0; i < SIDE; i++)
        norm += (p[i] - mean) * (p[i] - mean);
    for (int k = 0; k < SIDE; k++) {
        double re = 0, im = 0, power;

        for (int i = 0; i < SIDE; i++) {
            re += (p[i] - mean) * cos(2 * 3.14159265358979323846 * i * k / SIDE);
            im += (p[i] - mean) * sin(2 * 3.14159265358979323846 * i * k / SIDE);
        }
        power = (re * re + im * im) / norm;
        all += power;
        squares += power * power;
        high += k > SIDE / 4 && SIDE - k > SIDE / 4 ? power : 0;
    }
    *spread = sqrt(squares / SIDE - all / SIDE * all / SIDE);
    *highest = high / all;
}

/* A spot in noise, so that nothing is 0. */
static void the_others_follow_their_formulas(void **state)
{
    static float x[SIDE * SIDE];
    static double v[SIDE * SIDE];
    double m[AF_METRICS], p[SIDE] = {0}, spread, highest, mean = 0, base = 0, bright = 0;
    double fourth = 0;
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "metrics");
    draw(&(struct spot){.x = 50.3, .y = 41.7, .sx = 8, .sy = 4}, x);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        x[i] += (float)(0.1 * af_random_normal(&r));
        v[i] = (double)x[i];
        p[i / SIDE] += v[i] / SIDE;
        mean += v[i] / (SIDE * SIDE);
        fourth += pow(v[i], 4) / (SIDE * SIDE);
    }
    measure(x, m);
    transform(p, &spread, &highest);
    qsort(v, SIDE * SIDE, sizeof *v, ascending);
    for (int i = 0; i < 922; i++) // a tenth
        base += v[i] / 922;
    for (int i = 0; i < 16; i++)
        bright += v[SIDE * SIDE - 1 - i] / 16;
    assert_true(fabs(m[ALONG_Y + AF_METRIC_SPREAD] / spread - 1) < 1e-9);
    assert_true(fabs(m[ALONG_Y + AF_METRIC_HIGHEST] / highest - 1) < 1e-9);
    assert_true(fabs(m[AF_METRIC_SUM] / (mean - base) - 1) < 1e-9);
    assert_true(fabs(m[AF_METRIC_BRIGHTEST] / (bright - base) - 1) < 1e-9);
    assert_true(fabs(m[AF_METRIC_FOURTH] / fourth - 1) < 1e-9);
}

/* Profiles without any structure have no width; what is not there must not become NaN. */
static void pictures_of_nothing_give_finite_numbers(void **state)
{
    float x[SIDE * SIDE];
    double m[AF_METRICS];

    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        for (size_t i = 0; i < SIDE * SIDE; i++)
            x[i] = kind == 0   ? 0
                   : kind == 1 ? 1
                   : kind == 2 ? (float)((i / SIDE + i) % 2)
                   : kind == 3 ? (i == 777 ? 96.0F : 0)
                               : (float)(i % SIDE ? -1 : 1);
        measure(x, m);
        for (size_t i = 0; i < AF_METRICS; i++)
            assert_true(isfinite(m[i]) && m[i] >= 0 && (kind > 1 || m[i] == 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(centre_and_widths_are_those_of_the_spot),
        cmocka_unit_test(a_wider_axis_is_seen_on_that_axis),
        cmocka_unit_test(the_slant_tells_the_sense_of_a_turn),
        cmocka_unit_test(the_others_follow_their_formulas),
        cmocka_unit_test(pictures_of_nothing_give_finite_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
