/* SPDX-License-Identifier: BSD-2-Clause */
#include "nnvectors.h"

#include "nn/infer.h"
#include <pthread.h>

enum { PX = AF_NN_SIDE * AF_NN_SIDE, NSETS = 3, MANY = 19, NTHREADS = 3 };

static const char *const set_name[NSETS] = {"portable", "avx2", "avx512"};

struct rig {
    struct af_nn_infer *inf;
    struct af_nn_bench *bench;
};

static void rig_up(struct rig *r, const struct af_nn_model *m, const struct af_nn_kernels *k)
{
    struct af_err err = {0};

    assert_int_equal(af_nn_infer_new(&r->inf, &m->arch, m->params, m->moving, k, &err), 0);
    assert_int_equal(af_nn_bench_new(&r->bench, r->inf, &err), 0);
}

static void rig_down(struct rig *r)
{
    af_nn_bench_free(r->bench);
    af_nn_infer_free(r->inf);
}

static void predictions_are_those_of_the_vectors(void **state)
{
    float y[IMAGES];

    (void)state;
    need_vectors();
    for (int i = 0; i < NSETS; i++) {
        const struct af_nn_kernels *k = af_nn_kernels_named(set_name[i]);
        struct rig r;

        if (!k) {
            print_message("# no %s here\n", set_name[i]);
            continue;
        }
        rig_up(&r, &vectors.model, k);
        af_nn_infer_run(r.inf, r.bench, answer("input", (size_t)IMAGES * PX), IMAGES, y, NULL);
        vectors_agree(k->name, y, answer("predict/inference", IMAGES), IMAGES, 1e-5);
        rig_down(&r);
    }
}

/* A network that needs no vectors, and pictures for it. */
static int make_model(void **state)
{
    static struct af_nn_model m;
    struct af_err err = {0};

    assert_int_equal(af_nn_model_init(&m, 0.35, &err), 0);
    af_nn_model_randomise(&m, 5);
    *state = &m;
    return load_vectors(state);
}

static int free_model(void **state)
{
    af_nn_model_release(*state);
    return free_vectors(state);
}

static float *pictures(size_t n)
{
    float *x = calloc(n * PX, sizeof(*x));

    assert_non_null(x);
    for (size_t i = 0; i < n * PX; i++)
        x[i] = (float)((i * 2654435761u >> 7) % 1000) / 500;
    return x;
}

static void an_image_does_not_see_its_neighbours(void **state)
{
    const struct af_nn_model *m = *state;
    size_t nc = (size_t)m->arch.cfeature;
    float *x = pictures(MANY), *feature = calloc(MANY * nc, sizeof(*feature)), y[MANY], one;
    float *alone = calloc(nc, sizeof(*alone));
    struct rig r;

    rig_up(&r, m, NULL);
    af_nn_infer_run(r.inf, r.bench, x, MANY, y, feature);
    for (size_t i = 0; i < MANY; i++) {
        af_nn_infer_run(r.inf, r.bench, x + i * PX, 1, &one, alone);
        assert_memory_equal(&one, &y[i], sizeof(one));
        assert_memory_equal(alone, feature + i * nc, nc * sizeof(*alone));
    }
    assert_memory_not_equal(&y[0], &y[1], sizeof(one));
    rig_down(&r);
    free(alone);
    free(feature);
    free(x);
}

/* 1e-5: the dense layer is summed in another order here. */
static void the_features_are_what_the_dense_layer_weighs(void **state)
{
    const struct af_nn_model *m = *state;
    size_t nc = (size_t)m->arch.cfeature;
    float *x = pictures(2), *feature = calloc(2 * nc, sizeof(*feature)), y[2];
    struct rig r;

    rig_up(&r, m, NULL);
    af_nn_infer_run(r.inf, r.bench, x, 2, y, feature);
    for (size_t i = 0; i < 2; i++) {
        double want = (double)m->params[m->arch.dense_bias], size = fabs(want);

        for (size_t c = 0; c < nc; c++) {
            double term = (double)feature[i * nc + c] * (double)m->params[m->arch.dense_kernel + c];

            assert_true(feature[i * nc + c] >= 0 && feature[i * nc + c] <= 6);
            want += term;
            size += fabs(term);
        }
        assert_true(fabs((double)y[i] - want) <= 1e-5 * size);
    }
    rig_down(&r);
    free(feature);
    free(x);
}

