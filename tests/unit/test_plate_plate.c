/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/plate.h"
#include "plate/wellname.h"
#include "child.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static void names_of_wells_are_read_and_written_back(void **state)
{
    char name[AF_WELL_NAME];
    int row, col;

    (void)state;
    for (int r = 0; r < AF_WELL_ROWS; r++) {
        af_wellname_format(r, r % 48, name);
        assert_int_equal(af_wellname_parse(name, &row, &col), 0);
        assert_int_equal(row, r);
        assert_int_equal(col, r % 48);
    }
    assert_int_equal(af_wellname_parse("af48", &row, &col), 0);
    assert_int_equal(row, 31); // the last of 1536
    assert_int_equal(col, 47);
    assert_int_equal(af_wellname_parse("B02", &row, &col), 0);
    assert_int_equal(10 * row + col, 11);
}

static void what_is_no_well_is_refused(void **state)
{
    static const char *const bad[] = {"",    "A",  "1",   "A0",     "AAA1",
                                      "A1 ", "1A", "A-1", "A10000", "A1x"};
    int row, col;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(af_wellname_parse(bad[i], &row, &col), -1);
}

/* ANSI/SLAS 4-2004: wells lie symmetric on a foot of 127.76 x 85.48 mm. */
static void standard_plates_lie_symmetric_on_their_foot(void **state)
{
    static const int n[] = {96, 384, 1536};
    struct af_plate p;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(af_plate_standard(&p, n[i], NULL), 0);
        assert_int_equal(p.n, n[i]);
        assert_true(fabs(p.well[0].x_um + p.well[p.n - 1].x_um - 127760) < 1e-6);
        assert_true(fabs(p.well[0].y_um + p.well[p.n - 1].y_um - 85480) < 1e-6);
        assert_true(fabs(af_plate_pitch_um(&p) * sqrt(n[i] / 96.0) - 9000) < 1e-6);
        af_plate_release(&p);
    }
}

static void standard_plates_have_their_number_of_wells(void **state)
{
    static const int n[] = {6, 12, 24, 48};
    struct af_err err = {AF_OK, ""};
    struct af_plate p;

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(af_plate_standard(&p, n[i], NULL), 0);
        assert_int_equal(p.n, n[i]);
        af_plate_release(&p);
    }
    assert_int_equal(af_plate_standard(&p, 95, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
}

static size_t choose(const struct af_plate *p, const char *text, bool *chosen)
{
    size_t n = 0;

    if (af_wells_choose(p, text, chosen, NULL))
        return 9999;
    for (size_t i = 0; i < p->n; i++)
        n += chosen[i];
    return n;
}

static void ranges_are_rectangles_whatever_their_corners(void **state)
{
    struct af_plate p;
    bool chosen[96];

    (void)state;
    assert_int_equal(af_plate_standard(&p, 96, NULL), 0);
    assert_int_equal(choose(&p, "A1:D6,H12", chosen), 25);
    assert_true(chosen[0] && chosen[3 * 12 + 5] && chosen[95] && !chosen[6] && !chosen[94]);
    assert_int_equal(choose(&p, "d6:a1", chosen), 24);
    assert_int_equal(choose(&p, "A6:D1,A1,B02", chosen), 24);
    assert_int_equal(choose(&p, "G11:Z99", chosen), 4);
    assert_int_equal(choose(&p, "J1", chosen), 9999);
    assert_int_equal(choose(&p, "J1:K2", chosen), 9999);
    assert_int_equal(choose(&p, "A1,", chosen), 9999);
    assert_int_equal(choose(&p, "A1:", chosen), 9999);
    af_plate_release(&p);
}

/* Read a definition given as text; the kind of failure, or AF_OK. */
static enum af_kind read_text(struct af_plate *p, const char *text, const char *format)
{
    struct af_err err = {AF_OK, ""};
    FILE *fp = fmemopen((void *)text, strlen(text), "r");

    if (af_plate_read(p, fp, "text", format, &err) == 0)
        err.kind = AF_OK;
    fclose(fp);
    return err.kind;
}

static void labware_is_turned_to_point_down(void **state)
{
    struct af_plate p;

    (void)state;
    assert_int_equal(read_text(&p,
                               "{\"dimensions\":{\"yDimension\":85.47},\"wells\":{"
                               "\"B1\":{\"x\":14.38,\"y\":65.24,\"diameter\":6.86},"
                               "\"A2\":{\"x\":23.38,\"y\":74.24,\"diameter\":6.5},"
                               "\"A1\":{\"x\":14.38,\"y\":74.24,\"diameter\":6.86}}}",
                               NULL),
                     AF_OK);
    assert_int_equal(p.n, 3);
    assert_string_equal(p.well[0].name, "A1"); // reading order, whatever the file's
    assert_string_equal(p.well[1].name, "A2");
    assert_true(fabs(p.well[0].y_um - 11230) < 1e-6 && fabs(p.well[2].y_um - 20230) < 1e-6);
    assert_true(p.well_w_um == 6500);
    af_plate_release(&p);
}

static void tables_of_ours_are_plates(void **state)
{
    struct af_plate p;

    (void)state;
    assert_int_equal(read_text(&p, "y_um\twell\tx_um\n2\tB1\t1\n-3\tA01\t4.5\n", NULL), AF_OK);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.well[0].name, "A01");
    assert_int_equal(af_plate_find(&p, "A1"), 0);
    assert_true(p.well[0].x_um == 4.5 && p.well[1].y_um == 2 && isnan(p.well[0].z_um));
    assert_false(p.listed);
    af_plate_release(&p);
    assert_int_equal(read_text(&p, "well\tx_um\ty_um\nleft edge\t1\t2\n", NULL), AF_OK);
    assert_true(p.listed && p.well[0].row == -1);
    af_plate_release(&p);
}

static void broken_definitions_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "{\"wells\":{\"A1\":{\"x\":1,\"y\":1}}}",
        "{\"dimensions\":{\"yDimension\":85},\"wells\":{}}",
        "{\"dimensions\":{\"yDimension\":85},\"wells\":{\"A1\":{\"x\":1}}}",
        "{\"dimensions\":{\"yDimension\":85},\"wells\":{\"?\":{\"x\":1,\"y\":1}}}",
        "{\"POSITIONS\":[{\"LABEL\":\"a\",\"DEVICES\":[]}]}",
        "well\tx_um\ty_um\n",
        "well\tx_um\ty_um\nA1\t1\t1\nA1\t2\t2\n",
        "well\tx_um\ty_um\nA1\tNA\t1\n",
        "well\tx_um\n",
        "well\tx_um\ty_um\trow\tcol\nA1\t1\t1\t0\t1\n",
    };
    struct af_plate p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (bad[i][0])
            assert_int_equal(read_text(&p, bad[i], NULL), AF_EDATA);
    assert_int_equal(read_text(&p, "format,rows,cols\n96,8,12\n", "96"), AF_EDATA);
    assert_int_equal(read_text(&p, "format,rows,cols\n96,8,12\n", "384"), AF_EUSAGE);
    assert_int_equal(read_text(&p, "format,rows,cols\n96,8,12\n", NULL), AF_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_wells_are_read_and_written_back),
        cmocka_unit_test(what_is_no_well_is_refused),
        cmocka_unit_test(standard_plates_lie_symmetric_on_their_foot),
        cmocka_unit_test(standard_plates_have_their_number_of_wells),
        cmocka_unit_test(ranges_are_rectangles_whatever_their_corners),
        cmocka_unit_test(labware_is_turned_to_point_down),
        cmocka_unit_test(tables_of_ours_are_plates),
        cmocka_unit_test(broken_definitions_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
