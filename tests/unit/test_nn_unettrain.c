/* SPDX-License-Identifier: BSD-2-Clause */
/* A step over a batch against pictures one by one, and threads against each other. */
#include "nn/unettrain.h"

#include "base/memory.h"
#include "nn/adam.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 32, PX = SIDE * SIDE, N = 5 };

struct rig {
    struct af_unet_arch arch;
    struct af_nn_crew *crew;
    struct af_unet_trainer *t;
    float *params, *grad; // [nparams]
    float x[N * PX], g[N * PX], weight[N * PX], p[N * PX];
    struct af_unet_loss loss;
};

/* Squares on a ripple: a mask that can be learnt. */
static struct rig *rig_up(unsigned threads)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct af_err err = {0};

    assert_non_null(r);
    assert_int_equal(af_unet_arch_init(&r->arch, "unet-small", &err), 0);
    assert_int_equal(af_nn_crew_new(&r->crew, threads, &err), 0);
    assert_int_equal(af_unet_trainer_new(&r->t, &r->arch, SIDE, SIDE, N, r->crew, NULL, &err), 0);
    r->params = af_calloc_large(r->arch.nparams, sizeof(float), &err);
    r->grad = af_calloc_large(r->arch.nparams, sizeof(float), &err);
    assert_true(r->params && r->grad);
    af_unet_randomise(&r->arch, r->params, 3);
    for (size_t i = 0; i < (size_t)N * PX; i++) {
        size_t n = i / PX, x = i % SIDE, y = i % PX / SIDE;

        r->g[i] = x > 3 * n && x < 3 * n + 12 && y > 4 && y < 20;
        r->x[i] = (float)sin((double)(x * (n + 1) + y)) + r->g[i];
        r->weight[i] = (float)((i * 7 + n) % 5) / 4;
    }
    return r;
}

static void rig_down(struct rig *r)
{
    af_unet_trainer_free(r->t);
    af_nn_crew_free(r->crew);
    free(r->params);
    free(r->grad);
    free(r);
}

static void step(struct rig *r, size_t n, uint64_t seed)
{
    af_unet_train_step(r->t, r->params, r->x, r->g, r->weight, n, seed, &r->loss, r->p, r->grad);
}

/* Relative, as L2 norm. */
static double differ(const float *a, const float *b, size_t n)
{
    double off = 0, size = 0;

    for (size_t i = 0; i < n; i++) {
        off += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(off / size);
}

static void a_batch_is_its_pictures_taken_together(void **state)
{
    struct rig *r = rig_up(2);
    struct af_err err = {0};
    struct af_unet_weights *w;
    struct af_unet_net *net[N];
    struct af_unet_back *back;
    struct af_unet_loss loss = {0};
    float *part, *grad, dlogit[PX], *p;

    (void)state;
    part = af_calloc_large(r->arch.nparams, sizeof(float), &err);
    grad = af_calloc_large(r->arch.nparams, sizeof(float), &err);
    p = af_calloc((size_t)N * PX, sizeof(float), &err);
    assert_true(part && grad && p);
    assert_int_equal(af_unet_weights_new(&w, &r->arch, true, NULL, &err), 0);
    assert_int_equal(af_unet_back_new(&back, &r->arch, SIDE, SIDE, &err), 0);
    af_unet_weights_pack(w, r->params, 0, 1);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(af_unet_net_new(&net[i], &r->arch, SIDE, SIDE, true, &err), 0);
        af_unet_forward(net[i], w, r->x + i * PX, 9 + i, p + i * PX);
        af_unet_loss_add(&loss, p + i * PX, r->g + i * PX, r->weight + i * PX, PX);
    }
    for (size_t i = 0; i < N; i++) {
        af_unet_loss_gradient(&loss, dlogit, p + i * PX, r->g + i * PX, r->weight + i * PX, PX);
        af_unet_backward(net[i], back, w, dlogit, part);
        af_unet_net_free(net[i]);
    }
    af_unet_collect(&r->arch, grad, (const float *const[]){part}, 1, 0, 1);

    step(r, N, 9);
    assert_memory_equal(r->p, p, (size_t)N * PX * sizeof(float));
    assert_true(fabs(af_unet_loss_total(&r->loss) - af_unet_loss_total(&loss)) < 1e-12);
    assert_true(differ(r->grad, grad, r->arch.nparams) < 1e-6); // sums in another order
    af_unet_back_free(back);
    af_unet_weights_free(w);
    free(part);
    free(grad);
    free(p);
    rig_down(r);
}

static void threads_change_no_more_than_the_rounding(void **state)
{
    struct rig *one = rig_up(1), *three = rig_up(3), *again = rig_up(3);

    (void)state;
    step(one, N, 5);
    step(three, N, 5);
    step(again, N - 2, 6); // what was before leaves no trace
    step(again, N, 5);
    assert_memory_equal(one->p, three->p, sizeof(one->p));
    assert_true(differ(three->grad, one->grad, one->arch.nparams) < 1e-6);
    assert_memory_equal(again->grad, three->grad, one->arch.nparams * sizeof(float));
    assert_memory_equal(&again->loss, &three->loss, sizeof(three->loss));
    rig_down(one);
    rig_down(three);
    rig_down(again);
}

static void fewer_pictures_than_threads_are_enough(void **state)
{
    struct rig *one = rig_up(1), *four = rig_up(4);

    (void)state;
    step(one, 1, 0);
    step(four, 1, 0);
    assert_memory_equal(one->grad, four->grad, one->arch.nparams * sizeof(float));
    rig_down(one);
    rig_down(four);
}

static void without_a_gradient_nothing_else_changes(void **state)
{
    struct rig *r = rig_up(2);
    float first[N * PX];
    double total;

    (void)state;
    step(r, N, 0);
    memcpy(first, r->p, sizeof(first));
    total = af_unet_loss_total(&r->loss);
    memset(r->p, 0, sizeof(r->p));
    af_unet_train_step(r->t, r->params, r->x, r->g, r->weight, N, 0, &r->loss, r->p, NULL);
    assert_memory_equal(first, r->p, sizeof(first));
    assert_true(total == af_unet_loss_total(&r->loss));
    rig_down(r);
}

static void steps_down_the_gradient_learn_the_masks(void **state)
{
    struct rig *r = rig_up(2);
    struct af_nn_adam adam = {0};
    double first;

    (void)state;
    assert_int_equal(af_nn_adam_init(&adam, r->arch.nparams, NULL), 0);
    step(r, N, 1);
    first = af_unet_loss_total(&r->loss);
    for (uint64_t i = 0; i < 60; i++) {
        step(r, N, i + 1);
        af_nn_adam_step(&adam, r->params, r->grad, 0, 1e-3, r->crew);
    }
    step(r, N, 0);
    assert_true(af_unet_loss_total(&r->loss) < first / 4);
    assert_true(af_unet_loss_iou(&r->loss) > 0.9);
    af_nn_adam_release(&adam);
    rig_down(r);
}

static void odd_sides_are_refused(void **state)
{
    struct rig *r = rig_up(1);
    struct af_unet_trainer *t;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_unet_trainer_new(&t, &r->arch, 30, 32, 1, r->crew, NULL, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_null(t);
    rig_down(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_its_pictures_taken_together),
        cmocka_unit_test(threads_change_no_more_than_the_rounding),
        cmocka_unit_test(fewer_pictures_than_threads_are_enough),
        cmocka_unit_test(without_a_gradient_nothing_else_changes),
        cmocka_unit_test(steps_down_the_gradient_learn_the_masks),
        cmocka_unit_test(odd_sides_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
