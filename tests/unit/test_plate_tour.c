/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "plate/tour.h"

#include <math.h>
#include <string.h>

/* A plate of 96 that lies turned and shifted, with mirrored y, under the stage. */
static void begin(struct af_tour *t)
{
    static const double c = 0.6, s = 0.8; // cosine and sine
    struct af_err err = {AF_OK, ""};

    *t = (struct af_tour){.placement = {{{c, s}, {s, -c}}, 3e3, -7e3, 0, 1, true, 0}};
    if (af_plate_standard(&t->plate, 96, &err))
        fail_msg("%s", err.text);
}

static double tilted(double x_um, double y_um)
{
    return 50 + 1e-3 * x_um - 4e-4 * y_um;
}

/* All wells were focused on a plane: it is found again at the fields, which lie along the stage's
 * axes, not the plate's. */
static void fields_are_as_high_as_the_plane_is_there(void **state)
{
    const struct af_fields fields = {2, 2, 500, 300};
    const struct af_tour_plan plan = {"B2:G11", -1, false, &fields, NAN};
    struct af_err err = {AF_OK, ""};
    struct af_tour t;
    char table[96 * 40] = "well\tz_um\n";
    FILE *fp;

    (void)state;
    begin(&t);
    for (size_t i = 0; i < t.plate.n; i++) {
        const struct af_well *w = &t.plate.well[i];

        sprintf(table + strlen(table), "%s\t%.9g\n", w->name, tilted(w->x_um, w->y_um));
    }
    fp = fmemopen(table, strlen(table), "r");
    assert_int_equal(af_heights_read(&t.heights, &t.plate, fp, "t", &err), 0);
    fclose(fp);
    assert_int_equal(af_tour_plan(&t, &plan, &err), 0);
    assert_int_equal(t.nwells, 60);
    assert_int_equal(t.nsites, 240);
    assert_int_equal(af_tour_predict(&t, 250, &err), 0);
    for (size_t i = 0; i < t.nsites; i++) {
        // The placement is its own inverse, but for the shift.
        double u = t.sites[i].x_um - 3e3, v = t.sites[i].y_um + 7e3;

        assert_int_equal(t.state[i], AF_WELL_FOCUSED);
        assert_true(fabs(t.sites[i].z_um - tilted(0.6 * u + 0.8 * v, 0.8 * u - 0.6 * v)) < 0.01);
    }
    af_tour_release(&t);
}

static void wells_that_were_tried_need_not_be_visited_again(void **state)
{
    const struct af_fields fields = {1, 1, 0, 0};
    const struct af_tour_plan plan = {"A1:A3", AF_ORDER_RASTER, true, &fields, 5};
    const char *table = "well\tz_um\nA1\tNA\nA3\t7\n";
    struct af_err err = {AF_OK, ""};
    struct af_tour t;
    FILE *fp = fmemopen((void *)table, strlen(table), "r");

    (void)state;
    begin(&t);
    assert_int_equal(af_heights_read(&t.heights, &t.plate, fp, "t", &err), 0);
    fclose(fp);
    assert_int_equal(af_tour_plan(&t, &plan, &err), 0);
    assert_int_equal(t.nsites, 1);
    assert_string_equal(t.sites[0].well->name, "A2");
    assert_true(t.sites[0].z_um == 5);
    af_tour_release(&t);
}

static void what_the_plate_has_not_is_refused(void **state)
{
    const struct af_fields fields = {1, 1, 0, 0};
    const struct af_tour_plan plan = {"A1,J1", -1, false, &fields, NAN};
    struct af_err err = {AF_OK, ""};
    struct af_tour t;

    (void)state;
    begin(&t);
    assert_int_equal(af_tour_plan(&t, &plan, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_non_null(strstr(err.text, "--wells"));
    af_tour_release(&t);
    assert_null(t.sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_as_high_as_the_plane_is_there),
        cmocka_unit_test(wells_that_were_tried_need_not_be_visited_again),
        cmocka_unit_test(what_the_plate_has_not_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
