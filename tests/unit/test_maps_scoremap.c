/* SPDX-License-Identifier: BSD-2-Clause */
/* Score maps against a twin that does what the definitions say, pixel by pixel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "maps/scoremap.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double at(const struct af_image *img, long x, long y)
{
    const long w = (long)img->w, h = (long)img->h;
    double v;

    x = x < 0 ? 0 : x >= w ? w - 1 : x; // the border is repeated
    y = y < 0 ? 0 : y >= h ? h - 1 : y;
    af_sample_to_f64((char *)af_image_row(img, (size_t)y) + (size_t)x * af_sample_size(img->type),
                     img->type, 1, &v);
    return isfinite(v) ? v : NAN;
}

static double sobel(const struct af_image *f, long x, long y)
{
    double sx = at(f, x + 1, y - 1) + 2 * at(f, x + 1, y) + at(f, x + 1, y + 1) -
                at(f, x - 1, y - 1) - 2 * at(f, x - 1, y) - at(f, x - 1, y + 1);
    double sy = at(f, x - 1, y + 1) + 2 * at(f, x, y + 1) + at(f, x + 1, y + 1) -
                at(f, x - 1, y - 1) - 2 * at(f, x, y - 1) - at(f, x + 1, y - 1);

    return sx * sx + sy * sy;
}

/* What a measure sums at one pixel, by where its pairs end; NaN: nothing. */
struct terms {
    double n, f, ff, bx, by, t, ml, l, ll, dx, dy, dyx, dd, p1, p2;
};

static void add(double *sum, double v)
{
    *sum += isnan(v) ? 0 : v;
}

static struct terms sum_box(const struct af_image *f, struct af_box b, double mean)
{
    struct terms s = {0};

    for (long y = (long)b.y0; y < (long)b.y1; y++)
        for (long x = (long)b.x0; x < (long)b.x1; x++) {
            const bool x1 = x + 1 < (long)b.x1, x2 = x + 2 < (long)b.x1;
            const bool y1 = y + 1 < (long)b.y1, y2 = y + 2 < (long)b.y1;
            const double v = at(f, x, y), right = at(f, x + 1, y), below = at(f, x, y + 1);
            double lap = at(f, x - 1, y) + right + at(f, x, y - 1) + below - 4 * v;

            lap = isnan(lap) ? lap : fmin(fmax(lap, 0), 255);
            s.n += !isnan(v);
            add(&s.f, v);
            add(&s.ff, (v - mean) * (v - mean));
            add(&s.bx, x2 ? pow(at(f, x + 2, y) - v, 2) : NAN);
            add(&s.by, x2 && y2 ? pow(at(f, x, y + 2) - v, 2) : NAN);
            add(&s.t, sobel(f, x, y));
            add(&s.ml,
                fabs(at(f, x - 1, y) - 2 * v + right) + fabs(at(f, x, y - 1) - 2 * v + below));
            add(&s.l, lap);
            add(&s.ll, lap * lap);
            add(&s.dx, x1 ? fabs(right - v) : NAN);
            add(&s.dy, y1 ? fabs(below - v) : NAN);
            add(&s.dyx, x1 && y1 ? fabs(below - v) : NAN);
            add(&s.dd, x1 && y1 ? fabs(right - v) * fabs(below - v) : NAN);
            add(&s.p1, y1 ? v * below : NAN);
            add(&s.p2, y2 ? v * at(f, x, y + 2) : NAN);
        }
    return s;
}

static double entropy(const struct af_image *f, struct af_box b, double lo, double hi)
{
    double count[256] = {0}, n = 0, sum = 0;

    for (size_t y = b.y0; y < b.y1; y++)
        for (size_t x = b.x0; x < b.x1; x++) {
            double v = at(f, (long)x, (long)y);

            if (isnan(v))
                continue;
            v = f->type == AF_U8 ? v : hi > lo ? floor((v - lo) / (hi - lo) * 255 + 0.5) : 0;
            count[(int)v]++;
            n++;
        }
    for (int i = 0; i < 256; i++)
        sum -= count[i] > 0 ? count[i] / n * log2(count[i] / n) : 0;
    return n > 0 ? sum : NAN;
}

