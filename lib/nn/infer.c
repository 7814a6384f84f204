/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/infer.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A convolution with its batch norm folded in. */
struct folded {
    size_t in, out, px_in, px_out; // channels padded; pixels
    float *w, *bias;               // packed, or [9][out]; [out]
};

struct af_nn_infer {
    struct af_nn_arch arch;
    const struct af_nn_kernels *k;
    struct folded layer[AF_NN_NCONV];
    float *arena, *dense; // [cfeature], bias behind
    int first_small;      // from this layer on images go in groups
};

struct af_nn_bench {
    float *arena;
    float *mid[2]; // expansion and depthwise output of one image, or of a group
    float *out[3]; // block outputs: the last three, of a group
    float *group;  // what enters the small layers, of a group
    float *ring;
};

static float *take(float *arena, size_t *used, size_t n)
{
    float *p = arena ? arena + *used : NULL;

    *used += (n + AF_NN_LANE - 1) / AF_NN_LANE * AF_NN_LANE;
    return p;
}

/*
 * Weights of layer i times gamma / std, beta less what the mean makes of that; in double.
 * factor: [cout], scratch: [nkernel]
 */
static void fold(struct af_nn_infer *f, int i, const float *params, const float *moving,
                 double *factor, float *scratch)
{
    enum { BLOCK = 8 }; // widths are multiples of it
    const struct af_nn_conv *c = &f->arch.conv[i];
    struct folded *l = &f->layer[i];
    size_t cout = (size_t)c->cout, rows = c->nkernel / cout;

    for (size_t k = 0; k < cout; k++) {
        factor[k] = (double)params[c->gamma + k] /
                    sqrt((double)moving[c->variance + k] + (double)AF_NN_BN_EPSILON);
        l->bias[k] = (float)((double)params[c->beta + k] - factor[k] * (double)moving[c->mean + k]);
    }
    for (size_t r = 0; r < rows; r++) {
        const float *w = params + c->kernel + r * cout;

        for (size_t k = 0; k < cout; k += BLOCK)
            for (size_t b = k; b < k + BLOCK; b++)
                scratch[r * cout + b] = (float)(factor[b] * (double)w[b]);
    }
    if (c->kind == AF_NN_POINTWISE)
        af_nn_pack(l->w, scratch, (size_t)c->cin, cout, cout);
    else
        for (size_t r = 0; r < 9; r++)
            memcpy(l->w + r * l->out, scratch + r * cout, cout * sizeof(float));
}

static size_t lay_out(struct af_nn_infer *f)
{
    size_t used = 0;

    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &f->arch.conv[i];
        struct folded *l = &f->layer[i];

        l->in = c->kind == AF_NN_FIRST ? 1 : af_nn_pad((size_t)c->cin);
        l->out = af_nn_pad((size_t)c->cout);
        l->px_in = (size_t)c->h_in * (size_t)c->h_in;
        l->px_out = (size_t)c->h_out * (size_t)c->h_out;
        l->w = take(f->arena, &used, (c->kind == AF_NN_POINTWISE ? (size_t)c->cin : 9) * l->out);
        l->bias = take(f->arena, &used, l->out);
    }
    f->dense = take(f->arena, &used, (size_t)f->arch.cfeature + 1);
    return used;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int fold_all(struct af_nn_infer *f, const float *params, const float *moving,
                    struct af_err *err)
{
    size_t widest = 0, largest = 0;
    double *factor;
    float *scratch;

    for (int i = 0; i < AF_NN_NCONV; i++) {
        widest = larger(widest, (size_t)f->arch.conv[i].cout);
        largest = larger(largest, f->arch.conv[i].nkernel);
    }
    factor = af_calloc(widest, sizeof(*factor), err);
    scratch = factor ? af_calloc_large(largest, sizeof(*scratch), err) : NULL;
    for (int i = 0; scratch && i < AF_NN_NCONV; i++)
        fold(f, i, params, moving, factor, scratch);
    free(factor);
    free(scratch);
    return scratch ? 0 : -1;
}

int af_nn_infer_new(struct af_nn_infer **out, const struct af_nn_arch *arch, const float *params,
                    const float *moving, const struct af_nn_kernels *kernels, struct af_err *err)
{
    struct af_nn_infer *f = *out = af_calloc(1, sizeof(*f), err);

    if (!f)
        return -1;
    f->arch = *arch;
    f->k = kernels ? kernels : af_nn_kernels_best();
    f->arena = af_calloc_large(lay_out(f), sizeof(float), err);
    if (f->arena)
        lay_out(f);
    if (!f->arena || fold_all(f, params, moving, err)) {
        af_nn_infer_free(f);
        *out = NULL;
        return -1;
    }
    memcpy(f->dense, params + arch->dense_kernel, ((size_t)arch->cfeature + 1) * sizeof(float));
    while (arch->conv[f->first_small].h_in > 12)
        f->first_small++;
    return 0;
}

void af_nn_infer_free(struct af_nn_infer *f)
{
    if (!f)
        return;
    free(f->arena);
    free(f);
}

/* ---------------------------------------------------------------- scratch */

