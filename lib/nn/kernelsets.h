/* SPDX-License-Identifier: BSD-2-Clause */
/* The sets of kernels that one of kernels_*.c each defines, for kernels.c to choose from. */
#ifndef AF_NN_KERNELSETS_H
#define AF_NN_KERNELSETS_H
#include "nn/kernels.h"

extern const struct af_nn_kernels af_nn_kernels_avx512, af_nn_kernels_avx2, af_nn_kernels_portable;

#endif
