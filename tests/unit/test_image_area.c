/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/area.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static struct af_image random_plane(size_t w, size_t h, unsigned below)
{
    struct af_image img = {0};
    struct af_random r;

    af_random_init(&r, w * 1000 + h, "area");
    assert_int_equal(af_image_resize(&img, w, h, AF_U16, NULL), 0);
    for (size_t i = 0; i < w * h; i++)
        ((uint16_t *)img.data)[i] = (uint16_t)af_random_below(&r, below);
    return img;
}

/* Sizes are powers of two and values small: every step is exact in float, and so is the mean. */
static void the_mean_is_kept_exactly(void **state)
{
    struct af_image img = random_plane(64, 32, 256);
    static const size_t size[][2] = {{1, 1}, {8, 4}, {64, 32}, {2, 16}, {128, 128}};
    float out[128 * 128];
    double mean = 0;

    (void)state;
    for (size_t i = 0; i < 64 * 32; i++)
        mean += ((uint16_t *)img.data)[i] / 2048.0;
    for (size_t k = 0; k < sizeof(size) / sizeof(*size); k++) {
        size_t n = size[k][0] * size[k][1];
        double got = 0;
        assert_int_equal(af_area_average(&img, size[k][0], size[k][1], out, NULL), 0);
        for (size_t i = 0; i < n; i++)
            got += (double)out[i] / (double)n;
        assert_true(got == mean);
    }
    af_image_release(&img);
}

/* Any sizes: only the rounding of each output to float is left, 2^-24 of its value. */
static void the_mean_is_kept_where_pixels_are_divided(void **state)
{
    (void)state;
    for (size_t w = 1; w < 40; w += 6)
        for (size_t ow = 1; ow < 50; ow += 7) {
            struct af_image img = random_plane(w, 2 * w + 1, 65536);
            size_t oh = ow / 2 + 1;
            float out[50 * 50];
            double mean = 0, got = 0;
            for (size_t i = 0; i < img.w * img.h; i++)
                mean += ((uint16_t *)img.data)[i] / (double)(img.w * img.h);
            assert_int_equal(af_area_average(&img, ow, oh, out, NULL), 0);
            for (size_t i = 0; i < ow * oh; i++)
                got += (double)out[i] / (double)(ow * oh);
            assert_true(fabs(got - mean) <= 6e-8 * mean + 1e-9);
            af_image_release(&img);
        }
}

static void pixels_count_by_their_share(void **state)
{
    static const float want[] = {2, 28.0f / 3}; // (1*2 + 4)/3, (4 + 12*2)/3
    struct af_image img = {0};
    float out[2];

    (void)state;
    assert_int_equal(af_image_resize(&img, 3, 1, AF_U8, NULL), 0);
    ((uint8_t *)img.data)[0] = 1;
    ((uint8_t *)img.data)[1] = 4;
    ((uint8_t *)img.data)[2] = 12;
    assert_int_equal(af_area_average(&img, 2, 1, out, NULL), 0);
    assert_memory_equal(out, want, sizeof(want));
    af_image_release(&img);
}

static void enlarging_by_a_whole_factor_repeats_pixels(void **state)
{
    struct af_image img = random_plane(5, 3, 65536);
    float out[35 * 6];

    (void)state;
    assert_int_equal(af_area_average(&img, 35, 6, out, NULL), 0);
    for (size_t y = 0; y < 6; y++)
        for (size_t x = 0; x < 35; x++)
            assert_true(out[y * 35 + x] == ((uint16_t *)img.data)[y / 2 * 5 + x / 7]);
    af_image_release(&img);
}

static void nan_does_not_count(void **state)
{
    struct af_image img = {0};
    float out[2], *p;

    (void)state;
    assert_int_equal(af_image_resize(&img, 4, 1, AF_F32, NULL), 0);
    p = img.data;
    p[0] = NAN;
    p[1] = 3;
    p[2] = p[3] = NAN;
    assert_int_equal(af_area_average(&img, 2, 1, out, NULL), 0);
    assert_true(out[0] == 3);
    assert_true(isnan(out[1]));
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_kept_exactly),
        cmocka_unit_test(the_mean_is_kept_where_pixels_are_divided),
        cmocka_unit_test(pixels_count_by_their_share),
        cmocka_unit_test(enlarging_by_a_whole_factor_repeats_pixels),
        cmocka_unit_test(nan_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
