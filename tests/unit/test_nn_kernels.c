/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernelcheck.h"

enum { ROWS_MAX = 40 };

/* Channels in and out of a product. */
static const struct {
    size_t k, n;
} shape[] = {{1, 16}, {16, 5}, {24, 96}, {33, 40}, {96, 24}, {112, 112}, {7, 48}, {40, 17}};
enum { NSHAPES = sizeof(shape) / sizeof(shape[0]) };

/* ---------------------------------------------------- element by element */

static void try_elementwise(const struct af_nn_kernels *k, size_t rows, size_t cp)
{
    size_t n = rows * cp;
    float *z = numbers(n), *db = numbers(n), *out = numbers(n);
    struct af_nn_norm nm = norm_of(cp);
    struct af_nn_denorm d = denorm_of(cp);

    snprintf(where, sizeof(where), "%s: %zu rows of %zu", k->name, rows, cp);
    k->activate(out, z, nm.scale, nm.shift, rows, cp);
    for (size_t i = 0; i < n; i++)
        near("activate", i, out[i],
             clip6((double)z[i] * (double)nm.scale[i % cp] + (double)nm.shift[i % cp]), 10, 2);
    for (int add = 0; add < 2; add++) {
        k->affine(out, z, nm.scale, nm.shift, add ? db : NULL, rows, cp);
        for (size_t i = 0; i < n; i++)
            near("affine", i, out[i],
                 (double)z[i] * (double)nm.scale[i % cp] + (double)nm.shift[i % cp] +
                     (add ? (double)db[i] : 0),
                 11, 3);
    }
    k->denormalise(out, db, z, &d, rows, cp);
    for (size_t i = 0; i < n; i++)
        near("denormalise", i, out[i],
             (double)d.a[i % cp] * (double)db[i] + (double)d.b[i % cp] * (double)z[i] +
                 (double)d.c[i % cp],
             3, 4);
    drop();
}

static void elementwise(const struct af_nn_kernels *k)
{
    for (size_t rows = 1; rows <= ROWS_MAX; rows += 3)
        for (int w = 0; w < NWIDTHS; w++)
            try_elementwise(k, rows, widths[w]);
}

static void element_kernels_follow_their_formulas(void **state)
{
    (void)state;
    each_set(elementwise);
}

/* ------------------------------------------------------- matrix products */

/* Rows of `used` numbers, up to ld what nobody may look at. */
static float *rows_of(size_t rows, size_t used, size_t ld, float behind)
{
    float *v = numbers(rows * ld);

    for (size_t m = 0; m < rows; m++)
        for (size_t c = used; c < ld; c++)
            v[m * ld + c] = behind;
    return v;
}

static float *packed(const float *w, size_t k, size_t n)
{
    float *p = hold(k * af_nn_pad(n), sizeof(*p));

    af_nn_pack(p, w, k, n, n);
    return p;
}

/* sum_k x[m][k] w[k][n] and the sum of magnitudes; 0 behind the n given. */
static double dot(const float *x, const float *w, size_t k, size_t n, size_t at, double *magnitude)
{
    double v = 0;

    *magnitude = 0;
    for (size_t i = 0; at < n && i < k; i++) {
        double t = (double)x[i] * (double)w[i * n + at];

        v += t;
        *magnitude += fabs(t);
    }
    return v;
}

static void try_pointwise(const struct af_nn_kernels *k, size_t rows, size_t nk, size_t n)
{
    size_t ldx = af_nn_pad(nk), np = af_nn_pad(n);
    float *x = rows_of(rows, nk, ldx, NAN), *w = numbers(nk * n), *p = packed(w, nk, n);
    float *z = numbers(rows * np), *again = numbers(rows * np), *sum = numbers(np);
    float *square = numbers(np), *sum0 = copy(sum, np), *square0 = copy(square, np);
    double magnitude;

    snprintf(where, sizeof(where), "%s: %zu rows, %zu to %zu", k->name, rows, nk, n);
    k->pointwise(z, x, p, rows, nk, ldx, np, sum, square);
    for (size_t i = 0; i < rows * np; i++) {
        double want = dot(x + i / np * ldx, w, nk, n, i % np, &magnitude);

        near("z", i, z[i], want, magnitude, (double)nk + 1);
    }
    sums_hold("sum", sum, sum0, z, NULL, NULL, rows, np);
    sums_hold("sumsq", square, square0, z, z, NULL, rows, np);
    k->pointwise(again, x, p, rows, nk, ldx, np, NULL, NULL);
    assert_memory_equal(again, z, rows * np * sizeof(*z));
    drop();
}

