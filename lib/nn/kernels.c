/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/kernels.h"

#include "nn/kernelsets.h"
#include <string.h>

const struct af_nn_kernels *af_nn_kernels_named(const char *name)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
                   ? &af_nn_kernels_avx512
                   : NULL;
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &af_nn_kernels_avx2
                                                                               : NULL;
#endif
    return strcmp(name, "portable") == 0 ? &af_nn_kernels_portable : NULL;
}

const struct af_nn_kernels *af_nn_kernels_best(void)
{
    const struct af_nn_kernels *k = af_nn_kernels_named("avx512");

    if (!k)
        k = af_nn_kernels_named("avx2");
    return k ? k : &af_nn_kernels_portable;
}

/* Element (k, n) of a matrix of any two strides. */
static void pack(float *packed, const float *w, size_t k, size_t n, size_t step_k, size_t step_n)
{
    size_t np = af_nn_pad(n);

    for (size_t n0 = 0; n0 < np; n0 += AF_NN_TILE) {
        size_t width = np - n0 < AF_NN_TILE ? np - n0 : AF_NN_TILE;

        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < width; j++)
                *packed++ = n0 + j < n ? w[p * step_k + (n0 + j) * step_n] : 0;
    }
}

void af_nn_pack(float *packed, const float *w, size_t k, size_t n, size_t ldw)
{
    pack(packed, w, k, n, ldw, 1);
}

void af_nn_pack_transposed(float *packed, const float *w, size_t k, size_t n, size_t ldw)
{
    pack(packed, w, n, k, 1, ldw);
}
