/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/estimator.h"
#include "focus/lut.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = AF_FRAME_SIDE, PLANES = 41, STACKS = 6, N = PLANES * STACKS };

static const double range_um = 10;

/*
 * An astigmatic line: widths even about -1.5 um (along y) and +6 um (along x), so that each alone
 * leaves two answers. noise: of each pixel, share of the peak.
 */
static void expose(double z_um, double noise, struct af_random *r, float *x)
{
    double sy = 4 * sqrt(1 + pow((z_um + 1.5) / 2.5, 2)),
           sx = 12 * sqrt(1 + pow((z_um - 6) / 20, 2));
    double square = 0;

    for (size_t i = 0; i < SIDE * SIDE; i++) {
        double u = ((double)(i % SIDE) - 47) / sx, v = ((double)(i / SIDE) - 49) / sy;

        x[i] =
            (float)(0.1 + exp(-(u * u + v * v) / 2) / (sx * sy) * 48 + noise * af_random_normal(r));
        square += (double)x[i] * (double)x[i];
    }
    for (size_t i = 0; i < SIDE * SIDE; i++)
        x[i] *= (float)(SIDE / sqrt(square));
}

/* A table of stacks from -10 to 10 um. */
static void learn(struct af_lut *lut, size_t nstacks, double noise)
{
    struct af_lut_frame *frame = calloc(nstacks * PLANES, sizeof(*frame));
    struct af_metrics m;
    struct af_random r;
    float x[SIDE * SIDE];

    assert_non_null(frame);
    assert_int_equal(af_metrics_init(&m, NULL), 0);
    af_random_init(&r, 1, "lut");
    for (size_t i = 0; i < nstacks * PLANES; i++) {
        frame[i].defocus_um = range_um * (2 * (double)(i % PLANES) / (PLANES - 1) - 1);
        expose(frame[i].defocus_um, noise, &r, x);
        af_metrics_run(&m, x, frame[i].metric);
    }
    assert_int_equal(af_lut_learn(lut, frame, nstacks * PLANES, nstacks, NULL), 0);
    af_metrics_release(&m);
    free(frame);
}

static double look_up_um(const struct af_lut *lut, const float *x)
{
    struct af_lut_seat *s;
    float y, feature[AF_METRICS];

    assert_int_equal(af_lut_seat_new(&s, NULL), 0);
    af_lut_run(lut, s, x, 1, &y, feature);
    af_lut_seat_free(s);
    return lut->about.center_um + lut->about.half_range_um * (double)y;
}

static void a_knot_for_each_plane_of_the_stacks(void **state)
{
    struct af_lut lut;

    (void)state;
    learn(&lut, STACKS, 0.002);
    assert_int_equal(lut.nknots, PLANES);
    assert_true(fabs(lut.about.center_um) < 1e-9 && lut.about.half_range_um == range_um);
    for (size_t k = 0; k < PLANES; k++)
        assert_true(fabs((double)lut.target[k] - (2 * (double)k / (PLANES - 1) - 1)) < 1e-6);
    af_lut_release(&lut);
    assert_null(lut.target);
}

/* Between knots too, and on the right side of either waist. */
static void planted_defocus_is_found(void **state)
{
    struct af_lut lut;
    struct af_random r;
    float x[SIDE * SIDE];

    (void)state;
    learn(&lut, STACKS, 0.002);
    af_random_init(&r, 2, "lut");
    for (int i = 0; i < 200; i++) {
        double z_um = range_um * (2 * af_random_uniform(&r) - 1);

        expose(z_um, 0.002, &r, x);
        if (fabs(look_up_um(&lut, x) - z_um) > 0.25) // half a step: a waist turns the curve sharply
            fail_msg("%g instead of %g um", look_up_um(&lut, x), z_um);
    }
    af_lut_release(&lut);
}

static void one_stack_will_do(void **state)
{
    struct af_lut lut;
    struct af_random r;
    float x[SIDE * SIDE];
    double sum = 0;

    (void)state;
    learn(&lut, 1, 0.002);
    assert_int_equal(lut.nknots, PLANES);
    af_random_init(&r, 3, "lut");
    for (int i = 0; i < 100; i++) {
        double z_um = range_um * (2 * af_random_uniform(&r) - 1);

        expose(z_um, 0.002, &r, x);
        sum += pow(look_up_um(&lut, x) - z_um, 2) / 100;
    }
    assert_true(sqrt(sum) < 0.25); // half a step
    af_lut_release(&lut);
}

static void no_answer_is_more_than_half_a_step_beyond_the_ends(void **state)
{
    struct af_lut lut;
    struct af_random r;
    float x[SIDE * SIDE];

    (void)state;
    learn(&lut, STACKS, 0.002);
    af_random_init(&r, 4, "lut");
    expose(11, 0.002, &r, x);
    assert_true(look_up_um(&lut, x) < 10.25 + 1e-4 && look_up_um(&lut, x) > 9.5);
    expose(-11, 0.002, &r, x);
    assert_true(look_up_um(&lut, x) > -10.25 - 1e-4 && look_up_um(&lut, x) < -9.5);
    af_lut_release(&lut);
}

