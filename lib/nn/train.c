/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every convolution keeps its raw output z. A pass over one layer is split by images over
 * the crew; each thread sums its own statistics and weight gradients, which are
 * then added in the order of the threads.
 */
#include "nn/train.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FLOATS = 48 * 1024 }; // what a block of rows may take of the second cache, in and out

/* What the trainer holds of one convolution. */
struct layer {
    size_t in, out;       // channels padded: of input and output
    size_t px_in, px_out; // pixels of an image
    float *z;             // [batch][px_out][out] raw output
    float *y;             // the same, after batch norm and addition: projections only
    float *w, *wt;        // packed for forward and backward; depthwise: [9][out]
    struct af_nn_norm norm;
    struct af_nn_denorm denorm;
    float *dgamma, *dbeta; // [out]
    size_t dw;             // place in a thread's block of weight gradients, floats
};

/* What a thread has for itself. */
struct corner {
    float *dw;             // [all layers] weight gradients, padded
    float *x, *dz, *ring;  // blocks of rows
    float *sum, *dot;      // [widest] of a block
    double *total, *along; // [widest] of all blocks
};

struct af_nn_trainer {
    struct af_nn_arch arch;
    const struct af_nn_kernels *k;
    struct af_nn_crew *crew;
    size_t batch, n; // planned; of this step
    struct layer layer[AF_NN_NCONV];
    size_t widest, ndw;
    struct corner *corner;     // [threads]
    float *arena;              // all floats of the above
    float *dy, *dmid, *dexp;   // gradients: by block outputs, depthwise outputs, expansions
    float *pooled, *dpooled;   // [batch][cfeature]
    const float *x;            // of this step: images, or
    const float *const *cache; // what fill() wrote of each
    size_t at;                 // layer that is worked on
    int cut;                   // last frozen convolution; -1: none
    bool cut_norm;             // whether its batch norm trains
    int skip;                  // block output from below the cut that is added above it; -1: none
};

/* ----------------------------------------------------------------- plan */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Take n floats from the arena, or only count them while it is NULL; each piece begins a cache
 * line. */
static float *take(const struct af_nn_trainer *t, size_t *used, size_t n)
{
    float *p = t->arena ? t->arena + *used : NULL;

    *used += (n + AF_NN_LANE - 1) / AF_NN_LANE * AF_NN_LANE;
    return p;
}

static void take_layer(struct af_nn_trainer *t, int i, size_t *used)
{
    const struct af_nn_conv *c = &t->arch.conv[i];
    struct layer *l = &t->layer[i];
    size_t nw = c->kind == AF_NN_POINTWISE ? larger(l->in * l->out, 1) : 9 * l->out;
    float **vector[] = {&l->norm.scale,  &l->norm.shift, &l->norm.mean,
                        &l->norm.invstd, &l->denorm.a,   &l->denorm.b,
                        &l->denorm.c,    &l->dgamma,     &l->dbeta};

    l->z = take(t, used, t->batch * l->px_out * l->out);
    if (!c->relu6)
        l->y = take(t, used, t->batch * l->px_out * l->out);
    l->w = take(t, used, nw);
    if (c->kind == AF_NN_POINTWISE)
        l->wt = take(t, used, nw);
    for (size_t v = 0; v < sizeof(vector) / sizeof(vector[0]); v++)
        *vector[v] = take(t, used, l->out);
}

static void take_corner(struct af_nn_trainer *t, struct corner *c, size_t *used)
{
    size_t side = AF_NN_SIDE / 2;

    c->dw = take(t, used, t->ndw);
    c->x = take(t, used, 2 * BLOCK_FLOATS);
    c->dz = take(t, used, 2 * BLOCK_FLOATS);
    c->ring = take(t, used, AF_NN_RING_BACK(side));
    c->sum = take(t, used, t->widest);
    c->dot = take(t, used, t->widest);
    c->total = (double *)(void *)take(t, used, 2 * t->widest);
    c->along = (double *)(void *)take(t, used, 2 * t->widest);
}

