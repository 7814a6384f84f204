/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/model.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/outfile.h"
#include "base/random.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "aftools-model/1"
#define ARCH "mobilenetv2"
#define INPUT "96x96x1"

/* Keys that have fields of their own, in the order they are written. */
static const char *const own_key[] = {
    "format", "arch", "alpha", "input", "target_center_um", "target_half_range_um",
};
enum { NOWN = sizeof(own_key) / sizeof(own_key[0]) };

/* Kernel, gamma, beta, mean, variance of each convolution; dense kernel and bias. */
enum { NTENSORS = 5 * AF_NN_NCONV + 2 };

static bool is_own(const char *key)
{
    for (size_t i = 0; i < NOWN; i++)
        if (strcmp(key, own_key[i]) == 0)
            return true;
    return false;
}

static int allocate(struct af_nn_model *m, struct af_err *err)
{
    m->params = af_calloc(m->arch.nparams, sizeof(*m->params), err);
    m->moving = m->params ? af_calloc(m->arch.nmoving, sizeof(*m->moving), err) : NULL;
    return m->moving ? 0 : -1;
}

int af_nn_model_init(struct af_nn_model *m, double alpha, struct af_err *err)
{
    *m = (struct af_nn_model){0};
    if (af_nn_arch_init(&m->arch, alpha, err) || allocate(m, err)) {
        af_nn_model_release(m);
        return -1;
    }
    m->target_half_range_um = 1;
    return 0;
}

