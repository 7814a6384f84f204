/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/unpack.h"

#include <math.h>
#include <string.h>

size_t af_unpack_row_bytes(const struct af_unpack *u, size_t n)
{
    return n / 8 * u->bits + (n % 8 * u->bits + 7) / 8;
}

void af_unpack_swap(void *data, size_t n, size_t size)
{
    uint16_t *v2 = data;
    uint32_t *v4 = data;
    uint64_t *v8 = data;

    for (size_t i = 0; size == 2 && i < n; i++)
        v2[i] = (uint16_t)(v2[i] << 8 | v2[i] >> 8);
    for (size_t i = 0; size == 4 && i < n; i++)
        v4[i] = __builtin_bswap32(v4[i]);
    for (size_t i = 0; size == 8 && i < n; i++)
        v8[i] = __builtin_bswap64(v8[i]);
}

/* Three bytes, the lowest first or last. */
static uint64_t triple(const uint8_t *in, bool lowest_first)
{
    return lowest_first ? (uint64_t)in[2] << 16 | (uint64_t)in[1] << 8 | in[0]
                        : (uint64_t)in[0] << 16 | (uint64_t)in[1] << 8 | in[2];
}

/* Sample i, from the highest bit down. */
static uint64_t get_bits(const uint8_t *in, size_t i, unsigned bits)
{
    size_t at = i * bits;
    uint64_t v = 0;

    for (unsigned left = bits; left;) {
        unsigned skip = at % 8, take = 8 - skip < left ? 8 - skip : left;

        v = v << take | (in[at / 8] >> (8 - skip - take) & ((1u << take) - 1));
        at += take;
        left -= take;
    }
    return v;
}

/*
 * A float of 1 sign, `e` exponent and `m` mantissa bits.
 * Source: IEEE 754-2008 binary16 (5, 10); Adobe TIFF Technical Note 3 for 24 bits (7, 16).
 */
static float small_float(uint64_t v, int e, int m)
{
    int exponent = (int)(v >> m & ((1u << e) - 1)), bias = (1 << (e - 1)) - 1;
    double mantissa = (double)(v & ((1u << m) - 1)), x;

    if (exponent == (1 << e) - 1)
        x = mantissa != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        x = ldexp(mantissa, 1 - bias - m);
    else
        x = ldexp(mantissa + ldexp(1, m), exponent - bias - m);
    return (float)(v >> (e + m) & 1 ? -x : x);
}

static void put(enum af_sample type, void *out, size_t i, uint64_t v)
{
    switch (af_sample_size(type)) {
    case 1: ((uint8_t *)out)[i] = (uint8_t)v; break;
    case 2: ((uint16_t *)out)[i] = (uint16_t)v; break;
    case 4: ((uint32_t *)out)[i] = (uint32_t)v; break;
    default: ((uint64_t *)out)[i] = v; break;
    }
}

static void invert(enum af_sample type, unsigned bits, void *out, size_t n)
{
    uint64_t full = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;

    if (type > AF_U64)
        return;
    for (size_t i = 0; i < n; i++)
        switch (type) {
        case AF_U8: ((uint8_t *)out)[i] = (uint8_t)(full - ((uint8_t *)out)[i]); break;
        case AF_U16: ((uint16_t *)out)[i] = (uint16_t)(full - ((uint16_t *)out)[i]); break;
        case AF_U32: ((uint32_t *)out)[i] = (uint32_t)(full - ((uint32_t *)out)[i]); break;
        default: ((uint64_t *)out)[i] = full - ((uint64_t *)out)[i]; break;
        }
}

static void unpack_float(const struct af_unpack *u, const uint8_t *in, size_t n, float *out)
{
    const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

    for (size_t i = 0; i < n; i++) {
        uint16_t half;

        if (u->bits == 24) {
            out[i] = small_float(triple(in + 3 * i, little), 7, 16);
        } else {
            memcpy(&half, in + 2 * i, 2);
            out[i] = small_float(half, 5, 10);
        }
    }
}

/* Sample i of whole bytes in the order of this machine. */
static uint64_t get_whole(const uint8_t *in, size_t i, unsigned bits)
{
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;

    switch (bits) {
    case 8: return in[i];
    case 16: memcpy(&v2, in + 2 * i, 2); return v2;
    case 32: memcpy(&v4, in + 4 * i, 4); return v4;
    default: memcpy(&v8, in + 8 * i, 8); return v8;
    }
}

void af_unpack_row(const struct af_unpack *u, const uint8_t *in, size_t n, void *out)
{
    uint64_t mask = u->bits == 64 ? UINT64_MAX : ((uint64_t)1 << u->bits) - 1;
    uint64_t sign = (uint64_t)1 << (u->bits - 1), v, sum = 0;
    bool whole = u->bits == af_sample_bits(u->type);

    if (whole && !u->accumulate) {
        memcpy(out, in, n * af_sample_size(u->type));
    } else if (u->is_float) {
        unpack_float(u, in, n, out);
    } else {
        for (size_t i = 0; i < n; i++) {
            v = whole                        ? get_whole(in, i, u->bits)
                : u->bits == 24 && u->turned ? triple(in + 3 * i, true)
                                             : get_bits(in, i, u->bits);
            if (u->accumulate)
                v = sum = (sum + v) & mask;
            if (af_sample_is_signed(u->type) && v & sign)
                v |= ~mask;
            put(u->type, out, i, v);
        }
    }
    if (u->invert)
        invert(u->type, u->bits, out, n);
}
