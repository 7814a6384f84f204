/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/projection.h"

static struct af_image plane(float *v, size_t w, size_t h)
{
    return (struct af_image){.w = w, .h = h, .type = AF_F32, .bits = 32, .data = v};
}

static void the_maximum_passes_over_what_is_no_number(void **state)
{
    float v[3][4] = {{NAN, 1, -5, NAN}, {2, NAN, -7, NAN}, {NAN, 3, -6, NAN}};
    const float want[4] = {2, 3, -5, NAN};
    struct af_image max = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct af_image img = plane(v[i], 2, 2);

        assert_int_equal(af_max_add(&max, &img, NULL), 0);
    }
    assert_memory_equal(max.data, want, 3 * sizeof(float));
    assert_true(isnan(((float *)max.data)[3]));
    assert_int_equal(
        af_max_add(&max, &(struct af_image){.w = 4, .h = 1, .type = AF_F32}, NULL), -1);
    af_image_release(&max);
}

/* Planes of 3 x 2 px whose values are 10 i + the pixel's number, at z[i]. */
static struct af_slice cut(bool along_y, size_t at, const double *z, size_t n)
{
    struct af_slice s = {.along_y = along_y, .at = at};

    for (size_t i = 0; i < n; i++) {
        float v[6];
        struct af_image img = plane(v, 3, 2);

        for (int k = 0; k < 6; k++)
            v[k] = (float)(10 * (int)i + k);
        assert_int_equal(af_slice_add(&s, &img, z[i], NULL), 0);
    }
    return s;
}

static void a_slice_takes_one_row_or_column_of_each_plane(void **state)
{
    const double z[] = {0, 1};
    const float row[] = {3, 4, 5, 13, 14, 15}, column[] = {2, 5, 12, 15};
    struct af_slice xz = cut(false, 1, z, 2), yz = cut(true, 2, z, 2);
    struct af_err err;
    float v[6] = {0};
    struct af_image img = plane(v, 3, 2);

    (void)state;
    assert_memory_equal(xz.values, row, sizeof(row));
    assert_memory_equal(yz.values, column, sizeof(column));
    af_slice_release(&xz);
    af_slice_release(&yz);
    xz.at = 2; // rows are 0 and 1
    assert_int_equal(af_slice_add(&xz, &img, 0, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
}

/* At 4, 0 and 2 um, in that order: each covers 1 um to both sides, the largest z is above. */
static void planes_lie_at_their_z_whatever_their_order(void **state)
{
    const double z[] = {4, 0, 2};
    const float want[] = {0, 0, 20, 20, 10, 10};
    struct af_slice s = cut(false, 0, z, 3);
    struct af_extent e = af_slice_extent(&s);
    float out[6 * 3];

    (void)state;
    assert_true(e.um && e.bottom == -1 && e.top == 5);
    assert_int_equal(af_slice_draw(&s, 3, 6, out, NULL), 0);
    for (int j = 0; j < 6; j++)
        for (int i = 0; i < 3; i++)
            assert_true(out[j * 3 + i] == want[j] + (float)i);
    af_slice_release(&s);
}

/* Unevenly spaced, 0, 1 and 10 um: half the mean step on either side, and the nearest plane. */
static void the_nearest_plane_is_shown(void **state)
{
    const double z[] = {0, 1, 10};
    struct af_slice s = cut(false, 0, z, 3);
    struct af_extent e = af_slice_extent(&s);
    float out[15 * 3];

    (void)state;
    assert_true(e.bottom == -2.5 && e.top == 12.5);
    assert_int_equal(af_slice_draw(&s, 3, 15, out, NULL), 0); // rows at 12, 11, ... -2 um
    for (int j = 0; j < 15; j++) {
        int um = 12 - j;

        if (um != 5) // 5.5 is as near to both
            assert_true(out[j * 3] == (um > 5 ? 20 : um >= 1 ? 10 : 0));
    }
    af_slice_release(&s);
}

static void planes_without_z_are_counted_upward(void **state)
{
    const double some[] = {0, NAN, 2}, same[] = {7, 7, 7};
    const float want[] = {20, 10, 0};

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct af_slice s = cut(false, 0, k ? same : some, 3);
        struct af_extent e = af_slice_extent(&s);
        float out[3 * 3];

        assert_true(!e.um && e.bottom == -0.5 && e.top == 2.5);
        assert_int_equal(af_slice_draw(&s, 3, 3, out, NULL), 0);
        for (int j = 0; j < 3; j++)
            assert_true(out[j * 3] == want[j]);
        af_slice_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_maximum_passes_over_what_is_no_number),
        cmocka_unit_test(a_slice_takes_one_row_or_column_of_each_plane),
        cmocka_unit_test(planes_lie_at_their_z_whatever_their_order),
        cmocka_unit_test(the_nearest_plane_is_shown),
        cmocka_unit_test(planes_without_z_are_counted_upward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
