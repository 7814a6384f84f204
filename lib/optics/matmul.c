/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/matmul.h"

#include <assert.h>

/* As many floats as a register holds, anywhere in an array. */
#define LANES(BYTES) __attribute__((vector_size(BYTES), aligned(sizeof(float)), may_alias))
typedef float lanes16 LANES(64);
typedef float lanes8 LANES(32);
typedef float lanes4 LANES(16);

/*
 * A block of c, ROWS by EACH registers of LANES, stays in registers while k runs: eight sums hide
 * the latency of one.
 */
#define BLOCK(TYPE, ROWS, EACH)                                                                    \
    enum { WIDE = sizeof(TYPE) / sizeof(float) };                                                  \
    for (size_t i = 0; i < m; i += (ROWS))                                                         \
        for (size_t j = 0; j < n; j += (EACH)*WIDE) {                                              \
            TYPE sum[ROWS][EACH] = {{{0}}};                                                        \
            for (size_t l = 0; l < k; l++) {                                                       \
                TYPE row[EACH];                                                                    \
                for (size_t e = 0; e < (EACH); e++)                                                \
                    row[e] = *(const TYPE *)(b + l * n + j + e * WIDE);                            \
                for (size_t r = 0; r < (ROWS); r++)                                                \
                    for (size_t e = 0; e < (EACH); e++)                                            \
                        sum[r][e] += a[(i + r) * k + l] * row[e];                                  \
            }                                                                                      \
            for (size_t r = 0; r < (ROWS); r++)                                                    \
                for (size_t e = 0; e < (EACH); e++)                                                \
                    *(TYPE *)(c + (i + r) * n + j + e * WIDE) = sum[r][e];                         \
        }

#define ARGUMENTS const float *a, const float *b, float *c, size_t m, size_t n, size_t k

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void multiply_avx512(ARGUMENTS)
{
    BLOCK(lanes16, 8, 1)
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(ARGUMENTS)
{
    BLOCK(lanes8, 4, 2)
}
#endif

static void multiply(ARGUMENTS)
{
    BLOCK(lanes4, 4, 2)
}

void af_matmul(ARGUMENTS)
{
    assert(m % AF_MATMUL_ROWS == 0 && n % AF_MATMUL_COLUMNS == 0);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        multiply_avx512(a, b, c, m, n, k);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        multiply_avx2(a, b, c, m, n, k);
        return;
    }
#endif
    multiply(a, b, c, m, n, k);
}

size_t af_round_up(size_t size, size_t step)
{
    return (size + step - 1) / step * step;
}
