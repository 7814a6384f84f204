/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/kernels.h"

#include <string.h>

const struct af_sum_kernels *af_sum_kernels_named(const char *name)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd")
                   ? &af_sum_kernels_avx512
                   : NULL;
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
                       __builtin_cpu_supports("fma")
                   ? &af_sum_kernels_avx2
                   : NULL;
#endif
    return strcmp(name, "portable") == 0 ? &af_sum_kernels_portable : NULL;
}

const struct af_sum_kernels *af_sum_kernels_best(void)
{
    const struct af_sum_kernels *k = af_sum_kernels_named("avx512");

    if (!k)
        k = af_sum_kernels_named("avx2");
    return k ? k : &af_sum_kernels_portable;
}
