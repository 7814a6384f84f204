/* SPDX-License-Identifier: BSD-2-Clause */
/* How far probabilities are from a mask: three losses, summed over a batch. */
#ifndef AF_NN_UNETLOSS_H
#define AF_NN_UNETLOSS_H
#include <stddef.h>

/*
 * Sums over pixels with weight w (1 where no weights are given), mask g, probability p:
 *
 *   bce   = sum w (-g log p - (1 - g) log(1 - p)) / n
 *   focal = sum w (-g a (1 - p)^2 log p) / n,             a = 0.25
 *   dice  = 1 - (2 tp + e) / (2 tp + fn + fp + e),        e = 1e-5, over the batch
 *
 * n = sum w, tp = sum w g p, fn = sum w g (1 - p), fp = sum w (1 - g) p. Logarithms see p within
 * 1e-7 of 0 and 1 as that far away (Keras). iou: of p > 0.5 with g > 0.5, pixels counted
 * by weight.
 * Source: Li et al. 2022, doi:10.21203/rs.3.rs-2362531/v1, and its code. Choice: weights; the hard
 * IoU, theirs is soft.
 */
struct af_unet_loss {
    double n, bce, focal, tp, g, p; // sums
    double common, either;          // pixels, by weight
};

/* Add a picture; weight may be NULL. All-zero is the empty sum. */
void af_unet_loss_add(struct af_unet_loss *l, const float *p, const float *g, const float *weight,
                      size_t npixels);
/* Add another sum. */
void af_unet_loss_merge(struct af_unet_loss *l, const struct af_unet_loss *other);

double af_unet_loss_total(const struct af_unet_loss *l); // bce + focal + dice; 0 where n is 0
double af_unet_loss_dice(const struct af_unet_loss *l);  // the loss, 0 to 1
double af_unet_loss_iou(const struct af_unet_loss *l);   // 1 where neither has a pixel

/* Gradient of the total, all pictures added, by the sum before the sigmoid of each pixel. */
void af_unet_loss_gradient(const struct af_unet_loss *l, float *dlogit, const float *p,
                           const float *g, const float *weight, size_t npixels);

#endif
