/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/unpack.h"
#include "tiffmake.h"

#include <math.h>

enum { N = 37 };

static uint64_t mask_of(unsigned bits)
{
    return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

/* Any pattern of bits, the extremes among them. */
static uint64_t pattern(size_t i, unsigned bits)
{
    uint64_t v = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    v ^= v >> 29;
    return (i == 0   ? 0
            : i == 1 ? UINT64_MAX
            : i == 2 ? (uint64_t)1 << (bits - 1)
                     : v) &
           mask_of(bits);
}

static uint64_t element(enum af_sample type, const void *p, size_t i)
{
    switch (type) {
    case AF_U8: return ((const uint8_t *)p)[i];
    case AF_U16: return ((const uint16_t *)p)[i];
    case AF_U32: return ((const uint32_t *)p)[i];
    case AF_I8: return (uint64_t)((const int8_t *)p)[i];
    case AF_I16: return (uint64_t)((const int16_t *)p)[i];
    case AF_I32: return (uint64_t)((const int32_t *)p)[i];
    default: return ((const uint64_t *)p)[i];
    }
}

static void every_depth_from_1_to_64_comes_back(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 64; bits++)
        for (int k = 0; k < 4; k++) {
            bool is_signed = k & 1, turned = k & 2;
            struct af_unpack u = {
                .type = af_sample_for_bits(bits, is_signed), .bits = bits, .turned = turned};
            uint8_t in[N * 8] = {0};
            uint64_t out[N];

            for (size_t i = 0; i < N; i++)
                pack(in, i, bits, pattern(i, bits), turned);
            assert_int_equal(af_unpack_row_bytes(&u, N), (N * bits + 7) / 8);
            af_unpack_row(&u, in, N, out);
            for (size_t i = 0; i < N; i++) {
                uint64_t want = pattern(i, bits);

                if (is_signed && want >> (bits - 1))
                    want |= ~mask_of(bits);
                assert_int_equal(element(u.type, out, i), want);
            }
        }
}

static void min_is_white_is_full_scale_minus_value(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 64; bits++) {
        struct af_unpack u = {
            .type = af_sample_for_bits(bits, false), .bits = bits, .invert = true};
        uint8_t in[N * 8] = {0};
        uint64_t out[N];

        for (size_t i = 0; i < N; i++)
            pack(in, i, bits, pattern(i, bits), false);
        af_unpack_row(&u, in, N, out);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(element(u.type, out, i), mask_of(bits) - pattern(i, bits));
    }
}

static void signed_and_float_values_are_not_inverted(void **state)
{
    const struct af_unpack i8 = {.type = AF_I8, .bits = 8, .invert = true};
    const struct af_unpack f32 = {.type = AF_F32, .bits = 32, .is_float = true, .invert = true};
    const float in = 0.25f;
    float out;
    int8_t small;

    (void)state;
    af_unpack_row(&f32, (const uint8_t *)&in, 1, &out);
    assert_true(out == in);
    af_unpack_row(&i8, (const uint8_t *)"\xff", 1, &small);
    assert_int_equal(small, -1);
}

static void differencing_is_undone_modulo_the_depth(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 64; bits++) {
        struct af_unpack u = {
            .type = af_sample_for_bits(bits, false), .bits = bits, .accumulate = true};
        uint8_t in[N * 8] = {0};
        uint64_t out[N], before = 0;

        for (size_t i = 0; i < N; i++) {
            pack(in, i, bits, (pattern(i, bits) - before) & mask_of(bits), false);
            before = pattern(i, bits);
        }
        af_unpack_row(&u, in, N, out);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(element(u.type, out, i), pattern(i, bits));
    }
}

static float unpack_float(unsigned bits, uint64_t v)
{
    const struct af_unpack u = {.type = AF_F32, .bits = bits, .is_float = true};
    uint8_t in[4] = {0};
    float out;

    pack(in, 0, bits, v, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__); // floats are in our order
    af_unpack_row(&u, in, 1, &out);
    return out;
}

