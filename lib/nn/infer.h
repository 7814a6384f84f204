/* SPDX-License-Identifier: BSD-2-Clause */
/* Prediction: the network with its batch norms folded into the weights. */
#ifndef AF_NN_INFER_H
#define AF_NN_INFER_H
#include "nn/arch.h"
#include "nn/kernels.h"

enum { AF_NN_GROUP = 8 }; // images that go through the small layers together

struct af_nn_infer; // opaque: folded weights; may be shared by threads
struct af_nn_bench; // opaque: the activations of one thread

/* Fold params [nparams] and moving [nmoving] (both only read now). kernels NULL: the best. -1 with
 * AF_ESYS. */
int af_nn_infer_new(struct af_nn_infer **inf, const struct af_nn_arch *arch, const float *params,
                    const float *moving, const struct af_nn_kernels *kernels, struct af_err *err);
void af_nn_infer_free(struct af_nn_infer *inf); // accepts NULL

/* Scratch for one thread. -1 with AF_ESYS. */
int af_nn_bench_new(struct af_nn_bench **b, const struct af_nn_infer *inf, struct af_err *err);
void af_nn_bench_free(struct af_nn_bench *b); // accepts NULL

/*
 * x: [n][96][96], normalised; y: out, [n]; feature: out, [n][cfeature], what enters the dense
 * layer, or NULL. Any n; an image's result does not depend on its neighbours.
 */
void af_nn_infer_run(const struct af_nn_infer *inf, struct af_nn_bench *b, const float *x, size_t n,
                     float *y, float *feature);

#endif
