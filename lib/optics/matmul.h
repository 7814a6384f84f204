/* SPDX-License-Identifier: BSD-2-Clause */
/* Products of small real matrices, as the simulated lens needs them. */
#ifndef AF_OPTICS_MATMUL_H
#define AF_OPTICS_MATMUL_H
#include <stddef.h>

enum { AF_MATMUL_ROWS = 12, AF_MATMUL_COLUMNS = 32 };

/*
 * c = a b for c [m][n], a [m][k], b [k][n], all contiguous, m a multiple of
 * AF_MATMUL_ROWS, n of AF_MATMUL_COLUMNS. The sums run over k in order; with fused multiply-add
 * where the processor has it. No two overlap.
 */
void af_matmul(const float *a, const float *b, float *c, size_t m, size_t n, size_t k);

/* size rounded up to a multiple of step. */
size_t af_round_up(size_t size, size_t step);

#endif
