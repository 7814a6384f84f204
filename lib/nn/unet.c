/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/unet.h"

#include "base/memory.h"
#include "nn/instance.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct af_unet_weights {
    struct af_unet_arch arch;
    const struct af_nn_kernels *k;
    float *arena;
    const float *params;
    struct {
        float *w, *wt; // wt NULL: forward only
    } conv[AF_UNET_NCONV_MAX];
};

struct af_unet_net {
    struct af_unet_arch arch;
    size_t h, width;
    bool backward;
    float *arena;
    double drop[AF_UNET_NCONV_MAX];              // of the last forward
    struct af_nn_picture in;                     // [slices]
    struct af_nn_picture raw[AF_UNET_NCONV_MAX]; // of each convolution
    struct af_nn_picture out[AF_UNET_NCONV_MAX]; // the same normalised, raw where it is not
    struct af_nn_picture cat[AF_UNET_DEPTH_MAX]; // [up, skip]: where those write
    struct af_nn_picture pool[AF_UNET_DEPTH_MAX];
};

struct af_unet_back {
    float *arena;
    struct af_nn_picture dz[AF_UNET_NCONV_MAX]; // by the sums before ReLU
    struct af_nn_picture dcat[AF_UNET_DEPTH_MAX], dpool[AF_UNET_DEPTH_MAX];
};

/* --------------------------------------------------------------- pictures */

/* Place a picture in the arena, or only count while that is NULL; a border of one pixel of zeros.
 */
static struct af_nn_picture take(float *arena, size_t *used, size_t h, size_t width, size_t c)
{
    struct af_nn_picture p = {arena ? arena + *used : NULL, c, (width + 2) * c};

    *used += ((h + 2) * p.row + AF_NN_LANE - 1) / AF_NN_LANE * AF_NN_LANE;
    if (p.p)
        p.p += p.row + p.ld;
    return p;
}

static struct af_nn_picture channels_from(const struct af_nn_picture *p, size_t c)
{
    return (struct af_nn_picture){p->p ? p->p + c : NULL, p->ld, p->row};
}

/* Convolution numbers: of level k, first and second on the way down (k may be the bottom); then
 * up, first, second on the way up. */
static int down(int k, int which)
{
    return 2 * k + which;
}

static int up(const struct af_unet_arch *a, int k, int which)
{
    return 2 * (a->depth + 1) + 3 * (a->depth - 1 - k) + which;
}

static int check_sides(const struct af_unet_arch *a, size_t h, size_t width, struct af_err *err)
{
    size_t m = af_unet_multiple(a);

    if (h == 0 || width == 0 || h % m || width % m)
        return af_fail(err, AF_EUSAGE, "a U-Net of depth %d takes multiples of %zu px, not %zux%zu",
                       a->depth, m, width, h);
    return 0;
}

/* --------------------------------------------------------------- weights */

int af_unet_weights_new(struct af_unet_weights **out, const struct af_unet_arch *arch,
                        bool backward, const struct af_nn_kernels *kernels, struct af_err *err)
{
    struct af_unet_weights *w = af_calloc(1, sizeof(*w), err);
    size_t used = 0;

    *out = NULL;
    if (!w || !(w->arena = af_calloc_large(arch->nparams,
                                           backward ? 2 * sizeof(float) : sizeof(float), err))) {
        free(w);
        return -1;
    }
    w->arch = *arch;
    w->k = kernels ? kernels : af_nn_kernels_best();
    for (int i = 0; i < arch->nconv; i++) {
        w->conv[i].w = w->arena + used;
        used += arch->conv[i].nkernel;
        if (!backward || i == 0)
            continue;
        w->conv[i].wt = w->arena + used;
        used += arch->conv[i].nkernel;
    }
    *out = w;
    return 0;
}

void af_unet_weights_free(struct af_unet_weights *w)
{
    if (!w)
        return;
    free(w->arena);
    free(w);
}

/* [9 cout][cin] packed: tap t is the opposite one, transposed. */
static void pack_opposite(float *packed, const float *w, size_t cin, size_t cout)
{
    for (size_t c0 = 0; c0 < cin; c0 += AF_NN_TILE) {
        size_t width = cin - c0 < AF_NN_TILE ? cin - c0 : AF_NN_TILE;
        float *out = packed + c0 * 9 * cout;

        for (size_t t = 0; t < 9; t++)
            for (size_t n = 0; n < cout; n++)
                for (size_t j = 0; j < width; j++)
                    *out++ = w[((8 - t) * cin + c0 + j) * cout + n];
    }
}

