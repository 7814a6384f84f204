/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums for AVX2: compiled with -march=x86-64-v3, called only where the processor has it. */
#include "maps/kernels.h"

#ifdef __AVX2__
#define NAME "avx2"
#define SET af_sum_kernels_avx2

#include "maps/kernels.inc"
#endif
