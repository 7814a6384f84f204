/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/eval.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NSTACKS 12
#define NPLANES 41

static struct af_err err;

/* Tables are read as a tool reads them. */
static void read_text(struct af_evaltable *t, const char *text)
{
    FILE *fp = tmpfile();

    fputs(text, fp);
    rewind(fp);
    assert_int_equal(af_evaltable_read(t, fp, "t.tsv", NULL, NULL, &err), 0);
    fclose(fp);
}

/* Stacks of planes 0.5 um apart; residual: what plane z of stack s is off by. */
static void plant(struct af_evaltable *t, double (*residual)(double z, int s, struct af_random *r),
                  double sigma)
{
    FILE *fp = tmpfile();
    struct af_random r;

    af_random_init(&r, 1, "eval");
    fputs("file\tplane\tdefocus_um\tsigma_um\ttrust\ttrue_um\tday\n", fp);
    for (int s = 0; s < NSTACKS; s++)
        for (int i = 0; i < NPLANES; i++) {
            double z = 0.5 * (i - NPLANES / 2);

            fprintf(fp, "s%d\t%d\t%.9g\t%.9g\tok\t%.9g\tday%d\n", s, i, z + residual(z, s, &r),
                    sigma, z, s % 3);
        }
    rewind(fp);
    assert_int_equal(af_evaltable_read(t, fp, "t.tsv", NULL, NULL, &err), 0);
    fclose(fp);
}

static double by_stack(double z, int s, struct af_random *r)
{
    (void)r;
    return 0.01 * z + (s % 2 ? 0.1 : -0.1);
}

static double normal(double z, int s, struct af_random *r)
{
    (void)z;
    (void)s;
    return 0.2 * af_random_normal(r);
}

static void bins_have_mean_and_spread_of_stacks(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {AF_EVAL_ALL_DAYS, 20, 0.5};
    struct af_eval_bin *bin;
    size_t n;

    (void)state;
    plant(&t, by_stack, 1);
    assert_int_equal(t.nstacks, NSTACKS);
    assert_int_equal(t.ndays, 3);
    assert_int_equal(af_eval_bins(&t, &part, &bin, &n, &err), 0);
    assert_int_equal(n, NPLANES);
    for (size_t i = 0; i < n; i++) {
        double z = 0.5 * ((double)i - NPLANES / 2);

        assert_true(bin[i].true_um == z);
        assert_int_equal(bin[i].stacks, NSTACKS);
        assert_int_equal(bin[i].frames, NSTACKS);
        assert_true(fabs(bin[i].mean_um - 0.01 * z) < 1e-8);
        /* +/-0.1, six each: sqrt(12 / 11) of 0.1 */
        assert_true(fabs(bin[i].sd_um - 0.1 * sqrt(12.0 / 11)) < 1e-8);
    }
    free(bin);
    af_evaltable_release(&t);
}

static void errors_are_those_planted(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {1, 5, 0.5};
    struct af_eval_error e;

    (void)state;
    plant(&t, by_stack, 1);
    assert_int_equal(af_eval_error(&t, &part, &e, &err), 0);
    assert_int_equal(e.frames, 21 * NSTACKS / 3);
    assert_int_equal(e.stacks, NSTACKS / 3);
    assert_true(fabs(e.bias_um) < 1e-9);
    assert_true(fabs(e.worst_um - 0.05) < 1e-8);
    assert_true(fabs(fabs(e.worst_at) - 5) < 1e-9);
    /* z runs evenly over 21 places from -5 to 5: its variance is (21^2 - 1) / 12 / 4 */
    assert_true(fabs(e.rmse_um - sqrt(0.01 + 1e-4 * 440 / 48.0)) < 1e-8);
    assert_true(e.within_1 == 1 && e.within_2 == 1);
    af_evaltable_release(&t);
}

