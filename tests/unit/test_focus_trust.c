/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/trust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A microscope without a network: the picture is a line whose width tells |z| and whose place
 * tells its sign, the features are bumps along z, and the prediction is off by a known error.
 */
enum { NFEATURE = 200, PX = AF_FRAME_PX, SIDE = AF_FRAME_SIDE };
static const double range_um = 10;

struct shot {
    float input[PX], feature[NFEATURE];
    struct af_frame_facts facts;
    struct af_trust_frame frame;
    double true_um;
};

/* Counts from an input: black level 20, and 1000 where the line is brightest. */
static void weigh(struct shot *s, const double *light, double gain)
{
    double square = 0, sum = 0, max = 0, min = HUGE_VAL;

    for (size_t i = 0; i < PX; i++) {
        double v = 20 + gain * light[i];

        square += v * v;
        sum += v;
        max = fmax(max, v);
        min = fmin(min, v);
    }
    s->facts = (struct af_frame_facts){
        .min = min, .max = max, .mean = sum / PX, .sum = sum, .norm = sqrt(square)};
    for (size_t i = 0; i < PX; i++)
        s->input[i] = (float)((20 + gain * light[i]) * SIDE / s->facts.norm);
}

static void draw_line(double *light, double z_um, double x, double y, double peak)
{
    double across[SIDE], along[SIDE], width = 3 * sqrt(1 + z_um * z_um / 9);

    for (size_t i = 0; i < SIDE; i++) {
        double u = ((double)i - y - 0.5 * z_um) / width, v = ((double)i - x) / 12;

        across[i] = exp(-u * u / 2);
        along[i] = exp(-v * v / 2);
    }
    for (size_t i = 0; i < PX; i++)
        light[i] += peak * 3 / width * across[i / SIDE] * along[i % SIDE];
}

static double sigma_of(double z_um)
{
    return 0.1 + 0.05 * fabs(z_um);
}

/* error: in units of sigma_of(). day: moves the line a little, and the features. */
static void expose(struct shot *s, double z_um, double error, unsigned day, struct af_random *r)
{
    double light[PX] = {0};
    struct af_random of_day;

    af_random_init(&of_day, day, "day");
    draw_line(light, z_um, 50 + af_random_normal(&of_day), 46 + af_random_normal(&of_day), 1000);
    for (size_t i = 0; i < PX; i++)
        light[i] += 3 * (1 + af_random_normal(r));
    weigh(s, light, exp(0.1 * af_random_normal(&of_day)));
    for (size_t k = 0; k < NFEATURE; k++) {
        double at = range_um * (2.2 * (double)k / NFEATURE - 1.1);

        s->feature[k] = (float)(exp(-(z_um - at) * (z_um - at) / 8) *
                                (1 + 0.1 * af_random_normal(&of_day) + 0.1 * af_random_normal(r)));
    }
    s->true_um = z_um;
    s->frame = (struct af_trust_frame){.defocus_um = z_um + error * sigma_of(z_um),
                                       .facts = &s->facts,
                                       .input = s->input,
                                       .feature = s->feature};
}

static double normal(struct af_random *r)
{
    return af_random_normal(r);
}

/* Of Laplace, unit standard deviation: heavier tails. */
static double laplace(struct af_random *r)
{
    double u = af_random_uniform(r) - 0.5;

    return (u < 0 ? 1 : -1) * log(1 - 2 * fabs(u)) / sqrt(2);
}

static int fit(struct af_trust *t, size_t n, unsigned ndays, double (*error)(struct af_random *),
               struct af_err *err)
{
    struct af_trust_fit *f;
    struct af_random r;
    struct shot s;
    int ret;

    af_random_init(&r, 1, "fit");
    assert_int_equal(af_trust_fit_new(&f, NFEATURE, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        double z_um = range_um * (2 * af_random_uniform(&r) - 1);

        expose(&s, z_um, error(&r), (unsigned)(i % ndays), &r);
        assert_int_equal(af_trust_fit_add(f, &s.frame, s.true_um, (unsigned)(i % ndays), NULL), 0);
    }
    ret = af_trust_fit_finish(f, -range_um, range_um, t, err);
    af_trust_fit_free(f);
    return ret;
}

static struct af_trust trust; // of 3000 frames of 6 days

static int fit_once(void **state)
{
    (void)state;
    return fit(&trust, 3000, 6, normal, NULL);
}

static enum af_trust_reason judge(const struct shot *s)
{
    double sigma_um;

