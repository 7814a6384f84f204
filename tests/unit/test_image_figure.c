/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/figure.h"

enum { W = 60, H = 100, LOWEST = 0x440154 }; // what viridis begins with

static uint32_t at(const struct af_canvas *c, long x, long y)
{
    const uint8_t *p = c->rgb + (y * c->w + x) * 3;

    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* The corner of the values, which all are the map's lowest. */
static void find_corner(const struct af_canvas *c, long *left, long *top)
{
    for (*top = 0; *top < c->h; ++*top)
        for (*left = 0; *left < c->w; ++*left)
            if (at(c, *left, *top) == LOWEST)
                return;
    fail_msg("no values are drawn");
}

static void draw(struct af_canvas *c, double um_per_px, const char *axis)
{
    static const float values[W * H];
    const struct af_figure f = {.title = "t",
                                .values = values,
                                .w = W,
                                .h = H,
                                .scale = {AF_MAP_VIRIDIS, 0, 1},
                                .um_per_px = um_per_px,
                                .axis = axis,
                                .bottom = 0,
                                .top = 9};

    assert_int_equal(af_figure_draw(&f, c, NULL), 0);
}

/* 0, 2, .. 8 of 0 to 9 upward over 100 px: floor(100 (9 - v) / 9) below the top. */
static void ticks_of_the_axis_stand_at_their_values(void **state)
{
    const long want[] = {11, 33, 55, 77, 100};
    struct af_canvas c = {0};
    long left, top, n = 0;

    (void)state;
    draw(&c, (double)NAN, "z um");
    find_corner(&c, &left, &top);
    for (long y = top; y <= top + H; y++) {
        long black = 0;

        while (black < 6 && at(&c, left - 1 - black, y) == 0)
            black++;
        if (black != 5)
            continue;
        assert_true(n < 5);
        assert_int_equal(y - top, want[n++]);
    }
    assert_int_equal(n, 5);
    af_canvas_release(&c);
}

/* 60 px of 0.5 um are 30 um: a bar of at most a third, 10 um, is 20 px long. */
static void the_scale_bar_is_as_long_as_it_says(void **state)
{
    struct af_canvas c = {0};
    long left, top, y, length = 0;

    (void)state;
    draw(&c, 0.5, NULL);
    find_corner(&c, &left, &top);
    for (y = top + H; y < c.h && at(&c, left, y) != 0; y++)
        ;
    assert_true(y < c.h);
    while (at(&c, left + length, y) == 0)
        length++;
    assert_int_equal(length, 20);
    af_canvas_release(&c);
}

static void round_lengths_are_the_largest_that_fit(void **state)
{
    static const double most[][2] = {{1, 1},     {1.99, 1}, {2, 2},       {4.9, 2},
                                     {5, 5},     {9.9, 5},  {0.03, 0.02}, {700, 500}};

    (void)state;
    for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++)
        assert_true(fabs(af_round_length(most[i][0]) / most[i][1] - 1) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_of_the_axis_stand_at_their_values),
        cmocka_unit_test(the_scale_bar_is_as_long_as_it_says),
        cmocka_unit_test(round_lengths_are_the_largest_that_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
