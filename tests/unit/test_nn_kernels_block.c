/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels that take a block's layers together, against plain loops in double. */
#include "kernelcheck.h"

/*
 * Numbers on a grid of 1/8, biases between: what an expansion makes of them is exact in float, and
 * never 0 or 6, so that both sides agree where ReLU6 is open.
 */
static float *grid(size_t n, float shift)
{
    float *v = hold(n, sizeof(*v));

    for (size_t i = 0; i < n; i++)
        v[i] = (float)((int)(17 * af_random_uniform(&rnd)) - 8) / 8 + shift;
    return v;
}

struct block {
    size_t h, stride, k, ldx, cp, n, ldz, kp;
    float *x, *we, *bias, *w; // [h h][ldx], [k][cp], [cp], [9][cp]
    double *b;                // [h h][cp] before ReLU6
    size_t ho, px, px_out;
};

static struct block block_of(size_t h, size_t stride, size_t k, size_t cp)
{
    struct block b = {.h = h,
                      .stride = stride,
                      .k = k,
                      .ldx = af_nn_pad(k),
                      .cp = cp,
                      .n = 24,
                      .ldz = 32,
                      .kp = af_nn_pad(k),
                      .ho = h / stride};

    b.px = h * h;
    b.px_out = b.ho * b.ho;
    b.x = grid(b.px * b.ldx, 0);
    b.we = grid(k * cp, 0);
    b.bias = grid(cp, 1.0F / 128);
    b.w = numbers(9 * cp);
    b.b = hold(b.px * cp, sizeof(*b.b));
    for (size_t i = 0; i < b.px * cp; i++) {
        b.b[i] = (double)b.bias[i % cp];
        for (size_t j = 0; j < k; j++)
            b.b[i] += (double)b.x[i / cp * b.ldx + j] * (double)b.we[j * cp + i % cp];
    }
    return b;
}

static struct af_nn_expand expand_of(const struct block *b)
{
    float *packed = hold(b->k * b->cp, sizeof(*packed));

    af_nn_pack(packed, b->we, b->k, b->cp, b->cp);
    return (struct af_nn_expand){b->x, b->k, b->ldx, packed, b->bias};
}

/* Index of the pixel under tap t of output (y, x), or -1 outside. */
static long under(const struct block *b, size_t y, size_t x, size_t t)
{
    long off = b->stride == 1, yi = (long)(y * b->stride + t / 3) - off;
    long xi = (long)(x * b->stride + t % 3) - off, h = (long)b->h;

    return yi < 0 || xi < 0 || yi >= h || xi >= h ? -1 : yi * h + xi;
}

static void try_forward(const struct af_nn_kernels *k, size_t h, size_t stride, size_t nk,
                        size_t cp)
{
    const struct block b = block_of(h, stride, nk, cp);
    const struct af_nn_expand e = expand_of(&b);
    float *z = numbers(b.px_out * cp), *sum = numbers(cp), *square = numbers(cp);
    float *sum0 = copy(sum, cp), *square0 = copy(square, cp);
    float *ring = hold(AF_NN_RING(h), sizeof(*ring));

    k->expand_depthwise(z, &e, b.w, h, stride, cp, sum, square, ring);
    for (size_t i = 0; i < b.px_out * cp; i++) {
        double v = 0, magnitude = 0;

        for (size_t t = 0; t < 9; t++) {
            long at = under(&b, i / cp / b.ho, i / cp % b.ho, t);
            double term =
                at < 0 ? 0 : clip6(b.b[(size_t)at * cp + i % cp]) * (double)b.w[t * cp + i % cp];

            v += term;
            magnitude += fabs(term);
        }
        near("z", i, z[i], v, magnitude, 10);
    }
    sums_hold("sum", sum, sum0, z, NULL, NULL, b.px_out, cp);
    sums_hold("sumsq", square, square0, z, z, NULL, b.px_out, cp);
}