    return af_trust_judge(&trust, &s->frame, NFEATURE, &sigma_um);
}

/* --------------------------------------------------------------- what is good */

/* Shares of fresh residuals within one and two sigma, of frames from..to um from focus. */
static void check_coverage(const struct af_trust *t, double (*error)(struct af_random *),
                           double from_um, double to_um)
{
    enum { N = 2000 }; // two standard errors of a share: 2 points
    size_t one = 0, two = 0;
    struct af_random r;
    struct shot s;

    af_random_init(&r, 2, "fresh");
    for (size_t i = 0; i < N; i++) {
        double z_um = from_um + (to_um - from_um) * af_random_uniform(&r), sigma_um, off;

        expose(&s, z_um, error(&r), (unsigned)(i % 6), &r);
        if (af_trust_judge(t, &s.frame, NFEATURE, &sigma_um) != AF_TRUST_OK)
            continue;
        off = fabs(s.frame.defocus_um - z_um);
        one += off < sigma_um;
        two += off < 2 * sigma_um;
    }
    assert_true(fabs((double)one / N - 0.6827) < 0.05);
    assert_true(fabs((double)two / N - 0.9545) < 0.05);
}

static void sigma_covers_residuals_near_and_far(void **state)
{
    (void)state;
    check_coverage(&trust, normal, -range_um, range_um);
    check_coverage(&trust, normal, -2, 2);
    check_coverage(&trust, normal, 7, 9.5);
}

static void sigma_covers_residuals_with_heavy_tails(void **state)
{
    struct af_trust t;

    (void)state;
    assert_int_equal(fit(&t, 3000, 6, laplace, NULL), 0);
    check_coverage(&t, laplace, -range_um, range_um);
}

static void frames_of_a_new_day_are_trusted(void **state)
{
    enum { N = 1500 };
    size_t refused = 0;
    struct af_random r;
    struct shot s;

    (void)state;
    af_random_init(&r, 3, "new");
    for (size_t i = 0; i < N; i++) {
        expose(&s, range_um * (2 * af_random_uniform(&r) - 1), normal(&r), 100 + i % 5, &r);
        refused += judge(&s) != AF_TRUST_OK;
    }
    assert_in_range(refused, 0, N / 100);
}

static void one_day_and_few_frames_suffice(void **state)
{
    size_t refused = 0;
    struct af_random r;
    struct af_trust t;
    struct shot s;
    double sigma_um;

    (void)state;
    assert_int_equal(fit(&t, AF_TRUST_MIN, 1, normal, NULL), 0);
    af_random_init(&r, 4, "same");
    for (size_t i = 0; i < 500; i++) {
        expose(&s, range_um * (1.8 * af_random_uniform(&r) - 0.9), 0, 0, &r);
        refused += af_trust_judge(&t, &s.frame, NFEATURE, &sigma_um) != AF_TRUST_OK;
    }
    assert_in_range(refused, 0, 5);
}

/* ---------------------------------------------------------------- what is not */

/* How many of 200 frames that `spoil` has changed are refused for the reason. */
static void check_refused(void (*spoil)(struct shot *s, struct af_random *r),
                          enum af_trust_reason reason)
{
    size_t refused = 0;
    struct af_random r;
    struct shot s;

