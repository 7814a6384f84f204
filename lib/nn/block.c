/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The expansion z = x w of a block of large pictures is six times as wide as x, and bringing it
 * from memory costs more than making it again. So neither z nor its gradient is ever stored:
 *
 *   statistics  mean = w' s / n and E[z^2] = w' G w / n, from s = sum x and G = sum x x'
 *   forward     the depthwise kernel makes the rows it needs, a = relu6(x (w scale) + shift)
 *   backward    the depthwise kernel makes them again, and what it finds for a row of db goes at
 *               once into P = sum x' db and into dx = db (A w)'
 *
 * The gradient by z is A db + B z + C, but B and C need sums over the whole batch that are known
 * only when all of db has been seen. Since z is linear in x, the rest follows without another look
 * at db, in numbers of the size of w and x:
 *
 *   dw = P A + G w B + s C,   dx += x M + w C,   M = w B w',   sum db z = sum_k w P
 *
 * Conv1 is an expansion of the nine pixels under it.
 * Source: none; statistics of a linear layer from its input's moments are elementary.
 */
#include "nn/trainer.h"

#include <string.h>

enum { MOMENT_ROWS = 256 }; // summed in float before they go to double

/* Input of the expansion: channels used, and as they lie. */
static size_t inputs(const struct af_nn_trainer *t, int i)
{
    return t->arch.conv[i].kind == AF_NN_FIRST ? 9 : (size_t)t->arch.conv[i].cin;
}

static size_t stride_of(const struct af_nn_trainer *t, int i)
{
    return af_nn_pad(inputs(t, i));
}

/* Rows of one image that enter the expansion. */
static const float *input_image(const struct af_nn_trainer *t, int i, size_t n)
{
    const struct af_nn_layer *l = &t->layer[i];

    return i > 0 ? t->layer[i - 1].y + n * l->px_in * l->in
                 : t->patches + n * l->px_out * AF_NN_LANE;
}

static void make_patches(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_layer *l = &t->layer[0];
    size_t from, to;

    af_nn_share(t, thread, &from, &to);
    for (size_t n = from; n < to; n++)
        t->k->patches(t->patches + n * l->px_out * AF_NN_LANE, t->x + n * l->px_in,
                      (size_t)t->arch.conv[0].h_in);
}

/* ---------------------------------------------------------------- moments */

static void take_moments(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    struct af_nn_corner *c = &t->corner[thread];
    size_t from, to, k = inputs(t, i), kp = stride_of(t, i), all = k * kp + kp;
    size_t px = t->layer[i].px_out;

    af_nn_share(t, thread, &from, &to);
    memset(c->moments, 0, all * sizeof(double));
    for (size_t n = from; n < to; n++) {
        const float *x = input_image(t, i, n);

        for (size_t row = 0, rows; row < px; row += rows) {
            rows = px - row < MOMENT_ROWS ? px - row : MOMENT_ROWS;
            memset(c->gram, 0, all * sizeof(float));
            t->k->moments(c->gram, c->gram + k * kp, x + row * kp, rows, k, kp);
            for (size_t j = 0; j < all; j++)
                c->moments[j] += (double)c->gram[j];
        }
    }
}

static void merge_moments(struct af_nn_trainer *t, int i)
{
    struct af_nn_layer *l = &t->layer[i];
    size_t k = inputs(t, i), kp = stride_of(t, i), all = k * kp + kp;

    memcpy(l->gram, t->corner[0].moments, all * sizeof(double)); // xsum lies behind
    for (unsigned th = 1; th < af_nn_crew_size(t->crew); th++)
        for (size_t j = 0; j < all; j++)
            l->gram[j] += t->corner[th].moments[j];
}

/* G w for channels c0 .. c0+width-1. */
static void multiply_gram(const struct af_nn_layer *l, const float *w, size_t cout, size_t k,
                          size_t kp, size_t c0, size_t width)
{
    for (size_t a = 0; a < k; a++) {
        double *gw = l->gw + a * cout + c0;

        memset(gw, 0, width * sizeof(*gw));
        for (size_t j = 0; j < k; j++) {
            double g = l->gram[a * kp + j];

            for (size_t c = 0; c < width; c++)
                gw[c] += g * (double)w[j * cout + c0 + c];
        }
    }
}

static void settle_channel(const struct af_nn_trainer *t, int i, size_t c)
{
    const struct af_nn_layer *l = &t->layer[i];
    size_t k = inputs(t, i), cout = (size_t)t->arch.conv[i].cout;
    const float *w = t->params + t->arch.conv[i].kernel + c;
    double n = (double)(t->n * l->px_out), sum = 0, square = 0;

    for (size_t a = 0; a < k; a++) {
        sum += (double)w[a * cout] * l->xsum[a];
        square += (double)w[a * cout] * l->gw[a * cout + c];
    }
    af_nn_norm_settle(t, i, c, sum / n, square / n - sum / n * (sum / n));
}