/* *scale: what rounding may be compared with. */
static double twin(const struct af_image *f, enum af_sharp m, enum af_sharp_def def,
                   struct af_box b, double lo, double hi, double *scale)
{
    const double mean = sum_box(f, b, 0).f / sum_box(f, b, 0).n;
    const struct terms s = sum_box(f, b, mean);
    const double var = s.ff / s.n;

    *scale = m == AF_SHARP_VOLLATH || m == AF_SHARP_VOLLATH5 ? fabs(s.p1) + s.f * s.f / s.n
             : m == AF_SHARP_LAPLACIAN && def                ? s.ll / s.n
             : m == AF_SHARP_ENTROPY                         ? 8
             : m <= AF_SHARP_VARIANCE && f->type != AF_U8 && f->type != AF_U16
                 ? 1e-3 * (1 + var) // of real images, whose sums are rounded
                 : 0;
    if (!(s.n > 0))
        return NAN;
    switch (m) {
    case AF_SHARP_STD: return sqrt(var);
    case AF_SHARP_VARIANCE: return var;
    case AF_SHARP_BRENNER: return def ? s.by / 65025 : s.bx;
    case AF_SHARP_TENENGRAD: return def ? sqrt(s.t / 32) / 255 : s.t;
    case AF_SHARP_LAPLACIAN: return def ? s.ll / s.n - s.l * s.l / s.n / s.n : s.ml;
    case AF_SHARP_SMD: return def ? 2 * s.dyx / 255 : s.dx + s.dy;
    case AF_SHARP_SMD2: return s.dd / (def ? 65025 : 1);
    case AF_SHARP_VOLLATH: return s.p1 - (def ? s.f : s.p2);
    case AF_SHARP_VOLLATH5: return s.p1 - s.f * s.f / s.n;
    default: return entropy(f, b, lo, hi);
    }
}

struct set {
    struct af_image img;
    uint32_t window[2], stride[2];
    size_t nwindows, nstrides;
    double lo, hi;
};

enum kind { RANDOM, CONSTANT, HOLES };

static void make_set(struct set *s, struct af_random *r, enum af_sample type, enum kind kind)
{
    const double full = type == AF_U16 ? 65535 : 255;
    const bool small = af_random_below(r, 4) == 0;

    *s = (struct set){.nwindows = 1 + af_random_below(r, 2), .nstrides = 1 + af_random_below(r, 2)};
    for (int i = 0; i < 2; i++) {
        s->window[i] = (uint32_t)(1 + af_random_below(r, 26));
        s->stride[i] = (uint32_t)(3 + af_random_below(r, 15));
    }
    assert_int_equal(af_image_resize(&s->img, 1 + af_random_below(r, small ? 5 : 22),
                                     1 + af_random_below(r, small ? 5 : 22), type, NULL),
                     0);
    s->lo = INFINITY;
    s->hi = -INFINITY;
    for (size_t i = 0; i < s->img.w * s->img.h; i++) {
        double v = kind == CONSTANT ? full : floor(af_random_uniform(r) * (full + 1));

        if (kind == HOLES && af_random_below(r, 5) == 0)
            v = i % 2 ? NAN : INFINITY;
        if (type == AF_U8)
            ((uint8_t *)s->img.data)[i] = (uint8_t)v;
        else if (type == AF_U16)
            ((uint16_t *)s->img.data)[i] = (uint16_t)v;
        else
            ((float *)s->img.data)[i] = (float)v;
        if (isfinite(v)) {
            s->lo = fmin(s->lo, v);
            s->hi = fmax(s->hi, v);
        }
    }
}

