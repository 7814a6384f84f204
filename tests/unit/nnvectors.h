/* SPDX-License-Identifier: BSD-2-Clause */
/* The known answers beside the real data: $REALDATA/../reference/vectors. */
#ifndef AF_TESTS_NNVECTORS_H
#define AF_TESTS_NNVECTORS_H
#include "nn/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 6 };

static struct {
    struct af_nn_model model;
    struct af_tensors what;
    float **number; // [what.n]
} vectors;

static inline bool open_vectors(const char *file, char path[4096])
{
    const char *real = getenv("REALDATA");
    FILE *fp;

    snprintf(path, 4096, "%s/../reference/vectors/mobilenetv2-a035-%s.safetensors",
             real ? real : "../shared/realdata", file);
    if (!(fp = fopen(path, "rb")))
        return false;
    fclose(fp);
    return true;
}

/* For a whole group of tests; where the vectors are absent, all is empty. */
static inline int load_vectors(void **state)
{
    struct af_err err = {0};
    char path[4096];
    FILE *fp;

    (void)state;
    if (!open_vectors("weights", path))
        return 0;
    if (af_nn_model_read(&vectors.model, path, &err))
        fail_msg("%s", err.text);
    assert_true(open_vectors("answers", path));
    assert_non_null(fp = fopen(path, "rb"));
    if (af_tensors_read_head(&vectors.what, fp, path, &err))
        fail_msg("%s", err.text);
    vectors.number = calloc(vectors.what.n, sizeof(*vectors.number));
    for (size_t i = 0; i < vectors.what.n; i++)
        vectors.number[i] = calloc(vectors.what.tensor[i].n, sizeof(float));
    if (af_tensors_read_data(&vectors.what, fp, vectors.number, path, &err))
        fail_msg("%s", err.text);
    fclose(fp);
    return 0;
}

static inline int free_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < vectors.what.n; i++)
        free(vectors.number[i]);
    free(vectors.number);
    af_tensors_release(&vectors.what);
    af_nn_model_release(&vectors.model);
    return 0;
}

static inline void need_vectors(void)
{
    if (vectors.what.n)
        return;
    print_message("# no reference/vectors beside the real data\n");
    skip();
}

/* The numbers of one answer, n of them. */
static inline const float *answer(const char *name, size_t n)
{
    const struct af_tensor *t = af_tensors_find(&vectors.what, name);

    if (!t || t->n != n)
        fail_msg("the answers have no %s of %zu numbers", name, n);
    return vectors.number[t - vectors.what.tensor];
}

static inline double norm(const float *v, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++)
        s += (double)v[i] * (double)v[i];
    return sqrt(s);
}

static inline double distance(const float *a, const float *b, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++)
        s += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(s);
}

/* |got - want| within `part` of |want|. */
static inline void vectors_agree(const char *what, const float *got, const float *want, size_t n,
                                 double part)
{
    double off = distance(got, want, n), size = norm(want, n);

    if (!(off <= part * size))
        fail_msg("%s: off by %.3g of itself, more than %.3g", what, off / size, part);
}

#endif