    af_random_init(&r, 5, "spoil");
    for (size_t i = 0; i < 200; i++) {
        expose(&s, range_um * (2 * af_random_uniform(&r) - 1), 0, (unsigned)(i % 6), &r);
        spoil(&s, &r);
        refused += judge(&s) == reason;
    }
    assert_in_range(refused, 198, 200);
}

static void darken(struct shot *s, struct af_random *r)
{
    double light[PX];

    for (size_t i = 0; i < PX; i++)
        light[i] = 3 * (1 + af_random_normal(r));
    weigh(s, light, 1);
}

static void blacken(struct shot *s, struct af_random *r)
{
    (void)r;
    memset(s->input, 0, sizeof(s->input));
    s->facts = (struct af_frame_facts){.norm = 0};
}

static void brighten(struct shot *s, struct af_random *r)
{
    (void)r;
    s->facts.sum *= 10;
}

static void saturate(struct shot *s, struct af_random *r)
{
    s->facts.saturated = 0.05 + 0.9 * af_random_uniform(r);
}

static void flatten(struct shot *s, struct af_random *r)
{
    double light[PX];

    for (size_t i = 0; i < PX; i++)
        light[i] = 100;
    (void)r;
    weigh(s, light, 1);
}

static void fill_with_noise(struct shot *s, struct af_random *r)
{
    double light[PX];

    for (size_t i = 0; i < PX; i++)
        light[i] = 200 * af_random_uniform(r);
    weigh(s, light, 1);
}

static void add_line(struct shot *s, struct af_random *r)
{
    double light[PX] = {0};

    draw_line(light, s->true_um, 50, 46, 1000);
    draw_line(light, s->true_um, 50 + 20 * af_random_uniform(r), 20, 500);
    weigh(s, light, 1);
}

/* As another network would see it. */
static void shift_features(struct shot *s, struct af_random *r)
{
    size_t by = 40 + af_random_below(r, 20);
    float moved[NFEATURE];

    for (size_t k = 0; k < NFEATURE; k++)
        moved[k] = s->feature[(k + by) % NFEATURE];
    memcpy(s->feature, moved, sizeof(moved));
}

/* Features and picture of one z, the prediction of another. */
static void contradict(struct shot *s, struct af_random *r)
{
    (void)r;
    s->frame.defocus_um = s->true_um > 0 ? s->true_um - 10 : s->true_um + 10;
}

static void overshoot(struct shot *s, struct af_random *r)
{
    s->frame.defocus_um = (af_random_uniform(r) < 0.5 ? -1 : 1) * 13;
}

static void diverge(struct shot *s, struct af_random *r)
{
    s->frame.defocus_um = af_random_uniform(r) < 0.5 ? (double)NAN : HUGE_VAL;
}

static void garbage_is_refused_and_named(void **state)
{
    (void)state;
    check_refused(darken, AF_TRUST_DARK);
    check_refused(blacken, AF_TRUST_DARK);
    check_refused(brighten, AF_TRUST_BRIGHT);
    check_refused(saturate, AF_TRUST_SATURATED);
    check_refused(flatten, AF_TRUST_FLAT);
    check_refused(fill_with_noise, AF_TRUST_UNFAMILIAR);
    check_refused(add_line, AF_TRUST_UNFAMILIAR);
    check_refused(shift_features, AF_TRUST_UNFAMILIAR);
    check_refused(contradict, AF_TRUST_UNFAMILIAR);
    check_refused(overshoot, AF_TRUST_RANGE);
    check_refused(diverge, AF_TRUST_RANGE);
}

/* As of a look-up table, whose distances are of little use where frames are nearly all noise. */
static void a_picture_without_its_spot_is_refused_at_any_distance(void **state)
{
    struct af_trust far = trust;
    struct af_random r;
    struct shot s;
    double sigma_um;

    (void)state;
    far.limit = INFINITY;
    af_random_init(&r, 7, "spotless");
    for (size_t i = 0; i < 200; i++) {
        expose(&s, 9 * (i % 2 ? 1 : -1), 0, 100 + (unsigned)i, &r); // each of a day of its own
        assert_int_equal(af_trust_judge(&far, &s.frame, NFEATURE, &sigma_um), AF_TRUST_OK);
        fill_with_noise(&s, &r);
        assert_int_equal(af_trust_judge(&far, &s.frame, NFEATURE, &sigma_um), AF_TRUST_UNFAMILIAR);
        far.pictured = false; // a model from before
        assert_int_equal(af_trust_judge(&far, &s.frame, NFEATURE, &sigma_um), AF_TRUST_OK);
        far.pictured = true;
    }
}

static void what_is_refused_has_no_sigma(void **state)
{
    struct af_random r;
    struct shot s;
    double sigma_um = 1;

    (void)state;
    af_random_init(&r, 6, "refused");
    expose(&s, 1, 0, 0, &r);
    overshoot(&s, &r);
    assert_int_equal(af_trust_judge(&trust, &s.frame, NFEATURE, &sigma_um), AF_TRUST_RANGE);
    assert_true(isnan(sigma_um));
}

static void without_knowledge_all_pictures_are_trusted(void **state)
{
    struct af_trust nothing = {.known = false};
    struct af_random r;
    struct shot s;
    double sigma_um = 1;

    (void)state;
    af_random_init(&r, 7, "nothing");
    expose(&s, 1, 0, 0, &r);
    fill_with_noise(&s, &r);
    assert_int_equal(af_trust_judge(&nothing, &s.frame, NFEATURE, &sigma_um), AF_TRUST_OK);
    assert_true(isnan(sigma_um));
    blacken(&s, &r);
    assert_int_equal(af_trust_judge(&nothing, &s.frame, NFEATURE, &sigma_um), AF_TRUST_DARK);
    s.facts = (struct af_frame_facts){.min = 255, .max = 255, .saturated = 1, .norm = 24480};
    assert_int_equal(af_trust_judge(&nothing, &s.frame, NFEATURE, &sigma_um), AF_TRUST_SATURATED);
}

/* -------------------------------------------------------------------- notes */

static void notes_keep_what_is_known(void **state)
{
    struct af_nn_notes notes = {.note = NULL};
    struct af_trust back;
    struct af_random r;
    struct shot s;

    (void)state;
    assert_int_equal(af_trust_write(&trust, &notes, NULL), 0);
    assert_int_equal(af_trust_read(&back, &notes, NULL), 0);
    assert_true(back.known);
    af_random_init(&r, 8, "back");
    for (size_t i = 0; i < 300; i++) {
        double sigma_um, sigma_back_um;

        expose(&s, range_um * (2 * af_random_uniform(&r) - 1), 0, (unsigned)(i % 6), &r);
        if (i % 2)
            contradict(&s, &r);
        assert_int_equal(af_trust_judge(&back, &s.frame, NFEATURE, &sigma_back_um),
                         af_trust_judge(&trust, &s.frame, NFEATURE, &sigma_um));
        if (!isnan(sigma_um)) // seven digits are written
            assert_true(fabs(sigma_back_um / sigma_um - 1) < 1e-6);
    }
    af_nn_notes_release(&notes);
}

static void notes_from_before_pictures_are_read(void **state)
{
    struct af_nn_notes notes = {.note = NULL};
    struct af_trust old = trust, back;

    (void)state;
    old.pictured = false;
    assert_int_equal(af_trust_write(&old, &notes, NULL), 0);
    assert_int_equal(af_trust_read(&back, &notes, NULL), 0);
    assert_true(back.known && !back.pictured);
    af_nn_notes_release(&notes);
}

static void no_notes_are_no_knowledge(void **state)
{
    struct af_nn_notes notes = {.note = NULL};
    struct af_trust t = {.known = true};

    (void)state;
    assert_int_equal(af_trust_write(&(struct af_trust){.known = false}, &notes, NULL), 0);
    assert_int_equal(notes.n, 0);
    assert_int_equal(af_trust_read(&t, &notes, NULL), 0);
    assert_false(t.known);
    af_nn_notes_release(&notes);
}

static void damaged_notes_are_refused(void **state)
{
    static const char *const bad[] = {"",     "x", "1 2 nan", "1 inf", "1e999 2", "1,2",
                                      "1 2 ", " ", "2 1",     "1  2x", "0x10",    "1 2 3 4 5 6"};
    struct af_nn_notes notes = {.note = NULL};
    struct af_err err = {AF_OK, ""};
    struct af_trust t;

    (void)state;
    assert_int_equal(af_trust_write(&trust, &notes, NULL), 0);
    for (size_t i = 0; i < notes.n; i++) {
        char *good = notes.note[i].value;

        for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
            notes.note[i].value = (char *)bad[k];
            err.kind = AF_OK;
            assert_int_equal(af_trust_read(&t, &notes, &err), -1);
            assert_int_equal(err.kind, AF_EDATA);
            assert_false(t.known);
        }
        notes.note[i].value = good;
    }
    for (size_t i = 0; i < notes.n; i++) { // one digit is another
        char *digit = notes.note[i].value + strcspn(notes.note[i].value, "12345678");
        char was = *digit;

        *digit = '9';
        assert_int_equal(af_trust_read(&t, &notes, &err), -1);
        assert_non_null(strstr(err.text, "damaged"));
        *digit = was;
    }
    for (size_t i = 0; i < notes.n; i++) { // one is missing
        char was = notes.note[i].key[0];

        notes.note[i].key[0] = '?';
        assert_int_equal(af_trust_read(&t, &notes, &err), -1);
        assert_non_null(strstr(err.text, "missing"));
        notes.note[i].key[0] = was;
    }
    assert_int_equal(af_trust_read(&t, &notes, NULL), 0);
    af_nn_notes_release(&notes);
}

