/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"
#include "child.h"

#include <signal.h>

static void each_kind_of_error_has_its_status(void **state)
{
    (void)state;
    assert_int_equal(af_cli_status(AF_OK), 0);
    assert_int_equal(af_cli_status(AF_ESYS), 1);
    assert_int_equal(af_cli_status(AF_EDATA), 1);
    assert_int_equal(af_cli_status(AF_EUSAGE), 2);
    assert_int_equal(af_cli_status(AF_EDEVICE), 3);
    assert_int_equal(af_cli_status(AF_ENOFOCUS), 4);
    assert_int_equal(af_cli_status(AF_ELIMIT), 5);
    assert_int_equal(af_cli_status(AF_EBUSY), 75);
}

static void the_worse_status_wins_in_either_order(void **state)
{
    static const int from_worst[] = {5, 3, 2, 1, 75, 4, 0};

    (void)state;
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 7; k++)
            assert_int_equal(af_cli_worst(from_worst[i], from_worst[k]),
                             from_worst[i < k ? i : k]);
    assert_int_equal(af_cli_worst(9, 8), 9);
}

static int report(void *arg)
{
    struct af_err err = {AF_ELIMIT, "sim: 300 um is above 250 um"};

    (void)arg;
    af_cli_warn("af-move", "%s: dark", "a\x1b.tif");
    return af_cli_fail("af-move", &err);
}

static void reports_go_to_stderr_behind_the_name(void **state)
{
    (void)state;
    assert_int_equal(child_run(report, NULL), 5);
    assert_string_equal(text_of("err"),
                        "af-move: a?.tif: dark\naf-move: sim: 300 um is above 250 um\n");
    assert_string_equal(text_of("out"), "");
}

/* Print, and end with the status given, as main does. */
static int print_and_close(void *status)
{
    printf("row\n");
    return af_cli_close_stdout("af-label", *(int *)status);
}

static int fill_and_close(void *status)
{
    for (int i = 0; i < 100000; i++)
        printf("row\n");
    return af_cli_close_stdout("af-label", *(int *)status);
}

static int close_first(void *status)
{
    close(1);
    return print_and_close(status);
}

static int close_unused(void *status)
{
    close(1);
    return af_cli_close_stdout("af-label", *(int *)status);
}

static void a_full_stdout_is_a_failure(void **state)
{
    int status = 0, ended;

    (void)state;
    assert_int_equal(child_run(print_and_close, &status), 0);
    assert_string_equal(text_of("out"), "row\n");
    if (access("/dev/full", W_OK)) {
        print_message("# no /dev/full here\n");
        return;
    }
    for (status = 0; status <= 4; status += 4) {
        ended = child_wait(print_and_close, &status, "/dev/full");
        assert_int_equal(WEXITSTATUS(ended), 1);
        assert_string_equal(text_of("err"),
                            "af-label: standard output: No space left on device\n");
        ended = child_wait(fill_and_close, &status, "/dev/full");
        assert_int_equal(WEXITSTATUS(ended), 1);
    }
    status = 3; // worse things were said already
    ended = child_wait(print_and_close, &status, "/dev/full");
    assert_int_equal(WEXITSTATUS(ended), 3);
    assert_string_equal(text_of("err"), "");
}

static void a_closed_stdout_is_a_failure_only_if_used(void **state)
{
    int status = 0;

    (void)state;
    assert_int_equal(child_run(close_first, &status), 1);
    assert_string_equal(text_of("err"), "af-label: standard output: Bad file descriptor\n");
    assert_int_equal(child_run(close_unused, &status), 0);
}

/* Whoever runs the tests under nohup or in the background has some ignored. */
static void attend(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

/* One signal sets the flag; then end by it. */
static int stop_once(void *sig)
{
    attend();
    af_cli_catch_signals();
    af_cli_reraise(); // nothing came yet
    if (af_cli_stopped())
        return 1;
    raise(*(int *)sig);
    if (af_cli_stopped() != *(int *)sig)
        return 2;
    printf("row that is done\n");
    af_cli_reraise();
    return 3;
}

static int stop_twice(void *sig)
{
    attend();
    af_cli_catch_signals();
    raise(SIGTERM);
    raise(*(int *)sig);
    return 3;
}

static int stop_under_nohup(void *sig)
{
    signal(*(int *)sig, SIG_IGN);
    af_cli_catch_signals();
    raise(*(int *)sig);
    return af_cli_stopped();
}

static void signals_set_a_flag_then_end_the_process(void **state)
{
    static int signals[] = {SIGINT, SIGTERM, SIGHUP};

    (void)state;
    for (int i = 0; i < 3; i++) {
        int status = child_wait(stop_once, &signals[i], "out");

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_string_equal(text_of("out"), "row that is done\n");
        status = child_wait(stop_twice, &signals[i], "out");
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_int_equal(child_run(stop_under_nohup, &signals[i]), 0);
    }
}

/* As main ends: the status given, or -1 with a limit that forbids something. */
static int end(void *status)
{
    struct af_err err = {AF_OK, ""};

    af_fail(&err, AF_ELIMIT, "sim: 300 um is above 250 um");
    printf("row\n");
    return af_cli_end("af-move", *(int *)status, &err);
}

static int stop_and_end(void *status)
{
    attend();
    af_cli_catch_signals();
    raise(SIGTERM);
    return end(status);
}

static void main_ends_by_the_status_the_failure_or_the_signal(void **state)
{
    int status = 4, ended;

    (void)state;
    assert_int_equal(child_run(end, &status), 4);
    assert_string_equal(text_of("err"), "");
    status = -1;
    assert_int_equal(child_run(end, &status), 5);
    assert_string_equal(text_of("err"), "af-move: sim: 300 um is above 250 um\n");
    assert_string_equal(text_of("out"), "row\n");
    ended = child_wait(stop_and_end, &status, "out");
    assert_true(WIFSIGNALED(ended));
    assert_int_equal(WTERMSIG(ended), SIGTERM);
    assert_string_equal(text_of("err"), "af-move: sim: 300 um is above 250 um\n");
    assert_string_equal(text_of("out"), "row\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_error_has_its_status),
        cmocka_unit_test(the_worse_status_wins_in_either_order),
        cmocka_unit_test(reports_go_to_stderr_behind_the_name),
        cmocka_unit_test(a_full_stdout_is_a_failure),
        cmocka_unit_test(a_closed_stdout_is_a_failure_only_if_used),
        cmocka_unit_test(signals_set_a_flag_then_end_the_process),
        cmocka_unit_test(main_ends_by_the_status_the_failure_or_the_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
