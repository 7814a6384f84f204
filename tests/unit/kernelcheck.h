/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels against plain loops in double, for each set that this processor has.
 *
 * Forward: element by element, within half a unit in the last place of the sum of magnitudes for
 * each rounding. Backward: the gradient along a random direction against the central difference of
 * the plain forward, which is quadratic at most between the corners of ReLU6: nothing comes near
 * those.
 */
#ifndef AF_TESTS_KERNELCHECK_H
#define AF_TESTS_KERNELCHECK_H
#include "nn/kernels.h"

#include "base/random.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HELD_MAX = 64 };

static const char *const set_name[] = {"portable", "avx2", "avx512"};
enum { NSETS = sizeof(set_name) / sizeof(set_name[0]) };

static const size_t widths[] = {16, 32, 48, 96, 112};
enum { NWIDTHS = sizeof(widths) / sizeof(widths[0]) };

static char where[128]; // what is being tried, for messages
static void *held[HELD_MAX];
static size_t nheld;
static struct af_random rnd;

/* Memory of just this size, so that AddressSanitizer sees a step aside; until drop(). */
static inline void *hold(size_t n, size_t size)
{
    void *p = calloc(n, size);

    assert_non_null(p);
    assert_true(nheld < HELD_MAX);
    return held[nheld++] = p;
}

static inline void drop(void)
{
    while (nheld > 0)
        free(held[--nheld]);
}

static inline float *numbers(size_t n)
{
    float *v = hold(n, sizeof(*v));

    for (size_t i = 0; i < n; i++)
        v[i] = (float)(2 * af_random_uniform(&rnd) - 1);
    return v;
}

static inline float *copy(const float *v, size_t n)
{
    return memcpy(hold(n, sizeof(*v)), v, n * sizeof(*v));
}

static inline double *doubles(const float *v, size_t n)
{
    double *d = hold(n, sizeof(*d));

    for (size_t i = 0; i < n; i++)
        d[i] = (double)v[i];
    return d;
}

static inline struct af_nn_norm norm_of(size_t cp)
{
    struct af_nn_norm n = {numbers(cp), numbers(cp), numbers(cp), numbers(cp)};

    for (size_t c = 0; c < cp; c++) {
        n.scale[c] = n.scale[c] * 3 + (n.scale[c] < 0 ? -1 : 1);
        n.shift[c] = n.shift[c] * 3 + 3;
    }
    return n;
}

static inline struct af_nn_denorm denorm_of(size_t cp)
{
    struct af_nn_denorm d = {numbers(cp), numbers(cp), numbers(cp)};

    return d;
}

static inline double clip6(double v)
{
    return v < 0 ? 0 : v > 6 ? 6 : v;
}

/* z scale + shift of rows; z is moved where that is within 0.02 of a corner of ReLU6. */
static inline double *before_relu(float *z, const struct af_nn_norm *n, size_t rows, size_t cp)
{
    double *b = hold(rows * cp, sizeof(*b));

    for (size_t i = 0; i < rows * cp; i++) {
        double scale = (double)n->scale[i % cp], shift = (double)n->shift[i % cp];

        while (b[i] = (double)z[i] * scale + shift, fabs(b[i]) < 0.02 || fabs(b[i] - 6) < 0.02)
            z[i] += 0.04f;
    }
    return b;
}

static inline void near(const char *what, size_t i, float got, double want, double magnitude,
                        double roundings)
{
    double off = fabs((double)got - want);

    if (!(off <= roundings * (double)FLT_EPSILON / 2 * magnitude + 1e-30))
        fail_msg("%s: %s[%zu] is %.9g, not %.9g", where, what, i, (double)got, want);
}

/*
 * Sums that a kernel adds to: total[c] - before[c] is the sum over rows of v, or of v times zhat.
 */
static inline void sums_hold(const char *what, const float *total, const float *before,
                             const float *v, const float *z, const struct af_nn_norm *n,
                             size_t rows, size_t cp)
{
    for (size_t c = 0; c < cp; c++) {
        double want = (double)before[c], magnitude = fabs(want);

        for (size_t i = c; i < rows * cp; i += cp) {
            double t = (double)v[i];

            if (z)
                t *= n ? ((double)z[i] - (double)n->mean[c]) * (double)n->invstd[c] : (double)z[i];
            want += t;
            magnitude += fabs(t) + (n ? fabs((double)v[i]) : 0); // z - mean rounds by itself
        }
        near(what, c, total[c], want, magnitude, (double)rows + 4);
    }
}

/* sum_i got_i u_i against the central difference of loss along u. */
struct along {
    double (*loss)(const void *ctx);
    const void *ctx;
    double *v; // what loss depends on, [n]
    size_t n;
};

static inline void slope_is(const struct along *a, const char *what, const float *got,
                            const float *before)
{
    const double h = 1e-3;
    double *u = hold(a->n, sizeof(*u)), *at = hold(a->n, sizeof(*at)), up, down, sum = 0, size = 0;

    memcpy(at, a->v, a->n * sizeof(*at));
    for (size_t i = 0; i < a->n; i++) {
        double g = (double)got[i] - (before ? (double)before[i] : 0);

        u[i] = 2 * af_random_uniform(&rnd) - 1;
        sum += g * u[i];
        size += fabs(g * u[i]) + (before ? fabs((double)before[i]) * 0.1 : 0);
        a->v[i] = at[i] + h * u[i];
    }
    up = a->loss(a->ctx);
    for (size_t i = 0; i < a->n; i++)
        a->v[i] = at[i] - h * u[i];
    down = a->loss(a->ctx);
    memcpy(a->v, at, a->n * sizeof(*at));
    /* Errors of single elements are of either sign; 1e-5 is a twentieth of one element's part. */
    if (!(fabs(sum - (up - down) / (2 * h)) <= 1e-5 * size))
        fail_msg("%s: %s: slope %.9g, not %.9g (terms %.3g)", where, what, sum,
                 (up - down) / (2 * h), size);
}

/* A test for every set this processor has. */
static inline void each_set(void (*test)(const struct af_nn_kernels *k))
{
    for (int i = 0; i < NSETS; i++) {
        const struct af_nn_kernels *k = af_nn_kernels_named(set_name[i]);

        if (!k) {
            print_message("# no %s here\n", set_name[i]);
            continue;
        }
        assert_string_equal(k->name, set_name[i]);
        af_random_init(&rnd, 1, "kernels");
        test(k);
    }
}

#endif
