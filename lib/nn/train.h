/* SPDX-License-Identifier: BSD-2-Clause */
/* One step of training: forward with batch statistics, loss, all gradients. */
#ifndef AF_NN_TRAIN_H
#define AF_NN_TRAIN_H
#include "nn/arch.h"
#include "nn/crew.h"
#include "nn/kernels.h"

struct af_nn_trainer; // opaque: activations, gradients and scratch, planned for a batch size

/*
 * Plan for batches of up to `batch` images on the crew (borrowed). kernels NULL: the best. All
 * memory is taken here, none in a step. -1 with AF_ESYS.
 */
int af_nn_trainer_new(struct af_nn_trainer **t, const struct af_nn_arch *arch, size_t batch,
                      struct af_nn_crew *crew, const struct af_nn_kernels *kernels,
                      struct af_err *err);
void af_nn_trainer_free(struct af_nn_trainer *t);

/*
 * Forward and backward of n images (1..batch).
 *
 * params:  [arch->nparams]
 * moving:  [arch->nmoving], moved towards the batch statistics by 1 - momentum
 *          (variance with Bessel's correction); momentum 1 leaves it
 * x:       [n][96][96], normalised
 * target:  [n]
 * predict: out, [n], with batch statistics
 * grad:    out, [arch->nparams], of the mean squared error; NULL: forward only
 *
 * Returns the mean squared error. The same threads, kernels and inputs give the same bytes.
 */
double af_nn_train_step(struct af_nn_trainer *t, const float *params, float *moving,
                        double momentum, const float *x, const float *target, size_t n,
                        float *predict, float *grad);

/*
 * Transfer learning: layers 0 .. freeze-1 (Keras indices) do not train, and their batch norms run
 * on the moving statistics. freeze 0: all train (the default). Gradients of frozen numbers are 0,
 * and their moving statistics stay.
 */
void af_nn_trainer_freeze(struct af_nn_trainer *t, int freeze);

/* Place in params of the first number that trains. */
size_t af_nn_trainer_first_param(const struct af_nn_trainer *t);

/*
 * What is below the cut is constant: compute it once. Floats that one image takes there (0 where
 * nothing is frozen); and fill `cache`, [n][that], for n images, 1..batch.
 */
size_t af_nn_trainer_cache_floats(const struct af_nn_trainer *t);
void af_nn_trainer_fill(struct af_nn_trainer *t, const float *params, const float *moving,
                        const float *x, size_t n, float *cache);

/* af_nn_train_step() from the cut on: cache[i] is what fill wrote for image i. */
double af_nn_train_step_cached(struct af_nn_trainer *t, const float *params, float *moving,
                               double momentum, const float *const *cache, const float *target,
                               size_t n, float *predict, float *grad);

#endif
