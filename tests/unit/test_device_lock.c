/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int in_this_folder(void **state)
{
    (void)state;
    return setenv("AF_LOCK_DIR", ".", 1);
}

static void the_second_is_refused_by_the_name_of_the_first(void **state)
{
    struct af_lock a, b;
    struct af_err err = {AF_OK, ""};
    char want[80];

    (void)state;
    assert_int_equal(af_lock_take(&a, "/dev/ttyUSB0", "af-zstack", &err), 0);
    assert_string_equal(a.left, "");
    assert_int_equal(af_lock_say(&a, "z from 3 to 12 um", &err), 0);
    assert_int_equal(af_lock_take(&b, "/dev/ttyUSB0", "af-move", &err), -1);
    assert_int_equal(err.kind, AF_EBUSY);
    snprintf(want, sizeof(want), "/dev/ttyUSB0: in use by af-zstack (pid %ld)", (long)getpid());
    assert_string_equal(err.text, want);
    assert_int_equal(b.fd, -1);
    af_lock_release(&b);
    assert_int_equal(af_lock_take(&b, "/dev/ttyUSB1", "af-move", &err), 0); // another device
    af_lock_release(&b);
    af_lock_release(&a);
    assert_int_equal(af_lock_take(&b, "/dev/ttyUSB0", "af-move", &err), 0);
    assert_string_equal(b.left, ""); // it was given back, not lost
    af_lock_release(&b);
}

static void no_two_devices_share_a_lock(void **state)
{
    struct af_lock a, b;
    struct af_err err;

    (void)state;
    assert_int_equal(af_lock_take(&a, "/dev/a-b", "x", &err), 0);
    assert_int_equal(af_lock_take(&b, "/dev/a/b", "x", &err), 0); // the same but for its hash
    assert_string_not_equal(a.path, b.path);
    af_lock_release(&a);
    af_lock_release(&b);
}

static void a_killed_holder_leaves_what_it_was_at(void **state)
{
    struct af_lock l;
    struct af_err err;
    int ready[2], status;
    char want[80], c;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    if ((pid = fork()) == 0) {
        if (af_lock_take(&l, "/dev/ttyUSB0", "af-move", &err) ||
            af_lock_say(&l, "z from 1 to 2 um", &err))
            _exit(1);
        if (write(ready[1], "!", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(af_lock_take(&l, "/dev/ttyUSB0", "af-zstack", &err), 0);
    snprintf(want, sizeof(want), "af-move (pid %ld): z from 1 to 2 um", (long)pid);
    assert_string_equal(l.left, want);
    af_lock_release(&l);
    close(ready[0]);
    close(ready[1]);
}

static void many_may_try_and_one_has_it(void **state)
{
    enum { N = 8, ROUNDS = 200 };
    int status;
    pid_t pid[N];
    char text[32] = "0";

    (void)state;
    // Each holder reads the counter, then writes it one higher: with two at once one is lost.
    FILE *fp = fopen("counter", "w");
    assert_non_null(fp);
    fputs(text, fp);
    assert_int_equal(fclose(fp), 0);
    for (int i = 0; i < N; i++) {
        if ((pid[i] = fork()) != 0)
            continue;
        for (int k = 0; k < ROUNDS;) {
            struct af_lock l;
            int n = -1;

            if (af_lock_take(&l, "counter", "test", NULL))
                continue;
            fp = fopen("counter", "r+");
            if (!fp || fscanf(fp, "%d", &n) != 1)
                _exit(1);
            rewind(fp);
            fprintf(fp, "%d", n + 1);
            if (fclose(fp))
                _exit(1);
            af_lock_release(&l);
            k++;
        }
        _exit(0);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_non_null(fp = fopen("counter", "r"));
    assert_non_null(fgets(text, sizeof(text), fp));
    fclose(fp);
    assert_int_equal(atoi(text), N * ROUNDS);
}

static void no_folder_to_lock_in_is_an_error(void **state)
{
    struct af_lock l;
    struct af_err err;

    (void)state;
    setenv("AF_LOCK_DIR", "/nowhere", 1);
    assert_int_equal(af_lock_take(&l, "/dev/ttyUSB0", "x", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    af_lock_release(&l);
    setenv("AF_LOCK_DIR", ".", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_is_refused_by_the_name_of_the_first),
        cmocka_unit_test(no_two_devices_share_a_lock),
        cmocka_unit_test(a_killed_holder_leaves_what_it_was_at),
        cmocka_unit_test(many_may_try_and_one_has_it),
        cmocka_unit_test(no_folder_to_lock_in_is_an_error),
    };

    return cmocka_run_group_tests(tests, in_this_folder, NULL);
}
