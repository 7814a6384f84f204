/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/labeltable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int read_text(struct af_labeltable *t, const char *text, const char *name, bool validates,
                     struct af_err *err)
{
    FILE *fp = fmemopen((char *)text, strlen(text), "r");
    int ret;

    assert_non_null(fp);
    ret = af_labeltable_read(t, fp, name, validates, err);
    fclose(fp);
    return ret;
}

static void rows_come_sorted_by_file_and_plane(void **state)
{
    struct af_labeltable t = {0};

    (void)state;
    assert_int_equal(read_text(&t,
                               "day\tdefocus_um\tplane\tfile\tother\n"
                               "2026-03-01\t1.5\t3\tb.tif\tx\n"
                               "2026-03-01\t0.5\t1\tb.tif\tx\n"
                               "NA\t-7\t0\ta.tif\tx\n"
                               "2026-03-01\t2.5\t2\tb.tif\tx\n",
                               "t", false, NULL),
                     0);
    af_labeltable_sort(&t);
    assert_int_equal(t.nfiles, 2);
    assert_int_equal(t.nstacks, 2);
    assert_int_equal(t.nplanes, 4);
    assert_string_equal(t.file[0].name, "b.tif");
    assert_string_equal(t.file[1].day, "NA");
    assert_int_equal(t.file[0].line, 2);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(t.plane[i].plane, i + 1);
    assert_true(t.plane[0].defocus_um == 0.5);
    assert_int_equal(t.file[1].from, 3);
    assert_int_equal(t.file[1].n, 1);
    af_labeltable_release(&t);
}

static void rows_without_a_good_label_are_left_out(void **state)
{
    struct af_labeltable t = {0};

    (void)state;
    assert_int_equal(read_text(&t,
                               "file\tplane\tdefocus_um\tquality\n"
                               "a\t0\tNA\tnoise\n"
                               "a\t1\t3\tedge\n"
                               "a\t2\tNA\tok\n"
                               "a\t3\t3\tNA\n"
                               "a\t4\t3\tok\n",
                               "t", false, NULL),
                     0);
    af_labeltable_sort(&t);
    assert_int_equal(t.not_ok, 4);
    assert_int_equal(t.nplanes, 1);
    assert_int_equal(t.plane[0].plane, 4);
    af_labeltable_release(&t);
}

static void a_plane_named_twice_counts_once_and_first(void **state)
{
    struct af_labeltable t = {0};

    (void)state;
    assert_int_equal(
        read_text(&t, "file\tplane\tdefocus_um\na\t0\t1\na\t0\t2\nb\t0\t3\n", "t", false, NULL), 0);
    assert_int_equal(read_text(&t, "file\tplane\tdefocus_um\na\t0\t4\n", "u", false, NULL), 0);
    af_labeltable_sort(&t);
    assert_int_equal(t.repeated, 2);
    assert_int_equal(t.nplanes, 2);
    assert_true(t.plane[0].defocus_um == 1);
    af_labeltable_release(&t);
}

static void a_file_of_both_tables_validates(void **state)
{
    struct af_labeltable t = {0};

    (void)state;
    assert_int_equal(read_text(&t, "file\tplane\tdefocus_um\na\t0\t1\nb\t0\t2\n", "t", false, NULL),
                     0);
    assert_int_equal(read_text(&t, "file\tplane\tdefocus_um\nb\t1\t1\nc\t0\t2\n", "v", true, NULL),
                     0);
    af_labeltable_sort(&t);
    assert_false(t.file[0].validates || t.file[0].both);
    assert_true(t.file[1].validates && t.file[1].both);
    assert_true(t.file[2].validates && !t.file[2].both);
    af_labeltable_release(&t);
}

