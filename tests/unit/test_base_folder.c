/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void folders_above_are_made_and_the_last_part_is_not(void **state)
{
    (void)state;
    assert_int_equal(af_folders_above("a/b/c/file", NULL), 0);
    assert_int_equal(access("a/b/c", F_OK), 0);
    assert_int_equal(access("a/b/c/file", F_OK), -1);
    assert_int_equal(af_folders_above("a/b/c/d/file", NULL), 0); // some are there
    assert_int_equal(access("a/b/c/d", F_OK), 0);
    assert_int_equal(af_folders_above("file", NULL), 0);
    assert_int_equal(af_folders_above("/file", NULL), 0);
}

static void what_is_in_the_way_is_named(void **state)
{
    struct af_err err = {AF_OK, ""};

    (void)state;
    fclose(fopen("way", "w"));
    assert_int_equal(af_folders_above("way/b/file", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_non_null(strstr(err.text, "way/b: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_above_are_made_and_the_last_part_is_not),
        cmocka_unit_test(what_is_in_the_way_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
