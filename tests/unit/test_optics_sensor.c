/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/sensor.h"
#include <math.h>
#include <stdlib.h>

enum { W = 400, H = 300, N = W * H };

static struct af_err err;

struct moments {
    double mean, variance, third, share_beyond_3;
};

/* Of a camera with evenly `light` electrons, in electrons; a full well of 2^16 - 1 at 16 bits makes
 * a count an electron. */
static struct moments expose(const char *options, double light)
{
    struct af_sim_params p;
    struct af_sensor s;
    struct af_sensor_exposure e = {.exposure_ms = 1, .gain = 1, .bits = 16, .w = W, .h = H};
    struct af_random r;
    struct af_image img = {0};
    struct moments m = {0};
    float *even = malloc(N * sizeof *even);

    af_sim_params_preset(&p, AF_PRESET_IDEAL);
    assert_int_equal(af_sim_params_set(&p, "noise=1&dark=0&full_well=65535&black=500", &err), 0);
    assert_int_equal(af_sim_params_set(&p, options, &err), 0);
    assert_int_equal(af_sensor_init(&s, &p, W, H, &err), 0);
    for (int i = 0; i < N; i++)
        even[i] = (float)light;
    af_random_init(&r, 7, "test");
    assert_int_equal(af_sensor_expose(&s, even, &e, &r, &img, &err), 0);
    const uint16_t *v = img.data;
    for (int i = 0; i < N; i++)
        m.mean += ((double)v[i] - 500) / N;
    for (int i = 0; i < N; i++) {
        double d = (double)v[i] - 500 - m.mean;
        m.variance += d * d / N;
        m.third += d * d * d / N;
    }
    for (int i = 0; i < N; i++)
        m.share_beyond_3 += fabs((double)v[i] - 500 - m.mean) > 3 * sqrt(m.variance) ? 1.0 / N : 0;
    af_image_release(&img);
    af_sensor_release(&s);
    free(even);
    return m;
}

/* Variance = photons + read noise^2, + 1/12 for rounding; five standard errors of 120000 px. */
static void noise_is_that_of_photons_and_of_reading(void **state)
{
    static const double light[] = {0, 0.5, 3, 30, 90, 1000, 20000};
    static const char *const read[] = {"read_noise=0", "read_noise=2", "read_noise=8"};

    (void)state;
    for (size_t i = 0; i < sizeof light / sizeof *light; i++)
        for (size_t j = 0; j < 3; j++) {
            double noise = j == 0 ? 0 : j == 1 ? 2 : 8, want = light[i] + noise * noise;
            struct moments m = expose(read[j], light[i]);
            double rounding = j ? 1.0 / 12 : light[i] >= 25 ? 1.0 / 12 : 0;
            assert_true(fabs(m.mean - light[i]) <= 5 * sqrt((want + rounding) / N) + 1e-9);
            assert_true(fabs(m.variance - want - rounding) <=
                        (want + rounding) * (5 * sqrt(2.0 / N) + 0.003) + 1e-9);
            /* Poisson's third central moment is its mean; errors of it grow as variance^1.5. */
            assert_true(fabs(m.third - light[i]) <=
                        5 * sqrt(15 * pow(want + 0.1, 3) / N) + 0.03 * light[i]);
        }
}

static void tails_are_those_of_a_normal_distribution(void **state)
{
    struct moments m = expose("read_noise=100", 0);

    (void)state;
    assert_true(fabs(m.share_beyond_3 - 0.0026998) < 5 * sqrt(0.0027 / N));
}

static void gain_depth_and_full_well_set_the_counts(void **state)
{
    static const struct {
        unsigned bits;
        double gain, light, want;
    } all[] = {{12, 1, 5000, 4095 * .508},    {12, 1, 9920, 4095},
               {12, 1, 50000, 4095},          {8, 1, 5000, 255 * .508},
               {10, 0.5, 5000, 1023 * .254},  {16, 2, 1000, 65535 * .216},
               {16, 0.5, 50000, 65535 * .504}};
    struct af_sim_params p;
    struct af_sensor s;
    struct af_random r;
    struct af_image img = {0};
    float light[16 * 16];

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_IDEAL);
    p.dark = 0;
    assert_int_equal(af_sensor_init(&s, &p, 16, 16, &err), 0);
    af_random_init(&r, 1, NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct af_sensor_exposure e = {
            .exposure_ms = 1, .gain = all[i].gain, .bits = all[i].bits, .w = 16, .h = 16};
        for (int k = 0; k < 256; k++)
            light[k] = (float)all[i].light;
        assert_int_equal(af_sensor_expose(&s, light, &e, &r, &img, &err), 0);
        assert_int_equal(img.bits, all[i].bits);
        double got = img.type == AF_U8 ? *(uint8_t *)img.data : *(uint16_t *)img.data;
        assert_true(fabs(got - all[i].want) <= 0.51);
    }
    af_image_release(&img);
    af_sensor_release(&s);
}

/* 100 electrons of light, and in 10 ms 20 of dark current and 30 of stray light. */
static void stray_light_and_dark_current_grow_with_time(void **state)
{
    struct af_sensor_exposure e = {
        .exposure_ms = 10, .stray = 3, .gain = 1, .bits = 16, .w = 16, .h = 16};
    struct af_sim_params p;
    struct af_sensor s;
    struct af_random r;
    struct af_image img = {0};
    float light[16 * 16];

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_IDEAL);
    assert_int_equal(af_sim_params_set(&p, "dark=2&full_well=65535&black=500", &err), 0);
    assert_int_equal(af_sensor_init(&s, &p, 16, 16, &err), 0);
    af_random_init(&r, 1, NULL);
    for (int k = 0; k < 256; k++)
        light[k] = 100;
    assert_int_equal(af_sensor_expose(&s, light, &e, &r, &img, &err), 0);
    assert_int_equal(*(uint16_t *)img.data, 650);
    af_image_release(&img);
    af_sensor_release(&s);
}

static void region_is_a_part_of_the_whole(void **state)
{
    struct af_sim_params p;
    struct af_sensor s;
    struct af_random r;
    struct af_image whole = {0}, part = {0};
    struct af_sensor_exposure e = {.exposure_ms = 1, .gain = 1, .bits = 12, .w = 64, .h = 48};
    float light[64 * 48];

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_ROUGH);
    p.noise = 0;
    assert_int_equal(af_sensor_init(&s, &p, 64, 48, &err), 0);
    for (int i = 0; i < 64 * 48; i++)
        light[i] = (float)(i % 997);
    assert_int_equal(af_sensor_expose(&s, light, &e, &r, &whole, &err), 0);
    e.x = 5, e.y = 7, e.w = 20, e.h = 10;
    assert_int_equal(af_sensor_expose(&s, light, &e, &r, &part, &err), 0);
    for (size_t y = 0; y < 10; y++)
        for (size_t x = 0; x < 20; x++)
            assert_int_equal(((uint16_t *)af_image_row(&part, y))[x],
                             ((uint16_t *)af_image_row(&whole, y + 7))[x + 5]);
    af_image_release(&whole);
    af_image_release(&part);
    af_sensor_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_that_of_photons_and_of_reading),
        cmocka_unit_test(tails_are_those_of_a_normal_distribution),
        cmocka_unit_test(gain_depth_and_full_well_set_the_counts),
        cmocka_unit_test(stray_light_and_dark_current_grow_with_time),
        cmocka_unit_test(region_is_a_part_of_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
