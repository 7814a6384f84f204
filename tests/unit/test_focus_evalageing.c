/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/evalageing.h"
#include <math.h>
#include <stdlib.h>

static struct af_err err;
static const struct af_eval_ageing rule = {AF_EVAL_WINDOW, AF_EVAL_TOLERANCE_UM,
                                           AF_EVAL_TOLERANCE_SLOPE, AF_EVAL_TOLERANCE_BIAS_UM};

/* n moves by +/-2 um; predictions are off by sd, and wrong by slope and offset. */
static void plant(struct af_eval_moves *m, uint64_t seed, int n, double sd, double slope,
                  double offset)
{
    FILE *fp = tmpfile();
    struct af_random r;

    af_random_init(&r, seed, "ageing");
    fputs("time\tmoved_um\tbefore_um\tafter_um\tsigma_um\n", fp);
    for (int i = 0; i < n; i++) {
        double way = i % 2 ? 2 : -2, before = sd * af_random_normal(&r);

        fprintf(fp, "%d\t%.9g\t%.9g\t%.9g\t%.9g\n", i, way, before,
                offset + slope * way + sd * af_random_normal(&r), sqrt(2) * sd);
    }
    rewind(fp);
    assert_int_equal(af_eval_moves_read(m, fp, "moves.tsv", &err), 0);
    fclose(fp);
}

static size_t count_stale(const struct af_eval_moves *m)
{
    struct af_eval_age *age;
    size_t n, stale = 0;

    assert_int_equal(af_eval_ageing(m, &rule, &age, &n, &err), 0);
    assert_int_equal(n, m->n - rule.window + 1);
    for (size_t i = 0; i < n; i++)
        stale += age[i].verdict == AF_EVAL_STALE;
    free(age);
    return stale;
}

static void a_fresh_model_is_never_called_stale(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct af_eval_moves m = {0};

        plant(&m, seed, 300, 0.05, 1, 0);
        assert_int_equal(count_stale(&m), 0);
        af_eval_moves_release(&m);
    }
}

static void a_wrong_scale_and_an_offset_are_noticed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct af_eval_moves m = {0};

        plant(&m, seed, AF_EVAL_WINDOW, 0.03, 0.8, 0);
        assert_int_equal(count_stale(&m), 1);
        af_eval_moves_release(&m);
        plant(&m, seed, AF_EVAL_WINDOW, 0.03, 1, -0.2);
        assert_int_equal(count_stale(&m), 1);
        af_eval_moves_release(&m);
    }
}

static void the_fit_is_exact_without_noise(void **state)
{
    struct af_eval_moves m = {0};
    struct af_eval_age *age;
    size_t n;

    (void)state;
    plant(&m, 1, AF_EVAL_WINDOW, 0, 1.05, 0.04);
    assert_int_equal(af_eval_ageing(&m, &rule, &age, &n, &err), 0);
    assert_true(fabs(age[0].slope - 1.05) < 1e-8 && fabs(age[0].offset_um - 0.04) < 1e-8);
    assert_true(age[0].slope_err < 1e-6 && age[0].offset_err_um < 1e-6);
    assert_int_equal(age[0].verdict, AF_EVAL_FRESH);
    assert_string_equal(af_eval_stale_since(age, 1), "19");
    free(age);
    af_eval_moves_release(&m);
}

/*
 * Ways of 0, 1 and 5 um, mean 2, sum of squares about it 14; residuals of 0.04, -0.05 and 0.01 um
 * are at right angles to a line: s^2 = 0.0042 on one degree of freedom. Textbook: the slope's error
 * is s / sqrt(14), the offset's s sqrt(1/3 + 4/14). A promised 0.2 um is larger than s.
 */
static void errors_of_the_line_are_the_textbooks(void **state)
{
    static const struct af_eval_ageing three = {3, 1, 1, 1};
    struct af_eval_move v[3] = {{.moved_um = 0, .change_um = 0.04},
                                {.moved_um = 1, .change_um = 0.95},
                                {.moved_um = 5, .change_um = 5.01}};
    const struct af_eval_moves m = {v, 3, 3};
    struct af_eval_age *age;
    size_t n;

    (void)state;
    for (int promised = 0; promised < 2; promised++) {
        double s = promised ? 0.2 : sqrt(0.0042);

        for (int i = 0; i < 3; i++) {
            v[i].sigma_um = promised ? 0.2 : NAN;
            v[i].bias_um = NAN;
        }
        assert_int_equal(af_eval_ageing(&m, &three, &age, &n, &err), 0);
        assert_true(fabs(age[0].slope - 1) < 1e-12 && fabs(age[0].offset_um) < 1e-12);
        assert_true(fabs(age[0].slope_err - s / sqrt(14)) < 1e-12);
        assert_true(fabs(age[0].offset_err_um - s * sqrt(1.0 / 3 + 4.0 / 14)) < 1e-12);
        assert_true(isnan(age[0].bias_um));
        free(age);
    }
}