/* Value of one pixel of the map, and its scale. */
static double twin_map(const struct set *s, enum af_sharp m, struct af_scoremap_opts o, size_t x,
                       size_t y, double *scale)
{
    double best = NAN;

    *scale = 0;
    for (size_t p = 0; p < s->nwindows * s->nstrides; p++) {
        const size_t w = s->window[p / s->nstrides], step = s->stride[p % s->nstrides];
        double sum = 0, most = -INFINITY, n = 0, v;

        for (size_t wy = 0; wy <= y; wy += step)
            for (size_t wx = 0; wx <= x; wx += step) {
                const struct af_box b = {wx, wx + w < s->img.w ? wx + w : s->img.w, wy,
                                         wy + w < s->img.h ? wy + w : s->img.h};
                double own;

                if (x >= b.x1 || y >= b.y1)
                    continue;
                v = twin(&s->img, m, o.def, b, s->lo, s->hi, &own);
                if (isnan(v))
                    continue;
                sum += v;
                most = fmax(most, v);
                n++;
                *scale += own;
            }
        v = o.accumulate == AF_ACC_SUM    ? sum
            : !(n > 0)                    ? NAN
            : o.accumulate == AF_ACC_MEAN ? sum / n
                                          : most;
        best = fmax(best, v);
    }
    *scale = fmax(*scale, fabs(best));
    return best;
}

/* In integers the scores are exact but for the last step, in reals their rounding stands in scale.
 */
static void compare(const struct set *s, struct af_scoremap_opts o,
                    const struct af_sum_kernels *kernels)
{
    struct af_plan plan;
    struct af_sums sums;
    struct af_entropy entropy;
    struct af_scoremap map;
    struct af_image out = {0};
    double *values;

    assert_int_equal(af_plan_init(&plan, s->img.w, s->img.h, NULL, s->window, s->nwindows,
                                  s->stride, s->nstrides, NULL),
                     0);
    assert_int_equal(
        af_sums_init(&sums, &plan, af_sharp_sums(AF_SHARP_ALL, o.def), 0, kernels, NULL), 0);
    assert_int_equal(af_entropy_init(&entropy, &plan, NULL), 0);
    assert_int_equal(af_scoremap_init(&map, &plan, &o, NULL), 0);
    values = calloc(plan.x[0].n * plan.y[0].n, sizeof(*values));
    assert_int_equal(af_sums_compute(&sums, &s->img, NULL), 0);
    assert_int_equal(af_entropy_take(&entropy, &s->img, NULL), 0);
    for (int m = 0; m < AF_NSHARPS; m++) {
        af_scoremap_make(&map, &sums, &entropy, (enum af_sharp)m, 0, 0, values);
        assert_int_equal(af_scoremap_image(&plan, values, 1, AF_F64, &out, NULL), 0);
        for (size_t i = 0; i < out.w * out.h; i += 1 + out.w * out.h / 6) {
            const double got = ((double *)out.data)[i];
            double scale, want = twin_map(s, (enum af_sharp)m, o, i % out.w, i / out.w, &scale);

            if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-9 * scale))
                fail_msg("%s, def %d, %zux%zu, windows %u %u (%zu), strides %u %u (%zu), acc %d, "
                         "pixel %zu: %.17g, not %.17g",
                         af_sharp_name((enum af_sharp)m), o.def, out.w, out.h, s->window[0],
                         s->window[1], s->nwindows, s->stride[0], s->stride[1], s->nstrides,
                         o.accumulate, i, got, want);
        }
    }
    free(values);
    af_image_release(&out);
    af_scoremap_release(&map);
    af_entropy_release(&entropy);
    af_sums_release(&sums);
    af_plan_release(&plan);
}

static void compare_many(enum af_sample type, enum kind kind, const char *name)
{
    const struct af_sum_kernels *kernels = af_sum_kernels_named(name);
    struct af_random r;

    af_random_init(&r, 1, name);
    for (int t = 0; t < 8 && kernels; t++) {
        const struct af_scoremap_opts o = {t & 1 ? AF_DEF_CODE : AF_DEF_PAPER,
                                           (enum af_accumulate)(t % 3), AF_NORM_NONE};
        struct set s;

        make_set(&s, &r, type, kind);
        compare(&s, o, kernels);
        af_image_release(&s.img);
    }
}

static void maps_of_8_bits_equal_their_twin(void **state)
{
    (void)state;
    compare_many(AF_U8, RANDOM, "portable");
    compare_many(AF_U8, RANDOM, "avx2");
    compare_many(AF_U8, RANDOM, "avx512");
}