static void pointwise(const struct af_nn_kernels *k)
{
    for (int s = 0; s < NSHAPES; s++)
        for (size_t rows = 1; rows <= ROWS_MAX; rows++)
            try_pointwise(k, rows, shape[s].k, shape[s].n);
}

static void pointwise_is_the_plain_product_with_its_sums(void **state)
{
    (void)state;
    each_set(pointwise);
}

static void try_pointwise_bias(const struct af_nn_kernels *k, size_t rows, size_t nk, size_t n,
                               bool relu6, bool adds)
{
    size_t ldx = af_nn_pad(nk), np = af_nn_pad(n);
    float *x = rows_of(rows, nk, ldx, NAN), *w = numbers(nk * n), *bias = numbers(np);
    float *add = adds ? numbers(rows * np) : NULL, *y = numbers(rows * np), *p = packed(w, nk, n);
    double magnitude;

    snprintf(where, sizeof(where), "%s: %zu rows, %zu to %zu, %s%s", k->name, rows, nk, n,
             relu6 ? "ReLU6" : "linear", adds ? ", added" : "");
    k->pointwise_bias(y, x, p, rows, nk, ldx, np, bias, relu6, add);
    for (size_t i = 0; i < rows * np; i++) {
        double want = dot(x + i / np * ldx, w, nk, n, i % np, &magnitude) + (double)bias[i % np];

        want = relu6 ? clip6(want) : want + (adds ? (double)add[i] : 0);
        near("y", i, y[i], want, magnitude + 2, (double)nk + 3);
    }
    drop();
}

static void pointwise_bias(const struct af_nn_kernels *k)
{
    for (int s = 0; s < NSHAPES; s++)
        for (size_t rows = 1; rows <= ROWS_MAX; rows += 2)
            for (int how = 0; how < 3; how++)
                try_pointwise_bias(k, rows, shape[s].k, shape[s].n, how == 0, how == 1);
}

static void pointwise_bias_adds_the_bias_and_the_shortcut_or_clips(void **state)
{
    (void)state;
    each_set(pointwise_bias);
}

/* sum over rows of g z, z = relu6(b) w or b w. */
struct product {
    size_t rows, k, n, ldb, ldg;
    const double *b, *w; // [rows][ldb], [k][n]
    const float *g;      // [rows][ldg]
    bool relu6;
};

static double product_loss(const void *ctx)
{
    const struct product *p = ctx;
    double v = 0;

    for (size_t m = 0; m < p->rows; m++)
        for (size_t k = 0; k < p->k; k++) {
            double b = p->b[m * p->ldb + k], a = p->relu6 ? clip6(b) : b, t = 0;

            for (size_t n = 0; n < p->n; n++)
                t += (double)p->g[m * p->ldg + n] * p->w[k * p->n + n];
            v += a * t;
        }
    return v;
}

static void try_pointwise_back(const struct af_nn_kernels *k, size_t rows, size_t nk, size_t n,
                               bool relu6, bool onto)
{
    size_t kp = af_nn_pad(nk), ldz = af_nn_pad(n);
    float *dz = rows_of(rows, n, ldz, NAN), *w = numbers(nk * n), *wt = hold(n * kp, sizeof(*wt));
    float *zin = numbers(rows * kp), *db = numbers(rows * kp), *old = copy(db, rows * kp);
    float *sum = numbers(kp), *along = numbers(kp), *sum0 = copy(sum, kp), *dot0 = copy(along, kp);
    struct af_nn_norm nm = norm_of(kp);
    double *b = before_relu(zin, &nm, rows, kp);
    struct product p = {rows, nk, n, kp, ldz, b, doubles(w, nk * n), dz, relu6};
    struct along a = {product_loss, &p, b, rows * kp};

    snprintf(where, sizeof(where), "%s: %zu rows, %zu from %zu, %s%s", k->name, rows, nk, n,
             relu6 ? "ReLU6" : "linear", onto ? ", onto" : "");
    af_nn_pack_transposed(wt, w, nk, n, n);
    k->pointwise_back(db, dz, wt, rows, n, ldz, kp, zin, &nm, NULL, relu6, onto, sum, along);
    slope_is(&a, "db", db, onto ? old : NULL);
    sums_hold("sum", sum, sum0, db, NULL, NULL, rows, kp);
    sums_hold("dot", along, dot0, db, zin, &nm, rows, kp);
    if (relu6) { // sums alone
        k->pointwise_back(NULL, dz, wt, rows, n, ldz, kp, zin, &nm, NULL, true, false, sum0, dot0);
        assert_memory_equal(sum, sum0, kp * sizeof(*sum));
        assert_memory_equal(along, dot0, kp * sizeof(*along));
    } else { // with a constant
        float *bias = numbers(kp), *more = copy(onto ? old : db, rows * kp);

        k->pointwise_back(more, dz, wt, rows, n, ldz, kp, zin, &nm, bias, false, onto, sum0, dot0);
        for (size_t i = 0; i < rows * kp; i++)
            near("db with a constant", i, more[i], (double)db[i] + (double)bias[i % kp],
                 (double)n + 3, 3);
    }
    drop();
}