/* Everything in its place; called twice, first to count. */
static size_t lay_out(struct af_nn_trainer *t)
{
    size_t used = 0, dy = 0, dmid = 0, dexp = 0;

    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        size_t n = t->layer[i].px_out * t->layer[i].out;

        take_layer(t, i, &used);
        if (c->kind == AF_NN_DEPTHWISE)
            dmid = larger(dmid, n);
        else if (c->relu6)
            dexp = larger(dexp, n);
        else
            dy = larger(dy, n);
    }
    t->dy = take(t, &used, t->batch * dy);
    t->dmid = take(t, &used, t->batch * dmid);
    t->dexp = take(t, &used, t->batch * dexp);
    t->pooled = take(t, &used, t->batch * (size_t)t->arch.cfeature);
    t->dpooled = take(t, &used, t->batch * (size_t)t->arch.cfeature);
    for (unsigned i = 0; i < af_nn_crew_size(t->crew); i++)
        take_corner(t, &t->corner[i], &used);
    return used;
}

static void measure_layers(struct af_nn_trainer *t)
{
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        struct layer *l = &t->layer[i];

        l->in = c->kind == AF_NN_FIRST ? 1 : af_nn_pad((size_t)c->cin);
        l->out = af_nn_pad((size_t)c->cout);
        l->px_in = (size_t)c->h_in * (size_t)c->h_in;
        l->px_out = (size_t)c->h_out * (size_t)c->h_out;
        l->dw = t->ndw;
        t->ndw += (c->kind == AF_NN_POINTWISE ? l->in : 9) * l->out;
        t->widest = larger(t->widest, l->out);
    }
}

int af_nn_trainer_new(struct af_nn_trainer **out, const struct af_nn_arch *arch, size_t batch,
                      struct af_nn_crew *crew, const struct af_nn_kernels *kernels,
                      struct af_err *err)
{
    struct af_nn_trainer *t = af_calloc(1, sizeof(*t), err);
    size_t n;

    *out = NULL;
    if (!t || !(t->corner = af_calloc(af_nn_crew_size(crew), sizeof(*t->corner), err))) {
        free(t);
        return -1;
    }
    t->arch = *arch;
    t->batch = batch;
    t->crew = crew;
    t->k = kernels ? kernels : af_nn_kernels_best();
    t->cut = t->skip = -1;
    measure_layers(t);
    n = lay_out(t);
    if (posix_memalign((void **)&t->arena, 64, n * sizeof(float))) {
        t->arena = NULL;
        af_nn_trainer_free(t);
        return af_fail(err, AF_ESYS, "out of memory: %zu bytes to train in", n * sizeof(float));
    }
    memset(t->arena, 0, n * sizeof(float));
    lay_out(t);
    *out = t;
    return 0;
}

void af_nn_trainer_free(struct af_nn_trainer *t)
{
    if (!t)
        return;
    free(t->arena);
    free(t->corner);
    free(t);
}

/* ------------------------------------------------------ shares of a thread */

/* Images of thread i: [*from, *to). */
static void share(const struct af_nn_trainer *t, unsigned i, size_t *from, size_t *to)
{
    size_t threads = af_nn_crew_size(t->crew);

    *from = t->n * i / threads;
    *to = t->n * (i + 1) / threads;
}

static void clear_totals(struct corner *c, size_t cp)
{
    memset(c->total, 0, cp * sizeof(double));
    memset(c->along, 0, cp * sizeof(double));
}

static void clear_sums(struct corner *c, size_t cp)
{
    memset(c->sum, 0, cp * sizeof(float));
    memset(c->dot, 0, cp * sizeof(float));
}

static void add_sums(struct corner *c, size_t cp)
{
    for (size_t i = 0; i < cp; i++) {
        c->total[i] += (double)c->sum[i];
        c->along[i] += (double)c->dot[i];
    }
}

/* The crew's totals, in the order of the threads. */
static void merge(const struct af_nn_trainer *t, size_t c, double *total, double *along)
{
    *total = *along = 0;
    for (unsigned i = 0; i < af_nn_crew_size(t->crew); i++) {
        *total += t->corner[i].total[c];
        *along += t->corner[i].along[c];
    }
}

/* Rows of a block so that in and out fit; whole tiles of 14 where there are that many. */
static size_t block_rows(const struct layer *l)
{
    size_t rows = BLOCK_FLOATS / (l->in + l->out);

    rows = rows > 252 ? 252 : rows;
    return rows >= 14 ? rows / 14 * 14 : rows;
}

/* --------------------------------------------------------------- forward */

