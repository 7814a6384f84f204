/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Training against numbers that were computed in float64 elsewhere; the tolerances are those of
 * the vectors' README: 1e-5 for predictions, losses and gradients together, 1e-3 for each tensor
 * whose norm exceeds 1e-3 of the largest.
 */
#include "nnvectors.h"

#include "nn/adam.h"
#include "nn/train.h"

enum { NSETS = 3, NTHREADS = 3, STEPS = 5, TENSORS_MAX = 3 * AF_NN_NCONV + 2 };

static const char *const set_name[NSETS] = {"portable", "avx2", "avx512"};
static const unsigned nthreads[NTHREADS] = {1, 2, 4};

/* A trainer and what it writes. */
struct rig {
    struct af_nn_crew *crew;
    struct af_nn_trainer *t;
    struct af_nn_arch arch;
    float *params, *moving, *grad;
    float predict[IMAGES];
    double loss;
    char name[64];
};

static float *copy(const float *v, size_t n)
{
    float *c = calloc(n, sizeof(*c));

    assert_non_null(c);
    return memcpy(c, v, n * sizeof(*c));
}

static void rig_up(struct rig *r, const struct af_nn_kernels *k, unsigned threads)
{
    struct af_err err = {0};

    *r = (struct rig){.arch = vectors.model.arch};
    snprintf(r->name, sizeof(r->name), "%s, %u threads", k ? k->name : "best", threads);
    assert_int_equal(af_nn_crew_new(&r->crew, threads, &err), 0);
    assert_int_equal(af_nn_trainer_new(&r->t, &r->arch, IMAGES, r->crew, k, &err), 0);
    r->params = copy(vectors.model.params, r->arch.nparams);
    r->moving = copy(vectors.model.moving, r->arch.nmoving);
    r->grad = calloc(r->arch.nparams, sizeof(*r->grad));
}

static void rig_down(struct rig *r)
{
    af_nn_trainer_free(r->t);
    af_nn_crew_free(r->crew);
    free(r->params);
    free(r->moving);
    free(r->grad);
}

static const float *input(void)
{
    return answer("input", (size_t)IMAGES * AF_NN_SIDE * AF_NN_SIDE);
}

static void step(struct rig *r, double momentum)
{
    r->loss = af_nn_train_step(r->t, r->params, r->moving, momentum, input(),
                               answer("target", IMAGES), IMAGES, r->predict, r->grad);
}

static void each_rig(void (*test)(struct rig *r))
{
    for (int i = 0; i < NSETS; i++) {
        const struct af_nn_kernels *k = af_nn_kernels_named(set_name[i]);

        if (!k)
            print_message("# no %s here\n", set_name[i]);
        for (int t = 0; k && t < NTHREADS; t++) {
            struct rig r;

            rig_up(&r, k, nthreads[t]);
            test(&r);
            rig_down(&r);
        }
    }
}

/* A trainable tensor: its Keras name, and its place in the block of parameters. */
struct part {
    char name[64];
    size_t at, n;
};

static size_t list_parts(const struct af_nn_arch *a, struct part *p)
{
    size_t k = 0;

    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &a->conv[i];
        size_t cout = (size_t)c->cout;

        p[k] = (struct part){.at = c->kernel, .n = c->nkernel};
        snprintf(p[k++].name, sizeof(p->name), "%s/%s", c->name,
                 c->kind == AF_NN_DEPTHWISE ? "depthwise_kernel" : "kernel");
        p[k] = (struct part){.at = c->gamma, .n = cout};
        snprintf(p[k++].name, sizeof(p->name), "%s/gamma", c->bn);
        p[k] = (struct part){.at = c->beta, .n = cout};
        snprintf(p[k++].name, sizeof(p->name), "%s/beta", c->bn);
    }
    p[k++] = (struct part){"dense/kernel", a->dense_kernel, (size_t)a->cfeature};
    p[k++] = (struct part){"dense/bias", a->dense_bias, 1};
    return k;
}

static const float *answer_of(const char *prefix, const struct part *p)
{
    char name[96];

    snprintf(name, sizeof(name), "%s/%.60s", prefix, p->name);
    return answer(name, p->n);
}

/* ---------------------------------------------------------- the vectors */

