/* SPDX-License-Identifier: BSD-2-Clause */
/* U-Nets against PyTorch's numbers in float64 (tests/expect/unet.py), and mathematics. */
#include "nn/unet.h"

#include "base/random.h"
#include "nn/unetloss.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_NORMED = 1029 }; // as in the script
enum { H = 48, W = 32, N = 2, PX = H * W, MOST_PX = 96 * 64 };

static const char *const set_name[] = {"portable", "avx2", "avx512"};
enum { NSETS = sizeof(set_name) / sizeof(set_name[0]) };

/* ------------------------------------------------- as the script makes it */

static double hashed_at(uint32_t i, uint32_t seed)
{
    uint32_t v = i + seed * 7919;

    v = (v ^ v >> 16) * 0x85ebca6bU;
    v = (v ^ v >> 13) * 0xc2b2ae35U;
    v ^= v >> 16;
    return v / 2147483648.0 - 1;
}

static void hashed(float *out, size_t n, uint32_t seed, double scale, double shift)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(hashed_at((uint32_t)i, seed) * scale + shift);
}

struct rig {
    struct af_unet_arch arch;
    struct af_unet_weights *w;
    struct af_unet_net *net[N];
    struct af_unet_back *back;
    float *params, *grad, *part;
    size_t n, h, w_px, px; // pictures; px = h w_px
    float x[N * MOST_PX * AF_UNET_SLICES_MAX], g[N * MOST_PX], weight[N * MOST_PX], p[N * MOST_PX],
        dlogit[N * MOST_PX];
    struct af_unet_loss loss;
};

static struct rig *rig_up(const char *name, const struct af_nn_kernels *k)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct af_err err = {0};

    assert_non_null(r);
    assert_int_equal(af_unet_arch_init(&r->arch, name, &err), 0);
    r->n = r->arch.norm ? 1 : N;
    r->h = r->arch.norm ? 96 : H;
    r->w_px = r->arch.norm ? 64 : W;
    r->px = r->h * r->w_px;
    assert_int_equal(af_unet_weights_new(&r->w, &r->arch, true, k, &err), 0);
    for (int i = 0; i < N; i++)
        assert_int_equal(af_unet_net_new(&r->net[i], &r->arch, r->h, r->w_px, true, &err), 0);
    assert_int_equal(af_unet_back_new(&r->back, &r->arch, r->h, r->w_px, &err), 0);
    assert_non_null(r->params = calloc(3 * r->arch.nparams, sizeof(float)));
    r->grad = r->params + r->arch.nparams;
    r->part = r->grad + r->arch.nparams;
    for (int i = 0; i < r->arch.nconv; i++) {
        const struct af_unet_conv *c = &r->arch.conv[i];
        double fan = (double)(c->kind == AF_UNET_3X3 ? 9 * c->cin : c->cin);
        double less = r->arch.norm && c->kind == AF_UNET_OUT ? 0.1 : 1;
        double shift = r->arch.norm && c->kind == AF_UNET_3X3 ? 2 : 0; // the script says why

        hashed(r->params + c->kernel, c->nkernel, (uint32_t)(2 * i), sqrt(6 / fan) * less, 0);
        hashed(r->params + c->bias, c->cout, (uint32_t)(2 * i + 1), 0.1, shift);
        if (c->norm) {
            hashed(r->params + c->norm, c->cout, (uint32_t)(4000 + i), 0.3, 1);
            hashed(r->params + c->norm + c->cout, c->cout, (uint32_t)(5000 + i), 0.3, 0);
        }
    }
    hashed(r->x, N * r->px * r->arch.slices, r->arch.norm ? SEED_NORMED : 1001, 1, 0);
    hashed(r->weight, N * r->px, 1003, 0.5, 0.5);
    for (size_t i = 0; i < N * r->px; i++)
        r->g[i] = hashed_at((uint32_t)i, 1002) > 0.3;
    return r;
}