/* Input rows of a pointwise layer, as they enter it; scratch is used where they must be made. */
static const float *input_rows(const struct af_nn_trainer *t, int i, size_t row, size_t rows,
                               float *scratch)
{
    const struct layer *from = &t->layer[i - 1];

    if (from->y)
        return from->y + row * from->out;
    t->k->activate(scratch, from->z + row * from->out, from->norm.scale, from->norm.shift, rows,
                   from->out);
    return scratch;
}

static void forward_pointwise(const struct af_nn_trainer *t, int i, struct corner *c, size_t from,
                              size_t to)
{
    const struct layer *l = &t->layer[i];
    size_t end = to * l->px_out, step = block_rows(l);

    for (size_t row = from * l->px_out, rows; row < end; row += rows) {
        rows = end - row < step ? end - row : step;
        clear_sums(c, l->out);
        t->k->pointwise(l->z + row * l->out, input_rows(t, i, row, rows, c->x), l->w, rows,
                        (size_t)t->arch.conv[i].cin, l->in, l->out, c->sum, c->dot);
        add_sums(c, l->out);
    }
}

static void forward_layer(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct layer *l = &t->layer[i];
    struct corner *c = &t->corner[thread];
    size_t from, to, h = (size_t)conv->h_in;

    share(t, thread, &from, &to);
    clear_totals(c, l->out);
    if (conv->kind == AF_NN_POINTWISE) {
        forward_pointwise(t, i, c, from, to);
        return;
    }
    for (size_t n = from; n < to; n++) {
        float *z = l->z + n * l->px_out * l->out;

        clear_sums(c, l->out);
        if (conv->kind == AF_NN_FIRST)
            t->k->first(z, t->x + n * l->px_in, l->w, h, l->out, c->sum, c->dot);
        else
            t->k->depthwise(z, t->layer[i - 1].z + n * l->px_in * l->in, l->w, h,
                            (size_t)conv->stride, l->in, &t->layer[i - 1].norm, c->sum, c->dot,
                            c->ring);
        add_sums(c, l->out);
    }
}

static void set_norm(const struct af_nn_trainer *t, int i, size_t c, const float *params,
                     double mean, double variance)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_norm *norm = &t->layer[i].norm;
    double invstd = 1 / sqrt(variance + (double)AF_NN_BN_EPSILON);
    double scale = (double)params[conv->gamma + c] * invstd;

    norm->mean[c] = (float)mean;
    norm->invstd[c] = (float)invstd;
    norm->scale[c] = (float)scale;
    norm->shift[c] = (float)((double)params[conv->beta + c] - scale * mean);
}

/* A frozen batch norm runs on its moving statistics. */
static void fix_norm(const struct af_nn_trainer *t, int i, const float *params, const float *moving)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];

    for (size_t c = 0; c < (size_t)conv->cout; c++)
        set_norm(t, i, c, params, (double)moving[conv->mean + c],
                 (double)moving[conv->variance + c]);
}

/* Batch norm of layer i from the sums; moves the moving statistics. */
static void settle_norm(const struct af_nn_trainer *t, int i, const float *params, float *moving,
                        double momentum)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct layer *l = &t->layer[i];
    double n = (double)(t->n * l->px_out), bessel = n > 1 ? n / (n - 1) : 1;

    for (size_t c = 0; c < (size_t)conv->cout; c++) {
        double sum, square, mean, var;

        merge(t, c, &sum, &square);
        mean = sum / n;
        var = square / n - mean * mean;
        var = var > 0 ? var : 0;
        set_norm(t, i, c, params, mean, var);
        if (momentum < 1) {
            float *m = &moving[conv->mean + c], *v = &moving[conv->variance + c];

            *m = (float)((double)*m * momentum + mean * (1 - momentum));
            *v = (float)((double)*v * momentum + var * bessel * (1 - momentum));
        }
    }
}

/* Block output: y = batch norm of z, plus what came round the block. */
static void block_output(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_conv *conv = &t->arch.conv[t->at];
    const struct layer *l = &t->layer[t->at];
    size_t from, to;

    share(t, thread, &from, &to);
    from *= l->px_out;
    to *= l->px_out;
    t->k->affine(l->y + from * l->out, l->z + from * l->out, l->norm.scale, l->norm.shift,
                 conv->add >= 0 ? t->layer[conv->add].y + from * l->out : NULL, to - from, l->out);
}