/* Gradients from parameter `from` on. */
static void gradients_agree(const struct rig *r, size_t from)
{
    struct part part[TENSORS_MAX];
    size_t n = list_parts(&r->arch, part);
    double off = 0, size = 0, largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, norm(answer_of("grad", &part[i]), part[i].n));
    for (size_t i = 0; i < n; i++) {
        const float *want = answer_of("grad", &part[i]), *got = r->grad + part[i].at;
        double d = distance(got, want, part[i].n), s = norm(want, part[i].n);

        if (part[i].at < from)
            continue;
        off += d * d;
        size += s * s;
        if (s > 1e-3 * largest && !(d <= 1e-3 * s))
            fail_msg("%s: grad/%s: off by %.3g of itself", r->name, part[i].name, d / s);
    }
    if (!(sqrt(off / size) <= 1e-5))
        fail_msg("%s: gradients: off by %.3g of themselves", r->name, sqrt(off / size));
}

/* 1e-6: moved by a thousandth of a sum that is exact to some 1e-6 of itself, and rounded once. */
static void moving_statistics_agree(const struct rig *r)
{
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &r->arch.conv[i];
        char name[96];

        snprintf(name, sizeof(name), "after_forward/%s/moving_mean", c->bn);
        vectors_agree(name, r->moving + c->mean, answer(name, (size_t)c->cout), (size_t)c->cout,
                      1e-6);
        snprintf(name, sizeof(name), "after_forward/%s/moving_variance", c->bn);
        vectors_agree(name, r->moving + c->variance, answer(name, (size_t)c->cout), (size_t)c->cout,
                      1e-6);
    }
}

/*
 * After one step a weight has moved by close to lr sign(gradient): where the gradient stands clear
 * of its rounding, the step is known to 1e-3 of lr, and the weight to half a unit in its last
 * place; elsewhere it may go either way.
 */
static void first_step_agrees(const struct rig *r)
{
    struct part part[TENSORS_MAX];
    size_t n = list_parts(&r->arch, part);

    for (size_t i = 0; i < n; i++) {
        const float *want = answer_of("adam/step1", &part[i]), *g = answer_of("grad", &part[i]);
        double clear = 1e-2 * norm(g, part[i].n) / sqrt((double)part[i].n);

        for (size_t k = 0; k < part[i].n; k++) {
            double off = fabs((double)r->params[part[i].at + k] - (double)want[k]);
            bool sure = fabs((double)g[k]) > clear && fabs((double)g[k]) > 1e-5;

            if (!(off <= (sure ? 1e-7 + 1.2e-7 * fabs((double)want[k]) : 2.01e-4)))
                fail_msg("%s: %s[%zu]: off by %.3g", r->name, part[i].name, k, off);
        }
    }
}

static void try_steps(struct rig *r)
{
    const float *losses = answer("adam/losses", STEPS);
    struct af_nn_adam adam;
    struct af_err err = {0};

    assert_int_equal(af_nn_adam_init(&adam, r->arch.nparams, &err), 0);
    for (int i = 0; i < STEPS; i++) {
        step(r, AF_NN_BN_MOMENTUM);
        if (!(fabs(r->loss - (double)losses[i]) <= 1e-5 * (double)losses[i]))
            fail_msg("%s: loss %d is %.9g, not %.9g", r->name, i, r->loss, (double)losses[i]);
        if (i == 0) {
            vectors_agree(r->name, r->predict, answer("predict/training", IMAGES), IMAGES, 1e-5);
            gradients_agree(r, 0);
            moving_statistics_agree(r);
        }
        af_nn_adam_step(&adam, r->params, r->grad, 0, 1e-4, r->crew);
        if (i == 0)
            first_step_agrees(r);
    }
    af_nn_adam_release(&adam);
}

static void five_steps_are_those_of_the_vectors(void **state)
{
    (void)state;
    need_vectors();
    assert_true(*answer("loss", 1) == *answer("adam/losses", STEPS));
    each_rig(try_steps);
}

/* ----------------------------------------------------- what a step leaves */

