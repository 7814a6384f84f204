/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/label.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { W = 64, H = 200, WINDOW = 11, MAXPLANES = 201 };

/* A Gaussian line, defocused, on a camera. */
struct scene {
    double focus_um, rayleigh_um; // half the confocal parameter
    double waist_px;              // standard deviation of the line in focus
    double electrons;             // in the line, per frame
    double read_noise, black;     // electrons, counts
    double gain, full;            // counts per electron; counts where the camera saturates
    double second_um;             // z of a second, equal line's focus; NaN: none
    double fixed;                 // standard deviation of a pattern that stays, electrons
    double drift;                 // brightness: 1 + drift sin(2 pi plane / n + phase)
    double phase;
};
static const struct scene LINE = {.rayleigh_um = 1,
                                  .waist_px = 4,
                                  .electrons = 3e5,
                                  .read_noise = 8,
                                  .black = 100,
                                  .gain = 0.4,
                                  .full = 65535,
                                  .second_um = NAN};

struct stack {
    size_t n;
    double z[MAXPLANES];
    struct af_scores scores[MAXPLANES];
};

static double line(const struct scene *s, double y, double z, double focus)
{
    double width =
        s->waist_px * sqrt(1 + (z - focus) * (z - focus) / (s->rayleigh_um * s->rayleigh_um));
    double u = (y - 0.48 * H) / width;
    return s->electrons / W / (width * sqrt(2 * 3.14159265358979)) * exp(-u * u / 2);
}

/* Four uniform numbers from one draw: near enough to normal for a pixel, and quick. */
static double noise(struct af_random *r)
{
    uint64_t u = af_random_u64(r);
    double sum = (double)(u & 0xffff) + (double)(u >> 16 & 0xffff) + (double)(u >> 32 & 0xffff) +
                 (double)(u >> 48);

    return (sum / 65535 - 2) * sqrt(3);
}

static void photograph(const struct scene *s, double z, double brightness, const double *pattern,
                       struct af_random *r, struct af_image *img)
{
    uint16_t *v = img->data;

    for (size_t y = 0; y < H; y++) {
        double light = line(s, (double)y, z, s->focus_um);
        if (!isnan(s->second_um))
            light += line(s, (double)y, z, s->second_um);
        for (size_t x = 0; x < W; x++) {
            double mean = brightness * (light + s->fixed * pattern[y * W + x]);
            double e = mean + sqrt(fmax(0, mean) + s->read_noise * s->read_noise) * noise(r);
            v[y * W + x] = (uint16_t)fmax(0, fmin(s->full, s->black + s->gain * e + 0.5));
        }
    }
}

/* n planes from z0 on, dz apart. */
static void record(const struct scene *s, double z0, double dz, size_t n, uint64_t seed,
                   struct stack *st)
{
    struct af_random r;
    struct af_image img = {0};
    struct af_scorer scorer;
    double *pattern = calloc(W * H, sizeof *pattern), rows[H];

    assert_non_null(pattern);
    assert_true(n <= MAXPLANES);
    af_random_init(&r, seed, "camera");
    for (size_t i = 0; s->fixed > 0 && i < W * H; i++)
        pattern[i] = af_random_normal(&r);
    assert_int_equal(af_image_resize(&img, W, H, AF_U16, NULL), 0);
    assert_int_equal(af_scorer_init(&scorer, H, WINDOW, 3, NULL), 0);
    st->n = n;
    for (size_t i = 0; i < n; i++) {
        double brightness = 1 + s->drift * sin(6.2831853 * (double)i / (double)n + s->phase);
        st->z[i] = z0 + dz * (double)i;
        photograph(s, st->z[i], brightness, pattern, &r, &img);
        assert_int_equal(af_profile(&img, rows, NULL, NULL), 0);
        af_scorer_run(&scorer, rows, &st->scores[i]);
    }
    af_scorer_release(&scorer);
    af_image_release(&img);
    free(pattern);
}

static struct af_label label(const struct stack *st, enum af_measure measure)
{
    struct af_label_opts o = {.measure = measure};
    struct af_label l;

    assert_int_equal(af_label_find(st->z, st->scores, st->n, &o, &l, NULL), 0);
    assert_int_equal(!strcmp(l.quality, AF_LABEL_OK), isfinite(l.z0_um));
    return l;
}

static void assert_found(const struct scene *s, double z0, double dz, size_t n,
                         enum af_measure measure, double bound)
{
    struct stack st;

