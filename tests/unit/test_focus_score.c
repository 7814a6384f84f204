/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/score.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 480 };

static void score(const double *profile, size_t n, size_t window, size_t order,
                  struct af_scores *out)
{
    struct af_scorer s;

    assert_int_equal(af_scorer_init(&s, n, window, order, NULL), 0);
    af_scorer_run(&s, profile, out);
    af_scorer_release(&s);
}

/* By definition, in the direct sums of the header's formula. */
static double spread_by_definition(const double *q, size_t n)
{
    double sum = 0, squares = 0;

    for (size_t k = 0; k < n; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < n; i++) {
            double phase = 2 * 3.14159265358979323846 * (double)(i * k % n) / (double)n;
            re += q[i] * cos(phase);
            im += q[i] * sin(phase);
        }
        sum += re * re + im * im;
        squares += (re * re + im * im) * (re * re + im * im);
    }
    return sqrt(squares / (double)n - sum / (double)n * sum / (double)n);
}

static void gaussian(double *p, size_t n, double center, double width, double height, double black)
{
    for (size_t i = 0; i < n; i++) {
        double u = ((double)i - center) / width;
        p[i] = black + height * exp(-u * u / 2);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void scores_are_those_of_the_definition(void **state)
{
    static const size_t length[] = {100, 101, 196};
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "profile");
    for (size_t t = 0; t < 3; t++) {
        size_t n = length[t];
        double p[200], q[200], sorted[200], mean = 0, norm = 0, base = 0, base_norm = 0;
        struct af_scores s;

        gaussian(p, n, 40, 6, 300, 90);
        for (size_t i = 0; i < n; i++)
            p[i] += af_random_normal(&r);
        score(p, n, 1, 0, &s); // a window of one point: no smoothing
        memcpy(sorted, p, sizeof p);
        qsort(sorted, n, sizeof *sorted, ascending);
        for (size_t i = 0; i < n; i++)
            mean += p[i] / (double)n;
        size_t lowest = n == 196 ? 10 : 5;
        for (size_t i = 0; i < lowest; i++)
            base += sorted[i] / (double)lowest;
        for (size_t i = 0; i < n; i++) {
            norm += (p[i] - mean) * (p[i] - mean);
            base_norm += (p[i] - base) * (p[i] - base);
        }

        assert_true(fabs(s.of[AF_LITERAL] / spread_by_definition(p, n) - 1) < 1e-10);
        for (size_t i = 0; i < n; i++)
            q[i] = (p[i] - mean) / sqrt(norm);
        assert_true(fabs(s.of[AF_L2] / spread_by_definition(q, n) - 1) < 1e-10);
        for (size_t i = 0; i < n; i++)
            q[i] = (p[i] - base) / sqrt(base_norm);
        assert_true(fabs(s.of[AF_BASE] / spread_by_definition(q, n) - 1) < 1e-10);
        for (size_t i = 0; i < n; i++)
            q[i] = (p[i] - sorted[0]) / (sorted[n - 1] - sorted[0]);
        assert_true(fabs(s.of[AF_MINMAX] / spread_by_definition(q, n) - 1) < 1e-10);
    }
}

/*
 * A Gaussian line of width s on a dark ground: R_t = exp(-t^2 / 4 s^2), so that the spread
 * is sqrt(sqrt(2 pi) s - 1); the sum over t is its integral to many digits.
 */
static void base_score_of_a_gaussian_line_grows_with_its_width(void **state)
{
    double p[N];
    struct af_scores s;

    (void)state;
    for (double width = 2; width < 30; width *= 1.3) {
        gaussian(p, N, 200.3, width, 7, 0);
        score(p, N, 1, 0, &s);
        assert_true(fabs(s.of[AF_BASE] - sqrt(sqrt(2 * 3.14159265358979) * width - 1)) < 1e-6);
    }
}

/* Why the paper's sentence alone gives no minimum. */
static void the_literal_score_falls_with_width_where_all_others_rise(void **state)
{
    double p[N];
    struct af_scores last, s;

    (void)state;
    for (double width = 6; width < 60; width *= 1.2) {
        gaussian(p, N, 240, width, 1e4 / width, 100); // the same light
        score(p, N, 11, 3, &s);
        if (width > 6) {
            assert_true(s.of[AF_LITERAL] < last.of[AF_LITERAL]);
            for (enum af_measure m = 0; m < AF_LITERAL; m++)
                assert_true(s.of[m] > last.of[m]);
        }
        last = s;
    }
}

static void brightness_and_black_level_do_not_matter(void **state)
{
    double p[N], q[N];
    struct af_scores s, t;

    (void)state;
    gaussian(p, N, 240, 12, 100, 0);
    for (size_t i = 0; i < N; i++)
        q[i] = 1000 + 37 * p[i];
    score(p, N, 11, 3, &s);
    score(q, N, 11, 3, &t);
    for (enum af_measure m = 0; m < AF_LITERAL; m++)
        assert_true(fabs(s.of[m] / t.of[m] - 1) < 1e-9);
    assert_true(fabs(t.noise - s.noise) < 1e-9);
}

/* A frame of doubles may hold any power of ten; a score of 0 would pass as the best focus. */
static void powers_of_ten_do_not_matter(void **state)
{
    static const double scale[] = {1e-140, 1e-90, 1e80, 1e140};
    struct af_scores want, got;
    double p[N];

    (void)state;
    gaussian(p, N, 200.3, 7, 1, 0.2);
    score(p, N, 11, 3, &want);
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++) {
        gaussian(p, N, 200.3, 7, scale[i], 0.2 * scale[i]);
        score(p, N, 11, 3, &got);
        for (enum af_measure m = 0; m < AF_LITERAL; m++)
            assert_true(fabs(got.of[m] / want.of[m] - 1) < 1e-9); // rounding
        assert_true(fabs(got.noise / want.noise - 1) < 1e-3);     // of nearly nothing
        assert_true(fabs(got.of[AF_LITERAL] / scale[i] / scale[i] / want.of[AF_LITERAL] - 1) <
                    1e-9);
    }
}