static void maps_of_16_bits_equal_their_twin(void **state)
{
    (void)state;
    compare_many(AF_U16, RANDOM, "portable");
    compare_many(AF_U16, RANDOM, "avx2");
    compare_many(AF_U16, RANDOM, "avx512");
}

static void maps_of_constant_slices_equal_their_twin(void **state)
{
    (void)state;
    compare_many(AF_U8, CONSTANT, "avx512");
    compare_many(AF_U16, CONSTANT, "portable");
    compare_many(AF_F32, CONSTANT, "portable");
}

static void pixels_that_are_no_numbers_do_not_count(void **state)
{
    (void)state;
    compare_many(AF_F32, RANDOM, "portable");
    compare_many(AF_F32, HOLES, "portable");
}

/* Long pieces and full sums: 0 and 255 in stripes make the largest terms there are. */
static void the_largest_sums_fit(void **state)
{
    const char *const names[] = {"portable", "avx2", "avx512"};
    struct set s = {.window = {700}, .stride = {700}, .nwindows = 1, .nstrides = 1, .hi = 255};

    (void)state;
    assert_int_equal(af_image_resize(&s.img, 133, 70, AF_U8, NULL), 0);
    for (size_t i = 0; i < s.img.w * s.img.h; i++)
        ((uint8_t *)s.img.data)[i] = i % s.img.w / 2 % 2 ? 255 : 0;
    for (int k = 0; k < 3; k++)
        if (af_sum_kernels_named(names[k]))
            compare(&s, (struct af_scoremap_opts){AF_DEF_PAPER, AF_ACC_MEAN, AF_NORM_NONE},
                    af_sum_kernels_named(names[k]));
    af_image_release(&s.img);
}

/* Every score of every pair, in one definition, of rows as wide as blocks of columns and wider. */
static void compare_sets(const struct af_image *img, const struct af_plan *plan, int def,
                         uint64_t theta, const struct af_sum_kernels *plain,
                         const struct af_sum_kernels *fast)
{
    const size_t n = img->w * img->h;
    double *want = calloc(n, sizeof(*want)), *got = calloc(n, sizeof(*got));
    const unsigned sums = af_sharp_sums(AF_SHARP_ALL, def);
    struct af_sums a, b;

    assert_int_equal(af_sums_init(&a, plan, sums, theta, plain, NULL), 0);
    assert_int_equal(af_sums_init(&b, plan, sums, theta, fast, NULL), 0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(af_sums_compute(&a, img, NULL), 0);
        assert_int_equal(af_sums_compute(&b, img, NULL), 0);
    }
    for (int m = 0; m < AF_SHARP_ENTROPY; m++)
        for (size_t p = 0; p < plan->npairs; p++) {
            const struct af_pair pair = plan->pair[p];
            const size_t scores =
                af_plan_count(img->w, pair.stride) * af_plan_count(img->h, pair.stride);

            af_sums_scores(&a, (enum af_sharp)m, def, pair, want);
            af_sums_scores(&b, (enum af_sharp)m, def, pair, got);
            for (size_t i = 0; i < scores; i++)
                if (!(want[i] == got[i]))
                    fail_msg("%s, def %d, %s, %zux%zu, window %u, stride %u, score %zu: %.17g, "
                             "not %.17g",
                             af_sharp_name((enum af_sharp)m), def, fast->name, img->w, img->h,
                             pair.window, pair.stride, i, got[i], want[i]);
        }
    af_sums_release(&a);
    af_sums_release(&b);
    free(want);
    free(got);
}