void af_unet_weights_pack(struct af_unet_weights *w, const float *params, unsigned thread,
                          unsigned threads)
{
    if (thread == 0)
        w->params = params;
    for (int i = (int)thread; i < w->arch.nconv; i += (int)threads) {
        const struct af_unet_conv *c = &w->arch.conv[i];
        const float *from = params + c->kernel;
        size_t corner = c->cin * c->cout;

        if (c->kind == AF_UNET_3X3) {
            af_nn_pack(w->conv[i].w, from, 9 * c->cin, c->cout, c->cout);
            if (w->conv[i].wt)
                pack_opposite(w->conv[i].wt, from, c->cin, c->cout);
        }
        for (size_t t = 0; c->kind == AF_UNET_UP && t < 4; t++) {
            af_nn_pack_transposed(w->conv[i].w + t * corner, from + t * corner, c->cout, c->cin,
                                  c->cin);
            if (w->conv[i].wt)
                af_nn_pack(w->conv[i].wt + t * corner, from + t * corner, c->cout, c->cin, c->cin);
        }
    }
}

/* --------------------------------------------------------------- forward */

/* Without a way back, what has been read makes room: a convolution is normalised in place, and the
 * two of the way up write where the first of the way down and half of what they read were. */
static size_t lay_out_net(struct af_unet_net *n)
{
    const struct af_unet_arch *a = &n->arch;
    size_t used = 0;

    n->in = take(n->arena, &used, n->h, n->width, a->slices);
    memset(n->raw, 0, sizeof(n->raw));
    for (int i = 0; i < a->nconv; i++)
        if (a->conv[i].norm && n->backward)
            n->raw[i] = take(n->arena, &used, n->h >> a->conv[i].level,
                             n->width >> a->conv[i].level, a->conv[i].cout);
    for (int k = 0; k <= a->depth; k++) {
        size_t h = n->h >> k, width = n->width >> k, c = a->channels[k];

        n->out[down(k, 0)] = take(n->arena, &used, h, width, c);
        if (k == a->depth) {
            n->out[down(k, 1)] = take(n->arena, &used, h, width, c);
            break;
        }
        n->cat[k] = take(n->arena, &used, h, width, 2 * c);
        n->out[down(k, 1)] = channels_from(&n->cat[k], c);
        n->out[up(a, k, 0)] = n->cat[k];
        n->pool[k] = take(n->arena, &used, h / 2, width / 2, c);
        n->out[up(a, k, 1)] = n->backward ? take(n->arena, &used, h, width, c) : n->out[down(k, 0)];
        n->out[up(a, k, 2)] = n->backward ? take(n->arena, &used, h, width, c) : n->cat[k];
    }
    for (int i = 0; i < a->nconv; i++)
        if (!a->conv[i].norm || !n->backward)
            n->raw[i] = n->out[i];
    return used;
}

int af_unet_net_new(struct af_unet_net **out, const struct af_unet_arch *arch, size_t h,
                    size_t width, bool backward, struct af_err *err)
{
    struct af_unet_net *n;

    *out = NULL;
    if (check_sides(arch, h, width, err) || !(n = af_calloc(1, sizeof(*n), err)))
        return -1;
    n->arch = *arch;
    n->h = h;
    n->width = width;
    n->backward = backward;
    if (!(n->arena = af_calloc_large(lay_out_net(n), sizeof(float), err))) {
        free(n);
        return -1;
    }
    lay_out_net(n);
    *out = n;
    return 0;
}

size_t af_unet_net_bytes(const struct af_unet_arch *arch, size_t h, size_t width, bool backward)
{
    struct af_unet_net n = {.arch = *arch, .h = h, .width = width, .backward = backward};
    size_t px;

    /* No pixel takes as many as 4096 bytes, its share of the borders left out. */
    if (!af_size_mul(h + 2, width + 2, &px) || px > SIZE_MAX / 4096 / 4)
        return SIZE_MAX;
    return lay_out_net(&n) * sizeof(float);
}

void af_unet_net_free(struct af_unet_net *n)
{
    if (!n)
        return;
    free(n->arena);
    free(n);
}

/* What enters convolution i. */
static const struct af_nn_picture *input_of(const struct af_unet_net *n, int i)
{
    const struct af_unet_arch *a = &n->arch;
    int k = a->conv[i].level;

    if (i == 0)
        return &n->in;
    if (i < up(a, a->depth - 1, 0) && i == down(k, 0))
        return &n->pool[k - 1];
    if (i >= up(a, a->depth - 1, 0) && a->conv[i].kind == AF_UNET_3X3 && i == up(a, k, 1))
        return &n->cat[k];
    return &n->out[i - 1];
}