int af_nn_bench_new(struct af_nn_bench **out, const struct af_nn_infer *f, struct af_err *err)
{
    struct af_nn_bench *b = af_calloc(1, sizeof(*b), err);
    size_t mid = 0, block = 0, used = 0;

    *out = NULL;
    if (!b)
        return -1;
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct folded *l = &f->layer[i];
        size_t n = l->px_out * l->out;

        if (!f->arch.conv[i].relu6)
            block = larger(block, i < f->first_small ? n : AF_NN_GROUP * n);
        else
            mid = larger(mid, i < f->first_small ? n : AF_NN_GROUP * n);
    }
    for (int pass = 0; pass < 2; pass++, used = 0) {
        b->mid[0] = take(b->arena, &used, mid);
        b->mid[1] = take(b->arena, &used, mid);
        for (int i = 0; i < 3; i++)
            b->out[i] = take(b->arena, &used, block);
        b->group = take(b->arena, &used,
                        AF_NN_GROUP * f->layer[f->first_small].px_in * f->layer[f->first_small].in);
        b->ring = take(b->arena, &used, AF_NN_RING(AF_NN_SIDE / 2));
        if (pass == 0 && !(b->arena = af_calloc_large(used, sizeof(float), err))) {
            free(b);
            return -1;
        }
    }
    *out = b;
    return 0;
}

void af_nn_bench_free(struct af_nn_bench *b)
{
    if (!b)
        return;
    free(b->arena);
    free(b);
}

/* ---------------------------------------------------------------- running */

static void run_layer(const struct af_nn_infer *f, struct af_nn_bench *b, int i, const float *in,
                      float *out, const float *add, size_t n)
{
    const struct af_nn_conv *c = &f->arch.conv[i];
    const struct folded *l = &f->layer[i];

    if (c->kind == AF_NN_POINTWISE) {
        f->k->pointwise_bias(out, in, l->w, n * l->px_out, (size_t)c->cin, l->in, l->out, l->bias,
                             c->relu6, add);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const float *x = in + k * l->px_in * l->in;
        float *y = out + k * l->px_out * l->out;

        if (c->kind == AF_NN_FIRST)
            f->k->first_bias(y, x, l->w, (size_t)c->h_in, l->out, l->bias);
        else
            f->k->depthwise_bias(y, x, l->w, (size_t)c->h_in, (size_t)c->stride, l->in, l->bias,
                                 b->ring);
    }
}

/*
 * Layers from..to-1 of n images. Block outputs go round three buffers, so that what
 * a block adds to its output is still there; *block is the number of the last one.
 */
static const float *run_layers(const struct af_nn_infer *f, struct af_nn_bench *b, int from, int to,
                               const float *in, size_t n, int *block)
{
    const float *entered = in; // the block that layer i belongs to
    int m = 0;

    for (int i = from; i < to; i++) {
        float *out = b->mid[m];

        if (f->arch.conv[i].relu6) {
            m = !m;
        } else {
            *block = (*block + 1) % 3;
            out = b->out[*block];
        }
        run_layer(f, b, i, in, out, f->arch.conv[i].add >= 0 ? entered : NULL, n);
        in = out;
        if (!f->arch.conv[i].relu6)
            entered = out;
    }
    return in;
}

/* Mean over the picture, then the dense layer. */
static void finish(const struct af_nn_infer *f, const float *last, size_t n, float *y,
                   float *feature, float *pooled)
{
    const struct folded *l = &f->layer[AF_NN_NCONV - 1];
    size_t nc = (size_t)f->arch.cfeature;

    for (size_t k = 0; k < n; k++) {
        double v = (double)f->dense[nc];

        memset(pooled, 0, nc * sizeof(*pooled));
        for (size_t p = 0; p < l->px_out; p++)
            for (size_t c = 0; c < nc; c++)
                pooled[c] += last[(k * l->px_out + p) * l->out + c];
        for (size_t c = 0; c < nc; c++) {
            pooled[c] /= (float)l->px_out;
            v += (double)pooled[c] * (double)f->dense[c];
        }
        y[k] = (float)v;
        if (feature)
            memcpy(feature + k * nc, pooled, nc * sizeof(*pooled));
    }
}

/* Up to AF_NN_GROUP images: alone through the large layers, together through the small ones. */
static void run_group(const struct af_nn_infer *f, struct af_nn_bench *b, const float *x, size_t n,
                      float *y, float *feature)
{
    const struct folded *l = &f->layer[f->first_small];
    size_t px = (size_t)AF_NN_SIDE * AF_NN_SIDE, size = l->px_in * l->in;
    int block = 0;

    for (size_t k = 0; k < n; k++)
        memcpy(b->group + k * size, run_layers(f, b, 0, f->first_small, x + k * px, 1, &block),
               size * sizeof(float));
    finish(f, run_layers(f, b, f->first_small, AF_NN_NCONV, b->group, n, &block), n, y, feature,
           b->ring);
}

void af_nn_infer_run(const struct af_nn_infer *f, struct af_nn_bench *b, const float *x, size_t n,
                     float *y, float *feature)
{
    size_t px = (size_t)AF_NN_SIDE * AF_NN_SIDE;

    for (size_t k = 0; k < n; k += AF_NN_GROUP) {
        size_t m = n - k < AF_NN_GROUP ? n - k : AF_NN_GROUP;

        run_group(f, b, x + k * px, m, y + k,
                  feature ? feature + k * (size_t)f->arch.cfeature : NULL);
    }
}
