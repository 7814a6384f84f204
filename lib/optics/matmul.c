/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/matmul.h"

#include <assert.h>
#include <string.h>

/*
 * Sixteen floats, which the compiler splits where registers are narrower. A block of rows of c
 * stays in registers while k runs: eight in 512-bit ones, two times four below.
 */
typedef float lanes __attribute__((vector_size(64)));

#define BLOCK(ROWS)                                                                                \
    for (size_t i = 0; i < m; i += (ROWS))                                                         \
        for (size_t j = 0; j < n; j += AF_MATMUL_COLUMNS) {                                        \
            lanes sum[ROWS] = {0};                                                                 \
            for (size_t l = 0; l < k; l++) {                                                       \
                lanes row;                                                                         \
                memcpy(&row, b + l * n + j, sizeof row);                                           \
                for (size_t r = 0; r < (ROWS); r++)                                                \
                    sum[r] += a[(i + r) * k + l] * row;                                            \
            }                                                                                      \
            for (size_t r = 0; r < (ROWS); r++)                                                    \
                memcpy(c + (i + r) * n + j, &sum[r], sizeof sum[r]);                               \
        }

#define ARGUMENTS const float *a, const float *b, float *c, size_t m, size_t n, size_t k

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void multiply_avx512(ARGUMENTS)
{
    BLOCK(8)
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(ARGUMENTS)
{
    BLOCK(4)
}
#endif

static void multiply(ARGUMENTS)
{
    BLOCK(2)
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
