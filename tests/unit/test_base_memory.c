/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* AddressSanitizer shall return NULL as malloc does, not abort. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void products_and_sums_that_overflow_are_told(void **state)
{
    size_t out = 7;

    (void)state;
    assert_false(af_size_mul(SIZE_MAX, 2, &out));
    assert_false(af_size_mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(af_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
    assert_true(af_size_mul(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(af_size_mul(SIZE_MAX, 0, &out));
    assert_int_equal(out, 0);
    assert_true(af_size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
}

static void arrays_are_zeroed_and_refused_when_too_large(void **state)
{
    struct af_err err = {0};
    unsigned char *p = af_calloc(3, 5, &err);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 15; i++)
        assert_int_equal(p[i], 0);
    free(p);
    assert_non_null(p = af_calloc(0, 8, &err));
    free(p);
    assert_null(af_calloc(SIZE_MAX / 2, 4, &err));
    assert_int_equal(err.kind, AF_ESYS);
    assert_non_null(strstr(err.text, "out of memory"));
}

static void large_arrays_are_zeroed_aligned_and_refused_too(void **state)
{
    static const size_t size[] = {0, 1, 100, 4096, 3 << 20};
    struct af_err err = {0};

    (void)state;
    for (size_t k = 0; k < sizeof(size) / sizeof(*size); k++) {
        unsigned char *p = af_calloc_large(size[k], 1, &err);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < size[k]; i++)
            assert_int_equal(p[i], 0);
        memset(p, 1, size[k]); // so that the next one cannot be zero by chance
        free(p);
    }
    assert_null(af_calloc_large(SIZE_MAX / 2, 4, &err));
    assert_int_equal(err.kind, AF_ESYS);
    assert_null(af_calloc_large(SIZE_MAX / 2, 1, &err));
    assert_non_null(strstr(err.text, "out of memory"));
}

static void growing_keeps_what_was_there(void **state)
{
    struct af_err err = {0};
    size_t cap = 0;
    void *p = NULL;

    (void)state;
    assert_int_equal(af_grow(&p, &cap, 3, sizeof(int), &err), 0);
    assert_int_equal(cap, 3);
    memcpy(p, (int[]){1, 2, 3}, 3 * sizeof(int));
    assert_int_equal(af_grow(&p, &cap, 2, sizeof(int), &err), 0);
    assert_int_equal(cap, 3);
    assert_int_equal(af_grow(&p, &cap, 4, sizeof(int), &err), 0);
    assert_true(cap >= 4);
    assert_memory_equal(p, ((int[]){1, 2, 3}), 3 * sizeof(int));
    cap = 4;
    assert_int_equal(af_grow(&p, &cap, SIZE_MAX / 2, sizeof(int), &err), -1);
    assert_int_equal(af_grow(&p, &cap, SIZE_MAX / 2, 1, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(cap, 4);
    free(p);
}

static void strings_are_copied(void **state)
{
    char *s;

    (void)state;
    assert_null(af_strdup(NULL, NULL));
    assert_string_equal(s = af_strdup("abc", NULL), "abc");
    free(s);
    assert_string_equal(s = af_strndup("abc", 2, NULL), "ab");
    free(s);
    assert_string_equal(s = af_format(NULL, "%s-%d", "abc", 5), "abc-5");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_sums_that_overflow_are_told),
        cmocka_unit_test(arrays_are_zeroed_and_refused_when_too_large),
        cmocka_unit_test(large_arrays_are_zeroed_aligned_and_refused_too),
        cmocka_unit_test(growing_keeps_what_was_there),
        cmocka_unit_test(strings_are_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