struct reader {
    const struct af_nn_infer *inf;
    const float *x;
    float y[MANY];
};

static void *read_alone(void *arg)
{
    struct reader *r = arg;
    struct af_nn_bench *bench;
    struct af_err err = {0};

    if (!af_nn_bench_new(&bench, r->inf, &err)) {
        af_nn_infer_run(r->inf, bench, r->x, MANY, r->y, NULL);
        af_nn_bench_free(bench);
    }
    return NULL;
}

static void threads_share_one_network(void **state)
{
    struct reader reader[NTHREADS];
    pthread_t thread[NTHREADS];
    float *x = pictures(MANY), y[MANY];
    struct rig r;

    rig_up(&r, *state, NULL);
    af_nn_infer_run(r.inf, r.bench, x, MANY, y, NULL);
    for (int i = 0; i < NTHREADS; i++) {
        reader[i] = (struct reader){.inf = r.inf, .x = x};
        assert_int_equal(pthread_create(&thread[i], NULL, read_alone, &reader[i]), 0);
    }
    for (int i = 0; i < NTHREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_memory_equal(reader[i].y, y, sizeof(y));
    }
    rig_down(&r);
    free(x);
}

/* Where the last kernel is 0, gamma, beta and the moving statistics alone decide. */
static void folded_norms_reduce_to_closed_forms(void **state)
{
    struct af_nn_model m;
    struct af_err err = {0};
    float *x = pictures(1), y;
    const struct af_nn_conv *last;
    struct rig r;

    (void)state;
    assert_int_equal(af_nn_model_init(&m, 0.35, &err), 0);
    af_nn_model_randomise(&m, 1);
    last = &m.arch.conv[AF_NN_NCONV - 1];
    memset(m.params + last->kernel, 0, last->nkernel * sizeof(float));
    for (int c = 0; c < last->cout; c++) {
        m.params[last->gamma + (size_t)c] = 2;
        m.params[last->beta + (size_t)c] = (float)(c % 5); // 0..4
        m.moving[last->mean + (size_t)c] = -1.5f;
        m.moving[last->variance + (size_t)c] = 4 - AF_NN_BN_EPSILON; // so that std is 2
        m.params[m.arch.dense_kernel + (size_t)c] = 0.25f;
    }
    m.params[m.arch.dense_bias] = -3;
    rig_up(&r, &m, NULL);
    af_nn_infer_run(r.inf, r.bench, x, 1, &y, NULL);
    /* (0 + 1.5) / 2 * 2 + beta is 1.5, 2.5, 3.5, 4.5, 5.5: 256 channels of each */
    assert_true(fabs((double)y - (1280 * 0.25 * 3.5 - 3)) < 1e-3);
    for (int c = 0; c < last->cout; c++)
        m.params[last->beta + (size_t)c] = c % 2 ? 50 : -50;
    rig_down(&r);
    rig_up(&r, &m, NULL);
    af_nn_infer_run(r.inf, r.bench, x, 1, &y, NULL);
    assert_true(fabs((double)y - (640 * 0.25 * 6 - 3)) < 1e-3); // clipped at 6 and 0
    rig_down(&r);
    af_nn_model_release(&m);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_those_of_the_vectors),
        cmocka_unit_test(an_image_does_not_see_its_neighbours),
        cmocka_unit_test(the_features_are_what_the_dense_layer_weighs),
        cmocka_unit_test(threads_share_one_network),
        cmocka_unit_test(folded_norms_reduce_to_closed_forms),
    };

    return cmocka_run_group_tests(tests, make_model, free_model);
}