static void noise_share_tells_lines_from_noise(void **state)
{
    static const size_t window[] = {1, 5, 11, 51};
    double p[N], q[N];
    struct af_random r;
    struct af_scores s;

    (void)state;
    af_random_init(&r, 3, "noise");
    gaussian(p, N, 240, 4, 100, 10);
    for (size_t t = 0; t < 4; t++) {
        size_t order = window[t] > 3 ? 3 : 0;
        score(p, N, window[t], order, &s);
        assert_true(s.noise < 1e-3);
        for (int repeat = 0; repeat < 50; repeat++) {
            for (size_t i = 0; i < N; i++)
                q[i] = 1000 + af_random_normal(&r);
            score(q, N, window[t], order, &s);
            assert_true(s.noise > 0.5 && s.noise <= 1);
        }
        if (window[t] > 11)
            continue; // would flatten the line
        /* Noise of a known share: variance 4 against the line's own; 480 points tell it to 10 %. */
        for (size_t i = 0; i < N; i++)
            q[i] = p[i] + 2 * af_random_normal(&r);
        score(q, N, window[t], order, &s);
        struct af_savgol g;
        assert_int_equal(af_savgol_init(&g, window[t], order, NULL), 0);
        double line = 100 * 100 * 4 * sqrt(3.14159265) / N,
               mean = 100 * 4 * sqrt(2 * 3.14159265) / N;
        double kept = 4 * g.center[window[t] / 2];
        af_savgol_release(&g);
        assert_true(fabs(s.noise / (kept / (line - mean * mean + kept)) - 1) < 0.5);
    }
}

static void constant_profiles_have_no_score(void **state)
{
    double p[N];
    struct af_scores s;

    (void)state;
    for (size_t i = 0; i < N; i++)
        p[i] = 1234.5678;
    score(p, N, 11, 3, &s);
    assert_true(isnan(s.of[AF_L2]) && isnan(s.of[AF_BASE]) && isnan(s.of[AF_MINMAX]));
    assert_true(isnan(s.noise));
    assert_true(s.of[AF_LITERAL] > 0);
    memset(p, 0, sizeof p);
    score(p, N, 11, 3, &s);
    assert_true(isnan(s.of[AF_L2]) && s.of[AF_LITERAL] == 0);
}

