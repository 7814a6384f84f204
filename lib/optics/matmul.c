/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/matmul.h"

#include <assert.h>

/* As many floats as a register holds, anywhere in an array. */
#define LANES(BYTES) __attribute__((vector_size(BYTES), aligned(sizeof(float)), may_alias))
typedef float lanes16 LANES(64);
typedef float lanes8 LANES(32);
typedef float lanes4 LANES(16);

enum { DEPTH = 256 }; // rows of b at a time

/*
 * A panel of b, DEPTH rows of EACH registers, is copied together, for rows of b are far apart, and
 * stays in the nearest cache while all rows of a pass. A block of c, ROWS by EACH registers, is
 * summed in registers: twelve sums or eight hide the latency of one and share what is loaded.
 */
#define PRODUCT(TYPE, ROWS, EACH)                                                                  \
    enum { WIDE = sizeof(TYPE) / sizeof(float) };                                                  \
    TYPE panel[DEPTH][EACH], sum[ROWS][EACH];                                                      \
                                                                                                   \
    for (size_t from = 0; from < k; from += DEPTH)                                                 \
        for (size_t j = 0; j < n; j += (EACH)*WIDE) {                                              \
            size_t deep = k - from < DEPTH ? k - from : DEPTH;                                     \
            for (size_t l = 0; l < deep; l++)                                                      \
                for (size_t e = 0; e < (EACH); e++)                                                \
                    panel[l][e] = *(const TYPE *)(b + (from + l) * n + j + e * WIDE);              \
            for (size_t i = 0; i < m; i += (ROWS)) {                                               \
                for (size_t r = 0; r < (ROWS); r++)                                                \
                    for (size_t e = 0; e < (EACH); e++)                                            \
                        sum[r][e] = from ? *(TYPE *)(c + (i + r) * n + j + e * WIDE) : (TYPE){0};  \
                for (size_t l = 0; l < deep; l++)                                                  \
                    for (size_t r = 0; r < (ROWS); r++)                                            \
                        for (size_t e = 0; e < (EACH); e++)                                        \
                            sum[r][e] += a[(i + r) * k + from + l] * panel[l][e];                  \
                for (size_t r = 0; r < (ROWS); r++)                                                \
                    for (size_t e = 0; e < (EACH); e++)                                            \
                        *(TYPE *)(c + (i + r) * n + j + e * WIDE) = sum[r][e];                     \
            }                                                                                      \
        }

#define ARGUMENTS const float *a, const float *b, float *c, size_t m, size_t n, size_t k

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void multiply_avx512(ARGUMENTS)
{
    PRODUCT(lanes16, 12, 2)
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(ARGUMENTS)
{
    PRODUCT(lanes8, 6, 2)
}
#endif

static void multiply(ARGUMENTS)
{
    PRODUCT(lanes4, 2, 4)
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