static void pack_weights(const struct af_nn_trainer *t, const float *params, int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        const struct layer *l = &t->layer[i];
        size_t cin = (size_t)c->cin, cout = (size_t)c->cout;

        if (c->kind == AF_NN_POINTWISE) {
            af_nn_pack(l->w, params + c->kernel, cin, cout, cout);
            af_nn_pack_transposed(l->wt, params + c->kernel, cin, cout, cout);
        } else {
            for (size_t k = 0; k < 9; k++)
                memcpy(l->w + k * l->out, params + c->kernel + k * cout, cout * sizeof(float));
        }
    }
}

/* Mean over the picture of the last activations, then the dense layer. */
static double predict_all(const struct af_nn_trainer *t, const float *params, const float *target,
                          float *predict)
{
    const struct layer *l = &t->layer[AF_NN_NCONV - 1];
    size_t nc = (size_t)t->arch.cfeature;
    double loss = 0;

    for (size_t n = 0; n < t->n; n++) {
        float *pooled = t->pooled + n * nc;
        double v = (double)params[t->arch.dense_bias], d;

        memset(pooled, 0, nc * sizeof(float));
        for (size_t p = 0; p < l->px_out; p++) {
            const float *z = l->z + (n * l->px_out + p) * l->out;

            for (size_t c = 0; c < nc; c++) {
                float a = z[c] * l->norm.scale[c] + l->norm.shift[c];

                pooled[c] += a < 0 ? 0 : a > 6 ? 6 : a;
            }
        }
        for (size_t c = 0; c < nc; c++) {
            pooled[c] /= (float)l->px_out;
            v += (double)pooled[c] * (double)params[t->arch.dense_kernel + c];
        }
        predict[n] = (float)v;
        d = v - (double)target[n];
        loss += d * d;
    }
    return loss / (double)t->n;
}

/* -------------------------------------------------------------- backward */

/* Gradient by the batch norm's output of layer i: who holds it. */
static float *gradient_of(const struct af_nn_trainer *t, int i)
{
    const struct af_nn_conv *c = &t->arch.conv[i];

    return c->kind == AF_NN_DEPTHWISE ? t->dmid : c->relu6 ? t->dexp : t->dy;
}

/* From the dense layer to the last batch norm, with the sums for it. */
static void backward_head(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct layer *l = &t->layer[AF_NN_NCONV - 1];
    struct corner *c = &t->corner[thread];
    size_t from, to, nc = (size_t)t->arch.cfeature;

    share(t, thread, &from, &to);
    clear_totals(c, l->out);
    for (size_t n = from; n < to; n++) {
        clear_sums(c, l->out);
        for (size_t p = 0; p < l->px_out; p++) {
            const float *z = l->z + (n * l->px_out + p) * l->out;
            float *db = t->dexp + (n * l->px_out + p) * l->out;

            for (size_t k = 0; k < nc; k++) {
                float a = z[k] * l->norm.scale[k] + l->norm.shift[k];

                db[k] = a > 0 && a < 6 ? t->dpooled[n * nc + k] : 0;
                c->sum[k] += db[k];
                c->dot[k] += db[k] * (z[k] - l->norm.mean[k]) * l->norm.invstd[k];
            }
        }
        add_sums(c, l->out);
    }
}

/* Gradients of gamma and beta of layer i from the sums, and how to go on to dz. */
static void settle_denorm(const struct af_nn_trainer *t, int i, const float *params)
{
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct layer *l = &t->layer[i];
    double n = (double)(t->n * l->px_out);

    for (size_t c = 0; c < (size_t)conv->cout; c++) {
        double sum, dot, s = (double)params[conv->gamma + c] * (double)l->norm.invstd[c];
        double invstd = (double)l->norm.invstd[c], mean = (double)l->norm.mean[c];

        merge(t, c, &sum, &dot);
        l->dbeta[c] = (float)sum;
        l->dgamma[c] = (float)dot;
        l->denorm.a[c] = (float)s;
        l->denorm.b[c] = (float)(-s * invstd * dot / n);
        l->denorm.c[c] = (float)(s * (invstd * mean * dot - sum) / n);
    }
}

