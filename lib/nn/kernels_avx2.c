/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels for AVX2 and FMA: compiled with -march=x86-64-v3, called only where the processor has
 * them. */
#include "nn/kernelsets.h"

#ifdef __AVX2__
#include <immintrin.h>

typedef float vf __attribute__((vector_size(32), aligned(4), may_alias));
typedef int vi __attribute__((vector_size(32), aligned(4), may_alias));
#define VL 8
#define MR 6
#define NAME "avx2"
#define SET af_nn_kernels_avx2

static inline vf vmax(vf a, vf b)
{
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vf vmin(vf a, vf b)
{
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline vf vsqrt(vf a)
{
    return (vf)_mm256_sqrt_ps((__m256)a);
}

#include "nn/kernels.inc"
#endif
