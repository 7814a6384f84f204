/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/model.h"

#include "base/memory.h"
#include "base/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ARCH "mobilenetv2"

/* Kernel, gamma, beta, mean, variance of each convolution; dense kernel and bias. */
enum { NTENSORS = 5 * AF_NN_NCONV + 2 };

static int allocate(struct af_nn_model *m, struct af_err *err)
{
    m->params = af_calloc_large(m->arch.nparams, sizeof(*m->params), err);
    m->moving = m->params ? af_calloc_large(m->arch.nmoving, sizeof(*m->moving), err) : NULL;
    return m->moving ? 0 : -1;
}

int af_nn_model_init(struct af_nn_model *m, double alpha, struct af_err *err)
{
    *m = (struct af_nn_model){0};
    if (af_nn_arch_init(&m->arch, alpha, err) || allocate(m, err)) {
        af_nn_model_release(m);
        return -1;
    }
    m->about.half_range_um = 1;
    return 0;
}

void af_nn_model_release(struct af_nn_model *m)
{
    af_nn_notes_release(&m->about.notes);
    free(m->params);
    free(m->moving);
    *m = (struct af_nn_model){0};
}

static void glorot(struct af_random *r, float *w, size_t n, size_t fan_in, size_t fan_out)
{
    double limit = sqrt(6 / (double)(fan_in + fan_out));

    for (size_t i = 0; i < n; i++)
        w[i] = (float)(limit * (2 * af_random_uniform(r) - 1));
}

void af_nn_model_randomise(struct af_nn_model *m, uint64_t seed)
{
    const struct af_nn_arch *a = &m->arch;
    struct af_random r;

    af_random_init(&r, seed, "weights");
    memset(m->params, 0, a->nparams * sizeof(*m->params));
    memset(m->moving, 0, a->nmoving * sizeof(*m->moving));
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &a->conv[i];
        size_t taps = c->kind == AF_NN_POINTWISE ? 1 : 9, cout = (size_t)c->cout;

        glorot(&r, m->params + c->kernel, c->nkernel, taps * (size_t)c->cin,
               c->kind == AF_NN_DEPTHWISE ? taps : taps * cout);
        for (size_t k = 0; k < cout; k++)
            m->params[c->gamma + k] = m->moving[c->variance + k] = 1;
    }
    glorot(&r, m->params + a->dense_kernel, (size_t)a->cfeature, (size_t)a->cfeature, 1);
}

/* ----------------------------------------------------------------- names */

static int add(struct af_tensors *s, const char *layer, const char *what, size_t ndims,
               const size_t *dim, struct af_err *err)
{
    char name[64];

    snprintf(name, sizeof(name), "%s/%s", layer, what);
    return af_tensors_add(s, name, ndims, dim, err);
}

/* The tensors of an arch by name and shape, in Keras order. */
static int list(struct af_tensors *s, const struct af_nn_arch *a, struct af_err *err)
{
    static const char *const of_bn[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const size_t dense[2] = {(size_t)a->cfeature, 1}, one = 1;

    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &a->conv[i];
        bool depthwise = c->kind == AF_NN_DEPTHWISE;
        size_t cout = (size_t)c->cout, side = c->kind == AF_NN_POINTWISE ? 1 : 3;
        const size_t dim[4] = {side, side, (size_t)c->cin, depthwise ? 1 : cout};

        if (add(s, c->name, depthwise ? "depthwise_kernel" : "kernel", 4, dim, err))
            return -1;
        for (int k = 0; k < 4; k++)
            if (add(s, c->bn, of_bn[k], 1, &cout, err))
                return -1;
    }
    return add(s, "dense", "kernel", 2, dense, err) || add(s, "dense", "bias", 1, &one, err) ? -1
                                                                                             : 0;
}

/* Where tensor i of that list lies in m. */
static float *place(const struct af_nn_model *m, size_t i)
{
    const struct af_nn_arch *a = &m->arch;
    const struct af_nn_conv *c;

    if (i >= NTENSORS - 2)
        return m->params + (i == NTENSORS - 2 ? a->dense_kernel : a->dense_bias);
    c = &a->conv[i / 5];
    switch (i % 5) {
    case 0: return m->params + c->kernel;
    case 1: return m->params + c->gamma;
    case 2: return m->params + c->beta;
    case 3: return m->moving + c->mean;
    default: return m->moving + c->variance;
    }
}

