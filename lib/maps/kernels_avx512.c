/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums for AVX-512: compiled with -march=x86-64-v4, called only where the processor has it. */
#include "maps/kernels.h"

#ifdef __AVX512BW__
#define NAME "avx512"
#define SET af_sum_kernels_avx512

#include "maps/kernels.inc"
#endif
