/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A U-Net applied to one picture, and its way back.
 *
 *     af_unet_weights_new(&w, &arch, threads > 0, err);
 *     af_unet_weights_pack(w, params, thread, threads);  // by each thread, or (.., 0, 1)
 *     af_unet_net_new(&net, &arch, h, width, threads > 0, err);
 *     af_unet_forward(net, w, x, 0, p);
 *
 * Weights are shared by threads, a net belongs to one. Pictures are h by width pixels, both
 * multiples of af_unet_multiple().
 */
#ifndef AF_NN_UNET_H
#define AF_NN_UNET_H
#include "nn/kernels.h"
#include "nn/unetarch.h"

struct af_unet_weights; // packed for the kernels
struct af_unet_net;     // what the layers put out
struct af_unet_back;    // gradients by that

/* backward: for af_unet_backward() as well. kernels NULL: the best. -1 with AF_ESYS. */
int af_unet_weights_new(struct af_unet_weights **w, const struct af_unet_arch *arch, bool backward,
                        const struct af_nn_kernels *kernels, struct af_err *err);
void af_unet_weights_free(struct af_unet_weights *w);

/* Pack every threads-th layer, from number `thread` on; params: [arch->nparams]. */
void af_unet_weights_pack(struct af_unet_weights *w, const float *params, unsigned thread,
                          unsigned threads);

/*
 * backward: keeps what af_unet_backward() reads. Takes some 650 (unet) to 930 (unet-512) bytes a
 * pixel then, 410 without. -1 with AF_ESYS, or AF_EUSAGE (sides).
 */
int af_unet_net_new(struct af_unet_net **net, const struct af_unet_arch *arch, size_t h,
                    size_t width, bool backward, struct af_err *err);
void af_unet_net_free(struct af_unet_net *net);
/* That many bytes, before they are taken; SIZE_MAX where that overflows. */
size_t af_unet_net_bytes(const struct af_unet_arch *arch, size_t h, size_t width, bool backward);

/*
 * x: [h][width][arch->slices], p: out, [h][width], probability of being in focus. seed 0: no
 * dropout; otherwise the same seed drops the same.
 */
void af_unet_forward(struct af_unet_net *net, const struct af_unet_weights *w, const float *x,
                     uint64_t seed, float *p);

/* For slices of h x width px; *back is of the caller. -1 with AF_EUSAGE (sides that cannot be
 * halved so often), AF_ESYS. */
int af_unet_back_new(struct af_unet_back **back, const struct af_unet_arch *arch, size_t h,
                     size_t width, struct af_err *err);
void af_unet_back_free(struct af_unet_back *back);

/*
 * Add to grad, [arch->nparams] in the kernels' order (transposed filters as [2][2][cin][cout]),
 * the gradient that dlogit, [h][width], by the sum before the sigmoid, brings. net: made for it,
 * and as forward with the same x left it.
 */
void af_unet_backward(const struct af_unet_net *net, struct af_unet_back *back,
                      const struct af_unet_weights *w, const float *dlogit, float *grad);

/*
 * grad of several threads, in the kernels' order, added up in that of params; part: [n]. Every
 * threads-th layer, from number `thread` on: by each thread, or (.., 0, 1).
 */
void af_unet_collect(const struct af_unet_arch *arch, float *grad, const float *const *part,
                     size_t n, unsigned thread, unsigned threads);

#endif
