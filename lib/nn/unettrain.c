/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/unettrain.h"

#include "base/memory.h"
#include <stdlib.h>
#include <string.h>

/* What a thread has for itself. */
struct corner {
    struct af_unet_back *back;
    float *dlogit; // [h][width]
    float *grad;   // [nparams] in the kernels' order
    struct af_unet_loss loss;
};

struct af_unet_trainer {
    struct af_unet_arch arch;
    struct af_nn_crew *crew;
    size_t npixels, batch;
    struct af_unet_weights *weights;
    struct af_unet_net **net;             // [batch]
    struct corner *corner;                // [threads]
    const float **part;                   // [threads] their grad
    const float *params, *x, *g, *weight; // of this step
    size_t n;
    uint64_t seed;
    struct af_unet_loss loss;
    float *p, *grad;
};

static int make_room(struct af_unet_trainer *t, size_t h, size_t width,
                     const struct af_nn_kernels *kernels, struct af_err *err)
{
    unsigned threads = af_nn_crew_size(t->crew);

    if (af_unet_weights_new(&t->weights, &t->arch, true, kernels, err) ||
        !(t->net = af_calloc(t->batch, sizeof(struct af_unet_net *), err)) ||
        !(t->corner = af_calloc(threads, sizeof(*t->corner), err)) ||
        !(t->part = af_calloc(threads, sizeof(float *), err)))
        return -1;
    for (size_t i = 0; i < t->batch; i++)
        if (af_unet_net_new(&t->net[i], &t->arch, h, width, true, err))
            return -1;
    for (unsigned i = 0; i < threads; i++) {
        struct corner *c = &t->corner[i];

        if (af_unet_back_new(&c->back, &t->arch, h, width, err) ||
            !(c->dlogit = af_calloc(t->npixels, sizeof(float), err)) ||
            !(c->grad = af_calloc_large(t->arch.nparams, sizeof(float), err)))
            return -1;
        t->part[i] = c->grad;
    }
    return 0;
}

int af_unet_trainer_new(struct af_unet_trainer **out, const struct af_unet_arch *arch, size_t h,
                        size_t width, size_t batch, struct af_nn_crew *crew,
                        const struct af_nn_kernels *kernels, struct af_err *err)
{
    struct af_unet_trainer *t = af_calloc(1, sizeof(*t), err);

    *out = NULL;
    if (!t)
        return -1;
    t->arch = *arch;
    t->crew = crew;
    t->batch = batch;
    t->npixels = h * width;
    if (make_room(t, h, width, kernels, err)) {
        af_unet_trainer_free(t);
        return -1;
    }
    *out = t;
    return 0;
}

void af_unet_trainer_free(struct af_unet_trainer *t)
{
    if (!t)
        return;
    for (unsigned i = 0; t->corner && i < af_nn_crew_size(t->crew); i++) {
        af_unet_back_free(t->corner[i].back);
        free(t->corner[i].dlogit);
        free(t->corner[i].grad);
    }
    for (size_t i = 0; t->net && i < t->batch; i++)
        af_unet_net_free(t->net[i]);
    af_unet_weights_free(t->weights);
    free(t->net);
    free(t->corner);
    free(t->part);
    free(t);
}

static void pack(void *ctx, unsigned thread)
{
    struct af_unet_trainer *t = ctx;

    af_unet_weights_pack(t->weights, t->params, thread, af_nn_crew_size(t->crew));
}

/* Every threads-th picture. */
static void forward(void *ctx, unsigned thread)
{
    struct af_unet_trainer *t = ctx;
    struct corner *c = &t->corner[thread];
    size_t step = af_nn_crew_size(t->crew);

    memset(&c->loss, 0, sizeof(c->loss));
    for (size_t i = thread; i < t->n; i += step) {
        size_t at = i * t->npixels;

        af_unet_forward(t->net[i], t->weights, t->x + at * t->arch.slices,
                        t->seed ? t->seed + i : 0, t->p + at);
        af_unet_loss_add(&c->loss, t->p + at, t->g + at, t->weight ? t->weight + at : NULL,
                         t->npixels);
    }
}

static void backward(void *ctx, unsigned thread)
{
    struct af_unet_trainer *t = ctx;
    struct corner *c = &t->corner[thread];
    size_t step = af_nn_crew_size(t->crew);

    memset(c->grad, 0, t->arch.nparams * sizeof(float));
    for (size_t i = thread; i < t->n; i += step) {
        size_t at = i * t->npixels;

        af_unet_loss_gradient(&t->loss, c->dlogit, t->p + at, t->g + at,
                              t->weight ? t->weight + at : NULL, t->npixels);
        af_unet_backward(t->net[i], c->back, t->weights, c->dlogit, c->grad);
    }
}

static void collect(void *ctx, unsigned thread)
{
    struct af_unet_trainer *t = ctx;
    unsigned threads = af_nn_crew_size(t->crew);

    af_unet_collect(&t->arch, t->grad, t->part, threads, thread, threads);
}

void af_unet_train_step(struct af_unet_trainer *t, const float *params, const float *x,
                        const float *g, const float *weight, size_t n, uint64_t seed,
                        struct af_unet_loss *loss, float *p, float *grad)
{
    t->params = params;
    t->x = x;
    t->g = g;
    t->weight = weight;
    t->n = n;
    t->seed = seed;
    t->p = p;
    t->grad = grad;
    memset(&t->loss, 0, sizeof(t->loss));
    af_nn_crew_run(t->crew, pack, t);
    af_nn_crew_run(t->crew, forward, t);
    for (unsigned i = 0; i < af_nn_crew_size(t->crew); i++)
        af_unet_loss_merge(&t->loss, &t->corner[i].loss);
    *loss = t->loss;
    if (!grad)
        return;
    af_nn_crew_run(t->crew, backward, t);
    af_nn_crew_run(t->crew, collect, t);
}
