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

/* How many columns tile n0 has, and how many of them are no padding. */
static size_t tile_width(size_t n0, size_t n, size_t *given)
{
    size_t np = af_nn_pad(n), width = np - n0 < AF_NN_TILE ? np - n0 : AF_NN_TILE;

    *given = n - n0 < width ? n - n0 : width;
    return width;
}

/* Row by row, as they are read; a whole tile is copied by its constant size, which is ten times
 * faster than a copy of unknown size. */
void af_nn_pack_rows(float *packed, const float *w, size_t k, size_t n, size_t ldw, size_t from,
                     size_t to)
{
    for (size_t p = from; p < to; p++)
        for (size_t n0 = 0; n0 < n; n0 += AF_NN_TILE) {
            size_t given, width = tile_width(n0, n, &given);
            float *out = packed + n0 * k + p * width;
            const float *in = w + p * ldw + n0;

            if (given == AF_NN_TILE) {
                memcpy(out, in, AF_NN_TILE * sizeof(*out));
                continue;
            }
            for (size_t j = 0; j < width; j++)
                out[j] = j < given ? in[j] : 0;
        }
}

/* In squares, so that rows of both stay in the first cache. */
void af_nn_pack_transposed_tiles(float *packed, const float *w, size_t k, size_t n, size_t ldw,
                                 size_t first, size_t step)
{
    for (size_t k0 = first * AF_NN_TILE; k0 < k; k0 += step * AF_NN_TILE) {
        size_t given, width = tile_width(k0, k, &given);
        float *out = packed + k0 * n;

        if (given < width)
            memset(out, 0, n * width * sizeof(*out));
        for (size_t n0 = 0; n0 < n; n0 += AF_NN_LANE) {
            size_t end = n - n0 < AF_NN_LANE ? n : n0 + AF_NN_LANE;

            for (size_t j = 0; j < given; j++)
                for (size_t p = n0; p < end; p++)
                    out[p * width + j] = w[(k0 + j) * ldw + p];
        }
    }
}

void af_nn_pack(float *packed, const float *w, size_t k, size_t n, size_t ldw)
{
    af_nn_pack_rows(packed, w, k, n, ldw, 0, k);
}

void af_nn_pack_transposed(float *packed, const float *w, size_t k, size_t n, size_t ldw)
{
    af_nn_pack_transposed_tiles(packed, w, k, n, ldw, 0, 1);
}