static void rig_down(struct rig *r)
{
    for (int i = 0; i < N; i++)
        af_unet_net_free(r->net[i]);
    af_unet_back_free(r->back);
    af_unet_weights_free(r->w);
    free(r->params);
    free(r);
}

static void forward(struct rig *r, uint64_t seed)
{
    af_unet_weights_pack(r->w, r->params, 0, 1);
    memset(&r->loss, 0, sizeof(r->loss));
    for (size_t i = 0; i < r->n; i++) {
        af_unet_forward(r->net[i], r->w, r->x + i * r->px * r->arch.slices, seed ? seed + i : 0,
                        r->p + i * r->px);
        af_unet_loss_add(&r->loss, r->p + i * r->px, r->g + i * r->px, r->weight + i * r->px,
                         r->px);
    }
}

static void backward(struct rig *r)
{
    memset(r->part, 0, r->arch.nparams * sizeof(float));
    for (size_t i = 0; i < r->n; i++) {
        af_unet_loss_gradient(&r->loss, r->dlogit + i * r->px, r->p + i * r->px, r->g + i * r->px,
                              r->weight + i * r->px, r->px);
        af_unet_backward(r->net[i], r->back, r->w, r->dlogit + i * r->px, r->part);
    }
    af_unet_collect(&r->arch, r->grad, (const float *const[]){r->part}, 1, 0, 1);
}

/* ---------------------------------------------------------------- claims */

static void near(const char *what, long place, double got, double want, double size)
{
    if (!(fabs(got - want) <= 1e-5 * size))
        fail_msg("%s %ld is %.9g, not %.9g (size %.3g)", what, place, got, want, size);
}

/* One row of the expected numbers. dot: along a hashed direction, to be as exact as the whole. */
static void check(const struct rig *r, const char *what, long place, double want, double *norm)
{
    /* Fifteen normalisations, there and back, magnify rounding: PyTorch's own gradients in float32
     * are off by 0.8e-5 here (tests/expect/unet-rounding.tsv). */
    const double loose = r->arch.norm ? 2 : 1;
    const struct af_unet_conv *c = &r->arch.conv[place < r->arch.nconv ? place : 0];
    size_t n = strncmp(what, "kernel", 6) == 0 ? c->nkernel : c->cout;
    const float *d = r->grad + (strncmp(what, "kernel", 6) == 0  ? c->kernel
                                : strncmp(what, "gamma", 5) == 0 ? c->norm
                                : strncmp(what, "beta", 4) == 0  ? c->norm + c->cout
                                                                 : c->bias);
    double sum = 0;

    if (strcmp(what, "p") == 0) {
        near(what, place, (double)r->p[place], want, 1);
    } else if (strstr(what, "-norm")) {
        for (size_t i = 0; i < n; i++)
            sum += (double)d[i] * (double)d[i];
        /* A normalisation takes off what a bias adds: its gradient is what cancels in the kernel's.
         */
        if (!c->norm || strcmp(what, "bias-norm") != 0)
            *norm = want;
        near(what, place, sqrt(sum), want, loose * *norm);
    } else if (strstr(what, "-dot")) {
        for (size_t i = 0; i < n; i++)
            sum += (double)d[i] * hashed_at((uint32_t)i, 2000 + (uint32_t)place);
        near(what, place, sum, want, loose * *norm);
    } else {
        double l = strcmp(what, "bce") == 0     ? r->loss.bce / r->loss.n
                   : strcmp(what, "focal") == 0 ? r->loss.focal / r->loss.n
                                                : af_unet_loss_dice(&r->loss);

        near(what, place, l, want, 1);
    }
}