static uint32_t dropout_key(uint64_t seed, int i)
{
    uint64_t v = seed * 0x9e3779b97f4a7c15U + (uint64_t)i * 0xd1342543de82ef95U;

    return (uint32_t)(v >> 32) ^ (uint32_t)v;
}

/* The 1x1 convolution and the sigmoid. */
static void put_out(const struct af_unet_net *n, const struct af_unet_weights *w, float *p)
{
    const struct af_unet_conv *c = &n->arch.conv[n->arch.nconv - 1];
    const struct af_nn_picture *in = &n->out[n->arch.nconv - 2];
    const float *k = w->params + c->kernel;

    for (size_t y = 0; y < n->h; y++)
        for (size_t x = 0; x < n->width; x++) {
            const float *a = in->p + y * in->row + x * in->ld;
            float v = w->params[c->bias];

            for (size_t i = 0; i < c->cin; i++)
                v += a[i] * k[i];
            p[y * n->width + x] = 1 / (1 + expf(-v));
        }
}

void af_unet_forward(struct af_unet_net *n, const struct af_unet_weights *w, const float *x,
                     uint64_t seed, float *p)
{
    const struct af_unet_arch *a = &n->arch;

    for (size_t y = 0, line = n->width * a->slices; y < n->h; y++)
        memcpy(n->in.p + y * n->in.row, x + y * line, line * sizeof(*x));
    for (int i = 0; i + 1 < a->nconv; i++) {
        const struct af_unet_conv *c = &a->conv[i];
        const float *bias = w->params + c->bias;
        size_t h = n->h >> c->level, width = n->width >> c->level;

        n->drop[i] = seed ? c->dropout : 0;
        if (c->kind == AF_UNET_UP) {
            w->k->up2(&n->out[i], input_of(n, i), w->conv[i].w, bias, h / 2, width / 2, c->cin,
                      c->cout);
            continue;
        }
        w->k->conv3(&n->raw[i], input_of(n, i), w->conv[i].w, bias, h, width, c->cin, c->cout);
        if (c->norm)
            af_instance(&n->out[i], &n->raw[i], h, width, c->cout, w->params + c->norm,
                        w->params + c->norm + c->cout);
        if (n->drop[i] > 0)
            w->k->dropout(&n->out[i], h, width, c->cout, dropout_key(seed, i), n->drop[i]);
        if (c->level < a->depth && i == down(c->level, 1))
            w->k->pool2(&n->pool[c->level], &n->out[i], h / 2, width / 2, c->cout);
    }
    put_out(n, w, p);
}

/* -------------------------------------------------------------- backward */

static size_t lay_out_back(struct af_unet_back *b, const struct af_unet_arch *a, size_t h0,
                           size_t width0)
{
    size_t used = 0;

    for (int k = 0; k <= a->depth; k++) {
        size_t h = h0 >> k, width = width0 >> k, c = a->channels[k];

        b->dz[down(k, 0)] = take(b->arena, &used, h, width, c);
        b->dz[down(k, 1)] = take(b->arena, &used, h, width, c);
        if (k == a->depth)
            break;
        b->dcat[k] = take(b->arena, &used, h, width, 2 * c);
        b->dpool[k] = take(b->arena, &used, h / 2, width / 2, c);
        b->dz[up(a, k, 0)] = b->dcat[k];
        b->dz[up(a, k, 1)] = take(b->arena, &used, h, width, c);
        b->dz[up(a, k, 2)] = take(b->arena, &used, h, width, c);
    }
    return used;
}

int af_unet_back_new(struct af_unet_back **out, const struct af_unet_arch *arch, size_t h,
                     size_t width, struct af_err *err)
{
    struct af_unet_back *b;

    *out = NULL;
    if (check_sides(arch, h, width, err) || !(b = af_calloc(1, sizeof(*b), err)))
        return -1;
    if (!(b->arena = af_calloc_large(lay_out_back(b, arch, h, width), sizeof(float), err))) {
        free(b);
        return -1;
    }
    lay_out_back(b, arch, h, width);
    *out = b;
    return 0;
}

void af_unet_back_free(struct af_unet_back *b)
{
    if (!b)
        return;
    free(b->arena);
    free(b);
}

/* The last two layers: 1x1, and the ReLU that it sees. */
static void back_out(const struct af_unet_net *n, struct af_unet_back *b,
                     const struct af_unet_weights *w, const float *dlogit, float *grad)
{
    const struct af_unet_conv *c = &n->arch.conv[n->arch.nconv - 1];
    const struct af_nn_picture *in = &n->out[n->arch.nconv - 2], *dz = &b->dz[n->arch.nconv - 2];
    const float *k = w->params + c->kernel;
    double dbias = 0;

    for (size_t y = 0; y < n->h; y++)
        for (size_t x = 0; x < n->width; x++) {
            const float *a = in->p + y * in->row + x * in->ld;
            float *d = dz->p + y * dz->row + x * dz->ld, g = dlogit[y * n->width + x];

            dbias += (double)g;
            for (size_t i = 0; i < c->cin; i++) {
                grad[c->kernel + i] += g * a[i];
                d[i] = a[i] > 0 ? g * k[i] : 0;
            }
        }
    grad[c->bias] += (float)dbias;
}

