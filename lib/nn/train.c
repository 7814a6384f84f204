/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of training, whole or from a cut on. */
#include "nn/train.h"

#include "nn/trainer.h"
#include <string.h>

/* ------------------------------------------------------------------ steps */

struct packing {
    const struct af_nn_trainer *t;
    int from, to;
};

static void pack_weights(void *ctx, unsigned thread)
{
    const struct packing *p = ctx;
    const struct af_nn_trainer *t = p->t;
    unsigned threads = af_nn_crew_size(t->crew);

    for (int i = p->from; i < p->to; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        const struct af_nn_layer *l = &t->layer[i];
        const float *w = t->params + c->kernel;
        size_t cin = (size_t)c->cin, cout = (size_t)c->cout;

        if (c->kind != AF_NN_POINTWISE) {
            for (size_t k = thread; k < 9; k += threads)
                memcpy(l->w + k * l->out, w + k * cout, cout * sizeof(float));
            continue;
        }
        if (l->fused) // waits for its batch norm
            continue;
        af_nn_pack_rows(l->w, w, cin, cout, cout, cin * thread / threads,
                        cin * (thread + 1) / threads);
        af_nn_pack_transposed_tiles(l->wt, w, cin, cout, cout, thread, threads);
    }
}

/* What a step works on; moved NULL or momentum 1: moving statistics stay. */
static void begin_step(struct af_nn_trainer *t, int from, int to, const float *params,
                       const float *moving, float *moved, double momentum, size_t n)
{
    struct packing p = {t, from, to};

    t->n = n;
    t->params = params;
    t->moving = moving;
    t->moved = momentum < 1 ? moved : NULL;
    t->momentum = momentum;
    af_nn_crew_run(t->crew, pack_weights, &p);
}

/* Mean over the picture of the last activations. */
static void pool(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_layer *l = &t->layer[AF_NN_NCONV - 1];
    size_t from, to;

    af_nn_share(t, thread, &from, &to);
    for (size_t n = from; n < to; n++)
        t->k->pool(t->pooled + n * l->out, l->z + n * l->px_out * l->out, l->norm.scale,
                   l->norm.shift, l->px_out, l->out);
}

static double predict_all(struct af_nn_trainer *t, const float *target, float *predict)
{
    size_t nc = (size_t)t->arch.cfeature, np = t->layer[AF_NN_NCONV - 1].out;
    double loss = 0;

    af_nn_crew_run(t->crew, pool, t);
    for (size_t n = 0; n < t->n; n++) {
        double v = (double)t->params[t->arch.dense_bias], d;

        for (size_t c = 0; c < nc; c++)
            v += (double)t->pooled[n * np + c] * (double)t->params[t->arch.dense_kernel + c];
        predict[n] = (float)v;
        d = v - (double)target[n];
        loss += d * d;
    }
    return loss / (double)t->n;
}

static double finish_step(struct af_nn_trainer *t, const float *target, float *predict, float *grad)
{
    double loss = predict_all(t, target, predict);

    t->grad = grad;
    if (grad)
        af_nn_backward(t, target, predict);
    return loss;
}

double af_nn_train_step(struct af_nn_trainer *t, const float *params, float *moving,
                        double momentum, const float *x, const float *target, size_t n,
                        float *predict, float *grad)
{
    t->x = x;
    begin_step(t, 0, AF_NN_NCONV, params, moving, moving, momentum, n);
    af_nn_forward(t, 0, AF_NN_NCONV);
    return finish_step(t, target, predict, grad);
}

/* ------------------------------------------------------ transfer learning */

size_t af_nn_trainer_first_param(const struct af_nn_trainer *t)
{
    const struct af_nn_conv *c = &t->arch.conv[t->cut < 0 ? 0 : t->cut];

    return t->cut < 0 ? 0 : t->cut_norm ? c->gamma : c->beta + (size_t)c->cout;
}

/* Floats of one image's output of layer i. */
static size_t image_floats(const struct af_nn_trainer *t, int i)
{
    return i < 0 ? 0 : t->layer[i].px_out * t->layer[i].out;
}

size_t af_nn_trainer_cache_floats(const struct af_nn_trainer *t)
{
    return image_floats(t, t->cut) + image_floats(t, t->skip);
}

void af_nn_trainer_fill(struct af_nn_trainer *t, const float *params, const float *moving,
                        const float *x, size_t n, float *cache)
{
    size_t nz = image_floats(t, t->cut), ny = image_floats(t, t->skip);

    t->x = x;
    begin_step(t, 0, t->cut + 1, params, moving, NULL, 1, n);
    af_nn_forward(t, 0, t->cut + 1);
    for (size_t k = 0; k < n; k++, cache += nz + ny) {
        memcpy(cache, t->layer[t->cut].z + k * nz, nz * sizeof(float));
        if (ny)
            memcpy(cache + nz, t->layer[t->skip].y + k * ny, ny * sizeof(float));
    }
}

/* Put the cached images in their places, with the sums for the batch norm at the cut. */
static void load_cache(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_layer *l = &t->layer[t->cut];
    struct af_nn_corner *c = &t->corner[thread];
    size_t from, to, nz = image_floats(t, t->cut), ny = image_floats(t, t->skip);

    af_nn_share(t, thread, &from, &to);
    af_nn_totals_clear(c, l->out);
    for (size_t k = from; k < to; k++) {
        const float *z = t->cache[k];

        memcpy(l->z + k * nz, z, nz * sizeof(float));
        if (ny)
            memcpy(t->layer[t->skip].y + k * ny, z + nz, ny * sizeof(float));
        af_nn_sums_clear(c, l->out);
        for (size_t p = 0; p < l->px_out; p++, z += l->out)
            for (size_t i = 0; i < l->out; i++) {
                c->sum[i] += z[i];
                c->dot[i] += z[i] * z[i];
            }
        af_nn_sums_add(c, l->out);
    }
}

double af_nn_train_step_cached(struct af_nn_trainer *t, const float *params, float *moving,
                               double momentum, const float *const *cache, const float *target,
                               size_t n, float *predict, float *grad)
{
    t->cache = cache;
    begin_step(t, t->cut + 1, AF_NN_NCONV, params, moving, moving, momentum, n);
    af_nn_crew_run(t->crew, load_cache, t);
    af_nn_forward_norm(t, t->cut);
    af_nn_forward(t, t->cut + 1, AF_NN_NCONV);
    return finish_step(t, target, predict, grad);
}
