/* SPDX-License-Identifier: BSD-2-Clause */
/* Instance normalisation: each channel of one picture to mean and spread that are learnt. */
#ifndef AF_NN_INSTANCE_H
#define AF_NN_INSTANCE_H
#include "nn/kernels.h"

/*
 *   out = gamma (in - mean) / sqrt(var + e) + beta,   e = 1e-3
 *
 * mean and population variance of a channel over the h x width pixels of the picture.
 * Source: Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022; e of TensorFlow Addons, which the
 * published U-Net of 512 channels uses. Channels: c, AF_INSTANCE_MOST at most. out may be in.
 */
enum { AF_INSTANCE_MOST = 512 };

void af_instance(const struct af_nn_picture *out, const struct af_nn_picture *in, size_t h,
                 size_t width, size_t c, const float *gamma, const float *beta);

/*
 * d: in, gradient by out; out, by the sum before the ReLU whose output `in` is, in the kernels'
 * way 0 where that is 0. dgamma, dbeta: [c], added to.
 */
void af_instance_back(const struct af_nn_picture *d, const struct af_nn_picture *in, size_t h,
                      size_t width, size_t c, const float *gamma, float *dgamma, float *dbeta);

#endif
