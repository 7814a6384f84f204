/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/instance.h"

#include <math.h>

static const double EPSILON = 1e-3;

struct channel {
    double mean, scale; // 1 / sqrt(var + e)
};

/* In two passes: the variance of far from 0 values would otherwise drown. */
static void measure(struct channel *ch, const struct af_nn_picture *in, size_t h, size_t width,
                    size_t c)
{
    const double n = (double)h * (double)width;

    for (size_t i = 0; i < c; i++)
        ch[i] = (struct channel){0, 0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < width; x++) {
                const float *a = in->p + y * in->row + x * in->ld;

                for (size_t i = 0; i < c; i++)
                    if (pass)
                        ch[i].scale += ((double)a[i] - ch[i].mean) * ((double)a[i] - ch[i].mean);
                    else
                        ch[i].mean += (double)a[i];
            }
        for (size_t i = 0; i < c; i++)
            if (pass)
                ch[i].scale = 1 / sqrt(ch[i].scale / n + EPSILON);
            else
                ch[i].mean /= n;
    }
}

void af_instance(const struct af_nn_picture *out, const struct af_nn_picture *in, size_t h,
                 size_t width, size_t c, const float *gamma, const float *beta)
{
    struct channel ch[AF_INSTANCE_MOST];
    float mean[AF_INSTANCE_MOST], gain[AF_INSTANCE_MOST];

    measure(ch, in, h, width, c);
    for (size_t i = 0; i < c; i++) {
        mean[i] = (float)ch[i].mean;
        gain[i] = (float)((double)gamma[i] * ch[i].scale);
    }
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < width; x++) {
            const float *a = in->p + y * in->row + x * in->ld;
            float *b = out->p + y * out->row + x * out->ld;

            for (size_t i = 0; i < c; i++)
                b[i] = (a[i] - mean[i]) * gain[i] + beta[i];
        }
}

/* With u = (in - mean) scale: d in = gamma scale (d - mean d - u mean (d u)). */
void af_instance_back(const struct af_nn_picture *d, const struct af_nn_picture *in, size_t h,
                      size_t width, size_t c, const float *gamma, float *dgamma, float *dbeta)
{
    const double n = (double)h * (double)width;
    struct channel ch[AF_INSTANCE_MOST];
    double sum[AF_INSTANCE_MOST] = {0}, along[AF_INSTANCE_MOST] = {0};

    measure(ch, in, h, width, c);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < width; x++) {
            const float *a = in->p + y * in->row + x * in->ld, *g = d->p + y * d->row + x * d->ld;

            for (size_t i = 0; i < c; i++) {
                sum[i] += (double)g[i];
                along[i] += (double)g[i] * ((double)a[i] - ch[i].mean) * ch[i].scale;
            }
        }
    for (size_t i = 0; i < c; i++) {
        dbeta[i] += (float)sum[i];
        dgamma[i] += (float)along[i];
    }
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < width; x++) {
            const float *a = in->p + y * in->row + x * in->ld;
            float *g = d->p + y * d->row + x * d->ld;

            for (size_t i = 0; i < c; i++) {
                double u = ((double)a[i] - ch[i].mean) * ch[i].scale;

                g[i] = a[i] > 0 ? (float)((double)gamma[i] * ch[i].scale *
                                          ((double)g[i] - sum[i] / n - u * along[i] / n))
                                : 0;
            }
        }
}