static void backward_pointwise(const struct af_nn_trainer *t, int i, struct corner *c, size_t from,
                               size_t to)
{
    const struct layer *l = &t->layer[i], *in = &t->layer[i - 1];
    const float *db = gradient_of(t, i);
    float *db_in = gradient_of(t, i - 1);
    /* The block whose expansion this is adds its input to its output: 2 layers on is its
     * projection. */
    bool onto = i + 2 < AF_NN_NCONV && t->arch.conv[i + 2].add == i - 1 && in->y;
    size_t end = to * l->px_out, step = block_rows(l);

    for (size_t row = from * l->px_out, rows; row < end; row += rows) {
        rows = end - row < step ? end - row : step;
        t->k->denormalise(c->dz, db + row * l->out, l->z + row * l->out, &l->denorm, rows, l->out);
        t->k->pointwise_weights(c->dw + l->dw, input_rows(t, i, row, rows, c->x), c->dz, rows,
                                l->in, l->out);
        clear_sums(c, l->in);
        t->k->pointwise_back(db_in + row * l->in, c->dz, l->wt, rows, (size_t)t->arch.conv[i].cout,
                             l->out, l->in, in->z + row * l->in, &in->norm, !in->y, onto, c->sum,
                             c->dot);
        add_sums(c, l->in);
    }
}

static void backward_layer(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct layer *l = &t->layer[i], *in = i ? &t->layer[i - 1] : NULL;
    struct corner *c = &t->corner[thread];
    size_t from, to, h = (size_t)conv->h_in;

    share(t, thread, &from, &to);
    if (in)
        clear_totals(c, in->out);
    if (conv->kind == AF_NN_POINTWISE) {
        backward_pointwise(t, i, c, from, to);
        return;
    }
    for (size_t n = from; n < to; n++) {
        const float *db = gradient_of(t, i) + n * l->px_out * l->out;
        const float *z = l->z + n * l->px_out * l->out;

        if (!in) {
            t->k->first_weights(c->dw + l->dw, t->x + n * l->px_in, db, z, &l->denorm, h, l->out);
            continue;
        }
        clear_sums(c, in->out);
        t->k->depthwise_back(gradient_of(t, i - 1) + n * l->px_in * l->in, db, z, &l->denorm,
                             in->z + n * l->px_in * l->in, l->w, h, (size_t)conv->stride, l->in,
                             &in->norm, c->dw + l->dw, c->sum, c->dot, c->ring);
        add_sums(c, in->out);
    }
}

/* Weight gradients of all threads, in their order, without the padding. */
static void collect(const struct af_nn_trainer *t, float *grad)
{
    size_t frozen = af_nn_trainer_first_param(t);

    memset(grad, 0, frozen * sizeof(float));
    for (int i = t->cut < 0 ? 0 : t->cut; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        const struct layer *l = &t->layer[i];
        size_t cout = (size_t)c->cout, nrows = i == t->cut ? 0 : c->nkernel / cout;

        if (c->gamma < frozen)
            continue;

        for (size_t r = 0; r < nrows; r++)
            for (size_t k = 0; k < cout; k++) {
                float v = 0;

                for (unsigned th = 0; th < af_nn_crew_size(t->crew); th++)
                    v += t->corner[th].dw[l->dw + r * l->out + k];
                grad[c->kernel + r * cout + k] = v;
            }
        memcpy(grad + c->gamma, l->dgamma, cout * sizeof(float));
        memcpy(grad + c->beta, l->dbeta, cout * sizeof(float));
    }
}

static void clear_dw(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;

    memset(t->corner[thread].dw, 0, t->ndw * sizeof(float));
}

static void backward_dense(const struct af_nn_trainer *t, const float *params, const float *target,
                           const float *predict, float *grad)
{
    size_t nc = (size_t)t->arch.cfeature, px = t->layer[AF_NN_NCONV - 1].px_out;
    float *dk = grad + t->arch.dense_kernel, *dbias = grad + t->arch.dense_bias;

    memset(dk, 0, nc * sizeof(float));
    *dbias = 0;
    for (size_t n = 0; n < t->n; n++) {
        float d = 2 * (predict[n] - target[n]) / (float)t->n;

        *dbias += d;
        for (size_t c = 0; c < nc; c++) {
            dk[c] += d * t->pooled[n * nc + c];
            t->dpooled[n * nc + c] = d * params[t->arch.dense_kernel + c] / (float)px;
        }
    }
}

