/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static void failing_fills_kind_and_text(void **state)
{
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_fail(&err, AF_EDATA, "%s: page %d", "a.tif", 3), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, "a.tif: page 3");
    assert_int_equal(af_fail(NULL, AF_EDATA, "nobody asks"), -1);
    assert_int_equal(af_fail_errno(NULL, "nobody asks"), -1);
}

static void errno_is_named_and_kept(void **state)
{
    struct af_err err = {0};

    (void)state;
    errno = ENOSPC;
    assert_int_equal(af_fail_errno(&err, "out.tif"), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "out.tif: No space left on device");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    struct af_err err;

    (void)state;
    af_fail(&err, AF_EDATA, "%s", "a\x1b[2Jb\nc\x7f" "d\xc2\xb5");
    assert_string_equal(err.text, "a?[2Jb?c?d\xc2\xb5");
}

static void long_texts_are_cut(void **state)
{
    char name[2000];
    struct af_err err;

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    af_fail(&err, AF_EDATA, "%s", name);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    errno = EIO;
    af_fail_errno(&err, "%s", name);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_fills_kind_and_text),
        cmocka_unit_test(errno_is_named_and_kept),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