/* Means of four, 1 and 2 um; the seven steps have the squares 1.48, half a step's is a variance. */
static void a_change_of_bias_is_that_of_the_half_windows(void **state)
{
    static const struct af_eval_ageing eight = {8, 1, 1, 1};
    static const double bias[8] = {1, 1.2, 0.8, 1, 2, 2.2, 1.8, 2};
    struct af_eval_move v[8];
    const struct af_eval_moves m = {v, 8, 8};
    struct af_eval_age *age;
    size_t n;

    (void)state;
    for (int i = 0; i < 8; i++)
        v[i] = (struct af_eval_move){
            .moved_um = i, .change_um = i, .sigma_um = NAN, .bias_um = bias[i]};
    assert_int_equal(af_eval_ageing(&m, &eight, &age, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_true(fabs(age[0].bias_um - 1) < 1e-12);
    assert_true(fabs(age[0].bias_err_um - sqrt(1.48 / 14 * (1.0 / 4 + 1.0 / 4))) < 1e-12);
    free(age);
}

/* Moves of a fresh model whose bias is `first`, and `last` for the last half window. */
static size_t stale_by_bias(double first, double last, double sd)
{
    struct af_eval_moves m = {0};
    struct af_random r;
    size_t stale;

    af_random_init(&r, 1, "bias");
    plant(&m, 1, 3 * AF_EVAL_WINDOW, 0.02, 1, 0);
    assert_true(isnan(m.move[0].bias_um));
    for (size_t i = 0; i < m.n; i++)
        m.move[i].bias_um =
            (i + AF_EVAL_WINDOW / 2 < m.n ? first : last) + sd * af_random_normal(&r);
    stale = count_stale(&m);
    af_eval_moves_release(&m);
    return stale;
}

static void a_bias_may_be_any_but_must_stay(void **state)
{
    (void)state;
    assert_int_equal(stale_by_bias(0.5, 0.5, 0.02), 0);
    assert_int_equal(stale_by_bias(0.5, 0.54, 0.02), 0); // is borne
    assert_true(stale_by_bias(0.5, 0.6, 0.02) >= 1);
    assert_true(stale_by_bias(0.1, 0, 0.02) >= 1);
}

static void a_curve_that_breaks_up_is_noticed(void **state)
{
    struct af_eval_moves m = {0};

    (void)state;
    plant(&m, 1, 2 * AF_EVAL_WINDOW, 0.02, 1, 0);
    assert_int_equal(count_stale(&m), 0);
    for (size_t i = AF_EVAL_WINDOW; i < m.n; i++)
        m.move[i].change_um += i / 2 % 2 ? 0.2 : -0.2; // neither slope nor offset
    assert_true(count_stale(&m) >= 1);
    af_eval_moves_release(&m);
}

static void few_moves_give_no_verdict(void **state)
{
    struct af_eval_moves m = {0};
    struct af_eval_age *age;
    size_t n;

    (void)state;
    plant(&m, 1, AF_EVAL_WINDOW - 1, 0.1, 1, 0);
    assert_int_equal(af_eval_ageing(&m, &rule, &age, &n, &err), -1);
    assert_int_equal(err.kind, AF_ENOFOCUS);
    af_eval_moves_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_model_is_never_called_stale),
        cmocka_unit_test(a_wrong_scale_and_an_offset_are_noticed),
        cmocka_unit_test(the_fit_is_exact_without_noise),
        cmocka_unit_test(errors_of_the_line_are_the_textbooks),
        cmocka_unit_test(a_change_of_bias_is_that_of_the_half_windows),
        cmocka_unit_test(a_bias_may_be_any_but_must_stay),
        cmocka_unit_test(a_curve_that_breaks_up_is_noticed),
        cmocka_unit_test(few_moves_give_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