static void backward(struct af_nn_trainer *t, const float *params, const float *target,
                     const float *predict, float *grad)
{
    af_nn_crew_run(t->crew, clear_dw, t);
    backward_dense(t, params, target, predict, grad);
    af_nn_crew_run(t->crew, backward_head, t);
    for (int i = AF_NN_NCONV - 1; i > t->cut; i--) {
        settle_denorm(t, i, params);
        t->at = (size_t)i;
        af_nn_crew_run(t->crew, backward_layer, t);
    }
    if (t->cut >= 0)
        settle_denorm(t, t->cut, params);
    collect(t, grad);
}

/* ------------------------------------------------------------------ steps */

/* Layers from..to-1 forward, the frozen ones on their moving statistics. */
static void forward(struct af_nn_trainer *t, int from, int to, const float *params, float *moving,
                    double momentum)
{
    for (int i = from; i < to; i++) {
        t->at = (size_t)i;
        af_nn_crew_run(t->crew, forward_layer, t);
        if (i < t->cut || (i == t->cut && !t->cut_norm))
            fix_norm(t, i, params, moving);
        else
            settle_norm(t, i, params, moving, momentum);
        if (t->layer[i].y)
            af_nn_crew_run(t->crew, block_output, t);
    }
}

static double finish_step(struct af_nn_trainer *t, const float *params, const float *target,
                          float *predict, float *grad)
{
    double loss = predict_all(t, params, target, predict);

    if (grad)
        backward(t, params, target, predict, grad);
    return loss;
}

double af_nn_train_step(struct af_nn_trainer *t, const float *params, float *moving,
                        double momentum, const float *x, const float *target, size_t n,
                        float *predict, float *grad)
{
    t->n = n;
    t->x = x;
    pack_weights(t, params, 0, AF_NN_NCONV);
    forward(t, 0, AF_NN_NCONV, params, moving, momentum);
    return finish_step(t, params, target, predict, grad);
}

/* ------------------------------------------------------ transfer learning */

void af_nn_trainer_freeze(struct af_nn_trainer *t, int freeze)
{
    const struct af_nn_conv *conv = t->arch.conv;

    t->cut = t->skip = -1;
    while (t->cut + 1 < AF_NN_NCONV && conv[t->cut + 1].layer < freeze)
        t->cut++;
    if (t->cut < 0)
        return;
    t->cut_norm = conv[t->cut].layer + 1 >= freeze;
    for (int i = t->cut; i < AF_NN_NCONV; i++)
        if (conv[i].add >= 0 && conv[i].add < t->cut)
            t->skip = conv[i].add;
}

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

    t->n = n;
    t->x = x;
    pack_weights(t, params, 0, t->cut + 1);
    for (int i = 0; i <= t->cut; i++) {
        t->at = (size_t)i;
        af_nn_crew_run(t->crew, forward_layer, t);
        fix_norm(t, i, params, moving);
        if (t->layer[i].y)
            af_nn_crew_run(t->crew, block_output, t);
    }
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
    const struct layer *l = &t->layer[t->cut];
    struct corner *c = &t->corner[thread];
    size_t from, to, nz = image_floats(t, t->cut), ny = image_floats(t, t->skip);

    share(t, thread, &from, &to);
    clear_totals(c, l->out);
    for (size_t k = from; k < to; k++) {
        const float *z = t->cache[k];

        memcpy(l->z + k * nz, z, nz * sizeof(float));
        if (ny)
            memcpy(t->layer[t->skip].y + k * ny, z + nz, ny * sizeof(float));
        clear_sums(c, l->out);
        for (size_t p = 0; p < l->px_out; p++, z += l->out)
            for (size_t i = 0; i < l->out; i++) {
                c->sum[i] += z[i];
                c->dot[i] += z[i] * z[i];
            }
        add_sums(c, l->out);
    }
}

double af_nn_train_step_cached(struct af_nn_trainer *t, const float *params, float *moving,
                               double momentum, const float *const *cache, const float *target,
                               size_t n, float *predict, float *grad)
{
    t->n = n;
    t->cache = cache;
    pack_weights(t, params, t->cut + 1, AF_NN_NCONV);
    af_nn_crew_run(t->crew, load_cache, t);
    if (t->cut_norm)
        settle_norm(t, t->cut, params, moving, momentum);
    else
        fix_norm(t, t->cut, params, moving);
    if (t->layer[t->cut].y) {
        t->at = (size_t)t->cut;
        af_nn_crew_run(t->crew, block_output, t);
    }
    forward(t, t->cut + 1, AF_NN_NCONV, params, moving, momentum);
    return finish_step(t, params, target, predict, grad);
}
