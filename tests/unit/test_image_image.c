/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/image.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void types_know_their_size_name_and_depth(void **state)
{
    static const struct {
        enum af_sample type;
        size_t size;
        const char *name;
        bool is_float, is_signed;
    } want[] = {
        {AF_U8, 1, "uint8", false, false},   {AF_U16, 2, "uint16", false, false},
        {AF_U32, 4, "uint32", false, false}, {AF_U64, 8, "uint64", false, false},
        {AF_I8, 1, "int8", false, true},     {AF_I16, 2, "int16", false, true},
        {AF_I32, 4, "int32", false, true},   {AF_I64, 8, "int64", false, true},
        {AF_F32, 4, "float", true, true},    {AF_F64, 8, "double", true, true},
    };

    (void)state;
    for (size_t i = 0; i < AF_NSAMPLES; i++) {
        assert_int_equal(af_sample_size(want[i].type), want[i].size);
        assert_int_equal(af_sample_bits(want[i].type), 8 * want[i].size);
        assert_string_equal(af_sample_name(want[i].type), want[i].name);
        assert_int_equal(af_sample_is_float(want[i].type), want[i].is_float);
        assert_int_equal(af_sample_is_signed(want[i].type), want[i].is_signed);
    }
}

static void the_smallest_type_that_holds_the_bits_is_taken(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 64; bits++) {
        unsigned want = bits <= 8 ? 8 : bits <= 16 ? 16 : bits <= 32 ? 32 : 64;

        assert_int_equal(af_sample_bits(af_sample_for_bits(bits, false)), want);
        assert_int_equal(af_sample_bits(af_sample_for_bits(bits, true)), want);
        assert_false(af_sample_is_signed(af_sample_for_bits(bits, false)));
        assert_true(af_sample_is_signed(af_sample_for_bits(bits, true)));
        assert_false(af_sample_is_float(af_sample_for_bits(bits, true)));
    }
}

static void a_plane_that_shrinks_keeps_its_memory(void **state)
{
    struct af_image img = {0};
    void *data;

    (void)state;
    assert_int_equal(af_image_resize(&img, 7, 5, AF_U16, NULL), 0);
    data = img.data;
    assert_int_equal(img.room, 70);
    assert_int_equal(img.bits, 16);
    assert_int_equal(af_image_resize(&img, 8, 2, AF_F32, NULL), 0);
    assert_ptr_equal(img.data, data);
    assert_int_equal(img.bits, 32);
    assert_ptr_equal(af_image_row(&img, 1), (char *)data + 32);
    assert_int_equal(af_image_resize(&img, 100, 100, AF_F64, NULL), 0);
    assert_int_equal(img.room, 80000);
    af_image_release(&img);
    assert_null(img.data);
    af_image_release(&img);
}