    for (uint64_t seed = 0; seed < 3; seed++) {
        record(s, z0, dz, n, seed, &st);
        struct af_label l = label(&st, measure);
        if (strcmp(l.quality, AF_LABEL_OK) || !(fabs(l.z0_um - s->focus_um) < bound) ||
            getenv("VERBOSE"))
            print_message("# focus %g, measure %d: %s %.4f +/- %.4f, %zu planes\n", s->focus_um,
                          measure, l.quality, l.z0_um, l.z0_err_um, l.nfit);
        assert_string_equal(l.quality, AF_LABEL_OK);
        assert_true(fabs(l.z0_um - s->focus_um) < bound);
        assert_true(l.z0_err_um < bound);
        assert_true(l.nfit >= (isnan(l.fit.vertex) ? 5 : 6));
    }
}

static void assert_refused(const struct scene *s, double z0, double dz, size_t n,
                           const char *reason)
{
    struct stack st;

    for (uint64_t seed = 0; seed < 3; seed++) {
        record(s, z0, dz, n, seed, &st);
        const char *quality = label(&st, AF_L2).quality;
        if (reason)
            assert_string_equal(quality, reason);
        else
            assert_string_not_equal(quality, AF_LABEL_OK);
    }
}

/* The bounds are five to ten times the spread that noise gives here; the sampling is a tenth of
 * them. */
static void short_stacks_are_labelled_at_the_planted_focus(void **state)
{
    static const double focus[] = {0, 0.037, -3.21, 5.5};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scene s = LINE;
        s.focus_um = focus[i];
        assert_found(&s, -10, 0.1, 201, AF_L2, 0.02);
        assert_found(&s, 10, -0.1, 201, AF_L2, 0.02);
        assert_found(&s, -10, 0.1, 201, AF_BASE, 0.05);
        assert_found(&s, -10, 0.1, 201, AF_MINMAX, 0.05);
    }
}

static void saturated_cores_and_eight_bits_do_not_hide_focus(void **state)
{
    struct scene s = LINE;

    (void)state;
    s.focus_um = 0.72;
    s.full = 250; // the line in focus reaches 290 counts
    assert_found(&s, -10, 0.1, 201, AF_L2, 0.05);
    s.black = 8;
    s.full = 150;
    assert_found(&s, -10, 0.1, 201, AF_L2, 0.05);
}

/*
 * 1 um planes on a line whose Rayleigh range is as long: the middle of the V's chords errs by a
 * twentieth of the step, where a parabola through three planes on each side, high up the
 * flanks, erred by a tenth. 2.5 um planes leave two on each side.
 */
static void long_stacks_are_labelled_at_the_planted_focus(void **state)
{
    static const double focus[] = {0, 0.37, -45.5, 62};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scene s = LINE;
        s.focus_um = focus[i];
        assert_found(&s, -100, 1, 201, AF_L2, 0.06);
        assert_found(&s, -100, 1, 201, AF_BASE, 0.06);
        assert_found(&s, -100, 2.5, 81, AF_L2, 0.2);
        s.full = 250;
        assert_found(&s, -100, 1, 201, AF_L2, 0.06);
    }
}

/* One flank of the V cut below its highest chord: the parabola of before. */
static void half_a_v_of_far_planes_is_labelled_by_a_parabola(void **state)
{
    struct scene s = LINE;
    struct stack st;

    (void)state;
    record(&s, -100, 1, 104, 3, &st);
    struct af_label l = label(&st, AF_L2);
    assert_string_equal(l.quality, AF_LABEL_OK);
    assert_true(isfinite(l.fit.vertex) && fabs(l.z0_um) < 0.25);
}

static void unequal_steps_are_labelled_too(void **state)
{
    struct scene s = LINE;
    struct stack fine, st = {0};

    (void)state;
    s.focus_um = 1.13;
    record(&s, -10, 0.1, 201, 5, &fine);
    for (size_t i = 0; i < fine.n; i += 1 + (i * 7 + i / 3) % 4) {
        st.z[st.n] = fine.z[i];
        st.scores[st.n++] = fine.scores[i];
    }
    struct af_label l = label(&st, AF_L2);
    assert_string_equal(l.quality, AF_LABEL_OK);
    assert_true(fabs(l.z0_um - 1.13) < 0.03);
}

