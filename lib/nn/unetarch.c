/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/unetarch.h"

#include "base/random.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Dropout by channels, as published: the narrow layers lose less. */
static const struct {
    const char *name;
    int depth;
    bool norm;
    size_t slices, channels[AF_UNET_DEPTH_MAX + 1];
    double down[AF_UNET_DEPTH_MAX + 1], up[AF_UNET_DEPTH_MAX];
} shapes[] = {
    {"unet", 4, false, 1, {16, 32, 64, 128, 256}, {0.1, 0.1, 0.2, 0.2, 0.3}, {0.1, 0.1, 0.2, 0.2}},
    {"unet-512", 5, true, 1, {16, 32, 64, 128, 256, 512}, {0}, {0}},
    {"unet-small", 3, false, 1, {16, 32, 64, 128}, {0, 0, 0, 0.1}, {0, 0, 0}},
    {"unet-z", 3, false, 5, {16, 32, 64, 128}, {0, 0, 0, 0.1}, {0, 0, 0}},
};
const char *const af_unet_name[] = {"unet", "unet-512", "unet-small", "unet-z"};
_Static_assert(sizeof(shapes) / sizeof(shapes[0]) == AF_UNET_NNAMES &&
                   sizeof(af_unet_name) / sizeof(af_unet_name[0]) == AF_UNET_NNAMES,
               "a name for each shape");

/* Normalise what the last layer puts out. */
static void add_norm(struct af_unet_arch *a)
{
    struct af_unet_conv *c = &a->conv[a->nconv - 1];
    int before = 0;

    for (int i = 0; i + 1 < a->nconv; i++)
        before += a->conv[i].norm > 0;
    snprintf(c->norm_name, sizeof(c->norm_name),
             before ? "instance_normalization_%d" : "instance_normalization", before);
    c->norm = a->nparams;
    a->nparams += 2 * c->cout;
}

static void add(struct af_unet_arch *a, enum af_unet_kind kind, int level, size_t cin, size_t cout,
                double dropout)
{
    struct af_unet_conv *c = &a->conv[a->nconv];
    int before = 0;

    for (int i = 0; i < a->nconv; i++)
        before += (a->conv[i].kind == AF_UNET_UP) == (kind == AF_UNET_UP);
    *c = (struct af_unet_conv){
        .kind = kind, .level = level, .cin = cin, .cout = cout, .dropout = dropout};
    if (before)
        snprintf(c->name, sizeof(c->name), "conv2d%s_%d", kind == AF_UNET_UP ? "_transpose" : "",
                 before);
    else
        snprintf(c->name, sizeof(c->name), "conv2d%s", kind == AF_UNET_UP ? "_transpose" : "");
    c->nkernel = cin * cout * (kind == AF_UNET_3X3 ? 9 : kind == AF_UNET_UP ? 4 : 1);
    c->kernel = a->nparams;
    c->bias = c->kernel + c->nkernel;
    a->nparams = c->bias + cout;
    a->nconv++;
}

static void add_pair(struct af_unet_arch *a, int level, size_t cin, double dropout, bool norm)
{
    for (int i = 0; i < 2; i++) {
        add(a, AF_UNET_3X3, level, i ? a->channels[level] : cin, a->channels[level],
            i ? 0 : dropout);
        if (norm)
            add_norm(a);
    }
}

int af_unet_arch_init(struct af_unet_arch *a, const char *name, struct af_err *err)
{
    int s = 0;

    while (s < AF_UNET_NNAMES && strcmp(shapes[s].name, name) != 0)
        s++;
    if (s == AF_UNET_NNAMES)
        return af_fail(err, AF_EUSAGE,
                       "no network is called '%s'; there are unet, unet-512, unet-small, unet-z",
                       name);
    *a = (struct af_unet_arch){
        .depth = shapes[s].depth, .slices = shapes[s].slices, .norm = shapes[s].norm};
    snprintf(a->name, sizeof(a->name), "%s", name);
    memcpy(a->channels, shapes[s].channels, sizeof(a->channels));
    for (int k = 0; k <= a->depth; k++) {
        add_pair(a, k, k ? a->channels[k - 1] : a->slices, shapes[s].down[k], a->norm);
    }
    for (int k = a->depth - 1; k >= 0; k--) {
        add(a, AF_UNET_UP, k, a->channels[k + 1], a->channels[k], 0);
        add_pair(a, k, 2 * a->channels[k], shapes[s].up[k], a->norm && k == a->depth - 1);
    }
    add(a, AF_UNET_OUT, 0, a->channels[0], 1, 0);
    return 0;
}

size_t af_unet_reach(const struct af_unet_arch *a)
{
    size_t reach = 0;

    for (int i = 0; i < a->nconv; i++)
        if (a->conv[i].kind != AF_UNET_OUT) // a square of 2x2 reaches a pixel of its level further
            reach += (size_t)1 << a->conv[i].level;
    return reach + ((size_t)1 << a->depth);
}

void af_unet_randomise(const struct af_unet_arch *a, float *params, unsigned long long seed)
{
    struct af_random r;

    memset(params, 0, a->nparams * sizeof(*params));
    for (int i = 0; i < a->nconv; i++) {
        const struct af_unet_conv *c = &a->conv[i];
        /* Keras counts the inputs of a transposed filter by its last but one number, cout. */
        size_t fan = c->kind == AF_UNET_3X3  ? 9 * c->cin
                     : c->kind == AF_UNET_UP ? 4 * c->cout
                                             : c->cin;
        double limit = sqrt(6.0 / (double)fan);

        af_random_init(&r, seed, c->name);
        for (size_t k = 0; k < c->nkernel; k++)
            params[c->kernel + k] = (float)((2 * af_random_uniform(&r) - 1) * limit);
        for (size_t k = 0; c->norm && k < c->cout; k++)
            params[c->norm + k] = 1;
    }
}