static void impossible_sizes_are_refused_and_change_nothing(void **state)
{
    struct af_image img = {0};
    struct af_err err = {AF_OK, ""};

    (void)state;
    assert_int_equal(af_image_resize(&img, 3, 2, AF_U8, NULL), 0);
    assert_int_equal(af_image_resize(&img, 0, 2, AF_U8, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_image_resize(&img, 3, 0, AF_U8, &err), -1);
    assert_int_equal(af_image_resize(&img, SIZE_MAX, 3, AF_U8, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(af_image_resize(&img, SIZE_MAX / 4, 1, AF_F64, &err), -1);
    assert_int_equal(img.w, 3);
    assert_int_equal(img.h, 2);
    assert_int_equal(img.type, AF_U8);
    af_image_release(&img);
}

static void full_scale_follows_the_bits(void **state)
{
    struct af_image img = {.type = AF_U16, .bits = 12};

    (void)state;
    assert_true(af_image_full_scale(&img) == 4095);
    img = (struct af_image){.type = AF_I16, .bits = 16};
    assert_true(af_image_full_scale(&img) == 32767);
    img = (struct af_image){.type = AF_U8, .bits = 1};
    assert_true(af_image_full_scale(&img) == 1);
    img = (struct af_image){.type = AF_F32, .bits = 32};
    assert_true(isnan(af_image_full_scale(&img)));
}

/* Value i of a plane, small enough for each type, negative where it can be. */
static double value_of(enum af_sample type, size_t i)
{
    double v = (double)(i * 37 % 101);

    return af_sample_is_signed(type) ? v - 50 : v;
}

static void store(enum af_sample type, void *data, size_t i, double v)
{
    switch (type) {
    case AF_U8: ((uint8_t *)data)[i] = (uint8_t)v; break;
    case AF_U16: ((uint16_t *)data)[i] = (uint16_t)v; break;
    case AF_U32: ((uint32_t *)data)[i] = (uint32_t)v; break;
    case AF_U64: ((uint64_t *)data)[i] = (uint64_t)v; break;
    case AF_I8: ((int8_t *)data)[i] = (int8_t)v; break;
    case AF_I16: ((int16_t *)data)[i] = (int16_t)v; break;
    case AF_I32: ((int32_t *)data)[i] = (int32_t)v; break;
    case AF_I64: ((int64_t *)data)[i] = (int64_t)v; break;
    case AF_F32: ((float *)data)[i] = (float)v; break;
    default: ((double *)data)[i] = v; break;
    }
}

static void each_type_is_measured_as_a_loop_would(void **state)
{
    enum { W = 19, H = 11 };

    (void)state;
    for (enum af_sample type = 0; type < AF_NSAMPLES; type++) {
        struct af_image img = {0};
        struct af_image_stats s;
        double row[W], sum = 0, min = INFINITY, max = -INFINITY;
        size_t saturated = 0;

        assert_int_equal(af_image_resize(&img, W, H, type, NULL), 0);
        img.bits = 6; // some values are above full scale
        for (size_t i = 0; i < W * H; i++)
            store(type, img.data, i, value_of(type, i));
        for (size_t y = 0; y < H; y++) {
            af_image_row_f64(&img, y, row);
            for (size_t x = 0; x < W; x++) {
                double v = value_of(type, y * W + x);

                assert_true(row[x] == v);
                sum += v;
                min = v < min ? v : min;
                max = v > max ? v : max;
                saturated += !af_sample_is_float(type) && v >= af_image_full_scale(&img);
            }
        }
        af_image_measure(&img, &s);
        assert_true(s.min == min);
        assert_true(s.max == max);
        assert_true(s.mean == sum / (W * H)); // whole numbers: exact in any order
        assert_int_equal(s.saturated, saturated);
        assert_int_equal(s.saturated > 0, !af_sample_is_float(type));
        assert_int_equal(s.nan, 0);
        af_image_release(&img);
    }
}

static void extremes_of_each_type_are_kept(void **state)
{
    struct af_image img = {0};
    struct af_image_stats s;

    (void)state;
    assert_int_equal(af_image_resize(&img, 2, 1, AF_U32, NULL), 0);
    ((uint32_t *)img.data)[0] = UINT32_MAX;
    ((uint32_t *)img.data)[1] = UINT32_MAX - 1;
    af_image_measure(&img, &s);
    assert_true(s.mean == UINT32_MAX - 0.5);
    assert_int_equal(s.saturated, 1);
    assert_int_equal(af_image_resize(&img, 2, 1, AF_I16, NULL), 0);
    ((int16_t *)img.data)[0] = INT16_MIN;
    ((int16_t *)img.data)[1] = INT16_MAX;
    af_image_measure(&img, &s);
    assert_true(s.min == INT16_MIN && s.max == INT16_MAX && s.mean == -0.5);
    assert_int_equal(s.saturated, 1);
    af_image_release(&img);
}

/* Of 100 pixels of 5 each in turn is 9, and one half way round 1. */
static void the_extremes_may_lie_anywhere(void **state)
{
    struct af_image img = {0};
    struct af_image_stats s;

    (void)state;
    for (size_t k = 0; k < 100; k++)
        for (enum af_sample type = AF_U8; type <= AF_U32; type++) {
            assert_int_equal(af_image_resize(&img, 100, 1, type, NULL), 0);
            for (size_t i = 0; i < 100; i++)
                store(type, img.data, i, i == k ? 9 : i == (k + 50) % 100 ? 1 : 5);
            af_image_measure(&img, &s);
            assert_true(s.min == 1 && s.max == 9 && s.mean == 5);
        }
    af_image_release(&img);
}

static void values_that_are_no_number_are_left_out(void **state)
{
    struct af_image img = {0};
    struct af_image_stats s;

    (void)state;
    for (enum af_sample type = AF_F32; type <= AF_F64; type++) {
        assert_int_equal(af_image_resize(&img, 2, 2, type, NULL), 0);
        for (size_t i = 0; i < 4; i++)
            store(type, img.data, i, i == 1 ? NAN : (double)i);
        af_image_measure(&img, &s);
        assert_true(s.min == 0 && s.max == 3 && s.mean == 5.0 / 3);
        assert_int_equal(s.nan, 1);
        for (size_t i = 0; i < 4; i++)
            store(type, img.data, i, NAN);
        af_image_measure(&img, &s);
        assert_true(isnan(s.min) && isnan(s.max) && isnan(s.mean));
        assert_int_equal(s.nan, 4);
        store(type, img.data, 0, -INFINITY);
        store(type, img.data, 1, INFINITY);
        af_image_measure(&img, &s);
        assert_true(s.min == -INFINITY && s.max == INFINITY);
    }
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_know_their_size_name_and_depth),
        cmocka_unit_test(the_smallest_type_that_holds_the_bits_is_taken),
        cmocka_unit_test(a_plane_that_shrinks_keeps_its_memory),
        cmocka_unit_test(impossible_sizes_are_refused_and_change_nothing),
        cmocka_unit_test(full_scale_follows_the_bits),
        cmocka_unit_test(each_type_is_measured_as_a_loop_would),
        cmocka_unit_test(extremes_of_each_type_are_kept),
        cmocka_unit_test(the_extremes_may_lie_anywhere),
        cmocka_unit_test(values_that_are_no_number_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
