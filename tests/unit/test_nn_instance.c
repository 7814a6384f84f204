/* SPDX-License-Identifier: BSD-2-Clause */
/* Instance normalisation: what it promises, its slopes, and PyTorch's numbers
 * (tests/expect/instance.py). */
#include "nn/instance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { H = 5, W = 7, C = 16, N = H * W * C };

static double hashed_at(uint32_t i, uint32_t seed)
{
    uint32_t v = i + seed * 7919;

    v = (v ^ v >> 16) * 0x85ebca6bU;
    v = (v ^ v >> 13) * 0xc2b2ae35U;
    v ^= v >> 16;
    return v / 2147483648.0 - 1;
}

/* What a ReLU put out, on channels of several means; some of it 0. */
struct rig {
    float in[N], out[N], d[N], gamma[C], beta[C], dgamma[C], dbeta[C];
};

static const struct af_nn_picture shape = {NULL, C, (size_t)W *C};

static struct af_nn_picture picture(float *p)
{
    struct af_nn_picture q = shape;

    q.p = p;
    return q;
}

static void rig_up(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    for (uint32_t i = 0; i < N; i++) {
        r->in[i] = (float)fmax(0, hashed_at(i, 1) + 0.3 * (i % C));
        r->d[i] = (float)hashed_at(i, 2);
    }
    for (uint32_t i = 0; i < C; i++) {
        r->gamma[i] = (float)(hashed_at(i, 3) * 0.5 + 1);
        r->beta[i] = (float)hashed_at(i, 4);
    }
}

static void forward(struct rig *r)
{
    struct af_nn_picture in = picture(r->in), out = picture(r->out);

    af_instance(&out, &in, H, W, C, r->gamma, r->beta);
}

static void backward(struct rig *r)
{
    struct af_nn_picture in = picture(r->in), d = picture(r->d);

    af_instance_back(&d, &in, H, W, C, r->gamma, r->dgamma, r->dbeta);
}

static void channels_get_their_mean_and_spread(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r);
    for (size_t c = 0; c < C; c++)
        for (size_t i = 0; i < H * W; i++)
            r.in[i * C + c] = r.in[i * C + c] * 100; // so that e does not count
    forward(&r);
    for (size_t c = 0; c < C; c++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < H * W; i++)
            mean += (double)r.out[i * C + c] / (H * W);
        for (size_t i = 0; i < H * W; i++)
            square += pow((double)r.out[i * C + c] - mean, 2) / (H * W);
        assert_true(fabs(mean - (double)r.beta[c]) < 1e-5);
        assert_true(fabs(sqrt(square) - (double)r.gamma[c]) < 1e-5);
    }
}

static void a_flat_channel_becomes_beta(void **state)
{
    struct rig r;

    (void)state;
    rig_up(&r);
    for (size_t i = 0; i < N; i++)
        r.in[i] = 77;
    forward(&r);
    for (size_t i = 0; i < N; i++)
        assert_true(r.out[i] == r.beta[i % C]);
}

/* sum d out, in double: the formula of the header. */
static double along(const double *in, const double *gamma, const double *beta, const float *d)
{
    double sum = 0;

    for (size_t c = 0; c < C; c++) {
        double mean = 0, var = 0;

        for (size_t i = c; i < N; i += C)
            mean += in[i] / (H * W);
        for (size_t i = c; i < N; i += C)
            var += (in[i] - mean) * (in[i] - mean) / (H * W);
        for (size_t i = c; i < N; i += C)
            sum += (double)d[i] * (gamma[c] * (in[i] - mean) / sqrt(var + 1e-3) + beta[c]);
    }
    return sum;
}

/* Each number by itself: central differences of step h are good to h^2. */
static void gradients_are_central_differences(void **state)
{
    double v[N + 2 * C];
    float d[N];
    struct rig r;

    (void)state;
    rig_up(&r);
    memcpy(d, r.d, sizeof(d));
    for (size_t i = 0; i < N; i++)
        v[i] = (double)r.in[i];
    for (size_t i = 0; i < C; i++) {
        v[N + i] = (double)r.gamma[i];
        v[N + C + i] = (double)r.beta[i];
    }
    backward(&r);
    for (size_t i = 0; i < N + 2 * C; i++) {
        const double h = 1e-5, at = v[i];
        float got = i < N ? r.d[i] : i < N + C ? r.dgamma[i - N] : r.dbeta[i - N - C];
        double up, down;

        v[i] = at + h;
        up = along(v, v + N, v + N + C, d);
        v[i] = at - h;
        down = along(v, v + N, v + N + C, d);
        v[i] = at;
        if (i < N && at == 0)
            assert_true(got == 0); // its ReLU is closed
        else if (fabs((double)got - (up - down) / (2 * h)) > 1e-6 * (1 + fabs((double)got)))
            fail_msg("number %zu: %.9g, not %.9g", i, (double)got, (up - down) / (2 * h));
    }
}

static void numbers_are_pytorchs(void **state)
{
    char path[4096], line[256], what[32];
    unsigned long place;
    double want;
    struct rig r;
    int n = 0;
    FILE *fp;

    (void)state;
    rig_up(&r);
    forward(&r);
    backward(&r);
    snprintf(path, sizeof(path), "%s/tests/expect/instance.tsv", getenv("SRC"));
    assert_non_null(fp = fopen(path, "r"));
    while (fgets(line, sizeof(line), fp))
        if (sscanf(line, "%31s %lu %lf", what, &place, &want) == 3) {
            const float *from = strcmp(what, "out") == 0      ? r.out
                                : strcmp(what, "din") == 0    ? r.d
                                : strcmp(what, "dgamma") == 0 ? r.dgamma
                                                              : r.dbeta;

            n++;
            if (fabs((double)from[place] - want) > 1e-5)
                fail_msg("%s %lu: %.9g, not %.9g", what, place, (double)from[place], want);
        }
    fclose(fp);
    assert_int_equal(n, 2 * N + 2 * C);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_get_their_mean_and_spread),
        cmocka_unit_test(a_flat_channel_becomes_beta),
        cmocka_unit_test(gradients_are_central_differences),
        cmocka_unit_test(numbers_are_pytorchs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