void af_nn_model_release(struct af_nn_model *m)
{
    struct af_tensors notes = {.note = m->note, .nnotes = m->nnotes};

    af_tensors_release(&notes);
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

/* ----------------------------------------------------------------- notes */

static int append_note(struct af_nn_model *m, const char *key, const char *value,
                       struct af_err *err)
{
    struct af_tensors s = {.note = m->note, .nnotes = m->nnotes, .note_cap = m->note_cap};
    int ret = af_tensors_add_note(&s, key, value, err);

    m->note = s.note;
    m->nnotes = s.nnotes;
    m->note_cap = s.note_cap;
    return ret;
}

const char *af_nn_model_note(const struct af_nn_model *m, const char *key)
{
    const struct af_tensors s = {.note = m->note, .nnotes = m->nnotes};

    return af_tensors_note(&s, key);
}

int af_nn_model_set_note(struct af_nn_model *m, const char *key, const char *value,
                         struct af_err *err)
{
    char *copy;

    assert(!is_own(key));
    for (size_t i = 0; i < m->nnotes; i++)
        if (strcmp(m->note[i].key, key) == 0) {
            if (!(copy = af_strdup(value, err)))
                return -1;
            free(m->note[i].value);
            m->note[i].value = copy;
            return 0;
        }
    return append_note(m, key, value, err);
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

/* *v from the text of a key; untouched where there is none. */
static int read_real(const struct af_tensors *s, const char *key, double *v, const char *name,
                     struct af_err *err)
{
    const char *text = af_tensors_note(s, key);
    struct af_err e;

    if (text && af_parse_real(text, v, &e))
        return af_fail(err, AF_EDATA, "%s: %s: %.200s", name, key, e.text);
    return 0;
}

/* A key that is there must have this value. */
static int expect(const struct af_tensors *s, const char *key, const char *want, const char *name,
                  struct af_err *err)
{
    const char *text = af_tensors_note(s, key);

    if (text && strcmp(text, want) != 0)
        return af_fail(err, AF_EDATA, "%s: its %s is '%.80s', not %s", name, key, text, want);
    return 0;
}

/* The width with so many numbers in all. */
static int guess_alpha(struct af_nn_arch *a, const struct af_tensors *s, const char *name,
                       struct af_err *err)
{
    static const double keras[] = {0.35, 0.5, 0.75, 1, 1.3, 1.4};
    enum { NKERAS = sizeof(keras) / sizeof(keras[0]) };
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->tensor[i].n;
    for (int i = 0; i < NKERAS + 35; i++) {
        double alpha = i < NKERAS ? keras[i] : (i - NKERAS + 6) * 0.05;

        if (!af_nn_arch_init(a, alpha, NULL) && a->nparams + a->nmoving == n)
            return 0;
    }
    return af_fail(err, AF_EDATA, "%s: no alpha is given, and no usual one has %zu numbers", name,
                   n);
}

/* Everything that is not a tensor. */
static int read_metadata(struct af_nn_model *m, const struct af_tensors *s, const char *name,
                         struct af_err *err)
{
    double alpha = 0;
    struct af_err e;

    m->target_half_range_um = 1;
    if (expect(s, "format", FORMAT, name, err) || expect(s, "arch", ARCH, name, err) ||
        expect(s, "input", INPUT, name, err) || read_real(s, "alpha", &alpha, name, err) ||
        read_real(s, "target_center_um", &m->target_center_um, name, err) ||
        read_real(s, "target_half_range_um", &m->target_half_range_um, name, err))
        return -1;
    if (m->target_half_range_um <= 0)
        return af_fail(err, AF_EDATA, "%s: target_half_range_um: %.9g is not above 0", name,
                       m->target_half_range_um);
    if (!af_tensors_note(s, "alpha")) {
        if (guess_alpha(&m->arch, s, name, err))
            return -1;
    } else if (af_nn_arch_init(&m->arch, alpha, &e)) {
        return af_fail(err, AF_EDATA, "%s: %s", name, e.text);
    }
    for (size_t i = 0; i < s->nnotes; i++)
        if (!is_own(s->note[i].key) && append_note(m, s->note[i].key, s->note[i].value, err))
            return -1;
    return 0;
}

/* The file's tensors must be those of the arch; to[i]: which of them tensor i of the file is. */
static int match(const struct af_tensors *have, const struct af_tensors *want, size_t *to,
                 const char *name, struct af_err *err)
{
    char a[AF_TENSOR_SHAPE], b[AF_TENSOR_SHAPE];

    for (size_t i = 0; i < want->n; i++) {
        const struct af_tensor *w = &want->tensor[i], *h = af_tensors_find(have, w->name);

        if (!h)
            return af_fail(err, AF_EDATA, "%s: no tensor %s", name, w->name);
        if (h->ndims != w->ndims || memcmp(h->dim, w->dim, sizeof(h->dim)) != 0)
            return af_fail(err, AF_EDATA, "%s: %s is %s, not %s", name, w->name,
                           af_tensor_shape(h, a), af_tensor_shape(w, b));
        if (have->n == want->n)
            to[h - have->tensor] = i;
    }
    for (size_t i = 0; have->n > want->n && i < have->n; i++)
        if (!af_tensors_find(want, have->tensor[i].name))
            return af_fail(err, AF_EDATA, "%s: tensor %.80s is none of " ARCH, name,
                           have->tensor[i].name);
    return 0;
}

static int read_numbers(struct af_nn_model *m, const struct af_tensors *have, FILE *fp,
                        const char *name, struct af_err *err)
{
    struct af_tensors want = {0};
    size_t from[NTENSORS];
    float *to[NTENSORS];
    int ret = -1;

    if (list(&want, &m->arch, err) || match(have, &want, from, name, err) || allocate(m, err))
        goto done;
    for (size_t i = 0; i < NTENSORS; i++)
        to[i] = place(m, from[i]);
    if (af_tensors_read_data(have, fp, to, name, err))
        goto done;
    for (int i = 0; i < AF_NN_NCONV; i++)
        for (int k = 0; k < m->arch.conv[i].cout; k++)
            if (m->moving[m->arch.conv[i].variance + (size_t)k] < 0) {
                af_fail(err, AF_EDATA, "%s: %s/moving_variance: below 0", name, m->arch.conv[i].bn);
                goto done;
            }
    ret = 0;
done:
    af_tensors_release(&want);
    return ret;
}

int af_nn_model_read_stream(struct af_nn_model *m, FILE *fp, const char *name, struct af_err *err)
{
    struct af_tensors have;
    int ret = -1;

    *m = (struct af_nn_model){0};
    if (af_tensors_read_head(&have, fp, name, err))
        return -1;
    if (!read_metadata(m, &have, name, err) && !read_numbers(m, &have, fp, name, err))
        ret = 0;
    af_tensors_release(&have);
    if (ret)
        af_nn_model_release(m);
    return ret;
}

int af_nn_model_read(struct af_nn_model *m, const char *path, struct af_err *err)
{
    FILE *fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    int ret;

    *m = (struct af_nn_model){0};
    if (!fp)
        return af_fail_errno(err, "%s", path);
    ret = af_nn_model_read_stream(m, fp, path, err);
    if (fp != stdin)
        fclose(fp);
    return ret;
}

/* --------------------------------------------------------------- writing */

/* The shortest text that is read back as v. */
static int add_real(struct af_tensors *s, const char *key, double v, struct af_err *err)
{
    char text[32];
    int digits = 6;

    do
        snprintf(text, sizeof(text), "%.*g", digits, v);
    while (strtod(text, NULL) != v && ++digits <= 17);
    return af_tensors_add_note(s, key, text, err);
}

static int describe(struct af_tensors *s, const struct af_nn_model *m, struct af_err *err)
{
    if (af_tensors_add_note(s, own_key[0], FORMAT, err) ||
        af_tensors_add_note(s, own_key[1], ARCH, err) ||
        add_real(s, own_key[2], m->arch.alpha, err) ||
        af_tensors_add_note(s, own_key[3], INPUT, err) ||
        add_real(s, own_key[4], m->target_center_um, err) ||
        add_real(s, own_key[5], m->target_half_range_um, err))
        return -1;
    for (size_t i = 0; i < m->nnotes; i++)
        if (af_tensors_add_note(s, m->note[i].key, m->note[i].value, err))
            return -1;
    return list(s, &m->arch, err);
}

static int write_stream(const struct af_nn_model *m, FILE *fp, struct af_err *err)
{
    const float *from[NTENSORS];
    struct af_tensors s = {0};
    int ret = describe(&s, m, err);

    for (size_t i = 0; i < NTENSORS; i++)
        from[i] = place(m, i);
    if (!ret)
        ret = af_tensors_write(&s, fp, from, err);
    af_tensors_release(&s);
    return ret;
}

int af_nn_model_write(const struct af_nn_model *m, const char *path, struct af_err *err)
{
    struct af_outfile f;

    if (strcmp(path, "-") == 0) {
        if (write_stream(m, stdout, err))
            return -1;
        return fflush(stdout) || ferror(stdout) ? af_fail_errno(err, "stdout") : 0;
    }
    if (af_outfile_open(&f, path, err))
        return -1;
    if (!write_stream(m, f.fp, err))
        return af_outfile_commit(&f, err);
    af_outfile_discard(&f);
    return -1;
}