/* Weights times the batch norm's scale, of a chunk: packed for forward, and for backward. */
static void fold(const struct af_nn_trainer *t, int i, size_t c0, size_t width, size_t used)
{
    const struct af_nn_layer *l = &t->layer[i];
    size_t k = inputs(t, i), kp = stride_of(t, i), cout = (size_t)t->arch.conv[i].cout;
    const float *w = t->params + t->arch.conv[i].kernel + c0, *scale = l->norm.scale + c0;
    float *forward = l->w + c0 * k, *back = l->wt + c0 * kp;

    for (size_t a = 0; a < k; a++)
        for (size_t j = 0; j < width; j++)
            *forward++ = j < used ? w[a * cout + j] * scale[j] : 0;
    for (size_t a0 = 0; a0 < kp; a0 += AF_NN_TILE)
        for (size_t j = 0; j < width; j++)
            for (size_t a = a0; a < kp && a < a0 + AF_NN_TILE; a++)
                *back++ = a < k && j < used ? w[a * cout + j] * scale[j] : 0;
}

/* Chunks of a thread: every so many-th. Gives channels of the layer, and how many of them are no
 * padding. */
static bool chunk(const struct af_nn_trainer *t, int i, unsigned thread, size_t m, size_t *c0,
                  size_t *width, size_t *used)
{
    const struct af_nn_layer *l = &t->layer[i];
    size_t cout = (size_t)t->arch.conv[i].cout;

    *c0 = (thread + m * af_nn_crew_size(t->crew)) * AF_NN_TILE;
    if (*c0 >= l->out)
        return false;
    *width = l->out - *c0 < AF_NN_TILE ? l->out - *c0 : AF_NN_TILE;
    *used = cout - *c0 < *width ? cout - *c0 : *width;
    return true;
}

static void settle_expansion(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_layer *l = &t->layer[i];
    const struct af_nn_conv *conv = &t->arch.conv[i];
    size_t c0, width, used;

    for (size_t m = 0; chunk(t, i, thread, m, &c0, &width, &used); m++) {
        if (!af_nn_norm_frozen(t, i)) {
            multiply_gram(l, t->params + conv->kernel, (size_t)conv->cout, inputs(t, i),
                          stride_of(t, i), c0, used);
            for (size_t c = c0; c < c0 + used; c++)
                settle_channel(t, i, c);
        }
        fold(t, i, c0, width, used);
    }
}

void af_nn_block_expansion(struct af_nn_trainer *t, int i)
{
    t->at = (size_t)i;
    if (i == 0)
        af_nn_crew_run(t->crew, make_patches, t);
    if (af_nn_norm_frozen(t, i)) {
        af_nn_forward_norm(t, i);
    } else {
        af_nn_crew_run(t->crew, take_moments, t);
        merge_moments(t, i);
    }
    af_nn_crew_run(t->crew, settle_expansion, t);
}

/* ---------------------------------------------------------------- forward */

static struct af_nn_expand expansion(const struct af_nn_trainer *t, int i, const float *x)
{
    const struct af_nn_layer *l = &t->layer[i];

    return (struct af_nn_expand){
        .x = x, .k = inputs(t, i), .ldx = stride_of(t, i), .w = l->w, .bias = l->norm.shift};
}

void af_nn_block_forward(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                         size_t to)
{
    const struct af_nn_conv *conv = &t->arch.conv[i + 1];
    const struct af_nn_layer *l = &t->layer[i + 1];

    for (size_t n = from; n < to; n++) {
        const struct af_nn_expand e = expansion(t, i, input_image(t, i, n));

        af_nn_sums_clear(c, l->out);
        t->k->expand_depthwise(l->z + n * l->px_out * l->out, &e, l->w, (size_t)conv->h_in,
                               (size_t)conv->stride, l->out, c->sum, c->dot, c->ring);
        af_nn_sums_add(c, l->out);
    }
}

/* --------------------------------------------------------------- backward */

/* Where the gradient by the block's input goes: onto that by its output if they are added. */
static bool adds_input(const struct af_nn_trainer *t, int i)
{
    return i > 0 && t->arch.conv[i + 2].add == i - 1;
}