/* What af-label --join writes: one zero for all planes. */
static void joined_files_are_one_stack(void **state)
{
    struct af_labeltable t = {0};

    (void)state;
    assert_int_equal(read_text(&t,
                               "file\tplane\tz0_um\tdefocus_um\tday\n"
                               "a1\t0\t0.37\t1\t2026-03-01\n"
                               "a2\t0\t0.37\t2\t2026-03-01\n"
                               "a3\t0\t0.37\t3\t2026-03-01\n"
                               "b1\t0\t0.41\t3\t2026-03-01\n"
                               "c1\t0\t0.41\t3\t2026-03-02\n"
                               "c2\t0\tNA\t3\t2026-03-02\n"
                               "c3\t0\tNA\t3\t2026-03-02\n"
                               "d\t0\t0.5\t3\t2026-03-02\n"
                               "d\t1\t0.5\t3\t2026-03-02\n"
                               "e\t0\t0.5\t3\t2026-03-02\n",
                               "t", false, NULL),
                     0);
    static const size_t want[] = {0, 0, 0, 1, 2, 3, 4, 5, 6};
    af_labeltable_sort(&t);
    assert_int_equal(t.nstacks, 7);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(t.file[i].stack, want[i]);
    af_labeltable_release(&t);
}

static void many_files_keep_their_names(void **state)
{
    struct af_labeltable t = {0};
    FILE *fp = tmpfile();

    (void)state;
    assert_non_null(fp);
    fputs("file\tplane\tdefocus_um\n", fp);
    for (int i = 0; i < 6000; i++)
        fprintf(fp, "file-%d.tif\t%d\t1\n", i % 3000, i);
    rewind(fp);
    assert_int_equal(af_labeltable_read(&t, fp, "t", false, NULL), 0);
    fclose(fp);
    af_labeltable_sort(&t);
    assert_int_equal(t.nfiles, 3000);
    assert_int_equal(t.nplanes, 6000);
    for (size_t i = 0; i < t.nplanes; i++)
        assert_int_equal(t.plane[i].plane % 3000, t.plane[i].file);
    af_labeltable_release(&t);
}

static void bad_tables_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "t"},
        {"plane\tdefocus_um\n0\t1\n", "file"},
        {"file\tdefocus_um\na\t1\n", "plane"},
        {"file\tplane\na\t1\n", "defocus_um"},
        {"file\tplane\tdefocus_um\na\t-1\t1\n", "line 2: plane: '-1'"},
        {"file\tplane\tdefocus_um\na\t1.5\t1\n", "line 2: plane: '1.5'"},
        {"file\tplane\tdefocus_um\na\tNA\t1\n", "line 2: plane: 'NA'"},
        {"file\tplane\tdefocus_um\na\t1e9\t1\n", "line 2: plane: '1e9'"},
        {"file\tplane\tdefocus_um\na\t1\tx\n", "line 2: defocus_um: 'x'"},
        {"file\tplane\tdefocus_um\na\t1\tinf\n", "line 2: defocus_um"},
        {"file\tplane\tdefocus_um\na\t1\t1\n-\t1\t1\n",
         "line 3: the stack came from standard input"},
        {"file\tplane\tdefocus_um\nNA\t1\t1\n", "line 2: the stack came from"},
        {"file\tplane\tdefocus_um\na\t1\n", "line 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_labeltable t = {0};
        struct af_err err = {0};
        FILE *fp = tmpfile();

        assert_non_null(fp);
        fputs(bad[i].text, fp);
        rewind(fp);
        assert_int_equal(af_labeltable_read(&t, fp, "t", false, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        if (!strstr(err.text, bad[i].said))
            fail_msg("'%s' does not say '%s'", err.text, bad[i].said);
        fclose(fp);
        af_labeltable_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_sorted_by_file_and_plane),
        cmocka_unit_test(rows_without_a_good_label_are_left_out),
        cmocka_unit_test(a_plane_named_twice_counts_once_and_first),
        cmocka_unit_test(a_file_of_both_tables_validates),
        cmocka_unit_test(joined_files_are_one_stack),
        cmocka_unit_test(many_files_keep_their_names),
        cmocka_unit_test(bad_tables_are_refused_with_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