static void all_kernels_give_the_same_bits(void **state)
{
    static const char *const names[] = {"avx2", "avx512"};
    const struct af_sum_kernels *plain = af_sum_kernels_named("portable");
    struct af_random r;

    (void)state;
    af_random_init(&r, 9, "kernels");
    for (int t = 0; t < 60; t++) {
        const uint32_t unit = 4u << af_random_below(&r, 3); // cuts fit groups of 16, or not quite
        const uint32_t window[] = {unit * (1 + (uint32_t)af_random_below(&r, 6))};
        const uint32_t stride[] = {unit, unit * (1 + (uint32_t)af_random_below(&r, 5))};
        struct af_image img = {0};
        struct af_plan plan;

        assert_int_equal(af_image_resize(&img, 1 + af_random_below(&r, 140),
                                         1 + af_random_below(&r, 70), AF_U8, NULL),
                         0);
        for (size_t i = 0; i < img.w * img.h; i++)
            ((uint8_t *)img.data)[i] = t % 3 ? (uint8_t)af_random_below(&r, 256)
                                             : (uint8_t)(af_random_below(&r, 2) ? 255 : 0);
        assert_int_equal(af_plan_init(&plan, img.w, img.h, NULL, window, 1, stride, 2, NULL), 0);
        for (int k = 0; k < 2; k++)
            if (af_sum_kernels_named(names[k]))
                compare_sets(&img, &plan, t & 1, t % 5 ? 0 : (uint64_t)t * 200, plain,
                             af_sum_kernels_named(names[k]));
        af_plan_release(&plan);
        af_image_release(&img);
    }
}

/* One window over noise of 10 counts: 400 x 300 px make each score's own spread below 1.5 %. */
static void noise_alone_scores_its_floor(void **state)
{
    const uint32_t whole[] = {1000};
    struct af_random r;
    struct af_image img = {0};
    struct af_plan plan;

    (void)state;
    af_random_init(&r, 5, "noise");
    assert_int_equal(af_image_resize(&img, 400, 300, AF_U8, NULL), 0);
    for (size_t i = 0; i < img.w * img.h; i++)
        ((uint8_t *)img.data)[i] = (uint8_t)(128.5 + 10 * af_random_normal(&r));
    assert_int_equal(af_plan_init(&plan, img.w, img.h, NULL, whole, 1, whole, 1, NULL), 0);
    for (int def = 0; def < 2; def++) {
        struct af_sums s;

        assert_int_equal(af_sums_init(&s, &plan, af_sharp_sums(AF_SHARP_ALL, def), 0, NULL, NULL),
                         0);
        assert_int_equal(af_sums_compute(&s, &img, NULL), 0);
        for (int m = 0; m < AF_SHARP_VOLLATH; m++) {
            double v = af_sums_score(&s, (enum af_sharp)m, def, plan.region);

            /* Rounding to counts adds 1/12 to a variance of 100. */
            assert_true(af_sharp_above_noise((enum af_sharp)m, def, v, 10.3, 400, 300) == 0);
            assert_true(af_sharp_above_noise((enum af_sharp)m, def, v, 9.7, 400, 300) > 0);
        }
        af_sums_release(&s);
    }
    af_plan_release(&plan);
    af_image_release(&img);
}

static void lists_are_read_whole_or_refused(void **state)
{
    unsigned mask;
    uint32_t *v = NULL;
    size_t n;

    (void)state;
    assert_int_equal(af_sharp_parse("std,entropy", &mask, NULL), 0);
    assert_int_equal(mask, 1u << AF_SHARP_STD | 1u << AF_SHARP_ENTROPY);
    assert_int_equal(af_sharp_parse("all", &mask, NULL), 0);
    assert_int_equal(mask, AF_SHARP_ALL);
    assert_int_equal(af_sharp_parse("std,", &mask, NULL), -1);
    assert_int_equal(af_sharp_parse("st", &mask, NULL), -1);
    assert_int_equal(af_plan_parse("16,32", &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(v[1], 32);
    free(v);
    assert_int_equal(af_plan_parse("16,0", &v, &n, NULL), -1);
    assert_int_equal(af_plan_parse("16,,8", &v, &n, NULL), -1);
    assert_int_equal(af_plan_parse("99999999999999999999", &v, &n, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_8_bits_equal_their_twin),
        cmocka_unit_test(maps_of_16_bits_equal_their_twin),
        cmocka_unit_test(maps_of_constant_slices_equal_their_twin),
        cmocka_unit_test(pixels_that_are_no_numbers_do_not_count),
        cmocka_unit_test(the_largest_sums_fit),
        cmocka_unit_test(all_kernels_give_the_same_bits),
        cmocka_unit_test(noise_alone_scores_its_floor),
        cmocka_unit_test(lists_are_read_whole_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
