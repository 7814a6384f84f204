/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void every_changed_bit_changes_the_hash(void **state)
{
    unsigned char b[61];
    uint64_t h;

    (void)state;
    for (size_t n = 1; n <= sizeof(b); n++) {
        for (size_t i = 0; i < n; i++)
            b[i] = (unsigned char)(i * 37);
        h = af_hash(AF_HASH_START, b, n);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            b[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_true(af_hash(AF_HASH_START, b, n) != h);
            b[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
}

static void zeros_count(void **state)
{
    unsigned char b[64] = {0};
    uint64_t h[64];

    (void)state;
    for (size_t n = 0; n < 64; n++) {
        h[n] = af_hash(AF_HASH_START, b, n);
        for (size_t i = 0; i < n; i++)
            assert_true(h[i] != h[n]);
    }
}

static void pieces_of_whole_words_make_the_hash_of_the_whole(void **state)
{
    unsigned char b[80];

    (void)state;
    for (size_t i = 0; i < sizeof(b); i++)
        b[i] = (unsigned char)(i * i);
    for (size_t cut = 0; cut <= 80; cut += 8)
        assert_true(af_hash(af_hash(AF_HASH_START, b, cut), b + cut, 80 - cut) ==
                    af_hash(AF_HASH_START, b, 80));
}

static void where_the_bytes_lie_does_not_matter(void **state)
{
    unsigned char b[40];

    (void)state;
    for (size_t at = 0; at < 16; at++) {
        memcpy(b + at, "a word, and another.", 20);
        assert_true(af_hash(AF_HASH_START, b + at, 20) ==
                    af_hash(AF_HASH_START, "a word, and another.", 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_bit_changes_the_hash),
        cmocka_unit_test(zeros_count),
        cmocka_unit_test(pieces_of_whole_words_make_the_hash_of_the_whole),
        cmocka_unit_test(where_the_bytes_lie_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
