/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* A stream that holds `n` bytes. */
static FILE *holding(const char *text, size_t n)
{
    FILE *fp = tmpfile();

    assert_non_null(fp);
    assert_int_equal(fwrite(text, 1, n, fp), n);
    rewind(fp);
    return fp;
}

static char *all_of(FILE *fp)
{
    static char text[4096];
    size_t n;

    rewind(fp);
    n = fread(text, 1, sizeof(text) - 1, fp);
    text[n] = '\0';
    return text;
}

static void a_table_reads_as_the_format_says(void **state)
{
    static const char *const names[] = {"file", "plane", "z_um", "quality"};
    struct af_table_out t;
    FILE *fp = tmpfile();

    (void)state;
    af_table_begin(&t, fp, names, 4, true);
    af_table_text(&t, "a\tb\\.tif");
    af_table_int(&t, INT64_MIN);
    af_table_real(&t, 1. / 3);
    af_table_na(&t);
    af_table_end_row(&t);
    af_table_text(&t, NULL);
    af_table_raw(&t, "x\\ty");
    af_table_real(&t, INFINITY);
    af_table_text(&t, "NA");
    af_table_end_row(&t);
    assert_string_equal(all_of(fp), "file\tplane\tz_um\tquality\n"
                                    "a\\tb\\\\.tif\t-9223372036854775808\t0.333333333\tNA\n"
                                    "NA\tx\\ty\tNA\t\\NA\n");
    fclose(fp);
    fp = tmpfile();
    af_table_begin(&t, fp, names, 4, false);
    assert_string_equal(all_of(fp), "");
    fclose(fp);
}

static void hostile_names_come_back_as_they_went(void **state)
{
    static const char *const names[] = {
        "a.tif", "a\tb", "a\nb", "\r", "\\", "\\\\", "\\t", "\\NA", "NA", "\\\\NA", "NA ", " ",
        "C:\\new\\table", "\xff\xfe", "\x1b[2J", "\xef\xbb\xbf", "tail\\", "\t\t\n\r\n",
    };
    static const char *const columns[] = {"number", "name", "last"};
    enum { N = sizeof(names) / sizeof(*names) };
    struct af_table_out out;
    struct af_table_in in;
    struct af_err err;
    FILE *fp = tmpfile();
    double v;

    (void)state;
    af_table_begin(&out, fp, columns, 3, true);
    for (int i = 0; i < N; i++) {
        af_table_int(&out, i);
        af_table_text(&out, names[i]);
        af_table_text(&out, names[N - 1 - i]);
        af_table_end_row(&out);
    }
    rewind(fp);
    assert_int_equal(af_table_open(&in, fp, "t", &err), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(af_table_next(&in, &err), 1);
        assert_int_equal(in.line_no, i + 2);
        assert_int_equal(af_table_get_real(&in, 0, &v, &err), 0);
        assert_true(v == i);
        assert_string_equal(af_table_get_text(&in, 1), names[i]);
        assert_string_equal(af_table_get_text(&in, 2), names[N - 1 - i]);
    }
    assert_int_equal(af_table_next(&in, &err), 0);
    af_table_release(&in);
    fclose(fp);
}

static void unknown_columns_are_carried_along_as_they_stood(void **state)
{
    static const char text[] = "a\tb\n\\q\\t\t\n";
    struct af_table_out out;
    struct af_table_in in;
    FILE *from = holding(text, strlen(text)), *to = tmpfile();

    (void)state;
    assert_int_equal(af_table_open(&in, from, "t", NULL), 0);
    af_table_begin(&out, to, in.column, in.ncols, true);
    while (af_table_next(&in, NULL) > 0) {
        for (size_t i = 0; i < in.ncols; i++)
            af_table_raw(&out, in.cell[i]);
        af_table_end_row(&out);
    }
    assert_string_equal(all_of(to), text);
    af_table_release(&in);
    fclose(from);
    fclose(to);
}