/* The least there is: two frames. */
static void two_frames_make_two_knots(void **state)
{
    struct af_lut_frame frame[2] = {{.defocus_um = 3, .metric = {2, 1}},
                                    {.defocus_um = -1, .metric = {1, 1}}};
    struct af_lut lut;

    (void)state;
    assert_int_equal(af_lut_learn(&lut, frame, 2, 1, NULL), 0);
    assert_int_equal(lut.nknots, 2);
    assert_true(lut.about.center_um == 1 && lut.about.half_range_um == 2);
    af_lut_release(&lut);
    /* As many as stacks at each defocus, and both alike. */
    assert_int_equal(af_lut_learn(&lut, frame, 2, 7, NULL), 0);
    assert_int_equal(lut.nknots, 2);
    af_lut_release(&lut);
}

static void many_frames_make_no_more_knots_than_there_may_be(void **state)
{
    size_t n = 5000;
    struct af_lut_frame *frame = calloc(n, sizeof(*frame));
    struct af_lut lut;

    (void)state;
    assert_non_null(frame);
    for (size_t i = 0; i < n; i++) {
        frame[i].defocus_um = (double)i;
        frame[i].metric[0] = 1 + (double)i;
    }
    assert_int_equal(af_lut_learn(&lut, frame, n, 1, NULL), 0);
    assert_int_equal(lut.nknots, 500); // ten each, for 9 would make 556
    af_lut_release(&lut);
    free(frame);
}

/* ------------------------------------------------------------------ files */

static int read_lut(struct af_lut *lut, const char *path, struct af_err *err)
{
    struct af_nn_modelfile f;
    int ret;

    *lut = (struct af_lut){.nknots = 0};
    if (af_nn_modelfile_open(&f, path, err))
        return -1;
    ret = af_lut_read_file(lut, &f, err);
    af_nn_modelfile_close(&f);
    return ret;
}

static void what_is_written_is_read(void **state)
{
    struct af_lut lut, back;

    (void)state;
    learn(&lut, 2, 0.002);
    assert_int_equal(af_nn_notes_set(&lut.about.notes, "data_days", "one two", NULL), 0);
    assert_int_equal(af_lut_write(&lut, "lut.safetensors", NULL), 0);
    assert_int_equal(read_lut(&back, "lut.safetensors", NULL), 0);
    assert_int_equal(back.nknots, lut.nknots);
    assert_memory_equal(back.target, lut.target, lut.nknots * sizeof(float));
    assert_memory_equal(back.metric, lut.metric, lut.nknots * AF_METRICS * sizeof(float));
    assert_memory_equal(back.whiten, lut.whiten,
                        lut.nknots * AF_METRICS * AF_METRICS * sizeof(float));
    assert_true(back.about.center_um == lut.about.center_um);
    assert_true(back.about.half_range_um == lut.about.half_range_um);
    assert_string_equal(af_nn_notes_get(&back.about.notes, "data_days"), "one two");
    assert_null(af_nn_notes_get(&back.about.notes, "arch"));
    af_lut_release(&back);
    af_lut_release(&lut);
}

static void a_file_estimates_as_the_table_it_was_made_of(void **state)
{
    struct af_lut lut;
    struct af_estimator *e;
    struct af_estimator_seat *s;
    struct af_nn_about about;
    struct af_random r;
    float x[2][SIDE * SIDE], y[2], feature[2][AF_METRICS];

    (void)state;
    learn(&lut, 2, 0.002);
    assert_int_equal(af_lut_write(&lut, "lut.safetensors", NULL), 0);
    assert_int_equal(af_estimator_open(&e, &about, "lut.safetensors", NULL), 0);
    assert_string_equal(af_estimator_words(e), "lut, 41 knots");
    assert_int_equal(af_estimator_nfeature(e), AF_METRICS);
    assert_int_equal(af_estimator_seat_new(&s, e, NULL), 0);
    af_random_init(&r, 5, "lut");
    expose(-3, 0.002, &r, x[0]);
    expose(4, 0.002, &r, x[1]);
    af_estimator_run(e, s, x[0], 2, y, feature[0]);
    for (size_t i = 0; i < 2; i++) {
        assert_true(about.center_um + about.half_range_um * (double)y[i] == look_up_um(&lut, x[i]));
        for (size_t d = 0; d < AF_METRICS; d++)
            assert_true(feature[i][d] >= 0);
    }
    af_estimator_seat_free(s);
    af_estimator_free(e);
    af_nn_notes_release(&about.notes);
    af_lut_release(&lut);
}

