/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/colormap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* CIE 1976 lightness of an sRGB colour, 0 to 100. */
static double lightness(const uint8_t rgb[3])
{
    static const double weight[] = {0.2126, 0.7152, 0.0722};
    double y = 0;

    for (int c = 0; c < 3; c++) {
        double v = rgb[c] / 255.0;
        y += weight[c] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return y > 216.0 / 24389 ? 116 * cbrt(y) - 16 : y * 24389 / 27;
}

static double lightness_at(enum af_colormap map, double t)
{
    uint8_t rgb[3];

    af_colormap_rgb(map, t, rgb);
    return lightness(rgb);
}

static void maps_begin_and_end_as_published(void **state)
{
    static const uint8_t end[][2][3] = {
        {{0, 0, 0}, {255, 255, 255}},
        {{68, 1, 84}, {253, 231, 37}},
        {{0, 0, 4}, {252, 253, 191}},
        {{59, 76, 192}, {180, 4, 38}},
    };
    uint8_t rgb[3];

    (void)state;
    for (int map = AF_MAP_GRAY; map <= AF_MAP_COOLWARM; map++)
        for (int at = 0; at < 2; at++) {
            af_colormap_rgb((enum af_colormap)map, at, rgb);
            assert_memory_equal(rgb, end[map][at], 3);
            af_colormap_rgb((enum af_colormap)map, at ? 7 : -INFINITY, rgb);
            assert_memory_equal(rgb, end[map][at], 3);
        }
}


static void lightness_rises_all_the_way(void **state)
{
    (void)state;
    for (int map = AF_MAP_GRAY; map <= AF_MAP_MAGMA; map++)
        for (int i = 1; i <= 100; i++)
            assert_true(lightness_at((enum af_colormap)map, i / 100.0) >
                        lightness_at((enum af_colormap)map, (i - 1) / 100.0));
}

static void coolwarm_is_lightest_in_the_middle_and_even_at_its_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        double out = i / 20.0, in = (i + 1) / 20.0; // from either end
        assert_true(lightness_at(AF_MAP_COOLWARM, out) < lightness_at(AF_MAP_COOLWARM, in));
        assert_true(lightness_at(AF_MAP_COOLWARM, 1 - out) < lightness_at(AF_MAP_COOLWARM, 1 - in));
    }
    assert_true(fabs(lightness_at(AF_MAP_COOLWARM, 0) - lightness_at(AF_MAP_COOLWARM, 1)) < 2);
}

static void the_whole_tables_are_met_within_two_counts(void **state)
{
    static const char *const name[] = {"gray", "viridis", "magma", "coolwarm"};
    char path[4096], line[128], map[32];
    int i, want[3], n = 0;
    uint8_t rgb[3];
    FILE *fp;

    (void)state;
    snprintf(path, sizeof(path), "%s/tests/expect/colormap.tsv", getenv("SRC"));
    assert_non_null(fp = fopen(path, "r"));
    while (fgets(line, sizeof(line), fp)) {
        if (sscanf(line, "%31s %d %d %d %d", map, &i, want, want + 1, want + 2) != 5)
            continue;
        for (int k = 0; k < 4; k++)
            if (!strcmp(map, name[k])) {
                af_colormap_rgb((enum af_colormap)k, i / 255.0, rgb);
                for (int c = 0; c < 3; c++)
                    assert_in_range(rgb[c] - want[c] + 2, 0, 4);
                n++;
            }
    }
    fclose(fp);
    assert_int_equal(n, 3 * 256);
}

static void nan_has_a_colour_that_is_in_no_map(void **state)
{
    uint8_t nan_rgb[3], rgb[3];

    (void)state;
    af_colormap_rgb(AF_MAP_GRAY, NAN, nan_rgb);
    for (int map = AF_MAP_GRAY; map <= AF_MAP_COOLWARM; map++)
        for (int i = 0; i <= 1000; i++) {
            af_colormap_rgb((enum af_colormap)map, i / 1000.0, rgb);
            assert_memory_not_equal(rgb, nan_rgb, 3);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_begin_and_end_as_published),
        cmocka_unit_test(lightness_rises_all_the_way),
        cmocka_unit_test(coolwarm_is_lightest_in_the_middle_and_even_at_its_ends),
        cmocka_unit_test(the_whole_tables_are_met_within_two_counts),
        cmocka_unit_test(nan_has_a_colour_that_is_in_no_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