/* Gradient by what entered convolution i, on to the layer below it. */
static void pass_on(const struct af_unet_net *n, struct af_unet_back *b,
                    const struct af_unet_weights *w, int i)
{
    const struct af_unet_arch *a = &n->arch;
    const struct af_unet_conv *c = &a->conv[i];
    int k = c->level;
    size_t h = n->h >> k, width = n->width >> k;
    const float *wt = w->conv[i].wt;
    /* The ReLU below, where nothing lies between. */
    const struct af_nn_picture *relu = a->conv[i - 1].norm ? NULL : &n->out[i - 1];

    if (c->kind == AF_UNET_UP)
        w->k->up2_back(&b->dz[i - 1], &b->dz[i], wt, h / 2, width / 2, c->cout, c->cin, relu);
    else if (input_of(n, i) == &n->cat[k < a->depth ? k : 0])
        w->k->conv3_back(&b->dcat[k], &b->dz[i], wt, h, width, c->cout, c->cin, NULL, 1);
    else if (k > 0 && input_of(n, i) == &n->pool[k - 1])
        w->k->conv3_back(&b->dpool[k - 1], &b->dz[i], wt, h, width, c->cout, c->cin, NULL, 1);
    else
        w->k->conv3_back(&b->dz[i - 1], &b->dz[i], wt, h, width, c->cout, c->cin, relu,
                         (float)(1 / (1 - n->drop[i - 1])));
}

void af_unet_backward(const struct af_unet_net *n, struct af_unet_back *b,
                      const struct af_unet_weights *w, const float *dlogit, float *grad)
{
    const struct af_unet_arch *a = &n->arch;

    back_out(n, b, w, dlogit, grad);
    for (int i = a->nconv - 2; i >= 0; i--) {
        const struct af_unet_conv *c = &a->conv[i];
        int k = c->level;
        size_t h = n->h >> k, width = n->width >> k;

        if (k < a->depth && i == down(k, 1)) { // what came round, and what came through
            const struct af_nn_picture skip = channels_from(&b->dcat[k], c->cout);

            w->k->pool2_back(&b->dz[i], &skip, &b->dpool[k], &n->out[i], h / 2, width / 2, c->cout,
                             !c->norm);
        }
        if (c->norm)
            af_instance_back(&b->dz[i], &n->raw[i], h, width, c->cout, w->params + c->norm,
                             grad + c->norm, grad + c->norm + c->cout);
        if (c->kind == AF_UNET_UP)
            w->k->up2_weights(grad + c->kernel, grad + c->bias, input_of(n, i), &b->dz[i], h / 2,
                              width / 2, c->cin, c->cout);
        else
            w->k->conv3_weights(grad + c->kernel, grad + c->bias, input_of(n, i), &b->dz[i], h,
                                width, c->cin, c->cout);
        if (i > 0)
            pass_on(n, b, w, i);
    }
}

/* A filter of up2, [cin][cout] to [cout][cin] in each of its four places. */
static void collect_up(const struct af_unet_conv *c, float *grad, const float *const *part,
                       size_t n)
{
    for (size_t t = 0; t < 4; t++)
        for (size_t y = 0; y < c->cin; y++)
            for (size_t x = 0; x < c->cout; x++) {
                size_t from = c->kernel + (t * c->cin + y) * c->cout + x;
                float v = 0;

                for (size_t p = 0; p < n; p++)
                    v += part[p][from];
                grad[c->kernel + (t * c->cout + x) * c->cin + y] = v;
            }
}

void af_unet_collect(const struct af_unet_arch *a, float *grad, const float *const *part, size_t n,
                     unsigned thread, unsigned threads)
{
    for (int i = (int)thread; i < a->nconv; i += (int)threads) {
        const struct af_unet_conv *c = &a->conv[i];
        size_t first = c->kind == AF_UNET_UP ? c->bias : c->kernel;
        size_t end = c->bias + c->cout + (c->norm ? 2 * c->cout : 0);

        af_nn_kernels_best()->sum_parts(grad + first, part, n, first, end - first);
        if (c->kind == AF_UNET_UP)
            collect_up(c, grad, part, n);
    }
}
