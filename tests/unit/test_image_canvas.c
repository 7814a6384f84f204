/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/canvas.h"
#include "image/figure.h"
#include "image/font.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static bool is_black(const struct af_canvas *c, long x, long y)
{
    const uint8_t *p = c->rgb + (y * c->w + x) * 3;

    return !p[0] && !p[1] && !p[2];
}

static void a_label_is_drawn_dot_by_dot(void **state)
{
    static const char *const rows[] = {
        "                    #  ",
        "                   ##  ",
        "#####               #  ",
        "   #  #####         #  ",
        "  #                 #  ",
        " #                  #  ",
        "#####              ### ",
    };
    struct af_canvas c = {0};

    (void)state;
    assert_int_equal(af_canvas_init(&c, 23, 9, NULL), 0);
    af_canvas_text(&c, 0, 0, 1, 0, "z- 1");
    for (long y = 0; y < 7; y++)
        for (long x = 0; x < 23; x++)
            assert_int_equal(is_black(&c, x, y), rows[y][x] == '#');
    assert_int_equal(af_text_width("z- 1", 1), 23);
    assert_int_equal(af_text_width("z- 1", 2), 46);
    assert_int_equal(af_text_width("", 2), 0);
    assert_int_equal(af_text_width("z\xc2\xb5\xe7\x84\xa6m", 1), 23); // a UTF-8 letter is one box
    af_canvas_release(&c);
}

static void every_letter_has_dots_of_its_own(void **state)
{
    (void)state;
    for (int a = '!'; a <= '~'; a++)
        for (int b = ' '; b < a; b++)
            if (!memcmp(af_font_glyph((char)a), af_font_glyph((char)b), AF_FONT_H))
                fail_msg("%c and %c look the same", a, b);
    assert_ptr_equal(af_font_glyph('\n'), af_font_glyph((char)0xc3)); // the box
}

static void what_lies_outside_is_cut_off(void **state)
{
    struct af_scale scale = {AF_MAP_GRAY, 0, 1};
    struct af_canvas c = {0};
    static const float v[9] = {0};
    size_t black = 0;

    (void)state;
    assert_int_equal(af_canvas_init(&c, 10, 10, NULL), 0);
    af_canvas_text(&c, -3, -3, 3, 0, "###");
    af_canvas_text(&c, 8, 8, 3, 0, "###");
    af_canvas_fill(&c, -100, -100, 50, 50, 0);
    memset(c.rgb, 0xff, 300);
    af_canvas_fill(&c, 8, -2, 100, 4, 0);
    af_canvas_values(&c, -2, 8, v, 3, 3, &scale);
    for (long y = 0; y < 10; y++)
        for (long x = 0; x < 10; x++)
            black += is_black(&c, x, y);
    assert_int_equal(black, 4 + 2);
    af_canvas_release(&c);
}

