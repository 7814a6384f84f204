/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/arch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Table 2: expansion, channels, repeats, stride of the first. */
static const struct {
    int t, c, n, s;
} group[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

int af_nn_make_divisible(double v)
{
    int d = (int)(v + 4) / 8 * 8;

    d = d > 8 ? d : 8;
    return d < 0.9 * v ? d + 8 : d;
}

/* The next convolution: names, geometry, places; advances the counts of arch and *layer. */
static struct af_nn_conv *add_conv(struct af_nn_arch *a, int *n, int *layer, enum af_nn_kind kind,
                                   int cin, int cout, int stride, int h)
{
    struct af_nn_conv *c = &a->conv[(*n)++];

    *c = (struct af_nn_conv){.layer = *layer,
                             .kind = kind,
                             .cin = cin,
                             .cout = cout,
                             .stride = stride,
                             .h_in = h,
                             .h_out = (h + stride - 1) / stride,
                             .relu6 = true,
                             .add = -1};
    c->nkernel = (size_t)cout * (size_t)(kind == AF_NN_POINTWISE ? cin : 9);
    c->kernel = a->nparams;
    c->gamma = c->kernel + c->nkernel;
    c->beta = c->gamma + (size_t)cout;
    a->nparams = c->beta + (size_t)cout;
    c->mean = a->nmoving;
    c->variance = c->mean + (size_t)cout;
    a->nmoving = c->variance + (size_t)cout;
    *layer += 2;
    return c;
}

static void name_conv(struct af_nn_conv *c, int block, const char *role)
{
    if (block == 0)
        snprintf(c->name, sizeof(c->name), "expanded_conv_%s", role);
    else
        snprintf(c->name, sizeof(c->name), "block_%d_%s", block, role);
    snprintf(c->bn, sizeof(c->bn), "%.28s_BN", c->name);
}

/*
 * One inverted residual block. Keras layers: expand, BN, ReLU; [pad]; depthwise, BN, ReLU;
 * project, BN; [add]. prev is the convolution whose output enters. Returns the one that leaves.
 */
static int add_block(struct af_nn_arch *a, int *n, int *layer, int block, int t, int cout,
                     int stride, int prev)
{
    int cin = a->conv[prev].cout, h = a->conv[prev].h_out, mid = t * cin;
    struct af_nn_conv *c;

    if (block > 0) {
        name_conv(add_conv(a, n, layer, AF_NN_POINTWISE, cin, mid, 1, h), block, "expand");
        ++*layer; // ReLU
    }
    *layer += stride == 2;
    c = add_conv(a, n, layer, AF_NN_DEPTHWISE, mid, mid, stride, h);
    name_conv(c, block, "depthwise");
    ++*layer; // ReLU
    c = add_conv(a, n, layer, AF_NN_POINTWISE, mid, cout, 1, c->h_out);
    name_conv(c, block, "project");
    c->relu6 = false;
    if (stride == 1 && cin == cout) {
        c->add = prev;
        ++*layer;
    }
    return *n - 1;
}

int af_nn_arch_init(struct af_nn_arch *a, double alpha, struct af_err *err)
{
    int n = 0, layer = 2, block = 0, last = 0; // layers 0 and 1: input, padding
    struct af_nn_conv *c;

    if (!(alpha >= 0.3 && alpha <= 2))
        return af_fail(err, AF_EUSAGE, "alpha %.9g is not in 0.3 to 2", alpha);
    *a = (struct af_nn_arch){.alpha = alpha};
    c = add_conv(a, &n, &layer, AF_NN_FIRST, 1, af_nn_make_divisible(32 * alpha), 2, AF_NN_SIDE);
    strcpy(c->name, "Conv1");
    strcpy(c->bn, "bn_Conv1");
    layer++;
    for (size_t g = 0; g < sizeof(group) / sizeof(group[0]); g++)
        for (int i = 0; i < group[g].n; i++, block++)
            last = add_block(a, &n, &layer, block, group[g].t,
                             af_nn_make_divisible((int)(group[g].c * alpha)), i ? 1 : group[g].s,
                             last);
    a->cfeature = alpha > 1 ? af_nn_make_divisible(1280 * alpha) : 1280;
    c = add_conv(a, &n, &layer, AF_NN_POINTWISE, a->conv[last].cout, a->cfeature, 1,
                 a->conv[last].h_out);
    strcpy(c->name, "Conv_1");
    strcpy(c->bn, "Conv_1_bn");
    a->dense_kernel = a->nparams;
    a->dense_bias = a->dense_kernel + (size_t)a->cfeature;
    a->nparams = a->dense_bias + 1;
    return 0;
}
