/* SPDX-License-Identifier: BSD-2-Clause */
/* The trainer's plan: what lies where, and who does what. */
#include "nn/trainer.h"

#include "base/memory.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_FLOATS = 48 * 1024, // what a block of rows may take of the second cache, in and out
    BLOCK_ROWS = 252,
    TILE_ROWS = 12, // of the widest kernels
    LARGE = 12,     // side from which an expansion is made again rather than stored, px
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

static double *take_doubles(const struct af_nn_trainer *t, size_t *used, size_t n)
{
    return (double *)(void *)take(t, used, 2 * n);
}

/* Expansions that may go without being stored: of large pictures, with a depthwise layer behind. */
static bool may_fuse(const struct af_nn_trainer *t, int i)
{
    const struct af_nn_conv *c = &t->arch.conv[i];

    return c->kind != AF_NN_DEPTHWISE && c->relu6 && c->h_out >= LARGE;
}

static void take_layer(struct af_nn_trainer *t, int i, size_t *used)
{
    const struct af_nn_conv *c = &t->arch.conv[i];
    struct af_nn_layer *l = &t->layer[i];
    size_t cin = c->kind == AF_NN_FIRST ? 9 : (size_t)c->cin, kp = af_nn_pad(cin);
    size_t nw = c->kind == AF_NN_DEPTHWISE ? 9 * l->out : kp * l->out;
    float **vector[] = {&l->norm.scale,  &l->norm.shift, &l->norm.mean,
                        &l->norm.invstd, &l->denorm.a,   &l->denorm.b,
                        &l->denorm.c,    &l->dgamma,     &l->dbeta};

    l->z = take(t, used, t->batch * l->px_out * l->out);
    if (!c->relu6)
        l->y = take(t, used, t->batch * l->px_out * l->out);
    l->w = take(t, used, nw);
    if (c->kind != AF_NN_DEPTHWISE)
        l->wt = take(t, used, nw);
    for (size_t v = 0; v < sizeof(vector) / sizeof(vector[0]); v++)
        *vector[v] = take(t, used, l->out);
    if (may_fuse(t, i)) {
        l->gram = take_doubles(t, used, cin * kp + kp);
        l->xsum = l->gram ? l->gram + cin * kp : NULL;
        l->gw = take_doubles(t, used, cin * (size_t)c->cout);
        t->nmoments = larger(t->nmoments, cin * kp + kp);
    }
}

static void take_corner(struct af_nn_trainer *t, struct af_nn_corner *c, size_t *used)
{
    size_t side = AF_NN_SIDE / 2;

    c->dw = take(t, used, t->ndw);
    c->x = take(t, used, 2 * BLOCK_FLOATS);
    c->dz = take(t, used, 2 * BLOCK_FLOATS);
    c->ring = take(t, used, AF_NN_RING_BLOCK(side));
    c->sum = take(t, used, t->widest);
    c->dot = take(t, used, t->widest);
    c->total = take_doubles(t, used, t->widest);
    c->along = take_doubles(t, used, t->widest);
    c->gram = take(t, used, t->nmoments);
    c->moments = take_doubles(t, used, t->nmoments);
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
    t->patches = take(t, &used, t->batch * t->layer[0].px_out * AF_NN_LANE);
    t->dy = take(t, &used, t->batch * dy);
    t->dy_next = take(t, &used, t->batch * dy);
    t->dmid = take(t, &used, t->batch * dmid);
    t->dexp = take(t, &used, t->batch * dexp);
    t->mix = take(t, &used, t->nmoments);
    t->mix_packed = take(t, &used, t->nmoments);
    t->pooled = take(t, &used, t->batch * t->layer[AF_NN_NCONV - 1].out);
    t->dpooled = take(t, &used, t->batch * t->layer[AF_NN_NCONV - 1].out);
    for (unsigned i = 0; i < af_nn_crew_size(t->crew); i++) {
        take_corner(t, &t->corner[i], &used);
        t->part[i] = t->corner[i].dw;
    }
    return used;
}