/* The spread of 120 labels has a standard error of 6.5 %: three of them either way. */
static void standard_error_is_the_spread_of_labels(void **state)
{
    enum { N = 120 };
    struct scene s = LINE;
    double squares = 0, sum = 0, variances = 0;
    struct stack st;

    (void)state;
    s.electrons = 1e5;
    for (uint64_t seed = 0; seed < N; seed++) {
        s.focus_um = 0.01 * (double)(seed % 10); // in all places between two planes
        record(&s, -1.5, 0.1, 31, seed, &st);
        struct af_label l = label(&st, AF_L2);
        double d = l.z0_um - s.focus_um;
        assert_string_equal(l.quality, AF_LABEL_OK);
        sum += d / N;
        squares += d * d / N;
        variances += l.z0_err_um * l.z0_err_um / N;
    }
    double ratio = sqrt(variances / (squares - sum * sum));
    print_message("# spread %.2f nm, standard error %.2f times that\n",
                  1e3 * sqrt(squares - sum * sum), ratio);
    assert_true(ratio > 0.8 && ratio < 1.2);
    assert_true(fabs(sum) < 5 * sqrt(squares / N)); // no bias
}

static void stacks_cut_before_focus_are_refused(void **state)
{
    struct scene s = LINE;

    (void)state;
    assert_refused(&s, -10, 0.1, 90, AF_LABEL_EDGE);  // ends 1.1 um before
    assert_refused(&s, -10, 0.1, 100, AF_LABEL_EDGE); // ends one plane before
    assert_refused(&s, -10, 0.1, 102, AF_LABEL_EDGE); // ends one plane behind
    assert_refused(&s, 0.2, 0.1, 90, AF_LABEL_EDGE);
    assert_refused(&s, -100, 1, 95, NULL); // noise for most of its length
}

static void two_equal_foci_are_refused(void **state)
{
    struct scene s = LINE;

    (void)state;
    s.focus_um = -4;
    s.second_um = 4;
    assert_refused(&s, -10, 0.1, 201, AF_LABEL_TWO_MINIMA);
}

/* A curve with a V of each depth, 10 planes down and 10 up, without noise; the coarse one is level.
 */
static struct af_label label_of_depths(const double *depth, size_t n)
{
    struct stack st = {.n = 20 * n + 1};

    for (size_t i = 0; i < st.n; i++) {
        double from_top = 1 - fabs((double)(i % 20) - 10) / 10;

        st.z[i] = 0.1 * (double)i;
        st.scores[i].of[AF_L2] =
            1.2 - depth[i / 20 < n ? i / 20 : 0] * from_top * from_top * (3 - 2 * from_top);
        st.scores[i].of[AF_BASE] = st.scores[i].of[AF_LITERAL] = 1;
        st.scores[i].noise = 0.001;
    }
    return label(&st, AF_L2);
}

/* A quarter of 0.8 is alike: 0.5 is unlike 0.8, but 0.65 is like both. */
static void a_minimum_must_beat_each_of_the_others(void **state)
{
    static const double depths[][3] = {{0.5, 0.65, 0.8}, {0.5, 0.8, 0.65}, {0.65, 0.5, 0.8},
                                       {0.65, 0.8, 0.5}, {0.8, 0.5, 0.65}, {0.8, 0.65, 0.5}};
    static const double clear[] = {0.4, 0.5, 0.8};

    (void)state;
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(label_of_depths(depths[i], 3).quality, AF_LABEL_TWO_MINIMA);
    assert_string_equal(label_of_depths(clear, 3).quality, AF_LABEL_OK);
    assert_true(fabs(label_of_depths(clear, 3).z0_um - 5) < 0.05); // half a step
}

static void constant_stacks_are_refused(void **state)
{
    struct scene s = LINE;
    struct stack st;

    (void)state;
    s.rayleigh_um = 1e6; // a line that does not change with z
    assert_refused(&s, -10, 0.1, 201, AF_LABEL_FLAT);
    s.drift = 0.5;
    assert_refused(&s, -10, 0.1, 201, AF_LABEL_FLAT);
    s = (struct scene){
        .full = 65535, .black = 100, .second_um = NAN, .rayleigh_um = 1, .waist_px = 1};
    assert_refused(&s, -10, 0.1, 201, AF_LABEL_FLAT);
    s.black = 0;
    assert_refused(&s, -10, 0.1, 201, AF_LABEL_DARK);
    record(&LINE, -10, 0.1, 201, 1, &st);
    for (size_t i = 0; i < st.n; i++)
        st.scores[i] = st.scores[0];
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_FLAT);
}

