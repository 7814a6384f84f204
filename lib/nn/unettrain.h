/* SPDX-License-Identifier: BSD-2-Clause */
/* One step of training a U-Net: forward, losses over a batch, all gradients. */
#ifndef AF_NN_UNETTRAIN_H
#define AF_NN_UNETTRAIN_H
#include "nn/crew.h"
#include "nn/unet.h"
#include "nn/unetloss.h"

struct af_unet_trainer; // opaque: activations of a batch, gradients of each thread

/*
 * Plan for batches of up to `batch` pictures of h x width px on the crew (borrowed). kernels NULL:
 * the best. All memory is taken here, none in a step: some 330 (unet) bytes a pixel and picture,
 * and as much again for each thread. -1 with AF_ESYS, or AF_EUSAGE (sides).
 */
int af_unet_trainer_new(struct af_unet_trainer **t, const struct af_unet_arch *arch, size_t h,
                        size_t width, size_t batch, struct af_nn_crew *crew,
                        const struct af_nn_kernels *kernels, struct af_err *err);
void af_unet_trainer_free(struct af_unet_trainer *t);

/*
 * Forward and backward of n pictures (1..batch).
 *
 * params: [arch->nparams]
 * x:      [n][h][width][arch->slices] pictures
 * g:      [n][h][width] their masks
 * weight: [n][h][width], NULL: 1
 * seed:   of dropout, which differs from picture to picture; 0: none
 * loss:   out, sums over the batch; Dice is of the whole batch, so that gradients wait for all
 *         pictures
 * p:      out, [n][h][width]
 * grad:   out, [arch->nparams], of the total loss; NULL: forward only
 *
 * The same threads, kernels and inputs give the same bytes: sums of threads are added in their
 * order.
 */
void af_unet_train_step(struct af_unet_trainer *t, const float *params, const float *x,
                        const float *g, const float *weight, size_t n, uint64_t seed,
                        struct af_unet_loss *loss, float *p, float *grad);

#endif
