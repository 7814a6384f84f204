/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/estimator.h"

#include "base/memory.h"
#include "focus/lut.h"
#include "nn/infer.h"
#include "nn/model.h"
#include <stdlib.h>
#include <string.h>

/* One of the two is there: infer, or lut. */
struct af_estimator {
    struct af_nn_infer *infer;
    const struct af_lut *lut;
    struct af_lut own; // what lut points to, where it was read from a file
    size_t nfeature;
    char words[96];
};

struct af_estimator_seat {
    struct af_nn_bench *bench;
    struct af_lut_seat *lut_seat;
};

_Static_assert((int)AF_ESTIMATOR_MOST <= (int)AF_NN_GROUP, "a group goes through together");

int af_estimator_of_network(struct af_estimator **out, const struct af_nn_model *m,
                            struct af_err *err)
{
    const struct af_nn_kernels *kernels = af_nn_kernels_best();
    struct af_estimator *e = *out = af_calloc(1, sizeof(*e), err);

    if (!e)
        return -1;
    if (af_nn_infer_new(&e->infer, &m->arch, m->params, m->moving, kernels, err)) {
        af_estimator_free(e);
        *out = NULL;
        return -1;
    }
    e->nfeature = (size_t)m->arch.cfeature;
    snprintf(e->words, sizeof(e->words), "mobilenetv2, alpha %.9g, kernels: %s", m->arch.alpha,
             kernels->name);
    return 0;
}

int af_estimator_of_lut(struct af_estimator **out, const struct af_lut *lut, struct af_err *err)
{
    struct af_estimator *e = *out = af_calloc(1, sizeof(*e), err);

    if (!e)
        return -1;
    e->lut = lut;
    e->nfeature = AF_METRICS;
    snprintf(e->words, sizeof(e->words), "lut, %zu knots", lut->nknots);
    return 0;
}

static int open_network(struct af_estimator **e, struct af_nn_about *about,
                        const struct af_nn_modelfile *f, struct af_err *err)
{
    struct af_nn_model m;
    int ret;

    if (af_nn_model_read_file(&m, f, err))
        return -1;
    ret = af_estimator_of_network(e, &m, err);
    *about = m.about;
    m.about = (struct af_nn_about){.half_range_um = 1}; // its notes have moved
    af_nn_model_release(&m);
    return ret;
}

static int open_lut(struct af_estimator **e, struct af_nn_about *about,
                    const struct af_nn_modelfile *f, struct af_err *err)
{
    struct af_lut lut;

    if (af_lut_read_file(&lut, f, err))
        return -1;
    if (af_estimator_of_lut(e, &lut, err)) {
        af_lut_release(&lut);
        return -1;
    }
    *about = lut.about;
    lut.about = (struct af_nn_about){.half_range_um = 1};
    (*e)->own = lut;
    (*e)->lut = &(*e)->own;
    return 0;
}

int af_estimator_open(struct af_estimator **e, struct af_nn_about *about, const char *path,
                      struct af_err *err)
{
    struct af_nn_modelfile f;
    const char *arch;
    int ret;

    *e = NULL;
    *about = (struct af_nn_about){.half_range_um = 1};
    if (af_nn_modelfile_open(&f, path, err))
        return -1;
    arch = af_nn_modelfile_arch(&f);
    if (strcmp(arch, "lut") == 0)
        ret = open_lut(e, about, &f, err);
    else if (strcmp(arch, "mobilenetv2") == 0)
        ret = open_network(e, about, &f, err);
    else
        ret = af_fail(err, AF_EDATA, "%s: its arch is '%.80s', not mobilenetv2 or lut", path, arch);
    af_nn_modelfile_close(&f);
    return ret;
}

void af_estimator_free(struct af_estimator *e)
{
    if (!e)
        return;
    af_nn_infer_free(e->infer);
    af_lut_release(&e->own);
    free(e);
}

size_t af_estimator_nfeature(const struct af_estimator *e)
{
    return e->nfeature;
}

const char *af_estimator_words(const struct af_estimator *e)
{
    return e->words;
}

int af_estimator_seat_new(struct af_estimator_seat **out, const struct af_estimator *e,
                          struct af_err *err)
{
    struct af_estimator_seat *s = *out = af_calloc(1, sizeof(*s), err);

    if (!s)
        return -1;
    if (e->lut ? af_lut_seat_new(&s->lut_seat, err) : af_nn_bench_new(&s->bench, e->infer, err)) {
        af_estimator_seat_free(s);
        *out = NULL;
        return -1;
    }
    return 0;
}

void af_estimator_seat_free(struct af_estimator_seat *s)
{
    if (!s)
        return;
    af_nn_bench_free(s->bench);
    af_lut_seat_free(s->lut_seat);
    free(s);
}

void af_estimator_run(const struct af_estimator *e, struct af_estimator_seat *s, const float *x,
                      size_t n, float *y, float *feature)
{
    if (e->lut)
        af_lut_run(e->lut, s->lut_seat, x, n, y, feature);
    else
        af_nn_infer_run(e->infer, s->bench, x, n, y, feature);
}