static void windows_wider_than_the_profile_are_refused(void **state)
{
    struct af_scorer s;
    struct af_err err = {AF_OK, ""};

    (void)state;
    assert_int_equal(af_scorer_init(&s, 9, 11, 3, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_scorer_init(&s, 20, 10, 3, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    af_scorer_release(&s);
}

static void put(struct af_image *img, size_t i, double v)
{
    switch (img->type) {
    case AF_U8: ((uint8_t *)img->data)[i] = (uint8_t)v; break;
    case AF_U16: ((uint16_t *)img->data)[i] = (uint16_t)v; break;
    case AF_U32: ((uint32_t *)img->data)[i] = (uint32_t)v; break;
    case AF_U64: ((uint64_t *)img->data)[i] = (uint64_t)v; break;
    case AF_I8: ((int8_t *)img->data)[i] = (int8_t)(v - 128); break;
    case AF_I16: ((int16_t *)img->data)[i] = (int16_t)(v - 32768); break;
    case AF_I32: ((int32_t *)img->data)[i] = (int32_t)v; break;
    case AF_I64: ((int64_t *)img->data)[i] = (int64_t)v; break;
    case AF_F32: ((float *)img->data)[i] = (float)v; break;
    default: ((double *)img->data)[i] = v;
    }
}

/* Integers are summed exactly, so the means are the quotients to the last bit. */
static void profiles_are_the_means_of_rows_and_columns(void **state)
{
    static const struct {
        size_t w, h;
    } size[] = {{1, 1}, {7, 3}, {8, 5}, {17, 9}, {640, 3}, {70001, 2}};

    (void)state;
    for (size_t t = 0; t < sizeof size / sizeof *size; t++) {
        size_t w = size[t].w, h = size[t].h;
        double *rows = calloc(h, sizeof *rows), *alone = calloc(h, sizeof *rows);
        double *columns = calloc(w, sizeof *columns), *values = calloc(w * h, sizeof *values);

        assert_true(rows && alone && columns && values);
        for (enum af_sample type = 0; type < AF_NSAMPLES; type++) {
            struct af_image img = {0};
            struct af_random r;

            af_random_init(&r, t, "pixels");
            assert_int_equal(af_image_resize(&img, w, h, type, NULL), 0);
            uint64_t range = af_sample_size(type) == 1 ? 256 : 65536;
            for (size_t i = 0; i < w * h; i++) // half of all pixels at full scale
                put(&img, i, i % 2 ? (double)range - 1 : (double)af_random_below(&r, range));
            af_sample_to_f64(img.data, type, w * h, values);
            assert_int_equal(af_profile(&img, rows, columns, NULL), 0);
            assert_int_equal(af_profile(&img, alone, NULL, NULL), 0);
            for (size_t y = 0; y < h; y++) {
                double sum = 0;
                for (size_t x = 0; x < w; x++)
                    sum += values[y * w + x];
                assert_true(rows[y] == sum / (double)w);
                assert_true(alone[y] == rows[y]);
            }
            for (size_t x = 0; x < w; x++) {
                double sum = 0;
                for (size_t y = 0; y < h; y++)
                    sum += values[y * w + x];
                assert_true(columns[x] == sum / (double)h);
            }
            assert_int_equal(af_profile(&img, NULL, columns, NULL), 0);
            af_image_release(&img);
        }
        free(rows), free(alone), free(columns), free(values);
    }
}

static void pixels_that_are_not_finite_are_refused(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct af_image img = {0};
        struct af_err err = {AF_OK, ""};
        double rows[4], columns[5];

        assert_int_equal(af_image_resize(&img, 5, 4, i == 2 ? AF_F64 : AF_F32, NULL), 0);
        for (size_t p = 0; p < 20; p++)
            put(&img, p, 1);
        assert_int_equal(af_profile(&img, rows, columns, &err), 0);
        put(&img, 13, bad[i]);
        assert_int_equal(af_profile(&img, rows, columns, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "row 2"));
        af_image_release(&img);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_definition),
        cmocka_unit_test(base_score_of_a_gaussian_line_grows_with_its_width),
        cmocka_unit_test(the_literal_score_falls_with_width_where_all_others_rise),
        cmocka_unit_test(brightness_and_black_level_do_not_matter),
        cmocka_unit_test(powers_of_ten_do_not_matter),
        cmocka_unit_test(noise_share_tells_lines_from_noise),
        cmocka_unit_test(constant_profiles_have_no_score),
        cmocka_unit_test(windows_wider_than_the_profile_are_refused),
        cmocka_unit_test(profiles_are_the_means_of_rows_and_columns),
        cmocka_unit_test(pixels_that_are_not_finite_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
