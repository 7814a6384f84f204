/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/trainer.h"

#include <math.h>
#include <string.h>

const float *af_nn_input_rows(const struct af_nn_trainer *t, int i, size_t row, size_t rows,
                              float *scratch)
{
    const struct af_nn_layer *from = &t->layer[i - 1];

    if (from->y)
        return from->y + row * from->out;
    t->k->activate(scratch, from->z + row * from->out, from->norm.scale, from->norm.shift, rows,
                   from->out);
    return scratch;
}

static void forward_pointwise(const struct af_nn_trainer *t, int i, struct af_nn_corner *c,
                              size_t from, size_t to)
{
    const struct af_nn_layer *l = &t->layer[i];
    size_t end = to * l->px_out, step = af_nn_block_rows(l);

    for (size_t row = from * l->px_out, rows; row < end; row += rows) {
        rows = end - row < step ? end - row : step;
        af_nn_sums_clear(c, l->out);
        t->k->pointwise(l->z + row * l->out, af_nn_input_rows(t, i, row, rows, c->x), l->w, rows,
                        (size_t)t->arch.conv[i].cin, l->in, l->out, c->sum, c->dot);
        af_nn_sums_add(c, l->out);
    }
}

static void forward_layer(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_layer *l = &t->layer[i];
    struct af_nn_corner *c = &t->corner[thread];
    size_t from, to, h = (size_t)conv->h_in;

    af_nn_share(t, thread, &from, &to);
    af_nn_totals_clear(c, l->out);
    if (conv->kind == AF_NN_POINTWISE) {
        forward_pointwise(t, i, c, from, to);
        return;
    }
    if (l->fused) {
        af_nn_block_forward(t, i - 1, c, from, to);
        return;
    }
    for (size_t n = from; n < to; n++) {
        float *z = l->z + n * l->px_out * l->out;

        af_nn_sums_clear(c, l->out);
        if (conv->kind == AF_NN_FIRST)
            t->k->first(z, t->x + n * l->px_in, l->w, h, l->out, c->sum, c->dot);
        else
            t->k->depthwise(z, t->layer[i - 1].z + n * l->px_in * l->in, l->w, h,
                            (size_t)conv->stride, l->in, &t->layer[i - 1].norm, c->sum, c->dot,
                            c->ring);
        af_nn_sums_add(c, l->out);
    }
}

static void set_norm(const struct af_nn_trainer *t, int i, size_t c, double mean, double variance)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_norm *norm = &t->layer[i].norm;
    double invstd = 1 / sqrt(variance + (double)AF_NN_BN_EPSILON);
    double scale = (double)t->params[conv->gamma + c] * invstd;

    norm->mean[c] = (float)mean;
    norm->invstd[c] = (float)invstd;
    norm->scale[c] = (float)scale;
    norm->shift[c] = (float)((double)t->params[conv->beta + c] - scale * mean);
}

void af_nn_norm_settle(const struct af_nn_trainer *t, int i, size_t c, double mean, double variance)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    double n = (double)(t->n * t->layer[i].px_out), bessel = n > 1 ? n / (n - 1) : 1;

    variance = variance > 0 ? variance : 0;
    set_norm(t, i, c, mean, variance);
    if (t->moved) {
        float *m = &t->moved[conv->mean + c], *v = &t->moved[conv->variance + c];

        *m = (float)((double)*m * t->momentum + mean * (1 - t->momentum));
        *v = (float)((double)*v * t->momentum + variance * bessel * (1 - t->momentum));
    }
}

bool af_nn_norm_frozen(const struct af_nn_trainer *t, int i)
{
    return i < t->cut || (i == t->cut && !t->cut_norm);
}

/* Block output: y = batch norm of z, plus what came round the block. */
static void block_output(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_conv *conv = &t->arch.conv[t->at];
    const struct af_nn_layer *l = &t->layer[t->at];
    size_t from, to;

    af_nn_share(t, thread, &from, &to);
    from *= l->px_out;
    to *= l->px_out;
    t->k->affine(l->y + from * l->out, l->z + from * l->out, l->norm.scale, l->norm.shift,
                 conv->add >= 0 ? t->layer[conv->add].y + from * l->out : NULL, to - from, l->out);
}

void af_nn_forward_norm(struct af_nn_trainer *t, int i)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_layer *l = &t->layer[i];
    double n = (double)(t->n * l->px_out), sum, square;

    for (size_t c = 0; c < (size_t)conv->cout; c++) {
        if (af_nn_norm_frozen(t, i)) {
            set_norm(t, i, c, (double)t->moving[conv->mean + c],
                     (double)t->moving[conv->variance + c]);
            continue;
        }
        af_nn_totals_merge(t, c, &sum, &square);
        af_nn_norm_settle(t, i, c, sum / n, square / n - sum / n * (sum / n));
    }
    t->at = (size_t)i;
    if (l->y)
        af_nn_crew_run(t->crew, block_output, t);
}

void af_nn_forward(struct af_nn_trainer *t, int from, int to)
{
    for (int i = from; i < to; i++) {
        t->at = (size_t)i;
        if (t->layer[i].fused && t->arch.conv[i].kind != AF_NN_DEPTHWISE) {
            af_nn_block_expansion(t, i);
            continue;
        }
        af_nn_crew_run(t->crew, forward_layer, t);
        af_nn_forward_norm(t, i);
    }
}