void af_nn_block_back(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                      size_t to)
{
    const struct af_nn_conv *conv = &t->arch.conv[i + 1];
    const struct af_nn_layer *l = &t->layer[i], *d = &t->layer[i + 1], *p = &t->layer[i + 2];
    struct af_nn_block_back b = {.dw = c->dw + d->dw,
                                 .dwe = c->dw + l->dw,
                                 .sum = c->sum,
                                 .wb = l->wt,
                                 .kp = stride_of(t, i),
                                 .onto = adds_input(t, i)};

    for (size_t n = from; n < to; n++) {
        const struct af_nn_expand e = expansion(t, i, input_image(t, i, n));
        const struct af_nn_behind behind = {.dz = c->dz,
                                            .n = (size_t)t->arch.conv[i + 2].cout,
                                            .ldz = p->out,
                                            .wt = p->wt,
                                            .z = d->z + n * d->px_out * d->out,
                                            .norm = &d->norm,
                                            .denorm = &d->denorm};
        size_t at = n * p->px_out * p->out;

        t->k->denormalise(c->dz, t->dy + at, p->z + at, &p->denorm, p->px_out, p->out);
        if (i > 0)
            b.dx = (b.onto ? t->dy : t->dy_next) + n * l->px_in * l->in;
        af_nn_sums_clear(c, l->out);
        t->k->block_back(&e, &behind, &b, d->w, (size_t)conv->h_in, (size_t)conv->stride, l->out,
                         c->ring);
        af_nn_sums_add(c, l->out);
    }
}

/* dgamma, dbeta and the way to dz from P and the sums of db, then dw. */
static void settle_weights(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const int i = (int)t->at;
    const struct af_nn_conv *conv = &t->arch.conv[i];
    const struct af_nn_layer *l = &t->layer[i];
    const float *w = t->params + conv->kernel;
    size_t k = inputs(t, i), cout = (size_t)conv->cout, c0, width, used;
    float *p = t->grad + conv->kernel; // P, then dw

    for (size_t m = 0; chunk(t, i, thread, m, &c0, &width, &used); m++) {
        for (size_t a = 0; a < k; a++)
            t->k->sum_parts(p + a * cout + c0, t->part, af_nn_crew_size(t->crew),
                            l->dw + a * l->out + c0, used);
        for (size_t c = c0; c < c0 + used; c++) {
            double sum, unused, dbz = 0;

            af_nn_totals_merge(t, c, &sum, &unused);
            for (size_t a = 0; a < k; a++)
                dbz += (double)w[a * cout + c] * (double)p[a * cout + c];
            af_nn_denorm_set(t, i, c, sum,
                             (dbz - (double)l->norm.mean[c] * sum) * (double)l->norm.invstd[c]);
        }
        for (size_t a = 0; a < k; a++)
            for (size_t c = c0; c < c0 + used; c++)
                p[a * cout + c] = (float)((double)p[a * cout + c] * (double)l->denorm.a[c] +
                                          l->gw[a * cout + c] * (double)l->denorm.b[c] +
                                          l->xsum[a] * (double)l->denorm.c[c]);
    }
}

/* M = w B w' and w C, what B z + C adds to dx: rows of a thread. */
static void settle_mix(void *ctx, unsigned thread)
{
    const struct af_nn_trainer *t = ctx;
    const struct af_nn_conv *conv = &t->arch.conv[t->at];
    const struct af_nn_layer *l = &t->layer[t->at];
    const float *w = t->params + conv->kernel;
    size_t k = (size_t)conv->cin, kp = l->in, cout = (size_t)conv->cout;

    for (size_t a = thread; a < k; a += af_nn_crew_size(t->crew)) {
        double constant = 0;

        for (size_t b = 0; b < k; b++) {
            double v = 0;

            for (size_t c = 0; c < cout; c++)
                v += (double)w[a * cout + c] * (double)w[b * cout + c] * (double)l->denorm.b[c];
            t->mix[a * kp + b] = (float)v;
        }
        for (size_t c = 0; c < cout; c++)
            constant += (double)w[a * cout + c] * (double)l->denorm.c[c];
        t->mix[k * kp + a] = (float)constant;
    }
}

void af_nn_block_settle(struct af_nn_trainer *t, int i)
{
    const struct af_nn_layer *l = &t->layer[i];
    size_t k = inputs(t, i);

    t->at = (size_t)i;
    af_nn_crew_run(t->crew, settle_weights, t);
    if (i == 0)
        return;
    memset(t->mix, 0, (k * l->in + l->in) * sizeof(float));
    af_nn_crew_run(t->crew, settle_mix, t);
    af_nn_pack(t->mix_packed, t->mix, k, k, l->in);
    if (!adds_input(t, i)) {
        float *used = t->dy;

        t->dy = t->dy_next;
        t->dy_next = used;
    }
}

void af_nn_block_input(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                       size_t to)
{
    const struct af_nn_layer *l = &t->layer[i], *in = &t->layer[i - 1];
    size_t end = to * l->px_in, k = (size_t)t->arch.conv[i].cin;

    for (size_t row = from * l->px_in, rows; row < end; row += rows) {
        rows = end - row < MOMENT_ROWS ? end - row : MOMENT_ROWS;
        af_nn_sums_clear(c, l->in);
        t->k->pointwise_back(t->dy + row * l->in, in->y + row * l->in, t->mix_packed, rows, k,
                             l->in, l->in, in->z + row * l->in, &in->norm, t->mix + k * l->in,
                             false, true, c->sum, c->dot);
        af_nn_sums_add(c, l->in);
    }
}
