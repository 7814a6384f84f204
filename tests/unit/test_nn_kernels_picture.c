/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels that see a pixel's neighbours. */
#include "kernelcheck.h"

/* ------------------------------------------------------------- depthwise */

/* One 3x3 filter a channel over a picture; also the first layer, where all filters see channel 0.
 */
struct picture {
    size_t h, stride, cp;
    bool shared; // first layer: a is [h][h]
    bool relu6;
    const double *b, *w; // [h][h][cp], [9][cp]
    const float *g;      // [ho][ho][cp]
};

/* Output (y, x) of channel c, and the sum of magnitudes. */
static double filtered(const struct picture *p, size_t y, size_t x, size_t c, double *magnitude)
{
    size_t off = p->stride == 1; // border of zeros above and to the left
    double v = 0;

    *magnitude = 0;
    for (size_t t = 0; t < 9; t++) {
        size_t yi = y * p->stride + t / 3 - off, xi = x * p->stride + t % 3 - off; // -1 wraps
        double b, term;

        if (yi >= p->h || xi >= p->h)
            continue;
        b = p->shared ? p->b[yi * p->h + xi] : p->b[(yi * p->h + xi) * p->cp + c];
        term = (p->relu6 ? clip6(b) : b) * p->w[t * p->cp + c];
        v += term;
        *magnitude += fabs(term);
    }
    return v;
}

static double picture_loss(const void *ctx)
{
    const struct picture *p = ctx;
    size_t ho = p->h / p->stride;
    double v = 0, magnitude;

    for (size_t i = 0; i < ho * ho * p->cp; i++)
        v += (double)p->g[i] * filtered(p, i / p->cp / ho, i / p->cp % ho, i % p->cp, &magnitude);
    return v;
}

/* out is the filtered picture, with bias and ReLU6 where bias is not NULL. */
static void is_filtered(const struct picture *p, const float *out, const float *bias)
{
    size_t ho = p->h / p->stride;
    double magnitude;

    for (size_t i = 0; i < ho * ho * p->cp; i++) {
        double v = filtered(p, i / p->cp / ho, i / p->cp % ho, i % p->cp, &magnitude);

        v = bias ? clip6(v + (double)bias[i % p->cp]) : v;
        /* An activation is rounded to its own size, up to 7 here, before it is clipped. */
        near("out", i, out[i], v, magnitude + (p->relu6 ? 20 : 1), 14);
    }
}

static void try_depthwise(const struct af_nn_kernels *k, size_t h, size_t stride, size_t cp)
{
    size_t n = h * h * cp, ho = h / stride, no = ho * ho * cp;
    float *zin = numbers(n), *w = numbers(9 * cp), *z = numbers(no), *sum = numbers(cp);
    float *square = numbers(cp), *sum0 = copy(sum, cp), *square0 = copy(square, cp);
    float *bias = numbers(cp), *ring = hold(AF_NN_RING(h), sizeof(*ring));
    struct af_nn_norm nm = norm_of(cp);
    struct picture p = {
        h, stride, cp, false, true, before_relu(zin, &nm, h * h, cp), doubles(w, 9 * cp), NULL};

    snprintf(where, sizeof(where), "%s: side %zu, stride %zu, %zu channels", k->name, h, stride,
             cp);
    k->depthwise(z, zin, w, h, stride, cp, &nm, sum, square, ring);
    is_filtered(&p, z, NULL);
    sums_hold("sum", sum, sum0, z, NULL, NULL, ho * ho, cp);
    sums_hold("sumsq", square, square0, z, z, NULL, ho * ho, cp);
    p.relu6 = false;
    p.b = doubles(zin, n);
    k->depthwise(z, zin, w, h, stride, cp, NULL, sum, square, ring);
    is_filtered(&p, z, NULL);
    k->depthwise_bias(z, zin, w, h, stride, cp, bias, ring);
    is_filtered(&p, z, bias);
    drop();
}

/* Every side from 2 to 12, stride 2 on the even ones. */
static void each_picture(const struct af_nn_kernels *k,
                         void (*test)(const struct af_nn_kernels *k, size_t h, size_t stride,
                                      size_t cp))
{
    for (size_t h = 2; h <= 12; h++)
        for (size_t stride = 1; stride <= 2; stride++)
            for (int i = 0; i < NWIDTHS && h % stride == 0; i++)
                test(k, h, stride, widths[i]);
}

