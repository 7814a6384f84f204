/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/unetmodel.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ARCH "unet"
#define NETWORK "network" // key of the arch's name

int af_unet_model_init(struct af_unet_model *m, const char *network, struct af_err *err)
{
    *m = (struct af_unet_model){0};
    if (!af_unet_arch_init(&m->arch, network, err) &&
        (m->params = af_calloc_large(m->arch.nparams, sizeof(*m->params), err)))
        return 0;
    af_unet_model_release(m);
    return -1;
}

void af_unet_model_release(struct af_unet_model *m)
{
    af_nn_notes_release(&m->notes);
    free(m->params);
    *m = (struct af_unet_model){0};
}

/* ----------------------------------------------------------------- names */

enum { NTENSORS = 4 * AF_UNET_NCONV_MAX };

/* A tensor "layer/what" whose numbers lie at place `at` of the parameters. */
static int add(struct af_tensors *s, float **to, const struct af_unet_model *m, const char *layer,
               const char *what, size_t ndims, const size_t *dim, size_t at, struct af_err *err)
{
    char name[64];

    to[s->n] = m->params + at;
    snprintf(name, sizeof(name), "%s/%s", layer, what);
    return af_tensors_add(s, name, ndims, dim, err);
}

/* The tensors of a network by name and shape, in Keras order; to[i]: where tensor i lies. */
static int list(struct af_tensors *s, float **to, const struct af_unet_model *m, struct af_err *err)
{
    for (int i = 0; i < m->arch.nconv; i++) {
        const struct af_unet_conv *c = &m->arch.conv[i];
        size_t side = c->kind == AF_UNET_3X3 ? 3 : c->kind == AF_UNET_UP ? 2 : 1;
        bool up = c->kind == AF_UNET_UP;
        const size_t dim[4] = {side, side, up ? c->cout : c->cin, up ? c->cin : c->cout};

        if (add(s, to, m, c->name, "kernel", 4, dim, c->kernel, err) ||
            add(s, to, m, c->name, "bias", 1, &c->cout, c->bias, err))
            return -1;
        if (c->norm && (add(s, to, m, c->norm_name, "gamma", 1, &c->cout, c->norm, err) ||
                        add(s, to, m, c->norm_name, "beta", 1, &c->cout, c->norm + c->cout, err)))
            return -1;
    }
    return 0;
}

/* --------------------------------------------------------------- reading */

static int find_network(struct af_unet_model *m, const struct af_nn_modelfile *f,
                        struct af_err *err)
{
    const char *arch = af_nn_modelfile_arch(f), *name = af_nn_notes_get(&f->head.notes, NETWORK);
    struct af_unet_arch a;
    struct af_err why;
    size_t n = 0;

    if (strcmp(arch, ARCH) != 0)
        return af_fail(err, AF_EDATA, "%s: its arch is '%.80s', not " ARCH, f->name, arch);
    for (size_t i = 0; i < f->head.n; i++)
        n += f->head.tensor[i].n;
    for (int i = 0; !name && i < AF_UNET_NNAMES; i++)
        if (!af_unet_arch_init(&a, af_unet_name[i], NULL) && a.nparams == n)
            name = af_unet_name[i];
    if (!name)
        return af_fail(err, AF_EDATA, "%s: no network is named, and none has %zu numbers", f->name,
                       n);
    if (af_unet_model_init(m, name, &why))
        return af_fail(err, why.kind == AF_EUSAGE ? AF_EDATA : why.kind, "%s: %.400s", f->name,
                       why.text);
    return 0;
}

static int read_notes(struct af_unet_model *m, const struct af_nn_modelfile *f, struct af_err *err)
{
    struct af_nn_about about;
    int ret = af_nn_modelfile_about(f, &about, err);

    for (size_t i = 0; !ret && i < about.notes.n; i++)
        if (strcmp(about.notes.note[i].key, NETWORK) != 0)
            ret =
                af_nn_notes_add(&m->notes, about.notes.note[i].key, about.notes.note[i].value, err);
    af_nn_notes_release(&about.notes);
    return ret;
}

int af_unet_model_read_file(struct af_unet_model *m, const struct af_nn_modelfile *f,
                            struct af_err *err)
{
    struct af_tensors want = {0};
    float *to[NTENSORS];
    int ret = -1;

    *m = (struct af_unet_model){0};
    if (!find_network(m, f, err) && !read_notes(m, f, err) && !list(&want, to, m, err))
        ret = af_nn_modelfile_read(f, &want, to, err);
    af_tensors_release(&want);
    if (ret)
        af_unet_model_release(m);
    return ret;
}

int af_unet_model_read(struct af_unet_model *m, const char *path, struct af_err *err)
{
    struct af_nn_modelfile f;
    int ret;

    *m = (struct af_unet_model){0};
    if (af_nn_modelfile_open(&f, path, err))
        return -1;
    ret = af_unet_model_read_file(m, &f, err);
    af_nn_modelfile_close(&f);
    return ret;
}

/* --------------------------------------------------------------- writing */

int af_unet_model_write(const struct af_unet_model *m, const char *path, struct af_err *err)
{
    struct af_nn_about about = {.center_um = NAN, .half_range_um = NAN};
    struct af_tensors s = {0};
    float *from[NTENSORS];
    int ret = -1;

    if (af_nn_notes_add(&about.notes, NETWORK, m->arch.name, err))
        goto done;
    for (size_t i = 0; i < m->notes.n; i++)
        if (af_nn_notes_add(&about.notes, m->notes.note[i].key, m->notes.note[i].value, err))
            goto done;
    if (!list(&s, from, m, err))
        ret = af_nn_modelfile_write(path, ARCH, NAN, &about, &s, (const float *const *)from, err);
done:
    af_nn_notes_release(&about.notes);
    af_tensors_release(&s);
    return ret;
}
