/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/unetloss.h"

#include <math.h>

static const double FOCAL = 0.25, DICE = 1e-5, NEAREST = 1e-7;

static double within(double p)
{
    return p < NEAREST ? NEAREST : p > 1 - NEAREST ? 1 - NEAREST : p;
}

void af_unet_loss_add(struct af_unet_loss *l, const float *p, const float *g, const float *weight,
                      size_t npixels)
{
    for (size_t i = 0; i < npixels; i++) {
        double w = weight ? (double)weight[i] : 1, gi = (double)g[i], pi = (double)p[i];
        double c = within(pi), up = log(c);

        l->n += w;
        l->bce -= w * (gi * up + (1 - gi) * log(1 - c));
        l->focal -= w * gi * FOCAL * (1 - c) * (1 - c) * up;
        l->tp += w * gi * pi;
        l->g += w * gi;
        l->p += w * pi;
        l->common += pi > 0.5 && gi > 0.5 ? w : 0;
        l->either += pi > 0.5 || gi > 0.5 ? w : 0;
    }
}

void af_unet_loss_merge(struct af_unet_loss *l, const struct af_unet_loss *other)
{
    l->n += other->n;
    l->bce += other->bce;
    l->focal += other->focal;
    l->tp += other->tp;
    l->g += other->g;
    l->p += other->p;
    l->common += other->common;
    l->either += other->either;
}

double af_unet_loss_dice(const struct af_unet_loss *l)
{
    return 1 - (2 * l->tp + DICE) / (l->g + l->p + DICE); // 2 tp + fn + fp = g + p
}

double af_unet_loss_total(const struct af_unet_loss *l)
{
    return l->n > 0 ? (l->bce + l->focal) / l->n + af_unet_loss_dice(l) : 0;
}

double af_unet_loss_iou(const struct af_unet_loss *l)
{
    return l->either > 0 ? l->common / l->either : 1;
}

void af_unet_loss_gradient(const struct af_unet_loss *l, float *dlogit, const float *p,
                           const float *g, const float *weight, size_t npixels)
{
    double all = l->g + l->p + DICE, hit = 2 * l->tp + DICE;

    for (size_t i = 0; i < npixels; i++) {
        double w = weight ? (double)weight[i] : 1, gi = (double)g[i], pi = (double)p[i];
        double c = within(pi), q = 1 - c, d = 0;

        if (l->n > 0 && c == pi) // elsewhere the logarithms do not move
            d = (pi - gi + gi * FOCAL * q * q * (2 * c * log(c) - q)) / l->n;
        d += pi * (1 - pi) * (hit / all - 2 * gi) / all;
        dlogit[i] = (float)(w * d);
    }
}