/*
 * 500 stacks each of noise that is white, brightens and dims slowly, lies on a pattern that stays,
 * and on a line that stays but changes in brightness: none has a label. Half the stacks have few
 * planes. (The literal measure follows the brightness; it is for comparison only.)
 */
static void noise_is_never_labelled(void **state)
{
    struct scene s[4];
    size_t ok = 0;
    struct stack st;

    (void)state;
    for (int k = 0; k < 4; k++) {
        s[k] = LINE;
        s[k].electrons = 0;
        s[k].drift = k > 0 ? 0.6 : 0;
        s[k].fixed = k == 1 ? 0 : 30;
    }
    s[0].fixed = 0;
    s[1].fixed = 1;
    s[3].electrons = 2e5;
    s[3].rayleigh_um = 1e6;
    for (uint64_t seed = 0; seed < 500; seed++) {
        for (int k = 0; k < 4; k++) {
            s[k].phase = (double)seed;
            record(&s[k], -2, 0.1, seed % 2 ? 9 : 25, seed, &st);
            for (enum af_measure m = 0; m < AF_LITERAL; m++)
                ok += !strcmp(label(&st, m).quality, AF_LABEL_OK);
        }
    }
    assert_int_equal(ok, 0);
}

static void faults_of_z_are_named(void **state)
{
    struct stack st;

    (void)state;
    record(&LINE, -2, 0.1, 41, 1, &st);
    st.z[7] = st.z[6];
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_Z_ORDER);
    st.z[7] = st.z[5];
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_Z_ORDER);
    st.z[7] = NAN;
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_NO_Z);
    st.z[7] = INFINITY;
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_NO_Z);
    st.z[7] = st.z[6] + 0.1;
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_OK);
    for (size_t n = 0; n <= 6; n++) {
        st.n = n;
        assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_FEW);
    }
}

static void a_black_plane_is_named(void **state)
{
    struct stack st;
    struct af_scorer scorer;
    double rows[H] = {0};

    (void)state;
    record(&LINE, -2, 0.1, 41, 1, &st);
    assert_int_equal(af_scorer_init(&scorer, H, WINDOW, 3, NULL), 0);
    af_scorer_run(&scorer, rows, &st.scores[3]);
    af_scorer_release(&scorer);
    assert_string_equal(label(&st, AF_L2).quality, AF_LABEL_DARK);
}

/* 1 + depth (z / 10)^2 at -10 to 10 um, without noise but for the share that is told. */
static const char *bowl(double depth, double noise_share)
{
    struct stack st = {.n = 201};

    for (size_t i = 0; i < st.n; i++) {
        st.z[i] = (double)i / 10 - 10;
        for (int m = 0; m < AF_NMEASURES; m++)
            st.scores[i].of[m] = 1 + depth * st.z[i] * st.z[i] / 100;
        st.scores[i].noise = noise_share;
    }
    return label(&st, AF_L2).quality;
}

static void a_minimum_is_a_tenth_deep_and_a_line_a_fortieth_noise(void **state)
{
    (void)state;
    assert_string_equal(bowl(0.11, 0.024), AF_LABEL_OK);
    assert_string_equal(bowl(0.09, 0.024), AF_LABEL_FLAT);
    assert_string_equal(bowl(0.11, 0.026), AF_LABEL_NOISE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimum_is_a_tenth_deep_and_a_line_a_fortieth_noise),
        cmocka_unit_test(short_stacks_are_labelled_at_the_planted_focus),
        cmocka_unit_test(saturated_cores_and_eight_bits_do_not_hide_focus),
        cmocka_unit_test(long_stacks_are_labelled_at_the_planted_focus),
        cmocka_unit_test(half_a_v_of_far_planes_is_labelled_by_a_parabola),
        cmocka_unit_test(unequal_steps_are_labelled_too),
        cmocka_unit_test(standard_error_is_the_spread_of_labels),
        cmocka_unit_test(stacks_cut_before_focus_are_refused),
        cmocka_unit_test(two_equal_foci_are_refused),
        cmocka_unit_test(a_minimum_must_beat_each_of_the_others),
        cmocka_unit_test(constant_stacks_are_refused),
        cmocka_unit_test(noise_is_never_labelled),
        cmocka_unit_test(faults_of_z_are_named),
        cmocka_unit_test(a_black_plane_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