/* --------------------------------------------------------------- reading */

/* The width with so many numbers in all. */
static int guess_alpha(struct af_nn_arch *a, const struct af_nn_modelfile *f, struct af_err *err)
{
    static const double keras[] = {0.35, 0.5, 0.75, 1, 1.3, 1.4};
    enum { NKERAS = sizeof(keras) / sizeof(keras[0]) };
    size_t n = 0;

    for (size_t i = 0; i < f->head.n; i++)
        n += f->head.tensor[i].n;
    for (int i = 0; i < NKERAS + 35; i++) {
        double alpha = i < NKERAS ? keras[i] : (i - NKERAS + 6) * 0.05;

        if (!af_nn_arch_init(a, alpha, NULL) && a->nparams + a->nmoving == n)
            return 0;
    }
    return af_fail(err, AF_EDATA, "%s: no alpha is given, and no usual one has %zu numbers",
                   f->name, n);
}

static int find_arch(struct af_nn_arch *a, const struct af_nn_modelfile *f, struct af_err *err)
{
    const char *arch = af_nn_modelfile_arch(f);
    double alpha = 0;
    struct af_err e;

    if (strcmp(arch, ARCH) != 0)
        return af_fail(err, AF_EDATA, "%s: its arch is '%.80s', not " ARCH, f->name, arch);
    if (af_nn_modelfile_real(f, "alpha", &alpha, err))
        return -1;
    if (!af_nn_notes_get(&f->head.notes, "alpha"))
        return guess_alpha(a, f, err);
    if (af_nn_arch_init(a, alpha, &e))
        return af_fail(err, AF_EDATA, "%s: %s", f->name, e.text);
    return 0;
}

static int read_numbers(struct af_nn_model *m, const struct af_nn_modelfile *f, struct af_err *err)
{
    struct af_tensors want = {0};
    float *to[NTENSORS];
    int ret = -1;

    if (list(&want, &m->arch, err) || allocate(m, err))
        goto done;
    for (size_t i = 0; i < NTENSORS; i++)
        to[i] = place(m, i);
    if (af_nn_modelfile_read(f, &want, to, err))
        goto done;
    for (int i = 0; i < AF_NN_NCONV; i++)
        for (int k = 0; k < m->arch.conv[i].cout; k++)
            if (m->moving[m->arch.conv[i].variance + (size_t)k] < 0) {
                af_fail(err, AF_EDATA, "%s: %s/moving_variance: below 0", f->name,
                        m->arch.conv[i].bn);
                goto done;
            }
    ret = 0;
done:
    af_tensors_release(&want);
    return ret;
}

int af_nn_model_read_file(struct af_nn_model *m, const struct af_nn_modelfile *f,
                          struct af_err *err)
{
    *m = (struct af_nn_model){0};
    if (!find_arch(&m->arch, f, err) && !af_nn_modelfile_about(f, &m->about, err) &&
        !read_numbers(m, f, err))
        return 0;
    af_nn_model_release(m);
    return -1;
}

int af_nn_model_read(struct af_nn_model *m, const char *path, struct af_err *err)
{
    struct af_nn_modelfile f;
    int ret;

    *m = (struct af_nn_model){0};
    if (af_nn_modelfile_open(&f, path, err))
        return -1;
    ret = af_nn_model_read_file(m, &f, err);
    af_nn_modelfile_close(&f);
    return ret;
}

/* --------------------------------------------------------------- writing */

int af_nn_model_write(const struct af_nn_model *m, const char *path, struct af_err *err)
{
    const float *from[NTENSORS];
    struct af_tensors s = {0};
    int ret = list(&s, &m->arch, err);

    for (size_t i = 0; i < NTENSORS; i++)
        from[i] = place(m, i);
    if (!ret)
        ret = af_nn_modelfile_write(path, ARCH, m->arch.alpha, &m->about, &s, from, err);
    af_tensors_release(&s);
    return ret;
}
