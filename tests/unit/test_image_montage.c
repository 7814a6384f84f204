/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/montage.h"
#include "image/projection.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* A plane of w x h, all `value`. */
static struct af_image flat(size_t w, size_t h, uint8_t value)
{
    struct af_image img = {0};

    assert_int_equal(af_image_resize(&img, w, h, AF_U8, NULL), 0);
    memset(img.data, value, w * h);
    return img;
}

/* How far n cells in so many columns are from 4:3. */
static double off_by(size_t n, size_t cols, size_t w, size_t h)
{
    size_t rows = (n + cols - 1) / cols;

    return fabs(log(3.0 * (double)(cols * w) / (4.0 * (double)(rows * h))));
}

/* No other number of columns comes closer, and many cells of usual shape come close. */
static void montages_come_closest_to_four_to_three(void **state)
{
    static const size_t cell[][2] = {{160, 160}, {160, 120}, {160, 20}, {30, 160}};

    (void)state;
    for (size_t k = 0; k < 4; k++)
        for (size_t n = 1; n <= 100; n++) {
            size_t w = cell[k][0], h = cell[k][1], best = af_montage_columns(n, w, h);
            for (size_t cols = 1; cols <= n; cols++)
                assert_true(off_by(n, best, w, h) <= off_by(n, cols, w, h) + 1e-9);
            if (n >= 60 && k < 2)
                assert_true(off_by(n, best, w, h) < 0.25);
        }
    assert_int_equal(af_montage_columns(1, 10, 10), 1);
    assert_int_equal(af_montage_columns(12, 160, 160), 4);
}

static void a_stream_is_thinned_out_evenly(void **state)
{
    (void)state;
    for (size_t n = 1; n < 100; n++) {
        struct af_montage m = {.width = 4, .most = 8};
        struct af_image img = flat(4, 4, 0);
        for (size_t i = 0; i < n; i++) {
            memset(img.data, (int)i, 16);
            assert_int_equal(af_montage_add(&m, &img, i, (double)i, NULL), 0);
        }
        assert_in_range(m.n, n < 5 ? n : 5, 8);
        for (size_t k = 0; k < m.n; k++) {
            assert_int_equal(m.label[k].plane, k * m.every);
            assert_true(m.label[k].z_um == (double)(k * m.every));
            assert_true(m.values[k * 16] == (float)(k * m.every));
        }
        assert_true(m.n * m.every >= n); // nothing is missing at the end
        af_image_release(&img);
        af_montage_release(&m);
    }
}

static void a_plane_of_another_size_is_refused(void **state)
{
    struct af_montage m = {.width = 160, .most = 8};
    struct af_image a = flat(8, 6, 1), b = flat(6, 8, 1);
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_montage_add(&m, &a, 0, NAN, &err), 0);
    assert_int_equal(af_montage_add(&m, &b, 1, NAN, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, "plane 1: 6x8 px, the first is 8x6");
    af_image_release(&a);
    af_image_release(&b);
    af_montage_release(&m);
}

static void thumbnails_keep_the_shape_of_their_planes(void **state)
{
    static const size_t size[][4] = { // plane, thumbnail
        {1280, 960, 160, 120}, {100, 50, 100, 50}, {320, 1, 160, 1}, {2, 6400, 1, 640},
    };

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct af_montage m = {.width = 160, .most = 2};
        struct af_image img = flat(size[k][0], size[k][1], 9);
        assert_int_equal(af_montage_add(&m, &img, 0, NAN, NULL), 0);
        assert_int_equal(m.w, size[k][2]);
        assert_int_equal(m.h, size[k][3]);
        assert_true(m.values[0] == 9);
        af_image_release(&img);
        af_montage_release(&m);
    }
}

/* Two flat planes of 10 and 20: black and white with a common scale, both black each on its own. */
static void scales_are_common_or_each_planes_own(void **state)
{
    (void)state;
    for (int each = 0; each < 2; each++) {
        struct af_montage m = {.width = 160, .most = 2};
        struct af_montage_style style = {"t", {AF_MAP_GRAY, 0, 0}, false, each, 0};
        struct af_image a = flat(100, 75, 10), b = flat(100, 75, 20);
        struct af_canvas c = {0};
        bool beside = af_montage_columns(2, 108, 90) == 2;
        const uint8_t *row;
        assert_int_equal(af_montage_add(&m, &a, 0, 0, NULL), 0);
        assert_int_equal(af_montage_add(&m, &b, 1, 1, NULL), 0);
        assert_int_equal(af_montage_draw(&m, &style, &c, NULL), 0);
        row = c.rgb + 50 * c.w * 3;
        assert_int_equal(row[50 * 3], 0);
        row = c.rgb + (beside ? 50 * c.w + 160 : 150 * c.w + 50) * 3; // in the other plane
        assert_int_equal(row[0], each ? 0 : 255);
        af_canvas_release(&c);
        af_image_release(&a);
        af_image_release(&b);
        af_montage_release(&m);
    }
}

