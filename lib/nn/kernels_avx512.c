/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels for AVX-512: compiled with -march=x86-64-v4, called only where the processor has it. */
#include "nn/kernelsets.h"

#ifdef __AVX512F__
#include <immintrin.h>

typedef float vf __attribute__((vector_size(64), aligned(4), may_alias));
typedef int vi __attribute__((vector_size(64), aligned(4), may_alias));
#define VL 16
#define MR 12
#define NAME "avx512"
#define SET af_nn_kernels_avx512

static inline vf vmax(vf a, vf b)
{
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vf vmin(vf a, vf b)
{
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline vf vsqrt(vf a)
{
    return (vf)_mm512_sqrt_ps((__m512)a);
}

#include "nn/kernels.inc"
#endif
