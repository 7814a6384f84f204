/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/trainer.h"

#include <string.h>

float *af_nn_gradient_of(const struct af_nn_trainer *t, int i)
{
    const struct af_nn_conv *c = &t->arch.conv[i];

    return c->kind == AF_NN_DEPTHWISE ? t->dmid : c->relu6 ? t->dexp : t->dy;
}

/* From the dense layer to the last batch norm, with the sums for it. */
static void backward_head(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_layer *l = &t->layer[AF_NN_NCONV - 1];
    struct af_nn_corner *c = &t->corner[thread];
    size_t from, to;

    af_nn_share(t, thread, &from, &to);
    af_nn_totals_clear(c, l->out);
    for (size_t n = from; n < to; n++) {
        size_t at = n * l->px_out * l->out;

        af_nn_sums_clear(c, l->out);
        t->k->unpool(t->dexp + at, t->dpooled + n * l->out, l->z + at, &l->norm, l->px_out, l->out,
                     c->sum, c->dot);
        af_nn_sums_add(c, l->out);
    }
}

void af_nn_denorm_set(const struct af_nn_trainer *t, int i, size_t c, double sum, double dot)
{
    const struct af_nn_layer *l = &t->layer[i];
    double n = (double)(t->n * l->px_out), mean = (double)l->norm.mean[c];
    double invstd = (double)l->norm.invstd[c];
    double s = (double)t->params[t->arch.conv[i].gamma + c] * invstd;

    l->dbeta[c] = (float)sum;
    l->dgamma[c] = (float)dot;
    l->denorm.a[c] = (float)s;
    l->denorm.b[c] = (float)(-s * invstd * dot / n);
    l->denorm.c[c] = (float)(s * (invstd * mean * dot - sum) / n);
}

static void settle_denorm(struct af_nn_trainer *t, int i)
{
    double sum, dot;

    if (t->layer[i].fused && t->arch.conv[i].kind != AF_NN_DEPTHWISE) {
        af_nn_block_settle(t, i);
        return;
    }
    for (size_t c = 0; c < (size_t)t->arch.conv[i].cout; c++) {
        af_nn_totals_merge(t, c, &sum, &dot);
        af_nn_denorm_set(t, i, c, sum, dot);
    }
}

static void backward_pointwise(const struct af_nn_trainer *t, int i, struct af_nn_corner *c,
                               size_t from, size_t to)
{
    const struct af_nn_layer *l = &t->layer[i], *in = &t->layer[i - 1];
    const float *db = af_nn_gradient_of(t, i);
    /* Where the layer below is fused, block.c makes this again: here only its sums are wanted. */
    float *db_in = in->fused ? NULL : af_nn_gradient_of(t, i - 1);
    /* The block whose expansion this is adds its input to its output: 2 layers on is its
     * projection. */
    bool onto = i + 2 < AF_NN_NCONV && t->arch.conv[i + 2].add == i - 1 && in->y;
    size_t end = to * l->px_out, step = af_nn_block_rows(l), cin = (size_t)t->arch.conv[i].cin;
    size_t cout = (size_t)t->arch.conv[i].cout;

    for (size_t row = from * l->px_out, rows; row < end; row += rows) {
        rows = end - row < step ? end - row : step;
        t->k->denormalise(c->dz, db + row * l->out, l->z + row * l->out, &l->denorm, rows, l->out);
        t->k->pointwise_weights(c->dw + l->dw, af_nn_input_rows(t, i, row, rows, c->x), c->dz, rows,
                                cin, l->in, l->out);
        af_nn_sums_clear(c, l->in);
        t->k->pointwise_back(db_in ? db_in + row * l->in : NULL, c->dz, l->wt, rows, cout, l->out,
                             l->in, in->z + row * l->in, &in->norm, NULL, !in->y, onto, c->sum,
                             c->dot);
        af_nn_sums_add(c, l->in);
    }
}