static void try_expected(const char *network, const struct af_nn_kernels *k)
{
    struct rig *r = rig_up(network, k);
    char path[4096], line[256], name[32], what[32];
    long place;
    double want, norm = 0;
    int n = 0;
    FILE *fp;

    forward(r, 0);
    backward(r);
    snprintf(path, sizeof(path), "%s/tests/expect/unet.tsv", getenv("SRC"));
    assert_non_null(fp = fopen(path, "r"));
    while (fgets(line, sizeof(line), fp))
        if (sscanf(line, "%31s %31s %ld %lf", name, what, &place, &want) == 4 &&
            strcmp(name, network) == 0) {
            check(r, what, place, want, &norm);
            n++;
        }
    fclose(fp);
    assert_true(n > 80);
    rig_down(r);
}

static void probabilities_losses_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    for (int i = 0; i < NSETS; i++) {
        const struct af_nn_kernels *k = af_nn_kernels_named(set_name[i]);

        if (!k) {
            print_message("# no %s here\n", set_name[i]);
            continue;
        }
        try_expected("unet", k);
        try_expected("unet-512", k);
        try_expected("unet-small", k);
    }
}

static void without_a_way_back_it_puts_out_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < AF_UNET_NNAMES; i++) {
        struct rig *r = rig_up(af_unet_name[i], NULL);
        float *p = calloc(r->px, sizeof(*p));

        assert_non_null(p);
        forward(r, 7);
        af_unet_net_free(r->net[0]);
        assert_int_equal(af_unet_net_new(&r->net[0], &r->arch, r->h, r->w_px, false, NULL), 0);
        for (int again = 0; again < 2; again++) { // what it leaves behind does not matter
            af_unet_forward(r->net[0], r->w, r->x, 7, p);
            assert_memory_equal(p, r->p, r->px * sizeof(*p));
        }
        free(p);
        rig_down(r);
    }
}

