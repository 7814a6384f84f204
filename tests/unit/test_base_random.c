/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/random.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static void draws(struct af_random r, const uint64_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(af_random_u64(&r) == want[i]);
}

/*
 * From the recurrence of Blackman and Vigna written anew in Python integers
 * (new state: a^b^d, a^b^c, a^c^(b<<17), rotl(b^d,45)); the second list is also that of
 * github.com/DSCF-1224/xoshiro-fortran, test/README.md.
 */
static void xoshiro_gives_the_numbers_of_the_reference(void **state)
{
    static const uint64_t counted[] = {
        41943041,             58720359,             3588806011781223,     3591011842654386,
        9228616714210784205u, 9973669472204895162u, 14011001112246962877u, 12406186145184390807u,
        15849039046786891736u, 10450023813501588000u};
    static const uint64_t fortran[] = {
        0x0000000000800000, 0x0000000000800011, 0x0002200000800011, 0x0002200044000020,
        0x00022000448008A1, 0x01102100802208A0, 0x0114002284200880, 0x0402896644A64095,
        0x8A14A0A244ACC891, 0x8C88BA4680B20495};

    (void)state;
    draws((struct af_random){{1, 2, 3, 4}}, counted, 10);
    draws((struct af_random){{0, 0, 0, 1}}, fortran, 10);
}

/* splitmix64 of 1234567 as in Rosetta Code, "Pseudo-random numbers/Splitmix64". */
static void seed_alone_goes_through_splitmix(void **state)
{
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
                                    9817491932198370423u, 4593380528125082431u};
    struct af_random r;

    (void)state;
    af_random_init(&r, 1234567, NULL);
    assert_memory_equal(r.s, want, sizeof(want));
}

/* FNV-1a of "foobar" is 0x85944171f73967e8 by its authors' list. */
static void name_adds_its_fnv_hash_to_the_seed(void **state)
{
    struct af_random named, plain;

    (void)state;
    af_random_init(&named, 5, "foobar");
    af_random_init(&plain, 0x85944171f73967e8 + 5, NULL);
    assert_memory_equal(&named, &plain, sizeof(plain));
    af_random_init(&plain, 5, "drift");
    assert_memory_not_equal(&named, &plain, sizeof(plain));
}

/*
 * Mean and variance of n draws lie within 5 sigma of theory: 3 in a million seeds
 * would fail, and the seed is fixed. Variances of the two estimates: v/n and
 * (m4 - v^2)/n.
 */
static void check_moments(double (*draw)(struct af_random *), double mean, double v, double m4)
{
    enum { N = 1000000 };
    struct af_random r;
    double sum = 0, sum2 = 0, x;

    af_random_init(&r, 1, "moments");
    for (int i = 0; i < N; i++) {
        x = draw(&r) - mean;
        sum += x;
        sum2 += x * x;
    }
    assert_true(fabs(sum / N) < 5 * sqrt(v / N));
    assert_true(fabs(sum2 / N - v) < 5 * sqrt((m4 - v * v) / N));
}

static void uniform_has_the_moments_of_a_uniform(void **state)
{
    (void)state;
    check_moments(af_random_uniform, 0.5, 1. / 12, 1. / 80);
}

static void normal_has_the_moments_of_a_normal(void **state)
{
    (void)state;
    check_moments(af_random_normal, 0, 1, 3);
}

static void uniform_stays_below_one(void **state)
{
    struct af_random ones = {{UINT64_MAX, 0, 0, 0}}; // rotl(2^64-1, 23) + 2^64-1 = 2^64-2

    (void)state;
    assert_true(af_random_uniform(&ones) == 1 - 0x1p-53);
    ones = (struct af_random){{0, 0, 0, 0}};
    assert_true(af_random_uniform(&ones) == 0);
    assert_true(isfinite(af_random_normal(&ones)));
}

/* Chi-square of 10 classes, 9 degrees of freedom: 40 is passed once in 1e5 seeds. */
static void below_is_even_and_below(void **state)
{
    enum { N = 100000, CLASSES = 10 };
    int count[CLASSES] = {0};
    struct af_random r;
    double chi2 = 0, expected = (double)N / CLASSES;

    (void)state;
    af_random_init(&r, 1, "below");
    for (int i = 0; i < N; i++) {
        uint64_t x = af_random_below(&r, CLASSES);

        assert_true(x < CLASSES);
        count[x]++;
    }
    for (int i = 0; i < CLASSES; i++)
        chi2 += (count[i] - expected) * (count[i] - expected) / expected;
    assert_true(chi2 < 40);
    assert_true(af_random_below(&r, 1) == 0);
}

/* n = 2^63 + 1: draws below 2^63 - 1 are refused, or small results would come twice as often. */
static void below_refuses_draws_that_would_bias(void **state)
{
    struct af_random r = {{1, 2, 3, 4}};

    (void)state;
    // 9228616714210784205 is the first of the known answers above that is at least 2^63 - 1
    assert_true(af_random_below(&r, (1ull << 63) + 1) == 9228616714210784205u - (1ull << 63) - 1);
}

/* Mean and variance are the mean, the fourth moment is 3 mean^2 + mean: five standard errors of
 * each, and of the share of zeros, exp(-mean). */
static void poisson_has_the_moments_of_a_poisson(void **state)
{
    static const double mean[] = {0.5, 3, 24, 499, 500, 501, 4000};
    enum { N = 4000 };

    (void)state;
    for (size_t k = 0; k < sizeof(mean) / sizeof(*mean); k++) {
        double sum = 0, squares = 0, none = 0, p = exp(-mean[k]);
        struct af_random r;

        af_random_init(&r, 1, "poisson");
        for (int i = 0; i < N; i++) {
            double n = af_random_poisson(&r, mean[k]);

            assert_true(n >= 0 && n == floor(n));
            sum += n - mean[k];
            squares += (n - mean[k]) * (n - mean[k]);
            none += n == 0;
        }
        assert_true(fabs(sum / N) < 5 * sqrt(mean[k] / N));
        assert_true(fabs(squares / N / mean[k] - 1) < 5 * sqrt((2 + 1 / mean[k]) / N));
        assert_true(fabs(none / N - p) < 5 * sqrt(p * (1 - p) / N) + 1e-9);
    }
    assert_true(af_random_poisson(&(struct af_random){{1, 2, 3, 4}}, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xoshiro_gives_the_numbers_of_the_reference),
        cmocka_unit_test(seed_alone_goes_through_splitmix),
        cmocka_unit_test(name_adds_its_fnv_hash_to_the_seed),
        cmocka_unit_test(uniform_has_the_moments_of_a_uniform),
        cmocka_unit_test(normal_has_the_moments_of_a_normal),
        cmocka_unit_test(uniform_stays_below_one),
        cmocka_unit_test(below_is_even_and_below),
        cmocka_unit_test(below_refuses_draws_that_would_bias),
        cmocka_unit_test(poisson_has_the_moments_of_a_poisson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