/* What comes back from the projection, through mask and batch norm, in double: [px_out][cp]. */
static double *behind_in_double(const struct block *b, const struct af_nn_behind *p,
                                const float *wp, const double *pre)
{
    double *dz = hold(b->px_out * b->cp, sizeof(*dz));

    for (size_t i = 0; i < b->px_out * b->cp; i++) {
        size_t c = i % b->cp;
        double v = 0;

        for (size_t j = 0; j < b->n; j++)
            v += (double)p->dz[i / b->cp * b->ldz + j] * (double)wp[c * b->n + j];
        v = pre[i] > 0 && pre[i] < 6 ? v : 0;
        dz[i] = (double)p->denorm->a[c] * v + (double)p->denorm->b[c] * (double)p->z[i] +
                (double)p->denorm->c[c];
    }
    return dz;
}

/* Gradient by the activations' input, masked; and of the filter. */
static double *input_gradient(const struct block *b, const double *dz, double *dw)
{
    double *db = hold(b->px * b->cp, sizeof(*db));

    for (size_t i = 0; i < b->px_out * b->cp; i++)
        for (size_t t = 0; t < 9; t++) {
            long at = under(b, i / b->cp / b->ho, i / b->cp % b->ho, t);
            size_t c = i % b->cp, in = (size_t)at * b->cp + c;

            if (at < 0)
                continue;
            dw[t * b->cp + c] += clip6(b->b[in]) * dz[i];
            if (b->b[in] > 0 && b->b[in] < 6)
                db[in] += (double)b->w[t * b->cp + c] * dz[i];
        }
    return db;
}

/* Every number within 1e-5 of the largest: sums of some hundred products of single ones. */
static void all_near(const char *what, const float *got, const float *before, const double *want,
                     size_t n)
{
    double largest = 1e-3;

    for (size_t i = 0; i < n; i++)
        largest = fabs(want[i]) > largest ? fabs(want[i]) : largest;
    for (size_t i = 0; i < n; i++) {
        double v = (double)got[i] - (before ? (double)before[i] : 0);

        if (!(fabs(v - want[i]) <= 1e-5 * largest))
            fail_msg("%s: %s[%zu] is %.9g, not %.9g", where, what, i, v, want[i]);
    }
}

static void try_back(const struct af_nn_kernels *k, size_t h, size_t stride, size_t nk, size_t cp,
                     bool onto)
{
    const struct block b = block_of(h, stride, nk, cp);
    const struct af_nn_expand e = expand_of(&b);
    float *wp = numbers(cp * b.n), *wt = hold(b.n * cp, sizeof(*wt)), *z = numbers(b.px_out * cp);
    float *wb = numbers(cp * b.kp), *packed = hold(cp * b.kp, sizeof(*packed));
    struct af_nn_norm nm = norm_of(cp);
    struct af_nn_denorm d = denorm_of(cp);
    double *pre = before_relu(z, &nm, b.px_out, cp), *dw = hold(9 * cp, sizeof(*dw));
    const struct af_nn_behind p = {numbers(b.px_out * b.ldz), b.n, b.ldz, wt, z, &nm, &d};
    double *db = input_gradient(&b, behind_in_double(&b, &p, wp, pre), dw);
    double *dwe = hold(nk * cp, sizeof(*dwe)), *dx = hold(b.px * b.kp, sizeof(*dx));
    double *sum = hold(cp, sizeof(*sum));
    struct af_nn_block_back out = {
        numbers(9 * cp), numbers(nk * cp), numbers(cp), numbers(b.px * b.kp), packed, b.kp, onto};
    float *dw0 = copy(out.dw, 9 * cp), *dwe0 = copy(out.dwe, nk * cp), *sum0 = copy(out.sum, cp);
    float *dx0 = copy(out.dx, b.px * b.kp), *ring = hold(AF_NN_RING_BLOCK(h), sizeof(*ring));

    af_nn_pack_transposed(wt, wp, cp, b.n, b.n);
    for (size_t c0 = 0; c0 < cp; c0 += AF_NN_TILE)
        af_nn_pack(packed + c0 * b.kp, wb + c0 * b.kp, cp - c0 < AF_NN_TILE ? cp - c0 : AF_NN_TILE,
                   b.kp, b.kp);
    for (size_t i = 0; i < b.px * cp; i++) {
        sum[i % cp] += db[i];
        for (size_t j = 0; j < nk; j++)
            dwe[j * cp + i % cp] += (double)b.x[i / cp * b.ldx + j] * db[i];
        for (size_t j = 0; j < b.kp; j++)
            dx[i / cp * b.kp + j] += db[i] * (double)wb[i % cp * b.kp + j];
    }
    k->block_back(&e, &p, &out, b.w, h, stride, cp, ring);
    all_near("dw", out.dw, dw0, dw, 9 * cp);
    all_near("dwe", out.dwe, dwe0, dwe, nk * cp);
    all_near("sum", out.sum, sum0, sum, cp);
    all_near("dx", out.dx, onto ? dx0 : NULL, dx, b.px * b.kp);
    out.dx = NULL;
    k->block_back(&e, &p, &out, b.w, h, stride, cp, ring);
}