static void the_same_step_gives_the_same_bytes(void **state)
{
    (void)state;
    need_vectors();
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct rig r, again;

        rig_up(&r, NULL, threads);
        rig_up(&again, NULL, threads);
        step(&r, AF_NN_BN_MOMENTUM);
        step(&again, 1); // another step before must leave no trace
        step(&again, AF_NN_BN_MOMENTUM);
        assert_true(again.loss == r.loss);
        assert_memory_equal(again.predict, r.predict, sizeof(r.predict));
        assert_memory_equal(again.grad, r.grad, r.arch.nparams * sizeof(*r.grad));
        assert_memory_equal(again.moving, r.moving, r.arch.nmoving * sizeof(*r.moving));
        rig_down(&again);
        rig_down(&r);
    }
}

static void momentum_one_leaves_the_moving_statistics(void **state)
{
    struct rig r;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 2);
    step(&r, 1);
    assert_memory_equal(r.moving, vectors.model.moving, r.arch.nmoving * sizeof(*r.moving));
    rig_down(&r);
}

static void without_gradients_a_step_is_the_forward_alone(void **state)
{
    struct rig r;
    float predict[IMAGES];
    double loss;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 2);
    step(&r, 1);
    loss = af_nn_train_step(r.t, r.params, r.moving, 1, input(), answer("target", IMAGES), IMAGES,
                            predict, NULL);
    assert_true(loss == r.loss);
    assert_memory_equal(predict, r.predict, sizeof(predict));
    rig_down(&r);
}

/* 1e-5: the sums of a batch are cut elsewhere. */
static void more_threads_than_images_make_no_difference(void **state)
{
    struct rig one, four;

    (void)state;
    need_vectors();
    rig_up(&one, NULL, 1);
    rig_up(&four, NULL, 4);
    for (size_t n = 1; n <= 3; n++) {
        af_nn_train_step(one.t, one.params, one.moving, 1, input(), answer("target", IMAGES), n,
                         one.predict, one.grad);
        af_nn_train_step(four.t, four.params, four.moving, 1, input(), answer("target", IMAGES), n,
                         four.predict, four.grad);
        vectors_agree("predictions", four.predict, one.predict, n, 1e-5);
        vectors_agree("gradients", four.grad, one.grad, one.arch.nparams, 1e-5);
    }
    rig_down(&four);
    rig_down(&one);
}

/* ---------------------------------------------------------------- freezing */

/* The statistics of the vectors' batch, as a frozen batch norm must hold them to change nothing. */
static void take_batch_statistics(struct rig *r)
{
    step(r, 0);
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &r->arch.conv[i];
        double n = IMAGES * c->h_out * c->h_out;

        for (int k = 0; k < c->cout; k++) {
            float *v = &r->moving[c->variance + (size_t)k];

            *v = (float)((double)*v * (n - 1) / n); // without Bessel's correction
        }
    }
}

static const int cut[] = {1, 3, 57, 99, 100, 101, 156};
enum { NCUTS = sizeof(cut) / sizeof(cut[0]) };

static void frozen_layers_on_the_batchs_statistics_leave_the_other_gradients(void **state)
{
    struct rig r;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 2);
    take_batch_statistics(&r);
    for (int i = 0; i < NCUTS; i++) {
        size_t from;

        snprintf(r.name, sizeof(r.name), "frozen below %d", cut[i]);
        af_nn_trainer_freeze(r.t, cut[i]);
        from = af_nn_trainer_first_param(r.t);
        step(&r, 1);
        vectors_agree(r.name, r.predict, answer("predict/training", IMAGES), IMAGES, 1e-5);
        gradients_agree(&r, from);
        for (size_t k = 0; k < from; k++)
            assert_true(r.grad[k] == 0);
    }
    rig_down(&r);
}

static void statistics_below_the_cut_stay_and_those_above_move(void **state)
{
    const float *before = vectors.model.moving;
    struct rig r;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 2);
    for (int i = 0; i < NCUTS; i++) {
        memcpy(r.moving, before, r.arch.nmoving * sizeof(*before));
        af_nn_trainer_freeze(r.t, cut[i]);
        step(&r, AF_NN_BN_MOMENTUM);
        for (int k = 0; k < AF_NN_NCONV; k++) {
            const struct af_nn_conv *c = &r.arch.conv[k];
            size_t n = 2 * (size_t)c->cout * sizeof(float); // mean, variance

            assert_int_equal(memcmp(r.moving + c->mean, before + c->mean, n) == 0,
                             c->layer + 1 < cut[i]);
        }
    }
    rig_down(&r);
}

