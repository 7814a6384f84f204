/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels for any processor: vectors of four, as the compiler makes them. */
#include "nn/kernelsets.h"

#include <math.h>

typedef float vf __attribute__((vector_size(16), aligned(4), may_alias));
typedef int vi __attribute__((vector_size(16), aligned(4), may_alias));
#define VL 4
#define MR 6
#define NAME "portable"
#define SET af_nn_kernels_portable

static inline vf vmax(vf a, vf b)
{
    vi first = a > b;

    return (vf)(((vi)a & first) | ((vi)b & ~first));
}

static inline vf vmin(vf a, vf b)
{
    vi first = a < b;

    return (vf)(((vi)a & first) | ((vi)b & ~first));
}

static inline vf vsqrt(vf a)
{
    for (int i = 0; i < VL; i++)
        a[i] = sqrtf(a[i]);
    return a;
}

#include "nn/kernels.inc"
