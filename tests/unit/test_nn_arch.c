/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/arch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct af_nn_arch arch_of(double alpha)
{
    struct af_nn_arch a;
    struct af_err err = {0};

    if (af_nn_arch_init(&a, alpha, &err))
        fail_msg("%s", err.text);
    return a;
}

static const struct af_nn_conv *find(const struct af_nn_arch *a, const char *name)
{
    for (int i = 0; i < AF_NN_NCONV; i++)
        if (strcmp(a->conv[i].name, name) == 0)
            return &a->conv[i];
    fail_msg("no layer %s", name);
    return NULL;
}

/* Counts that Keras prints under model.summary(), with a dense scalar behind. */
static void the_counts_of_numbers_are_those_of_keras(void **state)
{
    static const struct {
        double alpha;
        size_t params, moving;
    } c[] = {{1.0, 2224577, 34112}, {0.35, 397121, 14080}, {1.4, 4316705, 47936}};

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        struct af_nn_arch a = arch_of(c[i].alpha);

        assert_int_equal(a.nparams, c[i].params);
        assert_int_equal(a.nmoving, c[i].moving);
    }
}

static void widths_are_multiples_of_eight_not_a_tenth_too_small(void **state)
{
    static const struct {
        double v;
        int d;
    } c[] = {{1, 8},       {8, 8},       {11, 16},   {11.2, 16}, {12, 16},   {16, 16},
             {19, 24},     {20, 24},     {22, 24},   {33, 32},   {34, 32},   {35, 32},
             {36, 40},     {44.8, 48},   {41.6, 40}, {56, 56},   {124, 128}, {1280, 1280},
             {1664, 1664}, {1792, 1792}, {27, 32},   {5, 8}};

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
        assert_int_equal(af_nn_make_divisible(c[i].v), c[i].d);
    for (int v = 1; v < 3000; v++) {
        int d = af_nn_make_divisible(v);

        assert_true(d % 8 == 0 && d >= 8 && d >= 0.9 * v && (d <= v + 7 || v < 8));
    }
}

/* Indices as `for i, l in enumerate(model.layers)` counts them in TF 2.1. */
static void layers_have_the_indices_of_keras(void **state)
{
    static const struct {
        const char *name, *bn;
        int layer;
    } c[] = {
        {"Conv1", "bn_Conv1", 2},
        {"expanded_conv_depthwise", "expanded_conv_depthwise_BN", 5},
        {"expanded_conv_project", "expanded_conv_project_BN", 8},
        {"block_1_expand", "block_1_expand_BN", 10},
        {"block_1_depthwise", "block_1_depthwise_BN", 14}, // 13 is its padding
        {"block_1_project", "block_1_project_BN", 17},
        {"block_2_expand", "block_2_expand_BN", 19},
        {"block_3_expand", "block_3_expand_BN", 28}, // 27 is block_2_add
        {"block_6_depthwise", "block_6_depthwise_BN", 59},
        {"block_11_expand", "block_11_expand_BN", 99},
        {"block_13_depthwise", "block_13_depthwise_BN", 121},
        {"block_16_project", "block_16_project_BN", 150},
        {"Conv_1", "Conv_1_bn", 152},
    };
    struct af_nn_arch a = arch_of(1);

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        const struct af_nn_conv *l = find(&a, c[i].name);

        assert_int_equal(l->layer, c[i].layer);
        assert_string_equal(l->bn, c[i].bn);
    }
    /* Behind the last: its batch norm, ReLU6, pooling, dense. */
    assert_int_equal(a.conv[AF_NN_NCONV - 1].layer + 5, AF_NN_NLAYERS);
}