static void half_floats_are_those_of_ieee_754(void **state)
{
    (void)state;
    assert_true(unpack_float(16, 0x3c00) == 1);
    assert_true(unpack_float(16, 0xc000) == -2);
    assert_true(unpack_float(16, 0x7bff) == 65504);
    assert_true(unpack_float(16, 0x3555) == 0.333251953125f);
    assert_true(unpack_float(16, 0x0400) == 0x1p-14f);        // smallest normal
    assert_true(unpack_float(16, 0x03ff) == 1023 * 0x1p-24f); // largest subnormal
    assert_true(unpack_float(16, 0x0001) == 0x1p-24f);
    assert_true(unpack_float(16, 0x8001) == -0x1p-24f);
    assert_true(unpack_float(16, 0x8000) == 0 && signbit(unpack_float(16, 0x8000)));
    assert_true(unpack_float(16, 0x7c00) == INFINITY);
    assert_true(unpack_float(16, 0xfc00) == -INFINITY);
    assert_true(isnan(unpack_float(16, 0x7e01)));
}

static void floats_of_24_bits_have_7_and_16(void **state)
{
    (void)state;
    assert_true(unpack_float(24, 0x3f0000) == 1);
    assert_true(unpack_float(24, 0xc00000) == -2);
    assert_true(unpack_float(24, 0x3f8000) == 1.5f);
    assert_true(unpack_float(24, 0x7effff) == 0x1p63f * (2 - 0x1p-16f)); // largest
    assert_true(unpack_float(24, 0x010000) == 0x1p-62f);                 // smallest normal
    assert_true(unpack_float(24, 0x000001) == 0x1p-78f);                 // smallest of all
    assert_true(unpack_float(24, 0x800000) == 0 && signbit(unpack_float(24, 0x800000)));
    assert_true(unpack_float(24, 0x7f0000) == INFINITY);
    assert_true(unpack_float(24, 0xff0000) == -INFINITY);
    assert_true(isnan(unpack_float(24, 0x7f0001)));
}

static void rows_of_halves_are_read_side_by_side(void **state)
{
    static const uint16_t half[] = {0x3c00, 0x4000, 0x4200};
    static const float want[] = {1, 2, 3};
    const struct af_unpack u16 = {.type = AF_F32, .bits = 16, .is_float = true};
    const struct af_unpack u24 = {.type = AF_F32, .bits = 24, .is_float = true};
    uint8_t in[9] = {0};
    float out[3];

    (void)state;
    af_unpack_row(&u16, (const uint8_t *)half, 3, out);
    assert_memory_equal(out, want, sizeof(want));
    for (size_t i = 0; i < 3; i++)
        pack(in, i, 24, (uint64_t[]){0x3f0000, 0x400000, 0x408000}[i],
             __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    af_unpack_row(&u24, in, 3, out);
    assert_memory_equal(out, want, sizeof(want));
}

static void swapping_turns_the_bytes_of_each_sample(void **state)
{
    uint8_t v[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    (void)state;
    af_unpack_swap(v, 8, 1);
    assert_memory_equal(v, "\1\2\3\4\5\6\7\10", 8);
    af_unpack_swap(v, 4, 2);
    assert_memory_equal(v, "\2\1\4\3\6\5\10\7", 8);
    af_unpack_swap(v, 2, 4);
    assert_memory_equal(v, "\3\4\1\2\7\10\5\6", 8);
    af_unpack_swap(v, 1, 8);
    assert_memory_equal(v, "\6\5\10\7\2\1\4\3", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_depth_from_1_to_64_comes_back),
        cmocka_unit_test(min_is_white_is_full_scale_minus_value),
        cmocka_unit_test(signed_and_float_values_are_not_inverted),
        cmocka_unit_test(differencing_is_undone_modulo_the_depth),
        cmocka_unit_test(half_floats_are_those_of_ieee_754),
        cmocka_unit_test(floats_of_24_bits_have_7_and_16),
        cmocka_unit_test(rows_of_halves_are_read_side_by_side),
        cmocka_unit_test(swapping_turns_the_bytes_of_each_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