static void labels_say_z_with_its_unit_or_the_plane(void **state)
{
    char text[64];

    (void)state;
    af_plane_label(3, -1.25, false, text, sizeof(text));
    assert_string_equal(text, "z -1.25 um");
    af_plane_label(3, 0.1 + 0.2, false, text, sizeof(text));
    assert_string_equal(text, "z 0.3 um");
    af_plane_label(3, -1e-17, false, text, sizeof(text));
    assert_string_equal(text, "z 0 um");
    af_plane_label(3, 300000, true, text, sizeof(text));
    assert_string_equal(text, "z 300 mm");
    af_plane_label(12, NAN, false, text, sizeof(text));
    assert_string_equal(text, "plane 12");
}

static void the_maximum_is_over_all_planes(void **state)
{
    struct af_image max = {0}, a = flat(3, 1, 5), b = flat(3, 1, 2), odd = flat(1, 3, 2);
    struct af_err err = {0};
    static const float want[] = {5, 9, 5};

    (void)state;
    ((uint8_t *)b.data)[1] = 9;
    assert_int_equal(af_max_add(&max, &a, &err), 0);
    assert_int_equal(af_max_add(&max, &b, &err), 0);
    assert_memory_equal(max.data, want, sizeof(want));
    assert_int_equal(af_max_add(&max, &odd, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_image_release(&max);
    af_image_release(&a);
    af_image_release(&b);
    af_image_release(&odd);
}

/* Planes i hold 10 i + x + 3 y; they come out of order and unevenly spaced. */
static void slices_have_large_z_above_and_planes_where_they_belong(void **state)
{
    static const double z_um[] = {4, 0, 1};
    struct af_slice xz = {.at = 1}, yz = {.along_y = true, .at = 2};
    struct af_image img = flat(3, 2, 0);
    float out[6 * 3];
    struct af_extent e;

    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 6; k++)
            ((uint8_t *)img.data)[k] = (uint8_t)(10 * i + k % 3 + 3 * (k / 3));
        assert_int_equal(af_slice_add(&xz, &img, z_um[i], NULL), 0);
        assert_int_equal(af_slice_add(&yz, &img, z_um[i], NULL), 0);
    }
    e = af_slice_extent(&xz);
    assert_true(e.um && e.bottom == -1 && e.top == 5); // a step is 2 on the average
    assert_int_equal(af_slice_draw(&xz, 3, 6, out, NULL), 0);
    // rows at z 4.5 3.5 2.5 1.5 0.5 -0.5; z 2.5 lies between 1 and 4, the first of them wins
    assert_true(out[0] == 3 && out[1] == 4 && out[2] == 5);
    assert_true(out[3] == 3 && out[6] == 3 && out[9] == 23 && out[15] == 13);
    assert_int_equal(yz.len, 2);
    assert_int_equal(af_slice_draw(&yz, 2, 6, out, NULL), 0);
    assert_true(out[0] == 2 && out[1] == 5 && out[10] == 12 && out[11] == 15);
    af_slice_release(&xz);
    af_slice_release(&yz);
    af_image_release(&img);
}

static void slices_count_planes_where_z_is_not_known(void **state)
{
    struct af_slice s = {.at = 0};
    struct af_image img = flat(2, 1, 0);
    struct af_extent e;
    float out[2 * 4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        memset(img.data, i, 2);
        assert_int_equal(af_slice_add(&s, &img, i ? 5 : NAN, NULL), 0);
    }
    e = af_slice_extent(&s);
    assert_true(!e.um && e.bottom == -0.5 && e.top == 3.5);
    assert_int_equal(af_slice_draw(&s, 2, 4, out, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_true(out[2 * i] == 3 - i);
    af_slice_release(&s);
    af_image_release(&img);
}

static void a_slice_outside_the_plane_is_refused(void **state)
{
    struct af_slice s = {.at = 3}, t = {.along_y = true, .at = 2};
    struct af_image img = flat(2, 3, 0);
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_slice_add(&s, &img, 0, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_string_equal(err.text, "y 3 is outside, planes are 2x3 px");
    assert_int_equal(af_slice_add(&t, &img, 0, &err), -1);
    assert_string_equal(err.text, "x 2 is outside, planes are 2x3 px");
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(montages_come_closest_to_four_to_three),
        cmocka_unit_test(a_stream_is_thinned_out_evenly),
        cmocka_unit_test(a_plane_of_another_size_is_refused),
        cmocka_unit_test(thumbnails_keep_the_shape_of_their_planes),
        cmocka_unit_test(scales_are_common_or_each_planes_own),
        cmocka_unit_test(labels_say_z_with_its_unit_or_the_plane),
        cmocka_unit_test(the_maximum_is_over_all_planes),
        cmocka_unit_test(slices_have_large_z_above_and_planes_where_they_belong),
        cmocka_unit_test(slices_count_planes_where_z_is_not_known),
        cmocka_unit_test(a_slice_outside_the_plane_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