static void the_published_network_has_its_number_of_parameters(void **state)
{
    struct af_unet_arch a;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_unet_arch_init(&a, "unet", &err), 0);
    assert_int_equal(a.nparams, 1940817); // as published
    assert_string_equal(a.conv[1].name, "conv2d_1");
    assert_string_equal(a.conv[10].name, "conv2d_transpose");
    assert_string_equal(a.conv[a.nconv - 1].name, "conv2d_18");
    assert_int_equal(af_unet_arch_init(&a, "unet-512", &err), 0);
    assert_int_equal(a.nparams, 7780369); // of the published code's layers, added up
    assert_string_equal(a.conv[14].norm_name, "instance_normalization_13");
    assert_true(a.conv[14].norm && !a.conv[12].norm && !a.conv[16].norm);
    assert_int_equal(af_unet_arch_init(&a, "unet-small", &err), 0);
    assert_int_equal(a.nparams, 481745);
    assert_int_equal(af_unet_arch_init(&a, "net", &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
}

/* The same dropout: the loss is a smooth function of the biases but where a ReLU turns. */
static void try_slope(const char *network)
{
    struct rig *r = rig_up(network, NULL);
    double plain, slope = 0, size = 0, up, down;
    const double h = 1e-3;
    float *at, *u;

    at = calloc(2 * r->arch.nparams, sizeof(*at));
    assert_non_null(at);
    u = at + r->arch.nparams;
    memcpy(at, r->params, r->arch.nparams * sizeof(*at));
    forward(r, 0);
    plain = af_unet_loss_total(&r->loss);
    forward(r, 7);
    assert_true(fabs(af_unet_loss_total(&r->loss) - plain) > 1e-3 || r->arch.norm);
    backward(r);
    hashed(u, r->arch.nparams, 3000, 1, 0);
    for (size_t i = 0; i < r->arch.nparams; i++)
        u[i] *= fabsf(at[i]) * 0.1F;
    for (size_t i = 0; i < r->arch.nparams; i++) {
        slope += (double)r->grad[i] * (double)u[i];
        size += fabs((double)r->grad[i] * (double)u[i]);
        r->params[i] = at[i] + (float)h * u[i];
    }
    forward(r, 7);
    up = af_unet_loss_total(&r->loss);
    for (size_t i = 0; i < r->arch.nparams; i++)
        r->params[i] = at[i] - (float)h * u[i];
    forward(r, 7);
    down = af_unet_loss_total(&r->loss);
    /* Terms are of either sign; the difference has the rounding of two losses in float. */
    if (!(fabs(slope - (up - down) / (2 * h)) <= 1e-3 * size + 2e-4))
        fail_msg("slope %.6g, not %.6g (terms %.3g)", slope, (up - down) / (2 * h), size);
    free(at);
    rig_down(r);
}

static void gradients_are_slopes_also_under_dropout(void **state)
{
    (void)state;
    try_slope("unet");
    try_slope("unet-z");
    try_slope("unet-512");
}

/* Five slices of which one is looked at make the network of one. */
static void more_slices_are_more_channels(void **state)
{
    struct rig *one = rig_up("unet-small", NULL), *five = rig_up("unet-z", NULL);
    const struct af_unet_conv *a = &one->arch.conv[0], *b = &five->arch.conv[0];

    (void)state;
    memset(five->params + b->kernel, 0, b->nkernel * sizeof(float));
    for (size_t t = 0; t < 9; t++)
        memcpy(five->params + b->kernel + (t * 5 + 2) * b->cout,
               one->params + a->kernel + t * a->cout, a->cout * sizeof(float));
    memcpy(five->params + b->bias, one->params + a->bias,
           (one->arch.nparams - a->bias) * sizeof(float));
    for (size_t i = 0; i < (size_t)N * PX; i++)
        five->x[5 * i + 2] = one->x[i];
    forward(one, 0);
    forward(five, 0);
    for (size_t i = 0; i < (size_t)N * PX; i++)
        near("p", (long)i, (double)five->p[i], (double)one->p[i], 1);
    rig_down(one);
    rig_down(five);
}

/* Mean and share of what dropout keeps; the same on every set. */
static void dropout_keeps_its_share_and_the_mean(void **state)
{
    enum { SIDE = 64, C = 16 };
    static float a[SIDE * SIDE * C], first[SIDE * SIDE * C];
    const struct af_nn_picture p = {a, C, (size_t)SIDE * C};
    double sum = 0, kept = 0;

    (void)state;
    for (int s = 0; s < NSETS; s++) {
        const struct af_nn_kernels *k = af_nn_kernels_named(set_name[s]);

        if (!k)
            continue;
        for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
            a[i] = 1;
        k->dropout(&p, SIDE, SIDE, C, 12345, 0.2);
        if (s == 0)
            memcpy(first, a, sizeof(a));
        assert_memory_equal(first, a, sizeof(a));
    }
    for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
        sum += (double)first[i];
        kept += first[i] > 0;
    }
    assert_true(fabs(kept / (SIDE * SIDE * C) - 0.8) <
                0.008); // five standard errors of 65536 draws
    assert_true(fabs(sum / (SIDE * SIDE * C) - 1) < 0.01);
}

/* Along the gradient's own signs, so that no two terms cancel. */
static void the_losses_gradient_is_their_slope(void **state)
{
    float z[PX], p[PX], g[PX], w[PX], d[PX] = {0};
    double slope = 0, total[3];
    const double h = 1e-2;

    (void)state;
    hashed(z, PX, 1, 4, 0);
    hashed(w, PX, 2, 0.5, 0.5);
    for (size_t i = 0; i < PX; i++)
        g[i] = hashed_at((uint32_t)i, 3) > 0;
    for (int side = 0; side < 3; side++) { // there, above, below
        struct af_unet_loss l = {0};

        for (size_t i = 0; i < PX; i++) {
            double u = (d[i] > 0 ? h : -h) * (side == 0 ? 0 : side == 1 ? 1 : -1);

            p[i] = (float)(1 / (1 + exp(-(double)z[i] - u)));
        }
        af_unet_loss_add(&l, p, g, w, PX);
        total[side] = af_unet_loss_total(&l);
        if (side == 0)
            af_unet_loss_gradient(&l, d, p, g, w, PX);
    }
    for (size_t i = 0; i < PX; i++)
        slope += fabs((double)d[i]);
    /* The difference is good to h^2; probabilities are rounded to 6e-8 each. */
    assert_true(fabs(slope - (total[1] - total[2]) / (2 * h)) < 1e-4 * slope);
}

