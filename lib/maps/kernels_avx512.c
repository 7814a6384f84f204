/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums for AVX-512: compiled with -march=x86-64-v4, called only where the processor has it. */
#include "maps/kernels.h"

#ifdef __AVX512BW__
#define NAME "avx512"
#define SET af_sum_kernels_avx512

#define INLINE static inline __attribute__((always_inline))

/* 32 numbers of 16 bits. */
#include <immintrin.h>
typedef __m512i VEC;
#define LANES 32
#define ZERO _mm512_setzero_si512()
#define FULL _mm512_set1_epi32(-1)
#define ONES _mm512_set1_epi16(1)
#define SET16(v) _mm512_set1_epi16(v)
#define LOAD(p) _mm512_loadu_si512(p)
#define WIDEN(p) _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(p)))
#define AND(a, b) _mm512_and_si512(a, b)
#define ADD16(a, b) _mm512_add_epi16(a, b)
#define SUB16(a, b) _mm512_sub_epi16(a, b)
#define ABS16(a) _mm512_abs_epi16(a)
#define CLIP16(a) _mm512_min_epi16(_mm512_max_epi16(a, ZERO), SET16(255))
#define NOT_LESS16(a, least) _mm512_maskz_mov_epi16(_mm512_cmpge_epi16_mask(a, least), a)
#define PRODUCT_SUMS(a, b) _mm512_madd_epi16(a, b)
#define ADD32(a, b) _mm512_add_epi32(a, b)

/* Eight numbers of 32 bits are a group. */
INLINE void store_groups(uint32_t *to, VEC sum)
{
    const __m512i first = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0);

    sum = ADD32(sum, _mm512_shuffle_epi32(sum, _MM_PERM_BADC));
    sum = ADD32(sum, _mm512_shuffle_epi32(sum, _MM_PERM_CDAB));
    sum = ADD32(sum, _mm512_shuffle_i64x2(sum, sum, 0xb1));
    _mm_storel_epi64((__m128i *)to, _mm512_castsi512_si128(_mm512_permutexvar_epi32(first, sum)));
}
#include "maps/groups.inc"

#include "maps/kernels.inc"
#endif