/* Write a table that was tampered with, and read it. */
static void is_refused(struct af_lut *lut, const char *why)
{
    struct af_lut back;
    struct af_err err = {AF_OK, ""};

    assert_int_equal(af_lut_write(lut, "bad.safetensors", NULL), 0);
    assert_int_equal(read_lut(&back, "bad.safetensors", &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_null(back.target);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
}

static void tables_that_make_no_sense_are_refused(void **state)
{
    struct af_lut lut;
    float was;

    (void)state;
    learn(&lut, 1, 0.002);
    was = lut.target[7];
    lut.target[7] = lut.target[6];
    is_refused(&lut, "lut/target does not ascend");
    lut.target[7] = was;
    was = lut.whiten[3];
    lut.whiten[0] = 0;
    is_refused(&lut, "lut/whiten has a diagonal that is not above 0");
    lut.whiten[0] = -1;
    is_refused(&lut, "lut/whiten has a diagonal that is not above 0");
    lut.whiten[0] = 1;
    lut.metric[5] = NAN;
    is_refused(&lut, "lut/metric: a number is NaN or infinite");
    lut.metric[5] = 0;
    lut.nknots = 1;
    is_refused(&lut, "no lut/target of 2 to 512 knots");
    lut.nknots = PLANES;
    lut.about.half_range_um = 0;
    is_refused(&lut, "target_half_range_um: 0 is not above 0");
    af_lut_release(&lut);
}

/*
 * Two knots at -1 and 1, a way of 1 apart in one metric, and a frame at a share of it from the
 * first. W is 1 at the first and w at the second: up to the middle a place costs the squared way to
 * it, behind the middle w^2 times that, less 2 log det W = 2 AF_METRICS log w.
 */
static void the_likelier_half_has_the_answer(void **state)
{
    static const struct {
        double share, w, want;
    } of[] = {{0.45, 1, -0.1}, {0.55, 1, 0.1}, // on the curve
              {0.45, 2, 0},                    // narrower is likelier: the middle is near enough
              {0.55, 2, 0.1},  {0.55, 0.5, 0}};
    float target[2] = {-1, 1}, metric[2][AF_METRICS], whiten[2][AF_METRICS][AF_METRICS];
    struct af_lut lut = {2, target, metric[0], whiten[0][0], {.half_range_um = 1}};
    struct af_metrics m;
    struct af_random r;
    float x[SIDE * SIDE];
    double v[AF_METRICS];

    (void)state;
    af_random_init(&r, 6, "lut");
    expose(1, 0.002, &r, x);
    assert_int_equal(af_metrics_init(&m, NULL), 0);
    af_metrics_run(&m, x, v);
    af_metrics_release(&m);
    for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
        memset(whiten, 0, sizeof(whiten));
        for (int d = 0; d < AF_METRICS; d++) {
            metric[0][d] = metric[1][d] = (float)log(1e-6 + v[d]);
            whiten[0][d][d] = 1;
            whiten[1][d][d] = (float)of[i].w;
        }
        metric[0][0] -= (float)of[i].share;
        metric[1][0] += (float)(1 - of[i].share);
        assert_true(fabs(look_up_um(&lut, x) - of[i].want) < 1e-5); // the metrics are floats
    }
}

/* The largest numbers that a file may hold still give a finite answer. */
static void no_numbers_make_an_answer_that_is_none(void **state)
{
    struct af_lut lut;
    struct af_random r;
    float x[SIDE * SIDE];

    (void)state;
    learn(&lut, 1, 0.002);
    af_random_init(&r, 6, "lut");
    expose(1, 0.002, &r, x);
    for (size_t i = 0; i < PLANES * AF_METRICS; i++)
        lut.metric[i] = i % 2 ? 3e38F : -3e38F;
    for (size_t i = 0; i < PLANES * AF_METRICS * AF_METRICS; i++)
        lut.whiten[i] = 3e38F;
    assert_true(isfinite(look_up_um(&lut, x)));
    for (size_t i = 0; i < PLANES * AF_METRICS * AF_METRICS; i++)
        lut.whiten[i] = 1e-45F;
    assert_true(isfinite(look_up_um(&lut, x)));
    af_lut_release(&lut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knot_for_each_plane_of_the_stacks),
        cmocka_unit_test(planted_defocus_is_found),
        cmocka_unit_test(one_stack_will_do),
        cmocka_unit_test(no_answer_is_more_than_half_a_step_beyond_the_ends),
        cmocka_unit_test(two_frames_make_two_knots),
        cmocka_unit_test(many_frames_make_no_more_knots_than_there_may_be),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_file_estimates_as_the_table_it_was_made_of),
        cmocka_unit_test(tables_that_make_no_sense_are_refused),
        cmocka_unit_test(the_likelier_half_has_the_answer),
        cmocka_unit_test(no_numbers_make_an_answer_that_is_none),
    };

    return cmocka_run_group_tests_name("lut", tests, NULL, NULL);
}