static void depthwise(const struct af_nn_kernels *k)
{
    each_picture(k, try_depthwise);
}

static void depthwise_filters_each_channel_with_its_own_filter(void **state)
{
    (void)state;
    each_set(depthwise);
}

/* The gradient by z as the kernel shall make it, in float. */
static float *denormalised(const struct af_nn_denorm *d, const float *db, const float *z, size_t n,
                           size_t cp)
{
    float *g = hold(n, sizeof(*g));

    for (size_t i = 0; i < n; i++)
        g[i] = d->a[i % cp] * db[i] + d->b[i % cp] * z[i] + d->c[i % cp];
    return g;
}

static void try_depthwise_back(const struct af_nn_kernels *k, size_t h, size_t stride, size_t cp)
{
    size_t n = h * h * cp, ho = h / stride, no = ho * ho * cp;
    float *zin = numbers(n), *w = numbers(9 * cp), *z = numbers(no), *db = numbers(no);
    float *in = numbers(n), *dw = numbers(9 * cp), *dw0 = copy(dw, 9 * cp), *sum = numbers(cp);
    float *along = numbers(cp), *sum0 = copy(sum, cp), *dot0 = copy(along, cp);
    float *ring = hold(AF_NN_RING_BACK(h), sizeof(*ring));
    struct af_nn_norm nm = norm_of(cp);
    struct af_nn_denorm d = denorm_of(cp);
    double *b = before_relu(zin, &nm, h * h, cp), *wd = doubles(w, 9 * cp);
    struct picture p = {h, stride, cp, false, true, b, wd, denormalised(&d, db, z, no, cp)};
    struct along by_input = {picture_loss, &p, b, n}, by_filter = {picture_loss, &p, wd, 9 * cp};

    snprintf(where, sizeof(where), "%s: side %zu, stride %zu, %zu channels, backward", k->name, h,
             stride, cp);
    k->depthwise_back(in, db, z, &d, zin, w, h, stride, cp, &nm, dw, sum, along, ring);
    slope_is(&by_input, "db", in, NULL);
    slope_is(&by_filter, "dw", dw, dw0);
    sums_hold("sum", sum, sum0, in, NULL, NULL, h * h, cp);
    sums_hold("dot", along, dot0, in, zin, &nm, h * h, cp);
    drop();
}

static void depthwise_back(const struct af_nn_kernels *k)
{
    each_picture(k, try_depthwise_back);
}

static void depthwise_back_is_the_slope_of_depthwise(void **state)
{
    (void)state;
    each_set(depthwise_back);
}

/* ----------------------------------------------------------- first layer */

static void try_first(const struct af_nn_kernels *k, size_t h, size_t cp)
{
    size_t ho = h / 2, no = ho * ho * cp;
    float *x = numbers(h * h), *w = numbers(9 * cp), *z = numbers(no), *sum = numbers(cp);
    float *square = numbers(cp), *sum0 = copy(sum, cp), *square0 = copy(square, cp);
    float *bias = numbers(cp);
    struct picture p = {h, 2, cp, true, false, doubles(x, h * h), doubles(w, 9 * cp), NULL};

    snprintf(where, sizeof(where), "%s: first layer, side %zu, %zu channels", k->name, h, cp);
    k->first(z, x, w, h, cp, sum, square);
    is_filtered(&p, z, NULL);
    sums_hold("sum", sum, sum0, z, NULL, NULL, ho * ho, cp);
    sums_hold("sumsq", square, square0, z, z, NULL, ho * ho, cp);
    k->first_bias(z, x, w, h, cp, bias);
    is_filtered(&p, z, bias);
    drop();
}

static void first(const struct af_nn_kernels *k)
{
    for (int i = 0; i < NWIDTHS; i++)
        for (size_t h = 2; h <= 12; h += 2)
            try_first(k, h, widths[i]);
    try_first(k, 96, 32);
}

static void the_first_layer_filters_one_channel(void **state)
{
    (void)state;
    each_set(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depthwise_filters_each_channel_with_its_own_filter),
        cmocka_unit_test(depthwise_back_is_the_slope_of_depthwise),
        cmocka_unit_test(the_first_layer_filters_one_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
