/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums for AVX2: compiled with -march=x86-64-v3, called only where the processor has it. */
#include "maps/kernels.h"

#ifdef __AVX2__
#define NAME "avx2"
#define SET af_sum_kernels_avx2

#define INLINE static inline __attribute__((always_inline))

/* 16 numbers of 16 bits. */
#include <immintrin.h>
typedef __m256i VEC;
#define LANES 16
#define ZERO _mm256_setzero_si256()
#define FULL _mm256_set1_epi32(-1)
#define ONES _mm256_set1_epi16(1)
#define SET16(v) _mm256_set1_epi16(v)
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define WIDEN(p) _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(p)))
#define AND(a, b) _mm256_and_si256(a, b)
#define ADD16(a, b) _mm256_add_epi16(a, b)
#define SUB16(a, b) _mm256_sub_epi16(a, b)
#define ABS16(a) _mm256_abs_epi16(a)
#define CLIP16(a) _mm256_min_epi16(_mm256_max_epi16(a, ZERO), SET16(255))
#define NOT_LESS16(a, least) _mm256_andnot_si256(_mm256_cmpgt_epi16(least, a), a)
#define PRODUCT_SUMS(a, b) _mm256_madd_epi16(a, b)
#define ADD32(a, b) _mm256_add_epi32(a, b)

/* A block is a group. */
INLINE void store_groups(uint32_t *to, VEC v)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    *to = (uint32_t)_mm_cvtsi128_si32(sum);
}
#include "maps/groups.inc"

#include "maps/kernels.inc"
#endif
