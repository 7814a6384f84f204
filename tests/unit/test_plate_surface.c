/* SPDX-License-Identifier: BSD-2-Clause */
/* af_teach and af_surface: planted placements and heights are found, and errors are honest. */
#include "plate/surface.h"
#include "plate/teach.h"
#include "base/random.h"
#include "child.h"

#include <math.h>
#include <string.h>

enum { ROWS = 8, COLS = 12, WELLS = ROWS * COLS };
static const struct af_surface_prior prior = {0, 99e3, 0, 63e3, 250, 9e3};

static struct af_taught taught(double x, double y, double angle, double scale, bool mirrored)
{
    double c = scale * cos(angle), s = scale * sin(angle), v = mirrored ? -y : y;

    return (struct af_taught){x, y, c * x - s * v + 7000, s * x + c * v - 400};
}

static void a_planted_placement_is_found(void **state)
{
    struct af_taught t[3];
    struct af_placement p;

    (void)state;
    for (int n = 1; n <= 3; n++)
        for (int mirrored = 0; mirrored <= (n == 3); mirrored++) {
            double angle = n == 1 ? 0 : 0.0123, scale = n == 1 ? 1 : 1.002, x = 30e3, y = 40e3;
            struct af_taught want = taught(x, y, angle, scale, mirrored);

            t[0] = taught(14e3, 11e3, angle, scale, mirrored);
            t[1] = taught(113e3, 74e3, angle, scale, mirrored);
            t[2] = taught(113e3, 11e3, angle, scale, mirrored);
            assert_int_equal(af_teach(t, (size_t)n, &p, NULL), 0);
            af_place(&p, &x, &y);
            assert_true(hypot(x - want.stage_x_um, y - want.stage_y_um) < 1e-6);
            assert_int_equal(p.mirrored, mirrored);
            assert_true(p.rms_um < 1e-6);
        }
}