/* Table 2 of the paper at 96x96. */
static void pictures_halve_five_times(void **state)
{
    static const struct {
        const char *name;
        int cin, cout, stride, h_in, h_out;
    } c[] = {{"Conv1", 1, 32, 2, 96, 48},
             {"expanded_conv_project", 32, 16, 1, 48, 48},
             {"block_1_depthwise", 96, 96, 2, 48, 24},
             {"block_3_depthwise", 144, 144, 2, 24, 12},
             {"block_6_depthwise", 192, 192, 2, 12, 6},
             {"block_10_project", 384, 96, 1, 6, 6},
             {"block_13_depthwise", 576, 576, 2, 6, 3},
             {"block_16_project", 960, 320, 1, 3, 3},
             {"Conv_1", 320, 1280, 1, 3, 3}};
    struct af_nn_arch a = arch_of(1);

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        const struct af_nn_conv *l = find(&a, c[i].name);

        assert_int_equal(l->cin, c[i].cin);
        assert_int_equal(l->cout, c[i].cout);
        assert_int_equal(l->stride, c[i].stride);
        assert_int_equal(l->h_in, c[i].h_in);
        assert_int_equal(l->h_out, c[i].h_out);
    }
}

static void ten_blocks_add_what_entered_them(void **state)
{
    static const int adds[] = {2, 4, 5, 7, 8, 9, 11, 12, 14, 15};
    struct af_nn_arch a = arch_of(1);
    int n = 0;

    (void)state;
    for (int i = 0; i < AF_NN_NCONV; i++) {
        char name[40];

        if (a.conv[i].add < 0)
            continue;
        snprintf(name, sizeof(name), "block_%d_project", adds[n++]);
        assert_string_equal(a.conv[i].name, name);
        assert_int_equal(a.conv[i].add, i - 3);
        assert_false(a.conv[i].relu6);
        assert_int_equal(a.conv[i].cout, a.conv[i - 3].cout);
    }
    assert_int_equal(n, 10);
}

static void every_width_has_as_many_layers(void **state)
{
    (void)state;
    for (int k = 300; k <= 2000; k++) {
        struct af_nn_arch a = arch_of(k / 1000.0);
        int adds = 0;

        for (int i = 0; i < AF_NN_NCONV; i++)
            adds += a.conv[i].add >= 0;
        assert_int_equal(adds, 10);
        assert_int_equal(a.conv[AF_NN_NCONV - 1].layer + 5, AF_NN_NLAYERS);
    }
}

static void every_number_has_one_place(void **state)
{
    static const double alpha[] = {0.3, 0.35, 0.5, 0.75, 1, 1.3, 1.4, 2};

    (void)state;
    for (size_t k = 0; k < sizeof(alpha) / sizeof(alpha[0]); k++) {
        struct af_nn_arch a = arch_of(alpha[k]);
        size_t at = 0, moving = 0;
        int cin = 1;

        for (int i = 0; i < AF_NN_NCONV; i++) {
            const struct af_nn_conv *c = &a.conv[i];
            size_t cout = (size_t)c->cout;

            assert_int_equal(c->cin, cin);
            assert_int_equal(c->kernel, at);
            assert_int_equal(c->gamma, at + c->nkernel);
            assert_int_equal(c->beta, c->gamma + cout);
            assert_int_equal(c->mean, moving);
            assert_int_equal(c->variance, moving + cout);
            at = c->beta + cout;
            moving = c->variance + cout;
            cin = c->cout;
        }
        assert_int_equal(a.dense_kernel, at);
        assert_int_equal(a.dense_bias, at + (size_t)a.cfeature);
        assert_int_equal(a.nparams, a.dense_bias + 1);
        assert_int_equal(a.nmoving, moving);
        assert_int_equal(a.cfeature, alpha[k] > 1 ? (int)(1280 * alpha[k]) : 1280);
    }
}

static void widths_out_of_range_are_refused(void **state)
{
    static const double bad[] = {0, -1, 0.29, 2.01, 1e300};
    struct af_nn_arch a;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct af_err err = {0};

        assert_int_equal(af_nn_arch_init(&a, bad[i], &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
    }
    assert_int_equal(af_nn_arch_init(&a, (double)__builtin_nanf(""), NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counts_of_numbers_are_those_of_keras),
        cmocka_unit_test(widths_are_multiples_of_eight_not_a_tenth_too_small),
        cmocka_unit_test(layers_have_the_indices_of_keras),
        cmocka_unit_test(pictures_halve_five_times),
        cmocka_unit_test(ten_blocks_add_what_entered_them),
        cmocka_unit_test(every_width_has_as_many_layers),
        cmocka_unit_test(every_number_has_one_place),
        cmocka_unit_test(widths_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
