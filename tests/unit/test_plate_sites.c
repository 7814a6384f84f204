/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/sites.h"
#include "base/random.h"
#include "child.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1536 };
static const int sizes[] = {6, 12, 24, 48, 96, 384, 1536};
static const int rows_of[] = {2, 3, 4, 6, 8, 16, 32}, cols_of[] = {3, 4, 6, 8, 12, 24, 48};

/* Order the chosen wells of p, all where chosen is NULL; their number. */
static size_t order(const struct af_plate *p, const bool *chosen, enum af_order by, size_t *indices)
{
    static bool all[MOST];
    size_t n;

    for (size_t i = 0; i < p->n; i++)
        all[i] = !chosen || chosen[i];
    assert_int_equal(af_wells_order(p, all, by, indices, &n, NULL), 0);
    return n;
}

static double length(const struct af_plate *p, const size_t *indices, size_t n)
{
    double sum = 0;

    for (size_t i = 1; i < n; i++)
        sum += hypot(p->well[indices[i]].x_um - p->well[indices[i - 1]].x_um,
                     p->well[indices[i]].y_um - p->well[indices[i - 1]].y_um);
    return sum;
}

static void every_order_visits_every_well_once(void **state)
{
    static size_t indices[MOST];
    struct af_random r;
    bool chosen[MOST];

    (void)state;
    af_random_init(&r, 1, NULL);
    for (int k = 0; k < 7; k++)
        for (int by = 0; by <= AF_ORDER_LISTED; by++)
            for (int part = 0; part < 2; part++) {
                bool seen[MOST] = {false};
                struct af_plate p;
                size_t want = 0;

                assert_int_equal(af_plate_standard(&p, sizes[k], NULL), 0);
                for (size_t i = 0; i < p.n; i++)
                    want += chosen[i] = !part || af_random_below(&r, 3) == 0;
                assert_int_equal(order(&p, chosen, (enum af_order)by, indices), want);
                for (size_t i = 0; i < want; i++) {
                    assert_true(chosen[indices[i]] && !seen[indices[i]]);
                    seen[indices[i]] = true;
                }
                af_plate_release(&p);
            }
}

static void snakes_have_their_closed_length(void **state)
{
    static size_t indices[MOST];

    (void)state;
    for (int k = 0; k < 7; k++) {
        struct af_plate p;
        double r = rows_of[k], c = cols_of[k], pitch;

        assert_int_equal(af_plate_standard(&p, sizes[k], NULL), 0);
        pitch = af_plate_pitch_um(&p);
        order(&p, NULL, AF_ORDER_HORIZONTAL, indices);
        assert_true(fabs(length(&p, indices, p.n) - (r * (c - 1) + r - 1) * pitch) < 1e-3);
        order(&p, NULL, AF_ORDER_VERTICAL, indices);
        assert_true(fabs(length(&p, indices, p.n) - (c * (r - 1) + c - 1) * pitch) < 1e-3);
        // of neighbours only, as any tour without a jump
        order(&p, NULL, AF_ORDER_SPIRAL, indices);
        assert_true(fabs(length(&p, indices, p.n) - (r * c - 1) * pitch) < 1e-3);
        af_plate_release(&p);
    }
}

static void a_snake_turns_at_each_row_that_has_wells(void **state)
{
    static const size_t want[] = {1, 3, 26, 24, 84, 95};
    bool chosen[96] = {false};
    size_t indices[96];
    struct af_plate p;

    (void)state;
    assert_int_equal(af_plate_standard(&p, 96, NULL), 0);
    for (size_t i = 0; i < 6; i++)
        chosen[want[i]] = true;
    assert_int_equal(order(&p, chosen, AF_ORDER_HORIZONTAL, indices), 6);
    assert_memory_equal(indices, want, sizeof want);
    af_plate_release(&p);
}