static void a_perfect_mask_has_no_loss_and_a_whole_iou(void **state)
{
    const float g[4] = {1, 0, 0, 1}, none[4] = {0};
    struct af_unet_loss l = {0}, empty = {0};

    (void)state;
    af_unet_loss_add(&l, g, g, NULL, 4);
    assert_true(af_unet_loss_total(&l) < 1e-6 && af_unet_loss_iou(&l) == 1);
    af_unet_loss_add(&empty, none, none, none, 4);
    assert_true(af_unet_loss_total(&empty) == 0 && af_unet_loss_iou(&empty) == 1);
}

/* What is further away than the reach leaves a pixel as it is, bit by bit. */
static void nothing_is_seen_beyond_the_reach(void **state)
{
    enum { SIDE = 96 };
    static float x[SIDE * SIDE], p[SIDE * SIDE], q[SIDE * SIDE];
    struct af_unet_arch a;
    struct af_unet_weights *w;
    struct af_unet_net *net;
    struct af_err err = {0};
    float *params;
    size_t reach;

    (void)state;
    assert_int_equal(af_unet_arch_init(&a, "unet-small", &err), 0);
    assert_int_equal(af_unet_weights_new(&w, &a, false, NULL, &err), 0);
    assert_int_equal(af_unet_net_new(&net, &a, SIDE, SIDE, false, &err), 0);
    assert_non_null(params = calloc(a.nparams, sizeof(*params)));
    af_unet_randomise(&a, params, 1);
    af_unet_weights_pack(w, params, 0, 1);
    reach = af_unet_reach(&a);
    assert_in_range(reach, 30, SIDE - 8);
    hashed(x, (size_t)SIDE * SIDE, 5, 1, 0);
    af_unet_forward(net, w, x, 0, p);
    for (size_t i = 0; i < SIDE; i++)
        x[i] = 50; // the first row
    af_unet_forward(net, w, x, 0, q);
    assert_memory_not_equal(p, q, SIDE * sizeof(*p));
    assert_memory_equal(p + (reach + 1) * SIDE, q + (reach + 1) * SIDE,
                        (SIDE - reach - 1) * SIDE * sizeof(*p));
    free(params);
    af_unet_net_free(net);
    af_unet_weights_free(w);
}

static void sides_that_do_not_halve_are_refused(void **state)
{
    struct af_unet_arch a;
    struct af_unet_net *net;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_unet_arch_init(&a, "unet", &err), 0);
    assert_int_equal(af_unet_net_new(&net, &a, 24, 32, false, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_null(net);
    assert_int_equal(af_unet_net_new(&net, &a, 0, 32, false, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_losses_and_gradients_are_pytorchs),
        cmocka_unit_test(without_a_way_back_it_puts_out_the_same),
        cmocka_unit_test(the_published_network_has_its_number_of_parameters),
        cmocka_unit_test(gradients_are_slopes_also_under_dropout),
        cmocka_unit_test(more_slices_are_more_channels),
        cmocka_unit_test(dropout_keeps_its_share_and_the_mean),
        cmocka_unit_test(the_losses_gradient_is_their_slope),
        cmocka_unit_test(a_perfect_mask_has_no_loss_and_a_whole_iou),
        cmocka_unit_test(nothing_is_seen_beyond_the_reach),
        cmocka_unit_test(sides_that_do_not_halve_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
