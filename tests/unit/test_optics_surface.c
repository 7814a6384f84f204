/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/surface.h"
#include <math.h>

#define A1_X AF_SIM_A1_X_UM
#define A1_Y AF_SIM_A1_Y_UM

static struct af_sim_params with(const char *options)
{
    struct af_sim_params p;
    struct af_err err;

    af_sim_params_preset(&p, AF_PRESET_IDEAL);
    if (af_sim_params_set(&p, options, &err))
        fail_msg("%s", err.text);
    return p;
}

static void a_tilted_plate_rises_from_a1_as_its_tilt_says(void **state)
{
    struct af_sim_params p = with("surface=7um&tilt_x=0.6&tilt_y=-0.4");

    (void)state;
    assert_true(fabs(af_sim_surface_um(&p, A1_X, A1_Y) - 7) < 1e-9);
    assert_true(fabs(af_sim_surface_um(&p, A1_X + 1e5, A1_Y) - 67) < 1e-9);
    assert_true(fabs(af_sim_surface_um(&p, A1_X, A1_Y + 5e4) + 13) < 1e-9);
}

static void the_middle_of_a_bowed_plate_is_above_its_corners_by_the_bow(void **state)
{
    struct af_sim_params p = with("bow=60um");
    double x = AF_SIM_PLATE_X_UM, y = AF_SIM_PLATE_Y_UM;
    double middle = af_sim_surface_um(&p, x / 2, y / 2);

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true(fabs(middle - af_sim_surface_um(&p, i % 2 * x, i / 2 * y) - 60) < 1e-9);
    assert_true(fabs(af_sim_surface_um(&p, A1_X, A1_Y)) < 1e-9); // A1 is where z is counted from
}

/* Of a paraboloid the difference over 2 mm is the derivative, but for rounding. */
static void the_slope_is_the_derivative_of_the_surface(void **state)
{
    struct af_sim_params p = with("bow=60um&tilt_x=0.6&tilt_y=-0.4");
    double slope[2];

    (void)state;
    for (int i = 0; i < 12; i++) {
        double x = A1_X + 9000 * i, y = A1_Y + 6000 * i;

        af_sim_surface_slope(&p, x, y, slope);
        assert_true(fabs(slope[0] -
                         (af_sim_surface_um(&p, x + 1000, y) - af_sim_surface_um(&p, x - 1000, y)) /
                             2000) < 1e-12);
        assert_true(fabs(slope[1] -
                         (af_sim_surface_um(&p, x, y + 1000) - af_sim_surface_um(&p, x, y - 1000)) /
                             2000) < 1e-12);
    }
}

static void each_well_has_a_step_of_its_own_but_a1(void **state)
{
    struct af_sim_params p = with("well_step=4um");
    double step[96], squares = 0;

    (void)state;
    for (int i = 0; i < 96; i++) {
        double x = A1_X + i % 12 * AF_SIM_PITCH_UM, y = A1_Y + i / 12 * AF_SIM_PITCH_UM;

        step[i] = af_sim_surface_um(&p, x, y);
        squares += step[i] * step[i];
        assert_true(af_sim_surface_um(&p, x + 4499, y - 4499) == step[i]);
        for (int k = 0; k < i; k++)
            assert_true(step[k] != step[i]);
    }
    assert_true(step[0] == 0);
    // a sum of 95 squares varies by sqrt(2 / 95): five of that
    assert_true(fabs(squares / 95 / 16 - 1) < 5 * sqrt(2.0 / 95));
    assert_true(af_sim_surface_um(&p, A1_X - 4501, A1_Y) == 0);
    assert_true(af_sim_surface_um(&p, A1_X + 11.51 * AF_SIM_PITCH_UM, A1_Y) == 0);
}

static void plate_lies_within_its_250_um(void **state)
{
    struct af_sim_params p = with("preset=paper");

    (void)state;
    for (int seed = 1; seed < 20; seed++) {
        double low = INFINITY, high = -INFINITY;
        p.seed = seed;
        for (int w = 0; w < 96; w++) {
            double z = af_sim_surface_um(&p, AF_SIM_A1_X_UM + AF_SIM_PITCH_UM * (w % 12),
                                         AF_SIM_A1_Y_UM + AF_SIM_PITCH_UM * (w / 12));
            low = fmin(low, z);
            high = fmax(high, z);
        }
        assert_true(high - low > 50 && high - low < 250);
    }
    assert_float_equal(af_sim_surface_um(&p, AF_SIM_A1_X_UM, AF_SIM_A1_Y_UM), p.surface_um, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tilted_plate_rises_from_a1_as_its_tilt_says),
        cmocka_unit_test(the_middle_of_a_bowed_plate_is_above_its_corners_by_the_bow),
        cmocka_unit_test(the_slope_is_the_derivative_of_the_surface),
        cmocka_unit_test(each_well_has_a_step_of_its_own_but_a1),
        cmocka_unit_test(plate_lies_within_its_250_um),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
