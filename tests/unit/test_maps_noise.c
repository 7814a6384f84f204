/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "maps/noise.h"
#include <math.h>

/* A plane with noise, as 8 bits and, for another way to the median, 16. */
static void make(struct af_image *a, struct af_image *b, size_t w, size_t h, double sigma)
{
    struct af_random r;

    af_random_init(&r, w * h, "noise");
    assert_int_equal(af_image_resize(a, w, h, AF_U8, NULL), 0);
    assert_int_equal(af_image_resize(b, w, h, AF_U16, NULL), 0);
    for (size_t i = 0; i < w * h; i++) {
        const double v =
            60 + .2 * (double)(i % w) + .3 * (double)(i / w) + af_random_normal(&r) * sigma;

        ((uint8_t *)a->data)[i] = (uint8_t)fmin(fmax(v + .5, 0), 255);
        ((uint16_t *)b->data)[i] = ((uint8_t *)a->data)[i];
    }
}

static void eight_bits_and_sixteen_have_the_same_noise(void **state)
{
    (void)state;
    for (size_t w = 3; w < 12; w++)
        for (size_t h = 3; h < 80; h += 9) {
            struct af_image a = {0}, b = {0};
            double narrow, wide;

            make(&a, &b, w, h, 9);
            assert_int_equal(af_noise_sigma(&a, &narrow, NULL), 0);
            assert_int_equal(af_noise_sigma(&b, &wide, NULL), 0);
            assert_true(narrow == wide);
            af_image_release(&a);
            af_image_release(&b);
        }
}

/* 32 rows of 300 px tell a standard deviation to a few per cent. */
static void noise_over_a_plane_is_told(void **state)
{
    (void)state;
    for (double sigma = 2; sigma < 20; sigma *= 2) {
        struct af_image a = {0}, b = {0};
        double got;

        make(&a, &b, 300, 200, sigma);
        assert_int_equal(af_noise_sigma(&a, &got, NULL), 0);
        assert_float_equal(got / sigma, 1, 0.08);
        af_image_release(&a);
        af_image_release(&b);
    }
}

static void black_and_extreme_slices_are_borne(void **state)
{
    struct af_image a = {0};
    double sigma;

    (void)state;
    assert_int_equal(af_image_resize(&a, 16, 16, AF_U8, NULL), 0);
    for (int i = 0; i < 256; i++)
        ((uint8_t *)a.data)[i] = 0;
    assert_int_equal(af_noise_sigma(&a, &sigma, NULL), 0);
    assert_true(sigma == 0);
    for (int i = 0; i < 256; i++) // a chess board: the largest value there is
        ((uint8_t *)a.data)[i] = (i % 16 + i / 16) % 2 ? 255 : 0;
    assert_int_equal(af_noise_sigma(&a, &sigma, NULL), 0);
    assert_float_equal(sigma, 1.4826 * 8 * 255 / 6, 1e-9);
    af_image_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_bits_and_sixteen_have_the_same_noise),
        cmocka_unit_test(noise_over_a_plane_is_told),
        cmocka_unit_test(black_and_extreme_slices_are_borne),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
