/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static char text[65536];

static const char *all_of(FILE *fp)
{
    size_t n;

    fflush(fp);
    rewind(fp);
    n = fread(text, 1, sizeof(text) - 1, fp);
    text[n] = '\0';
    fclose(fp);
    return text;
}

static void a_log_gets_a_line_per_item_and_a_rate(void **state)
{
    static const char items[] = "prog: 1/2 a.tif\nprog: 2/2 b?.tif\nprog: 2 stacks in ";
    struct af_progress p;
    FILE *fp = tmpfile();

    (void)state;
    af_progress_begin(&p, fp, "prog", "stacks", 2);
    assert_false(p.terminal);
    af_progress_step(&p, 1, "a.tif");
    af_progress_wipe(&p);
    af_progress_step(&p, 2, "b\x1b.tif");
    af_progress_end(&p);
    assert_memory_equal(all_of(fp), items, strlen(items));
    assert_non_null(strstr(text, " stacks/s\n"));
}

static void a_log_without_items_stays_short(void **state)
{
    struct af_progress p;
    FILE *fp = tmpfile();

    (void)state;
    af_progress_begin(&p, fp, "prog", "images", 0);
    for (size_t i = 1; i <= 1000; i++)
        af_progress_step(&p, i, NULL);
    p.drawn_s -= 31; // half a minute later
    af_progress_step(&p, 1001, NULL);
    af_progress_end(&p);
    all_of(fp);
    assert_memory_equal(text, "prog: 1001 images\nprog: 1001 images in ", 39);
}

static void one_item_and_no_stream_are_silent(void **state)
{
    struct af_progress p;
    FILE *fp = tmpfile();

    (void)state;
    af_progress_begin(&p, fp, "prog", "stacks", 1);
    af_progress_step(&p, 1, "a.tif");
    af_progress_end(&p);
    assert_string_equal(all_of(fp), "");
    af_progress_begin(&p, NULL, "prog", "stacks", 5);
    af_progress_step(&p, 1, "a.tif");
    af_progress_wipe(&p);
    af_progress_end(&p);
}

/* A pseudo-terminal: what is written to *fp is read from the descriptor returned. */
static int open_terminal(FILE **fp)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    if (master < 0 || grantpt(master) || unlockpt(master) ||
        (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0)
        return -1;
    assert_non_null(*fp = fdopen(slave, "w"));
    return master;
}

static const char *shown(int master)
{
    ssize_t n = read(master, text, sizeof(text) - 1);

    assert_true(n > 0);
    text[n] = '\0';
    return text;
}

static void a_terminal_gets_a_bar_that_is_wiped(void **state)
{
    struct af_progress p;
    char item[200];
    FILE *fp = NULL;
    int master = open_terminal(&fp);

    (void)state;
    if (master < 0) {
        print_message("# no pseudo-terminal here\n");
        return;
    }
    setenv("TERM", "dumb", 1);
    af_progress_begin(&p, fp, "prog", "stacks", 10);
    assert_false(p.terminal);
    setenv("TERM", "xterm", 1);
    af_progress_begin(&p, fp, "prog", "stacks", 10);
    assert_true(p.terminal);
    p.start_s -= 300; // as if begun five minutes ago; times below have slack for a slow machine
    af_progress_step(&p, 5, "a\n.tif");
    assert_non_null(strstr(shown(master), "\rprog [##########..........] 5/10  "));
    assert_non_null(strstr(text, " stacks/s  5:0"));
    assert_non_null(strstr(text, " left  a?.tif\033[K"));

    p.drawn_s = af_now_s() + 60;
    af_progress_step(&p, 6, "b.tif"); // too soon to be drawn
    af_progress_wipe(&p);
    assert_string_equal(shown(master), "\r\033[K");
    p.start_s -= 40000;
    memset(item, 'x', sizeof(item));
    item[sizeof(item) - 1] = '\0';
    af_progress_step(&p, 7, item);
    assert_non_null(strstr(shown(master), " left"));
    assert_int_equal(strcspn(text + 1, "\033"), 79);
    assert_non_null(strstr(text, "4:47:5")); // 40300 s * 3 / 7 = 17271 s
    af_progress_end(&p);
    assert_string_equal(shown(master), "\r\033[K");

    af_progress_begin(&p, fp, "prog", "frames", 0);
    af_progress_step(&p, 3, NULL);
    assert_memory_equal(shown(master), "\rprog 3", 7);
    af_progress_end(&p);
    fclose(fp);
    close(master);
}

static void the_clock_goes_forward(void **state)
{
    double a = af_now_s();
    struct timespec nap = {0, 2000000};

    (void)state;
    nanosleep(&nap, NULL);
    assert_true(af_now_s() > a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_gets_a_line_per_item_and_a_rate),
        cmocka_unit_test(a_log_without_items_stays_short),
        cmocka_unit_test(one_item_and_no_stream_are_silent),
        cmocka_unit_test(a_terminal_gets_a_bar_that_is_wiped),
        cmocka_unit_test(the_clock_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