static void impossible_sizes_are_refused(void **state)
{
    struct af_canvas c = {0};
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_canvas_init(&c, 0, 5, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_canvas_init(&c, 5, 100001, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_null(c.rgb);
}

static void scales_are_fitted_without_outliers_and_nan(void **state)
{
    struct af_scale s = {AF_MAP_GRAY, 0, 0};
    float v[1003];

    (void)state;
    for (int i = 0; i < 1000; i++)
        v[i] = (float)((i * 7) % 1000);
    v[1000] = NAN;
    v[1001] = INFINITY;
    v[1002] = 60000;
    assert_int_equal(af_scale_fit(&s, v, 1003, 0, NULL), 0);
    assert_true(s.lo == 0 && s.hi == 60000);
    assert_int_equal(af_scale_fit(&s, v, 1003, 1, NULL), 0); // ten of a thousand at either end
    assert_true(s.lo == 10 && s.hi == 990);
    assert_int_equal(af_scale_fit(&s, v, 1, 1, NULL), 0);
    assert_true(s.lo == 0 && s.hi == 1);
    assert_int_equal(af_scale_fit(&s, v + 1000, 2, 1, NULL), 0);
    assert_true(s.lo == 0 && s.hi == 1);
}

/* Over many ranges: steps are 1, 2, 5 times a power of ten, ticks inside, neither many nor none. */
/* Of a constant plane of 1e20, or a range that is wider than a double: drawn, under UBSan. */
static void extreme_scales_have_a_bar(void **state)
{
    static const struct af_scale wide[] = {{AF_MAP_GRAY, -1.7e308, 1.7e308},
                                           {AF_MAP_GRAY, -1e308, 1.5e308},
                                           {AF_MAP_GRAY, 1e16, 10000000000000002.}};
    struct af_scale s = {AF_MAP_GRAY, 0, 0};
    struct af_canvas c;
    float v[2] = {1e20f, 1e20f};

    (void)state;
    assert_int_equal(af_scale_fit(&s, v, 2, 0, NULL), 0);
    assert_true(s.lo == v[0] && s.hi > s.lo);
    assert_int_equal(af_canvas_init(&c, 100, 100, NULL), 0);
    af_canvas_bar(&c, 5, 5, 90, 1, &s);
    for (size_t i = 0; i < 3; i++) {
        struct af_ticks t = af_ticks(wide[i].lo, wide[i].hi, 7);

        assert_true(t.n >= 1 && t.n <= 7 && isfinite(t.first));
        af_canvas_bar(&c, 5, 5, 90, 1, &wide[i]);
    }
    af_canvas_release(&c);
}

/* A pixel size that a file gives as 0, negative or beyond reason is no length to draw. */
static void an_impossible_pixel_size_has_no_scale_bar(void **state)
{
    static const double sizes_um[] = {0, -1, INFINITY, NAN, 1e308, 4e-320};
    const float v[64 * 64] = {0};
    struct af_figure f = {.title = "", .values = v, .w = 64, .h = 64, .scale = {AF_MAP_GRAY, 0, 1}};
    struct af_canvas plain, c;

    (void)state;
    f.um_per_px = NAN;
    assert_int_equal(af_figure_draw(&f, &plain, NULL), 0);
    for (size_t i = 0; i < sizeof sizes_um / sizeof *sizes_um; i++) {
        f.um_per_px = sizes_um[i];
        assert_int_equal(af_figure_draw(&f, &c, NULL), 0);
        assert_int_equal(c.h, plain.h);
        af_canvas_release(&c);
    }
    af_canvas_release(&plain);
}

static void ticks_are_round_and_inside(void **state)
{
    (void)state;
    for (double span = 1e-6; span < 1e7; span *= 1.37)
        for (double lo = -3; lo < 3; lo += 0.71) {
            struct af_ticks t = af_ticks(lo * span, (lo + 1) * span, 7);
            double m = t.step / pow(10, floor(log10(t.step) + 1e-9));
            assert_in_range(t.n, 3, 7);
            assert_true(fabs(m - 1) < 1e-6 || fabs(m - 2) < 1e-6 || fabs(m - 5) < 1e-6);
            assert_true(t.first >= (lo - 1e-6) * span);
            assert_true(t.first + (t.n - 1) * t.step <= (lo + 1 + 1e-6) * span);
        }
}

static void a_tick_at_zero_is_written_as_zero(void **state)
{
    struct af_ticks t = af_ticks(-0.3, 0.3, 7);
    char text[32];
    int zeros = 0;

    (void)state;
    for (int i = 0; i < t.n; i++) {
        af_tick(&t, i, text, sizeof(text));
        zeros += !strcmp(text, "0");
    }
    assert_int_equal(zeros, 1);
}

static void the_bar_runs_from_hi_down_to_lo(void **state)
{
    struct af_scale scale = {AF_MAP_VIRIDIS, -1, 3};
    struct af_canvas c = {0};
    uint8_t top[3], bottom[3];

    (void)state;
    assert_int_equal(af_canvas_init(&c, 100, 100, NULL), 0);
    assert_int_equal(af_canvas_bar(&c, 5, 10, 80, 1, &scale), af_bar_width(80, 1, &scale));
    af_colormap_rgb(AF_MAP_VIRIDIS, 1, top);
    af_colormap_rgb(AF_MAP_VIRIDIS, 0, bottom);
    assert_memory_equal(c.rgb + (10 * 100 + 6) * 3, top, 3);
    assert_memory_equal(c.rgb + (89 * 100 + 6) * 3, bottom, 3);
    af_canvas_release(&c);
}

static void round_lengths_are_the_largest_that_fit(void **state)
{
    (void)state;
    assert_true(af_round_length(9.99) == 5);
    assert_true(af_round_length(10) == 10);
    assert_true(fabs(af_round_length(0.45) - 0.2) < 1e-12);
    assert_true(af_round_length(1234) == 1000);
}

/* 300 px of 0.1 um: a third is 10 um, the bar is 100 px long. */
static void the_scale_bar_is_as_long_as_it_says(void **state)
{
    static float values[300 * 50];
    struct af_figure f = {"t", values, 300, 50, {AF_MAP_GRAY, -1, 0}, 0.1, NULL, 0, 0, NULL};
    struct af_canvas c = {0};
    long longest = 0;

    (void)state;
    assert_int_equal(af_figure_draw(&f, &c, NULL), 0);
    for (long y = c.h - 30; y < c.h; y++) {
        long run = 0;
        for (long x = 0; x < c.w; x++) {
            run = is_black(&c, x, y) ? run + 1 : 0;
            if (run > longest)
                longest = run;
        }
    }
    assert_int_equal(longest, 100);
    af_canvas_release(&c);
}

/* One row of pixels: the numbers beside it still have a bar to stand on, inside the picture. */
static void a_low_picture_has_a_bar_with_room_for_its_numbers(void **state)
{
    static float values[300];
    struct af_figure f = {"t", values, 300, 1, {AF_MAP_GRAY, 0, 1}, NAN, NULL, 0, 0, NULL};
    struct af_canvas c = {0};
    long top = 0, bottom = 0;

    (void)state;
    assert_int_equal(af_figure_draw(&f, &c, NULL), 0);
    for (long y = 0; y < c.h; y++) // the left edge of the bar's frame: GAP px right of the values
        if (is_black(&c, 12 + 300 + 10 - 1, y)) {
            bottom = y;
            if (!top)
                top = y;
        }
    assert_int_equal(bottom - top + 1, af_bar_least(1) + 2); // the frame lies outside
    assert_true(c.h > bottom + 1);
    af_canvas_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_drawn_dot_by_dot),
        cmocka_unit_test(every_letter_has_dots_of_its_own),
        cmocka_unit_test(what_lies_outside_is_cut_off),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(scales_are_fitted_without_outliers_and_nan),
        cmocka_unit_test(extreme_scales_have_a_bar),
        cmocka_unit_test(an_impossible_pixel_size_has_no_scale_bar),
        cmocka_unit_test(ticks_are_round_and_inside),
        cmocka_unit_test(a_tick_at_zero_is_written_as_zero),
        cmocka_unit_test(the_bar_runs_from_hi_down_to_lo),
        cmocka_unit_test(round_lengths_are_the_largest_that_fit),
        cmocka_unit_test(the_scale_bar_is_as_long_as_it_says),
        cmocka_unit_test(a_low_picture_has_a_bar_with_room_for_its_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
