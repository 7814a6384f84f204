/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums per column into sums up to each cut. */
#include "maps/kernels.h"

#include <string.h>

enum { BLOCK = 16 }; // columns

typedef uint16_t v8u16 __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint32_t v4u32 __attribute__((vector_size(16), aligned(4), may_alias));

static inline uint64_t across(v4u32 v)
{
    return (uint64_t)v[0] + v[1] + v[2] + v[3];
}

/* Two sums fit 16 bits, by kernels.h; then neighbours are added in 32. */
static inline uint64_t block_uint16_t(const uint16_t *a)
{
    v4u32 v = (v4u32)(*(const v8u16 *)a + *(const v8u16 *)(a + 8));

    return across((v & 0xffff) + (v >> 16));
}

/* 16 columns of 32 rows of the largest term fit 32 bits. */
static inline uint64_t block_uint32_t(const uint32_t *a)
{
    return across(*(const v4u32 *)a + *(const v4u32 *)(a + 4) + *(const v4u32 *)(a + 8) +
                  *(const v4u32 *)(a + 12));
}

static inline uint64_t block_uint64_t(const uint64_t *a)
{
    uint64_t sum = 0;

    for (size_t x = 0; x < BLOCK; x++)
        sum += a[x];
    return sum;
}

/* By blocks; where a cut lies in the further half of one, what lies behind it is taken off again.
 */
#define PIECES(TYPE)                                                                               \
    static void pieces_##TYPE(uint64_t *out, const uint64_t *above, const TYPE *a,                 \
                              const uint32_t *at, size_t n)                                        \
    {                                                                                              \
        const size_t w = at[n];                                                                    \
        uint64_t sum = 0;                                                                          \
        size_t x = 0;                                                                              \
                                                                                                   \
        out[0] = above[0];                                                                         \
        for (size_t i = 1; i <= n; i++) {                                                          \
            const size_t to = at[i];                                                               \
                                                                                                   \
            for (; to - x >= BLOCK; x += BLOCK)                                                    \
                sum += block_##TYPE(a + x);                                                        \
            if (to - x > BLOCK / 2 && w - x >= BLOCK) {                                            \
                sum += block_##TYPE(a + x);                                                        \
                for (x += BLOCK; x > to; x--)                                                      \
                    sum -= a[x - 1];                                                               \
            }                                                                                      \
            for (; x < to; x++)                                                                    \
                sum += a[x];                                                                       \
            out[i] = above[i] + sum;                                                               \
        }                                                                                          \
    }

PIECES(uint16_t)
PIECES(uint32_t)
PIECES(uint64_t)

void af_sum_pieces(uint64_t *out, const uint64_t *above, void *acc, size_t width,
                   const uint32_t *at, size_t n)
{
    if (width == 2)
        pieces_uint16_t(out, above, acc, at, n);
    else if (width == 4)
        pieces_uint32_t(out, above, acc, at, n);
    else
        pieces_uint64_t(out, above, acc, at, n);
    memset(acc, 0, at[n] * width);
}
