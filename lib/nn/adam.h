/* SPDX-License-Identifier: BSD-2-Clause */
/* Adam, in the form of Keras. */
#ifndef AF_NN_ADAM_H
#define AF_NN_ADAM_H
#include "base/err.h"
#include "nn/crew.h"
#include <stddef.h>
#include <stdint.h>

/*
 *   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
 *   w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-7)
 *
 * b1 0.9, b2 0.999, t counts steps from 1. All-zero is the empty state.
 */
struct af_nn_adam {
    size_t n;
    float *m, *v;  // [n]
    uint64_t step; // steps made
};

int af_nn_adam_init(struct af_nn_adam *a, size_t n, struct af_err *err); // -1 with AF_ESYS
void af_nn_adam_release(struct af_nn_adam *a);

/* One step of w[from .. n-1] by g, shared by the crew (NULL: alone); what lies before `from` is
 * frozen. */
void af_nn_adam_step(struct af_nn_adam *a, float *w, const float *g, size_t from, double lr,
                     struct af_nn_crew *crew);

#endif