static void the_first_number_that_trains_is_above_the_cut(void **state)
{
    struct rig r;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 1);
    for (int freeze = 0; freeze <= AF_NN_NLAYERS - 1; freeze++) {
        size_t want = r.arch.dense_kernel;

        for (int i = AF_NN_NCONV - 1; i >= 0; i--) {
            const struct af_nn_conv *c = &r.arch.conv[i];

            want = c->layer >= freeze ? c->kernel : c->layer + 1 >= freeze ? c->gamma : want;
        }
        af_nn_trainer_freeze(r.t, freeze);
        assert_int_equal(af_nn_trainer_first_param(r.t), want);
    }
    rig_down(&r);
}

static void a_network_frozen_up_to_the_dense_layer_predicts_as_in_inference(void **state)
{
    struct rig r;

    (void)state;
    need_vectors();
    rig_up(&r, NULL, 2);
    af_nn_trainer_freeze(r.t, AF_NN_NLAYERS - 1);
    step(&r, AF_NN_BN_MOMENTUM);
    vectors_agree(r.name, r.predict, answer("predict/inference", IMAGES), IMAGES, 1e-5);
    assert_memory_equal(r.moving, vectors.model.moving, r.arch.nmoving * sizeof(*r.moving));
    rig_down(&r);
}

/*
 * Images are filled apart and put together in another order than they lie in the cache. 1e-5: the
 * sums of a batch are cut elsewhere.
 */
static void a_step_from_the_cache_is_the_step_itself(void **state)
{
    const float *x, *target, *at[IMAGES];
    struct rig r, s;

    (void)state;
    need_vectors();
    x = input();
    target = answer("target", IMAGES);
    rig_up(&r, NULL, 2);
    rig_up(&s, NULL, 2);
    take_batch_statistics(&r); // with those of the file some values lie at corners of ReLU6
    memcpy(s.moving, r.moving, r.arch.nmoving * sizeof(*r.moving));
    for (int i = 0; i < NCUTS; i++) {
        size_t each, nmoving = r.arch.nmoving;
        float *cache;

        af_nn_trainer_freeze(r.t, cut[i]);
        af_nn_trainer_freeze(s.t, cut[i]);
        each = af_nn_trainer_cache_floats(s.t);
        if (cut[i] <= r.arch.conv[0].layer) {
            assert_int_equal(each, 0);
            continue;
        }
        assert_non_null(cache = calloc(IMAGES * each, sizeof(*cache)));
        af_nn_trainer_fill(s.t, s.params, s.moving, x + 2 * 9216, 4, cache);
        af_nn_trainer_fill(s.t, s.params, s.moving, x, 2, cache + 4 * each);
        for (size_t k = 0; k < IMAGES; k++)
            at[k] = cache + (k + 4) % IMAGES * each;
        step(&r, AF_NN_BN_MOMENTUM);
        s.loss = af_nn_train_step_cached(s.t, s.params, s.moving, AF_NN_BN_MOMENTUM, at, target,
                                         IMAGES, s.predict, s.grad);
        free(cache);
        vectors_agree("predictions", s.predict, r.predict, IMAGES, 1e-5);
        vectors_agree("gradients", s.grad, r.grad, r.arch.nparams, 1e-5);
        vectors_agree("statistics", s.moving, r.moving, nmoving, 1e-5);
    }
    rig_down(&s);
    rig_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_steps_are_those_of_the_vectors),
        cmocka_unit_test(the_same_step_gives_the_same_bytes),
        cmocka_unit_test(momentum_one_leaves_the_moving_statistics),
        cmocka_unit_test(without_gradients_a_step_is_the_forward_alone),
        cmocka_unit_test(more_threads_than_images_make_no_difference),
        cmocka_unit_test(frozen_layers_on_the_batchs_statistics_leave_the_other_gradients),
        cmocka_unit_test(statistics_below_the_cut_stay_and_those_above_move),
        cmocka_unit_test(the_first_number_that_trains_is_above_the_cut),
        cmocka_unit_test(a_network_frozen_up_to_the_dense_layer_predicts_as_in_inference),
        cmocka_unit_test(a_step_from_the_cache_is_the_step_itself),
    };

    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