static void measure_layers(struct af_nn_trainer *t)
{
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &t->arch.conv[i];
        struct af_nn_layer *l = &t->layer[i];

        l->in = c->kind == AF_NN_FIRST ? 1 : af_nn_pad((size_t)c->cin);
        l->out = af_nn_pad((size_t)c->cout);
        l->px_in = (size_t)c->h_in * (size_t)c->h_in;
        l->px_out = (size_t)c->h_out * (size_t)c->h_out;
        l->dw = t->ndw;
        t->ndw += (c->kind == AF_NN_POINTWISE ? (size_t)c->cin : 9) * l->out;
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
    if (!t || !(t->corner = af_calloc(af_nn_crew_size(crew), sizeof(*t->corner), err)) ||
        !(t->part = af_calloc(af_nn_crew_size(crew), sizeof(*t->part), err))) {
        af_nn_trainer_free(t);
        return -1;
    }
    t->arch = *arch;
    t->batch = batch;
    t->crew = crew;
    t->k = kernels ? kernels : af_nn_kernels_best();
    measure_layers(t);
    af_nn_trainer_freeze(t, 0);
    n = lay_out(t);
    /* Fresh pages are zero and cost nothing until they are touched: layers that are never stored
     * keep their place here. af_calloc_large() would touch them all. */
    if (!(t->pages = af_calloc(n + AF_NN_LANE, sizeof(float), err))) {
        af_nn_trainer_free(t);
        return -1;
    }
    t->arena = t->pages + (64 - (uintptr_t)t->pages % 64) % 64 / sizeof(float);
    lay_out(t);
    *out = t;
    return 0;
}

void af_nn_trainer_free(struct af_nn_trainer *t)
{
    if (!t)
        return;
    free(t->pages);
    free(t->part);
    free(t->corner);
    free(t);
}

void af_nn_trainer_freeze(struct af_nn_trainer *t, int freeze)
{
    const struct af_nn_conv *conv = t->arch.conv;
    bool fuse;

    t->cut = t->skip = -1;
    while (t->cut + 1 < AF_NN_NCONV && conv[t->cut + 1].layer < freeze)
        t->cut++;
    t->cut_norm = t->cut >= 0 && conv[t->cut].layer + 1 >= freeze;
    for (int i = 0; t->cut >= 0 && i < AF_NN_NCONV; i++)
        if (i >= t->cut && conv[i].add >= 0 && conv[i].add < t->cut)
            t->skip = conv[i].add;
    /* A cut among the large pictures needs what is below and above it as it stands. */
    fuse = t->cut < 0 || conv[t->cut].h_out < LARGE;
    for (int i = 0; i < AF_NN_NCONV; i++)
        t->layer[i].fused = fuse && (may_fuse(t, i) || (i > 0 && may_fuse(t, i - 1)));
}

/* ------------------------------------------------------ shares of a thread */

/* Images of thread i: [*from, *to). */
void af_nn_share(const struct af_nn_trainer *t, unsigned i, size_t *from, size_t *to)
{
    size_t threads = af_nn_crew_size(t->crew);

    *from = t->n * i / threads;
    *to = t->n * (i + 1) / threads;
}

void af_nn_totals_clear(struct af_nn_corner *c, size_t cp)
{
    memset(c->total, 0, cp * sizeof(double));
    memset(c->along, 0, cp * sizeof(double));
}

void af_nn_sums_clear(struct af_nn_corner *c, size_t cp)
{
    memset(c->sum, 0, cp * sizeof(float));
    memset(c->dot, 0, cp * sizeof(float));
}

void af_nn_sums_add(struct af_nn_corner *c, size_t cp)
{
    for (size_t i = 0; i < cp; i++) {
        c->total[i] += (double)c->sum[i];
        c->along[i] += (double)c->dot[i];
    }
}

/* The crew's totals, in the order of the threads. */
void af_nn_totals_merge(const struct af_nn_trainer *t, size_t c, double *total, double *along)
{
    *total = *along = 0;
    for (unsigned i = 0; i < af_nn_crew_size(t->crew); i++) {
        *total += t->corner[i].total[c];
        *along += t->corner[i].along[c];
    }
}

/* Rows of a block so that in and out fit; whole tiles where there are that many. */
size_t af_nn_block_rows(const struct af_nn_layer *l)
{
    size_t rows = BLOCK_FLOATS / (l->in + l->out);

    rows = rows > BLOCK_ROWS ? BLOCK_ROWS : rows;
    return rows >= TILE_ROWS ? rows / TILE_ROWS * TILE_ROWS : rows;
}