static void honest_sigmas_hold_what_a_normal_error_promises(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {AF_EVAL_ALL_DAYS, 20, 1};
    struct af_eval_promise promise[AF_EVAL_PROMISES];
    struct af_eval_error e;
    size_t n;

    (void)state;
    plant(&t, normal, 0.2);
    assert_int_equal(af_eval_error(&t, &part, &e, &err), 0);
    /* Of 492 frames: 4 standard errors of the shares, of the r.m.s., and of the 95 % point, 1.96.
     */
    assert_true(fabs(e.within_1 - 0.683) < 4 * 0.021);
    assert_true(fabs(e.within_2 - 0.954) < 4 * 0.0095);
    assert_true(fabs(e.rmse_um - 0.2) < 4 * 0.2 / sqrt(2 * 492));
    assert_true(fabs(e.p95_um - 0.392) < 4 * 0.018);
    assert_int_equal(af_eval_promises(&t, &part, promise, &n, &err), 0);
    assert_int_equal(n, AF_EVAL_PROMISES);
    for (size_t i = 0, frames = 0; i < n; i++) {
        frames += promise[i].frames;
        assert_true(fabs(promise[i].sigma_um - 0.2) < 1e-9);
        assert_true(fabs(promise[i].rmse_um - 0.2) < 4 * 0.2 / sqrt(2 * 49));
        assert_true(i + 1 < n || frames == NSTACKS * NPLANES);
    }
    af_evaltable_release(&t);
}

static void histograms_lose_no_frame(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {AF_EVAL_ALL_DAYS, 20, 1};
    struct af_eval_cell *cell;
    size_t n, frames = 0;

    (void)state;
    plant(&t, normal, 0.2);
    assert_int_equal(af_eval_histogram(&t, &part, 0.05, &cell, &n, &err), 0);
    for (size_t i = 0; i < n; i++) {
        frames += cell[i].frames;
        assert_true(!i || cell[i].true_um > cell[i - 1].true_um ||
                    cell[i].residual_um > cell[i - 1].residual_um + 0.049);
    }
    assert_int_equal(frames, NSTACKS * NPLANES);
    free(cell);
    af_evaltable_release(&t);
}

static void what_is_not_trusted_or_not_known_does_not_count(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {AF_EVAL_ALL_DAYS, 10, 1};
    struct af_eval_error e;

    (void)state;
    read_text(&t, "defocus_um\ttrue_um\ttrust\n1\t1.5\tok\n9\t1\tdark\nNA\t1\trange\n1\tNA\tok\n"
                  "1\t11\tok\n");
    assert_int_equal(t.unknown, 1);
    assert_int_equal(af_eval_error(&t, &part, &e, &err), 0);
    assert_int_equal(e.frames, 3);
    assert_int_equal(e.trusted, 1);
    assert_true(e.bias_um == -0.5 && e.rmse_um == 0.5 && isnan(e.sd_um) && isnan(e.within_1));
    assert_true(af_eval_reach(&t) == 11);
    part.range_um = 0.5;
    assert_int_equal(af_eval_error(&t, &part, &e, &err), 0);
    assert_true(e.frames == 0 && isnan(e.rmse_um) && isnan(e.worst_um));
    af_evaltable_release(&t);
}

static void labels_tell_truth_and_day(void **state)
{
    struct af_labeltable labels = {0};
    struct af_evaltable t = {0};
    FILE *fp = tmpfile();

    (void)state;
    fputs("file\tplane\tdefocus_um\tday\na\t3\t-1.5\t2026-06-01\n", fp);
    rewind(fp);
    assert_int_equal(af_labeltable_read(&labels, fp, "l.tsv", false, &err), 0);
    fclose(fp);
    af_labeltable_sort(&labels);
    fp = tmpfile();
    fputs("file\tplane\tdefocus_um\na\t3\t-1\na\t4\t-1\n", fp);
    rewind(fp);
    assert_int_equal(af_evaltable_read(&t, fp, "p.tsv", &labels, NULL, &err), 0);
    fclose(fp);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.unknown, 1);
    assert_true(t.row[0].true_um == -1.5);
    assert_string_equal(t.day[0], "2026-06-01");
    af_evaltable_release(&t);
    af_labeltable_release(&labels);
}

static void too_many_bins_are_refused(void **state)
{
    struct af_evaltable t = {0};
    struct af_eval_part part = {AF_EVAL_ALL_DAYS, 1e4, 1e-4};
    struct af_eval_bin *bin;
    size_t n;

    (void)state;
    assert_int_equal(af_eval_bins(&t, &part, &bin, &n, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_have_mean_and_spread_of_stacks),
        cmocka_unit_test(errors_are_those_planted),
        cmocka_unit_test(honest_sigmas_hold_what_a_normal_error_promises),
        cmocka_unit_test(histograms_lose_no_frame),
        cmocka_unit_test(what_is_not_trusted_or_not_known_does_not_count),
        cmocka_unit_test(labels_tell_truth_and_day),
        cmocka_unit_test(too_many_bins_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
