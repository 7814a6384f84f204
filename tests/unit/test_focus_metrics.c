/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "focus/metrics.h"
#include <math.h>
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
        cmocka_unit_test(pictures_of_nothing_give_finite_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