static void backward_layer(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_layer *l = &t->layer[i], *in = &t->layer[i - 1];
    struct af_nn_corner *c = &t->corner[thread];
    size_t from, to, h = (size_t)conv->h_in;

    af_nn_share(t, thread, &from, &to);
    af_nn_totals_clear(c, in->out);
    if (l->fused) {
        if (conv->kind == AF_NN_DEPTHWISE)
            af_nn_block_back(t, i - 1, c, from, to);
        else
            af_nn_block_input(t, i, c, from, to);
        return;
    }
    if (conv->kind == AF_NN_POINTWISE) {
        backward_pointwise(t, i, c, from, to);
        return;
    }
    for (size_t n = from; n < to; n++) {
        const float *db = af_nn_gradient_of(t, i) + n * l->px_out * l->out;
        const float *z = l->z + n * l->px_out * l->out;

        af_nn_sums_clear(c, in->out);
        t->k->depthwise_back(af_nn_gradient_of(t, i - 1) + n * l->px_in * l->in, db, z, &l->denorm,
                             in->z + n * l->px_in * l->in, l->w, h, (size_t)conv->stride, l->in,
                             &in->norm, c->dw + l->dw, c->sum, c->dot, c->ring);
        af_nn_sums_add(c, in->out);
    }
}

/* Weight gradients of all threads, in their order, without the padding; a thread takes its share of
 * each filter's rows. */
static void collect(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    size_t frozen = af_nn_trainer_first_param(t), threads = af_nn_crew_size(t->crew);

    for (int i = t->cut + 1; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        const struct af_nn_layer *l = &t->layer[i];
        size_t cout = (size_t)c->cout, rows = c->nkernel / cout;

        if (l->fused && c->kind != AF_NN_DEPTHWISE) // af_nn_block_settle() did it
            continue;
        for (size_t r = rows * thread / threads; r < rows * (thread + 1) / threads; r++)
            t->k->sum_parts(t->grad + c->kernel + r * cout, t->part, threads, l->dw + r * l->out,
                            cout);
    }
    for (int i = t->cut < 0 ? 0 : t->cut; thread == 0 && i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];

        if (c->gamma < frozen)
            continue;
        memcpy(t->grad + c->gamma, t->layer[i].dgamma, (size_t)c->cout * sizeof(float));
        memcpy(t->grad + c->beta, t->layer[i].dbeta, (size_t)c->cout * sizeof(float));
    }
}

static void clear_dw(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;

    memset(t->corner[thread].dw, 0, t->ndw * sizeof(float));
}

static void backward_dense(const struct af_nn_trainer *t, const float *target, const float *predict)
{
    const struct af_nn_layer *l = &t->layer[AF_NN_NCONV - 1];
    size_t nc = (size_t)t->arch.cfeature;
    const float *w = t->params + t->arch.dense_kernel;
    float *dk = t->grad + t->arch.dense_kernel, *dbias = t->grad + t->arch.dense_bias;

    memset(dk, 0, nc * sizeof(float));
    *dbias = 0;
    for (size_t n = 0; n < t->n; n++) {
        float d = 2 * (predict[n] - target[n]) / (float)t->n;

        *dbias += d;
        for (size_t c = 0; c < nc; c++) {
            dk[c] += d * t->pooled[n * l->out + c];
            t->dpooled[n * l->out + c] = d * w[c] / (float)l->px_out;
        }
    }
}

void af_nn_backward(struct af_nn_trainer *t, const float *target, const float *predict)
{
    memset(t->grad, 0, af_nn_trainer_first_param(t) * sizeof(float));
    af_nn_crew_run(t->crew, clear_dw, t);
    backward_dense(t, target, predict);
    af_nn_crew_run(t->crew, backward_head, t);
    for (int i = AF_NN_NCONV - 1; i > t->cut; i--) {
        settle_denorm(t, i);
        t->at = (size_t)i;
        if (i > 0) // below Conv1 there is nothing to pass on to
            af_nn_crew_run(t->crew, backward_layer, t);
    }
    if (t->cut >= 0)
        settle_denorm(t, t->cut);
    af_nn_crew_run(t->crew, collect, t);
}
