/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/plot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool have_gnuplot(void)
{
    return system("gnuplot --version >/dev/null 2>&1") == 0;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void draw(const char *path, const char *script, int want, struct af_err *err)
{
    struct af_plot p;

    assert_int_equal(af_plot_open(&p, path, 400, 300, err), 0);
    fputs(script, p.script);
    assert_int_equal(af_plot_commit(&p, err), want);
    assert_null(p.script);
}

static size_t load(const char *path, char *buffer, size_t size)
{
    FILE *fp = fopen(path, "rb");

    assert_non_null(fp);
    size_t n = fread(buffer, 1, size, fp);
    fclose(fp);
    return n;
}

static void png_and_svg_appear_whole_and_alike(void **state)
{
    static char a[1 << 18], b[1 << 18];
    struct af_err err = {AF_OK, ""};

    (void)state;
    if (!have_gnuplot()) {
        print_message("# gnuplot is not installed\n");
        skip();
    }
    draw("a.png", "plot x\n", 0, &err);
    draw("a.svg", "plot x\n", 0, &err);
    draw("b.svg", "plot x\n", 0, &err);
    assert_true(load("a.png", a, sizeof a) > 1000);
    assert_memory_equal(a, "\x89PNG", 4);
    size_t n = load("a.svg", a, sizeof a);
    assert_int_equal(load("b.svg", b, sizeof b), n);
    assert_memory_equal(a, b, n);
}

static void a_faulty_script_leaves_the_old_picture(void **state)
{
    struct af_err err = {AF_OK, ""};
    char text[16] = "";

    (void)state;
    if (!have_gnuplot()) {
        print_message("# gnuplot is not installed\n");
        skip();
    }
    FILE *fp = fopen("old.png", "w");
    assert_non_null(fp);
    fputs("old", fp);
    fclose(fp);
    draw("old.png", "plot nonsense(\n", -1, &err);
    assert_int_equal(err.kind, AF_ESYS);
    assert_non_null(strstr(err.text, "old.png: gnuplot failed: "));
    load("old.png", text, sizeof text);
    assert_string_equal(text, "old");
    draw("none.svg", "", -1, &err); // nothing plotted
    assert_false(exists("none.svg"));
}

static void a_missing_gnuplot_is_said(void **state)
{
    struct af_err err = {AF_OK, ""};
    char *path = strdup(getenv("PATH"));

    (void)state;
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
    draw("x.png", "plot x\n", -1, &err);
    setenv("PATH", path, 1);
    free(path);
    assert_non_null(strstr(err.text, "gnuplot, which is not installed"));
    assert_false(exists("x.png"));
}

static void other_suffixes_are_usage_errors(void **state)
{
    struct af_plot p;
    struct af_err err = {AF_OK, ""};

    (void)state;
    assert_int_equal(af_plot_open(&p, "x.pdf", 400, 300, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_plot_open(&p, ".png", 400, 300, &err), -1);
    af_plot_discard(&p);
}

static void a_full_disk_is_told(void **state)
{
    struct af_err err = {AF_OK, ""};

    (void)state;
    if (!have_gnuplot() || !exists("/dev/full") || symlink("/dev/full", "full.svg")) {
        print_message("# no gnuplot or no /dev/full here\n");
        skip();
    }
    draw("full.svg", "plot x\n", -1, &err);
    assert_int_equal(err.kind, AF_ESYS);
    assert_non_null(strstr(err.text, "full.svg: No space left on device"));
}

static void hostile_names_stay_text(void **state)
{
    char text[64] = "";

    (void)state;
    FILE *fp = fopen("quoted", "w");
    assert_non_null(fp);
    af_plot_quote(fp, "a'b\nsystem(\"x\")");
    fclose(fp);
    load("quoted", text, sizeof text - 1);
    assert_string_equal(text, "'a''b?system(\"x\")'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_and_svg_appear_whole_and_alike),
        cmocka_unit_test(a_faulty_script_leaves_the_old_picture),
        cmocka_unit_test(a_missing_gnuplot_is_said),
        cmocka_unit_test(other_suffixes_are_usage_errors),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(hostile_names_stay_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