static void pointwise_back(const struct af_nn_kernels *k)
{
    for (int s = 0; s < NSHAPES; s++)
        for (size_t rows = 1; rows <= ROWS_MAX; rows += 2)
            for (int how = 0; how < 3; how++)
                try_pointwise_back(k, rows, shape[s].k, shape[s].n, how == 0, how == 1);
}

static void pointwise_back_is_the_slope_of_pointwise_by_its_input(void **state)
{
    (void)state;
    each_set(pointwise_back);
}

static void pointwise_weights(const struct af_nn_kernels *k)
{
    for (int s = 0; s < NSHAPES; s++)
        for (size_t rows = 1; rows <= ROWS_MAX; rows += 2) {
            size_t kp = af_nn_pad(shape[s].k), np = af_nn_pad(shape[s].n);
            float *x = numbers(rows * kp), *dz = numbers(rows * np), *dw = numbers(kp * np);
            float *old = copy(dw, kp * np);
            double *w = hold(kp * np, sizeof(*w));
            struct product p = {rows, kp, np, kp, np, doubles(x, rows * kp), w, dz, false};
            struct along a = {product_loss, &p, w, kp * np};

            snprintf(where, sizeof(where), "%s: %zu rows, %zu by %zu", k->name, rows, kp, np);
            k->pointwise_weights(dw, x, dz, rows, kp, kp, np);
            slope_is(&a, "dw", dw, old);
            drop();
        }
}

static void pointwise_weights_is_the_slope_of_pointwise_by_its_filter(void **state)
{
    (void)state;
    each_set(pointwise_weights);
}

static void packing_keeps_every_number_and_pads_with_zeros(void **state)
{
    enum { K = 3, N = 50, NP = 64 };
    float *w, *p = NULL, *t = NULL;

    (void)state;
    af_random_init(&rnd, 2, "kernels");
    w = numbers((size_t)K * N);
    p = packed(w, K, N);
    t = hold((size_t)N * 16, sizeof(*t));
    af_nn_pack_transposed(t, w, K, N, N);
    for (size_t k = 0; k < K; k++)
        for (size_t n = 0; n < NP; n++) {
            float want = n < N ? w[k * N + n] : 0;

            assert_true(p[n / 32 * 32 * K + k * 32 + n % 32] == want);
            assert_true(n >= N || t[n * 16 + k] == want);
        }
    for (size_t n = 0; n < N; n++)
        for (size_t k = K; k < 16; k++)
            assert_true(t[n * 16 + k] == 0);
    drop();
}

/* --------------------------------------------------------------- choosing */

static void the_best_set_is_one_that_can_be_named(void **state)
{
    const struct af_nn_kernels *best = af_nn_kernels_best();

    (void)state;
    assert_non_null(af_nn_kernels_named("portable"));
    assert_null(af_nn_kernels_named("sse9"));
    assert_ptr_equal(af_nn_kernels_named(best->name), best);
    for (int i = 0; i < NSETS; i++)
        if (af_nn_kernels_named(set_name[i]))
            assert_true(strcmp(best->name, "portable") != 0 || i == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(element_kernels_follow_their_formulas),
        cmocka_unit_test(pointwise_is_the_plain_product_with_its_sums),
        cmocka_unit_test(pointwise_bias_adds_the_bias_and_the_shortcut_or_clips),
        cmocka_unit_test(pointwise_back_is_the_slope_of_pointwise_by_its_input),
        cmocka_unit_test(pointwise_weights_is_the_slope_of_pointwise_by_its_filter),
        cmocka_unit_test(packing_keeps_every_number_and_pads_with_zeros),
        cmocka_unit_test(the_best_set_is_one_that_can_be_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