static void blocks(const struct af_nn_kernels *k)
{
    static const size_t inputs[] = {9, 16, 24, 33};

    for (size_t h = 2; h <= 18; h++)
        for (size_t stride = 1; stride <= 2; stride++)
            for (int i = 0; i < 4 && h % stride == 0; i++) {
                size_t cp = widths[(h + (size_t)i) % NWIDTHS];

                snprintf(where, sizeof(where), "%s: side %zu, stride %zu, %zu to %zu", k->name, h,
                         stride, inputs[i], cp);
                try_forward(k, h, stride, inputs[i], cp);
                drop();
                try_back(k, h, stride, inputs[i], cp, i % 2);
                drop();
            }
}

static void a_block_in_one_go_is_its_layers_one_by_one(void **state)
{
    (void)state;
    each_set(blocks);
}

/* ------------------------------------------------------------- the others */

static void moments(const struct af_nn_kernels *k)
{
    for (size_t rows = 1; rows <= 40; rows += 3)
        for (size_t n = 9; n <= 40; n += 31) {
            size_t ld = af_nn_pad(n);
            float *x = grid(rows * ld, 0), *gram = numbers(n * ld), *sum = numbers(ld);
            float *gram0 = copy(gram, n * ld), *sum0 = copy(sum, ld);

            snprintf(where, sizeof(where), "%s: moments of %zu rows of %zu", k->name, rows, n);
            k->moments(gram, sum, x, rows, n, ld);
            for (size_t i = 0; i < n * ld; i++) {
                double v = (double)gram0[i];

                for (size_t m = 0; m < rows; m++)
                    v += (double)x[m * ld + i / ld] * (double)x[m * ld + i % ld];
                near("gram", i, gram[i], v, (double)rows + 1, (double)rows);
            }
            sums_hold("sum", sum, sum0, x, NULL, NULL, rows, ld);
            drop();
        }
}

static void moments_are_plain_sums_of_products(void **state)
{
    (void)state;
    each_set(moments);
}

static void pooling(const struct af_nn_kernels *k)
{
    for (size_t rows = 1; rows <= 9; rows += 4) {
        enum { CP = 48 };
        struct af_nn_norm nm = norm_of(CP);
        float *z = numbers(rows * CP), *pooled = numbers(CP), *d = numbers(CP);
        float *db = numbers(rows * CP), *sum = numbers(CP), *dot = numbers(CP);
        float *sum0 = copy(sum, CP), *dot0 = copy(dot, CP);
        double *b = before_relu(z, &nm, rows, CP);

        snprintf(where, sizeof(where), "%s: pool of %zu rows", k->name, rows);
        k->pool(pooled, z, nm.scale, nm.shift, rows, CP);
        for (size_t c = 0; c < CP; c++) {
            double v = 0;

            for (size_t m = 0; m < rows; m++)
                v += clip6(b[m * CP + c]) / (double)rows;
            near("pooled", c, pooled[c], v, 20, (double)rows);
        }
        k->unpool(db, d, z, &nm, rows, CP, sum, dot);
        for (size_t i = 0; i < rows * CP; i++)
            assert_true(db[i] == (b[i] > 0 && b[i] < 6 ? d[i % CP] : 0));
        sums_hold("sum", sum, sum0, db, NULL, NULL, rows, CP);
        sums_hold("dot", dot, dot0, db, z, &nm, rows, CP);
        drop();
    }
}