static void the_nearest_comes_next(void **state)
{
    static const double x[] = {0, 5, 1, 2.5, -0.4};
    static const size_t want[] = {0, 4, 2, 3, 1};
    struct af_plate p = {.listed = true};
    size_t indices[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct af_well w = {.row = -1, .col = -1, .x_um = x[i]};
        char name[2] = {(char)('a' + i), 0};
        assert_int_equal(af_plate_add(&p, &w, name, NULL), 0);
    }
    assert_int_equal(order(&p, NULL, AF_ORDER_NEAREST, indices), 5);
    assert_memory_equal(indices, want, sizeof want);
    af_plate_release(&p);
}

static void wells_without_rows_make_no_snake(void **state)
{
    struct af_plate p = {.listed = true};
    struct af_well w = {.row = -1, .col = -1};
    struct af_err err = {AF_OK, ""};
    bool chosen[1] = {true};
    size_t indices[1], n;

    (void)state;
    assert_int_equal(af_plate_add(&p, &w, "here", NULL), 0);
    assert_int_equal(af_wells_order(&p, chosen, AF_ORDER_HORIZONTAL, indices, &n, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    af_plate_release(&p);
}

static void fields_are_parsed(void **state)
{
    static const char *const bad[] = {"",    "x",  "0",     "2x",  "x2",
                                      "2x0", "-1", "2x3x4", "1.5", "101x100"};
    struct af_fields f;

    (void)state;
    assert_int_equal(af_fields_parse(&f, "3x2", NULL), 0);
    assert_int_equal(af_fields_count(&f), 6);
    assert_int_equal(af_fields_parse(&f, "9", NULL), 0);
    assert_int_equal(af_fields_count(&f), 9);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(af_fields_parse(&f, bad[i], NULL), -1);
}

/* Steps of one field, no place twice, and for a grid and full squares the centre is the well's. */
static void fields_tile_without_a_gap(void **state)
{
    static const struct af_fields kinds[] = {
        {3, 2, 10, 7}, {4, 4, 10, 7}, {0, 9, 10, 7}, {0, 49, 10, 7}};

    (void)state;
    for (int k = 0; k < 4; k++) {
        int n = af_fields_count(&kinds[k]);
        double x[64], y[64], mx = 0, my = 0;

        for (int i = 0; i < n; i++) {
            af_fields_place(&kinds[k], i, &x[i], &y[i]);
            mx += x[i];
            my += y[i];
            for (int j = 0; j < i; j++)
                assert_true(hypot(x[i] - x[j], y[i] - y[j]) > 6.9);
            if (i)
                assert_true(fabs(fabs(x[i] - x[i - 1]) / 10 + fabs(y[i] - y[i - 1]) / 7 - 1) <
                            1e-9);
        }
        assert_true(fabs(mx) < 1e-9 && fabs(my) < 1e-9);
    }
}

/* 1 mm at 20 mm/s and 100 mm/s^2 is all ramp, 9 mm has a plateau; settling comes on top. */
static void travel_takes_the_time_of_a_trapeze(void **state)
{
    const struct af_pace pace = {20e3, 100e3, 0.2};
    struct af_site s[3] = {{.x_um = 0}, {.x_um = 1000}, {.x_um = 1000, .y_um = -9000}};
    struct af_travel t = af_sites_travel(s, 3, &pace);

    (void)state;
    assert_true(fabs(t.length_um - 10000) < 1e-9);
    assert_true(fabs(t.time_s - (0.2 + 0.2 + 9.0 / 20 + 20.0 / 100 + 0.2)) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_visits_every_well_once),
        cmocka_unit_test(snakes_have_their_closed_length),
        cmocka_unit_test(a_snake_turns_at_each_row_that_has_wells),
        cmocka_unit_test(the_nearest_comes_next),
        cmocka_unit_test(wells_without_rows_make_no_snake),
        cmocka_unit_test(fields_are_parsed),
        cmocka_unit_test(fields_tile_without_a_gap),
        cmocka_unit_test(travel_takes_the_time_of_a_trapeze),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