static void columns_are_found_by_name(void **state)
{
    struct af_table_in in;
    struct af_err err;
    static const char text[] = "z_um\tfile\r\n\r\n1.5\ta\r\n\nNA\tNA";
    FILE *fp = holding(text, strlen(text));
    double v;

    (void)state;
    assert_int_equal(af_table_open(&in, fp, "labels.tsv", &err), 0);
    assert_int_equal(af_table_find(&in, "file"), 1);
    assert_int_equal(af_table_find(&in, "File"), -1);
    assert_int_equal(af_table_need(&in, "z_um", &err), 0);
    assert_int_equal(af_table_need(&in, "score", &err), -1);
    assert_string_equal(err.text, "labels.tsv: no column 'score'");
    assert_int_equal(err.kind, AF_EDATA);
    assert_int_equal(af_table_next(&in, &err), 1); // CR LF, a blank line before
    assert_int_equal(in.line_no, 3);
    assert_int_equal(af_table_get_real(&in, 0, &v, &err), 0);
    assert_true(v == 1.5);
    assert_int_equal(af_table_get_real(&in, 1, &v, &err), -1);
    assert_string_equal(err.text, "labels.tsv: line 3: file: 'a' is not a number");
    assert_int_equal(err.kind, AF_EDATA);
    assert_int_equal(af_table_next(&in, &err), 1); // the last line lacks its end
    assert_int_equal(af_table_get_real(&in, 0, &v, &err), 0);
    assert_true(isnan(v));
    assert_null(af_table_get_text(&in, 1));
    assert_null(af_table_get_text(&in, af_table_find(&in, "absent")));
    assert_int_equal(af_table_next(&in, &err), 0);
    af_table_release(&in);
    af_table_release(&in);
    fclose(fp);
}

static void a_mark_of_byte_order_is_no_part_of_the_first_name(void **state)
{
    struct af_table_in in;
    FILE *fp = holding("\xef\xbb\xbfz_um\n", 8);

    (void)state;
    assert_int_equal(af_table_open(&in, fp, "t", NULL), 0);
    assert_int_equal(af_table_find(&in, "z_um"), 0);
    af_table_release(&in);
    fclose(fp);
}

/* The whole of `text` is read until it ends or fails; the error must hold `want`. */
static void fails_with(const char *text, size_t n, const char *want)
{
    FILE *fp = holding(text, n);
    struct af_err err = {0};
    struct af_table_in in;
    int got = af_table_open(&in, fp, "t", &err) ? -1 : 1;

    while (got > 0)
        got = af_table_next(&in, &err);
    assert_int_equal(got, -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, want);
    af_table_release(&in);
    fclose(fp);
}

static void broken_tables_are_refused(void **state)
{
    (void)state;
    fails_with("", 0, "t: no header line");
    fails_with("\n\r\n", 3, "t: no header line");
    fails_with("\xef\xbb\xbf\n", 4, "t: no header line");
    fails_with("a\t\tb\n", 5, "t: column 2 has no name");
    fails_with("a\tb\ta\n", 6, "t: column 'a' is there twice");
    fails_with("a\tb\n1\n", 6, "t: line 2 has 1 cells, the header has 2");
    fails_with("a\tb\n1\t2\n1\t2\t3\t4", 15, "t: line 3 has 4 cells, the header has 2");
    fails_with("a\0b\n", 4, "t: line 1: NUL byte, not a text table");
    fails_with("a\n\n1\0\n", 6, "t: line 3: NUL byte, not a text table");
}

static void lines_and_columns_have_a_limit(void **state)
{
    enum { LINE = 1 << 20, COLUMNS = 4096 };
    char *text = malloc(LINE + 3), *s = text;
    struct af_table_in in;
    FILE *fp;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', LINE + 3);
    fails_with(text, LINE + 1, "t: line 1 is longer than 1 MiB");
    text[1] = '\n';
    fails_with(text, LINE + 3, "t: line 2 is longer than 1 MiB");
    fp = holding(text, LINE + 2); // just as long as may be
    assert_int_equal(af_table_open(&in, fp, "t", NULL), 0);
    assert_int_equal(af_table_next(&in, NULL), 1);
    assert_int_equal(strlen(in.cell[0]), LINE);
    af_table_release(&in);
    fclose(fp);

    for (int i = 0; i <= COLUMNS; i++)
        s += sprintf(s, "%d\t", i);
    fails_with(text, (size_t)(s - text) - 1, "t: 4097 columns, at most 4096 are read");
    free(text);
}

static void reading_a_folder_is_a_system_error(void **state)
{
    struct af_err err = {0};
    struct af_table_in in;
    FILE *fp = fopen(".", "r");

    (void)state;
    assert_non_null(fp);
    assert_int_equal(af_table_open(&in, fp, ".", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, ".: Is a directory");
    af_table_release(&in);
    fclose(fp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_reads_as_the_format_says),
        cmocka_unit_test(hostile_names_come_back_as_they_went),
        cmocka_unit_test(unknown_columns_are_carried_along_as_they_stood),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(a_mark_of_byte_order_is_no_part_of_the_first_name),
        cmocka_unit_test(broken_tables_are_refused),
        cmocka_unit_test(lines_and_columns_have_a_limit),
        cmocka_unit_test(reading_a_folder_is_a_system_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