static void pooling_is_a_mean_and_its_way_back_a_mask(void **state)
{
    (void)state;
    each_set(pooling);
}

static void patches(const struct af_nn_kernels *k)
{
    for (size_t h = 2; h <= 12; h += 2) {
        size_t ho = h / 2;
        float *x = numbers(h * h), *out = numbers(ho * ho * AF_NN_LANE);

        k->patches(out, x, h);
        for (size_t i = 0; i < ho * ho * AF_NN_LANE; i++) {
            size_t p = i / AF_NN_LANE, t = i % AF_NN_LANE, y = p / ho * 2 + t / 3;
            size_t at = p % ho * 2 + t % 3;

            assert_true(out[i] == (t < 9 && y < h && at < h ? x[y * h + at] : 0));
        }
        drop();
    }
}

static void patches_are_the_pixels_under_the_first_filter(void **state)
{
    (void)state;
    each_set(patches);
}

static void parts(const struct af_nn_kernels *k)
{
    enum { N = 37, AT = 5 };

    for (size_t n = 1; n <= 4; n++) {
        const float *part[4];
        float *out = numbers(N);

        for (size_t p = 0; p < n; p++)
            part[p] = grid(AT + N, 0);
        k->sum_parts(out, part, n, AT, N);
        for (size_t i = 0; i < N; i++) {
            float v = 0;

            for (size_t p = 0; p < n; p++)
                v += part[p][AT + i];
            assert_true(out[i] == v);
        }
        drop();
    }
}

static void parts_are_added_up(void **state)
{
    (void)state;
    each_set(parts);
}

static void adam(const struct af_nn_kernels *k)
{
    enum { N = 37 };
    const struct af_nn_adam_rate r = {0.9F, 0.999F, 1e-7F, 1e-3F};
    float *w = numbers(N), *m = numbers(N), *v = numbers(N), *g = numbers(N), *w0 = copy(w, N);
    float *m0 = copy(m, N), *v0;

    for (int i = 0; i < N; i++)
        v[i] *= v[i];
    v0 = copy(v, N);
    snprintf(where, sizeof(where), "%s: Adam", k->name);
    k->adam(w, m, v, g, N, &r);
    for (size_t i = 0; i < N; i++) {
        double b1 = (double)r.b1, b2 = (double)r.b2, gi = (double)g[i];
        double mi = b1 * (double)m0[i] + (1 - b1) * gi;
        double vi = b2 * (double)v0[i] + (1 - b2) * gi * gi;

        near("m", i, m[i], mi, 1, 3);
        near("v", i, v[i], vi, 1, 3);
        near("w", i, w[i], (double)w0[i] - (double)r.rate * mi / (sqrt(vi) + (double)r.epsilon), 2,
             4);
    }
    drop();
}

static void adam_follows_its_formula(void **state)
{
    (void)state;
    each_set(adam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_in_one_go_is_its_layers_one_by_one),
        cmocka_unit_test(moments_are_plain_sums_of_products),
        cmocka_unit_test(pooling_is_a_mean_and_its_way_back_a_mask),
        cmocka_unit_test(patches_are_the_pixels_under_the_first_filter),
        cmocka_unit_test(parts_are_added_up),
        cmocka_unit_test(adam_follows_its_formula),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