/* ------------------------------------------------------------------ bad fits */

static void too_few_frames_are_refused(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_trust t;

    (void)state;
    assert_int_equal(fit(&t, AF_TRUST_MIN - 1, 1, normal, &err), -1);
    assert_int_equal(err.kind, AF_ENOFOCUS);
    assert_false(t.known);
}

static void numbers_that_are_none_are_refused(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_trust_fit *f;
    struct af_random r;
    struct shot s;

    (void)state;
    af_random_init(&r, 9, "none");
    expose(&s, 0, 0, 0, &r);
    assert_int_equal(af_trust_fit_new(&f, NFEATURE, NULL), 0);
    assert_int_equal(af_trust_fit_add(f, &s.frame, NAN, 0, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    s.frame.defocus_um = HUGE_VAL;
    assert_int_equal(af_trust_fit_add(f, &s.frame, 0, 0, &err), -1);
    af_trust_fit_free(f);
}

/* A network that has learnt nothing says the same of every frame. */
static void a_constant_prediction_can_be_fitted(void **state)
{
    struct af_trust_fit *f;
    struct af_nn_notes notes = {.note = NULL};
    struct af_random r;
    struct af_trust t;
    struct shot s;
    double sigma_um;

    (void)state;
    af_random_init(&r, 10, "constant");
    assert_int_equal(af_trust_fit_new(&f, NFEATURE, NULL), 0);
    for (size_t i = 0; i < 600; i++) {
        expose(&s, range_um * (2 * af_random_uniform(&r) - 1), 0, (unsigned)(i % 3), &r);
        s.frame.defocus_um = 1;
        memset(s.feature, 0, sizeof(s.feature));
        assert_int_equal(af_trust_fit_add(f, &s.frame, s.true_um, (unsigned)(i % 3), NULL), 0);
    }
    assert_int_equal(af_trust_fit_finish(f, -range_um, range_um, &t, NULL), 0);
    assert_int_equal(af_trust_judge(&t, &s.frame, NFEATURE, &sigma_um), AF_TRUST_OK);
    assert_true(sigma_um > 5 && sigma_um < 9); // uniform over 20 um, seen from 1
    assert_int_equal(af_trust_write(&t, &notes, NULL), 0);
    assert_int_equal(af_trust_read(&t, &notes, NULL), 0);
    af_nn_notes_release(&notes);
    af_trust_fit_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigma_covers_residuals_near_and_far),
        cmocka_unit_test(sigma_covers_residuals_with_heavy_tails),
        cmocka_unit_test(frames_of_a_new_day_are_trusted),
        cmocka_unit_test(one_day_and_few_frames_suffice),
        cmocka_unit_test(garbage_is_refused_and_named),
        cmocka_unit_test(a_picture_without_its_spot_is_refused_at_any_distance),
        cmocka_unit_test(what_is_refused_has_no_sigma),
        cmocka_unit_test(without_knowledge_all_pictures_are_trusted),
        cmocka_unit_test(notes_keep_what_is_known),
        cmocka_unit_test(notes_from_before_pictures_are_read),
        cmocka_unit_test(no_notes_are_no_knowledge),
        cmocka_unit_test(damaged_notes_are_refused),
        cmocka_unit_test(too_few_frames_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(a_constant_prediction_can_be_fitted),
    };

    return cmocka_run_group_tests_name("trust", tests, fit_once, NULL);
}
