/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums for any processor. */
#include "maps/kernels.h"

#define NAME "portable"
#define SET af_sum_kernels_portable

#include "maps/kernels.inc"