static void a_well_taken_for_another_is_noticed(void **state)
{
    struct af_taught t[2] = {taught(14e3, 11e3, 0, 1, false), taught(113e3, 74e3, 0, 1, false)};
    struct af_err err = {AF_OK, ""};
    struct af_placement p;

    (void)state;
    t[1].plate_x_um -= 9000;
    assert_int_equal(af_teach(t, 2, &p, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    t[1] = t[0];
    assert_int_equal(af_teach(t, 2, &p, &err), -1);
}

/* A plate as in the paper: tilt and bow that differ from plate to plate, wells rough by some um. */
struct truth {
    double tx, ty, bow;  // um over the half width
    double rough[WELLS]; // um
};

static void make_truth(struct truth *t, struct af_random *r, double rough_um)
{
    t->tx = 100 * (2 * af_random_uniform(r) - 1);
    t->ty = 100 * (2 * af_random_uniform(r) - 1);
    t->bow = 60 * (2 * af_random_uniform(r) - 1);
    for (int i = 0; i < WELLS; i++)
        t->rough[i] = rough_um * af_random_normal(r);
}

static struct af_height height(const struct truth *t, int i)
{
    double u = (i % COLS - 5.5) / 5.5,
           v = (i / COLS - 3.5) / 3.5; // NOLINT(bugprone-integer-division)

    return (struct af_height){(i % COLS) * 9e3, (i / COLS) * 9e3,
                              1000 + t->tx * u + t->ty * v + t->bow * (u * u + v * v) + t->rough[i],
                              NAN};
}

static void a_bent_plate_is_found_from_some_wells(void **state)
{
    struct af_random r;
    struct truth t;
    struct af_height at[WELLS];
    struct af_surface s;
    double z, e;
    size_t n = 0;

    (void)state;
    af_random_init(&r, 3, NULL);
    make_truth(&t, &r, 0);
    for (int i = 0; i < WELLS; i += 5)
        at[n++] = height(&t, i);
    assert_int_equal(af_surface_fit(&s, at, n, &prior, NULL), 0);
    for (int i = 0; i < WELLS; i++) {
        struct af_height want = height(&t, i);

        af_surface_at(&s, want.x_um, want.y_um, &z, &e);
        assert_true(fabs(z - want.z_um) < 0.5); // the prior pulls by its share: 2 um over 60
    }
    af_surface_release(&s);
}

/* Every next well of the snake, from those before: normal scores of the error are of size one. */
static void errors_of_the_next_well_are_honest(void **state)
{
    double sum = 0, worst_late = 0, n = 0;
    struct af_random r;

    (void)state;
    af_random_init(&r, 4, NULL);
    for (int plate = 0; plate < 30; plate++) {
        struct af_height at[WELLS];
        struct truth t;

        make_truth(&t, &r, 1.5);
        for (int k = 0; k < WELLS; k++) {
            int row = k / COLS, col = row % 2 ? COLS - 1 - k % COLS : k % COLS;
            struct af_surface s;
            double z, e;

            at[k] = height(&t, row * COLS + col);
            if (k < 2)
                continue;
            assert_int_equal(af_surface_fit(&s, at, (size_t)k, &prior, NULL), 0);
            af_surface_at(&s, at[k].x_um, at[k].y_um, &z, &e);
            sum += pow((z - at[k].z_um) / e, 2);
            n++;
            if (k > 2 * COLS)
                worst_late = fmax(worst_late, fabs(z - at[k].z_um));
            af_surface_release(&s);
        }
    }
    printf("# rms of error / predicted error %.3f; worst after two rows %.2f um\n", sqrt(sum / n),
           worst_late);
    assert_true(sqrt(sum / n) > 0.6 && sqrt(sum / n) < 1.4);
    assert_true(worst_late < 9); // six times the roughness of the wells
}

static void a_bubble_does_not_bend_its_neighbours(void **state)
{
    struct af_height at[WELLS];
    struct af_random r;
    struct truth t;
    struct af_surface s;
    double z, e;

    (void)state;
    af_random_init(&r, 5, NULL);
    make_truth(&t, &r, 0.5);
    for (int i = 0; i < WELLS; i++)
        at[i] = height(&t, i);
    at[41].z_um += 80;
    at[70].z_um -= 60;
    assert_int_equal(af_surface_fit(&s, at, WELLS, &prior, NULL), 0);
    assert_true(s.weight[41] < 0.1 && s.weight[70] < 0.1 && s.weight[42] > 0.3);
    af_surface_at(&s, at[42].x_um, at[42].y_um, &z, &e);
    assert_true(fabs(z - height(&t, 42).z_um) < 2);
    af_surface_at(&s, at[41].x_um, at[41].y_um, &z, &e);
    assert_true(fabs(z - height(&t, 41).z_um) < 3);
    af_surface_release(&s);
}

/* Plates of all roughness: bubbles are named, wherever they are, and no good well ever. */
static void wells_focused_on_bubbles_are_odd_and_no_others(void **state)
{
    struct af_height at[WELLS], expected[WELLS];
    struct af_random r;
    struct truth t;
    bool odd[WELLS];

    (void)state;
    af_random_init(&r, 6, NULL);
    for (int plate = 0; plate < 60; plate++) {
        double rough = 4 * plate / 60.;
        size_t a = (size_t)(WELLS * af_random_uniform(&r)), b = (a + 1 + (size_t)plate) % WELLS;

        make_truth(&t, &r, rough);
        for (int i = 0; i < WELLS; i++)
            at[i] = height(&t, i);
        assert_int_equal(af_surface_odd(at, WELLS, &prior, 6, odd, expected, NULL), 0);
        for (int i = 0; i < WELLS; i++)
            assert_false(odd[i]);
        at[a].z_um += 12 + 9 * rough; // 9: 6 errors, of neighbours too, and where it was itself
        at[b].z_um -= 12 + 9 * rough;
        assert_int_equal(af_surface_odd(at, WELLS, &prior, 6, odd, expected, NULL), 0);
        for (size_t i = 0; i < WELLS; i++)
            assert_int_equal(odd[i], i == a || i == b);
        assert_true(fabs(expected[a].z_um - height(&t, (int)a).z_um) < 6 * expected[a].err_um);
    }
}

static void one_well_says_little_of_far_ones(void **state)
{
    struct af_height at[1] = {{0, 0, 500, 0.1}};
    struct af_surface s;
    double z, near, far;

    (void)state;
    assert_int_equal(af_surface_fit(&s, at, 1, &prior, NULL), 0);
    af_surface_at(&s, 9e3, 0, &z, &near);
    assert_true(z > 450 && z < 550);
    af_surface_at(&s, 99e3, 63e3, &z, &far);
    assert_true(near > 10 && far > 100 &&
                far < 500); // 250 um over the plate and its neighbour's share
    af_surface_release(&s);
    assert_int_equal(af_surface_fit(&s, NULL, 0, &prior, NULL), 0);
    af_surface_at(&s, 0, 0, &z, &near);
    assert_true(isnan(z) && isnan(near));
    af_surface_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_placement_is_found),
        cmocka_unit_test(a_well_taken_for_another_is_noticed),
        cmocka_unit_test(a_bent_plate_is_found_from_some_wells),
        cmocka_unit_test(errors_of_the_next_well_are_honest),
        cmocka_unit_test(a_bubble_does_not_bend_its_neighbours),
        cmocka_unit_test(wells_focused_on_bubbles_are_odd_and_no_others),
        cmocka_unit_test(one_well_says_little_of_far_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
