/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/frame.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static float x[AF_FRAME_PX];

static struct af_image make_frame(size_t w, size_t h, enum af_sample type)
{
    struct af_image img = {0};

    assert_int_equal(af_image_resize(&img, w, h, type, NULL), 0);
    memset(img.data, 0, w * h * af_sample_size(type));
    return img;
}

/* As tests/expect/frame.py makes it. */
static struct af_image make_expected(size_t w, size_t h)
{
    struct af_image img = make_frame(w, h, AF_U8);

    for (uint32_t j = 0; j < h; j++)
        for (uint32_t i = 0; i < w; i++)
            ((uint8_t *)img.data)[j * w + i] =
                (uint8_t)((i * i * 7 + j * j * 13 + i * j * 3 + i * 131) >> 4 & 255);
    return img;
}

/*
 * OpenCV averages in float, with weights rounded to float: 0.002 counts of 255. Its 8-bit
 * result is the same, rounded.
 */
static void reduction_is_the_area_average_of_opencv(void **state)
{
    char path[4096], line[128];
    struct af_image img = {0};
    struct af_frame_facts facts;
    size_t w, h, i, n = 0;
    double f32;
    int u8;
    FILE *fp;

    (void)state;
    snprintf(path, sizeof(path), "%s/tests/expect/frame.tsv", getenv("SRC"));
    assert_non_null(fp = fopen(path, "r"));
    assert_non_null(fgets(line, sizeof(line), fp));
    while (fgets(line, sizeof(line), fp)) {
        assert_int_equal(sscanf(line, "%zu %zu %zu %d %lf", &w, &h, &i, &u8, &f32), 5);
        if (w != img.w) {
            af_image_release(&img);
            img = make_expected(w, h);
            assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
        }
        double count = (double)x[i] * facts.norm / AF_FRAME_SIDE;
        if (fabs(count - f32) > 0.002 || fabs(count - u8) > 0.502)
            fail_msg("%zux%zu, %zu: %g, OpenCV %g and %d", w, h, i, count, f32, u8);
        n++;
    }
    fclose(fp);
    af_image_release(&img);
    assert_int_equal(n, 5 * 250);
}

static void the_input_has_an_rms_of_one(void **state)
{
    struct af_image img = make_expected(211, 130);
    struct af_frame_facts facts;
    double square = 0;

    (void)state;
    assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
    for (size_t i = 0; i < AF_FRAME_PX; i++)
        square += (double)x[i] * (double)x[i];
    assert_true(fabs(sqrt(square / AF_FRAME_PX) - 1) < 1e-6); // of rounding to float
    af_image_release(&img);
}

static void brightness_leaves_the_input_and_stays_in_the_facts(void **state)
{
    struct af_image img = make_frame(100, 120, AF_U16);
    struct af_frame_facts one, two;
    float first[AF_FRAME_PX];
    uint16_t *p = img.data;

    (void)state;
    img.bits = 12;
    for (size_t i = 0; i < 100 * 120; i++)
        p[i] = (uint16_t)(i * 7919 % 2000);
    assert_int_equal(af_frame_reduce(&img, first, &one, NULL), 0);
    for (size_t i = 0; i < 100 * 120; i++)
        p[i] = (uint16_t)(2 * p[i]);
    p[5] = p[6] = 4095;
    assert_int_equal(af_frame_reduce(&img, x, &two, NULL), 0);
    assert_true(one.saturated == 0);
    assert_true(two.saturated == 2 / 12000.0);
    assert_true(two.max == 4095);
    assert_true(fabs(two.norm / one.norm - 2) < 0.01); // but for the two pixels
    for (size_t i = 200; i < AF_FRAME_PX; i++)
        assert_true(fabsf(x[i] - first[i]) < 0.01f);
    af_image_release(&img);
}

static void facts_are_those_of_the_whole_frame(void **state)
{
    struct af_image img = make_frame(192, 96, AF_U16);
    struct af_frame_facts facts;
    uint16_t *p = img.data;

    (void)state;
    for (size_t i = 0; i < 192 * 96; i++)
        p[i] = 10;
    p[1000] = 50;
    assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
    assert_true(facts.min == 10 && facts.max == 50);
    assert_true(facts.sum == 192 * 96 * 10 + 40);
    assert_true(facts.mean == facts.sum / (192 * 96));
    assert_true(facts.norm == sqrt(9215 * 100.0 + 900)); // one average is (10 + 50) / 2
    assert_false(af_frame_is_blank(&facts));
    af_image_release(&img);
}

static void black_and_constant_frames_are_blank(void **state)
{
    struct af_image img = make_frame(300, 200, AF_U8);
    struct af_frame_facts facts;

    (void)state;
    assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
    assert_true(facts.norm == 0);
    assert_true(af_frame_is_blank(&facts));
    for (size_t i = 0; i < AF_FRAME_PX; i++)
        assert_true(x[i] == 0);
    memset(img.data, 9, 300 * 200);
    assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
    assert_true(facts.norm > 0);
    assert_true(af_frame_is_blank(&facts));
    af_image_release(&img);
}

static void small_frames_are_refused(void **state)
{
    static const size_t size[][2] = {{95, 96}, {96, 95}, {1, 1}, {10000, 4}};
    struct af_frame_facts facts;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct af_image img = make_frame(size[i][0], size[i][1], AF_U8);
        struct af_err err = {0};
        assert_int_equal(af_frame_reduce(&img, x, &facts, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "too small"));
        af_image_release(&img);
    }
}

static void numbers_that_are_none_are_refused(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300};
    struct af_image img = make_frame(100, 100, AF_F64);
    struct af_frame_facts facts;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_err err = {0};
        ((double *)img.data)[4321] = bad[i];
        assert_int_equal(af_frame_reduce(&img, x, &facts, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
    }
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reduction_is_the_area_average_of_opencv),
        cmocka_unit_test(the_input_has_an_rms_of_one),
        cmocka_unit_test(brightness_leaves_the_input_and_stays_in_the_facts),
        cmocka_unit_test(facts_are_those_of_the_whole_frame),
        cmocka_unit_test(black_and_constant_frames_are_blank),
        cmocka_unit_test(small_frames_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
