/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "maps/mask.h"
#include "maps/otsu.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mask of text, # on. */
static struct af_image from_text(const char *const *row, size_t h)
{
    struct af_image m = {0};

    assert_int_equal(af_image_resize(&m, strlen(row[0]), h, AF_U8, NULL), 0);
    for (size_t i = 0; i < m.w * h; i++)
        ((uint8_t *)m.data)[i] = row[i / m.w][i % m.w] == '#' ? AF_MASK_ON : 0;
    return m;
}

static void expect(const struct af_image *m, const char *const *row)
{
    struct af_image want = from_text(row, m->h);

    assert_memory_equal(m->data, want.data, m->w * m->h);
    af_image_release(&want);
}

static const char *const rings[] = {
    "########..", //
    "#......#..", //
    "#.####.#..", //
    "#.#..#.###", //
    "#.####.#.#", // the hole on the right is closed but for a diagonal
    "#......##.", //
    "########..",
};

static void holes_are_filled_up_to_a_size(void **state)
{
    static const char *const small[] = {"########..", "#......#..", "#.####.#..", "#.####.###",
                                        "#.####.#.#", "#......##.", "########.."};
    struct af_image m = from_text(rings, 7);
    struct af_areas a = {0};

    (void)state;
    assert_int_equal(af_mask_fill(&a, &m, 2, NULL), 0);
    expect(&m, small);
    assert_int_equal(af_mask_fill(&a, &m, SIZE_MAX, NULL), 0);
    for (size_t i = 0; i < 7 * 8; i++) // the outer ring is full
        assert_int_equal(((uint8_t *)m.data)[i / 8 * 10 + i % 8], AF_MASK_ON);
    assert_int_equal(((uint8_t *)m.data)[4 * 10 + 8], 0); // joined to the outside by a diagonal
    af_areas_release(&a);
    af_image_release(&m);
}

static void parts_below_a_size_are_swept_away(void **state)
{
    static const char *const in[] = {"#...##", ".#..##", "......", "#....."};
    static const char *const three[] = {"....##", "....##", "......", "......"};
    struct af_image m = from_text(in, 4);
    struct af_areas a = {0};

    (void)state;
    assert_int_equal(af_mask_sweep(&a, &m, 2, NULL), 0); // two on a diagonal are one part
    assert_int_equal(((uint8_t *)m.data)[0], AF_MASK_ON);
    assert_int_equal(((uint8_t *)m.data)[18], 0);
    assert_int_equal(af_mask_sweep(&a, &m, 3, NULL), 0);
    expect(&m, three);
    af_areas_release(&a);
    af_image_release(&m);
}

static void overlap_is_counted_both_ways(void **state)
{
    static const char *const a[] = {"####"}, *const b[] = {"..####"}, *const c[] = {"##.."};
    struct af_image x = from_text(a, 1), y = from_text(b, 1), z = from_text(c, 1);
    struct af_mask_match m;

    (void)state;
    assert_int_equal(af_mask_match(&m, &x, &y, NULL), -1);
    assert_int_equal(af_mask_match(&m, &x, &z, NULL), 0);
    assert_true(af_mask_iou(&m) == 0.5);
    assert_true(fabs(af_mask_dice(&m) - 2. / 3) < 1e-15);
    assert_true(af_mask_precision(&m) == 0.5 && af_mask_recall(&m) == 1);
    af_image_release(&x);
    af_image_release(&y);
    af_image_release(&z);
}

static void otsu_parts_two_groups_and_leaves_one_whole(void **state)
{
    struct af_otsu o = {.lo = 0, .hi = 100}, same = {.lo = 7, .hi = 7};

    (void)state;
    for (int i = 0; i < 1000; i++)
        af_otsu_add(&o, i % 10 < 7 ? 10 + i % 5 : 90 - i % 5, 1);
    assert_true(af_otsu_threshold(&o) > 13 && af_otsu_threshold(&o) < 86);
    assert_true(af_otsu_threshold(&same) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_filled_up_to_a_size),
        cmocka_unit_test(parts_below_a_size_are_swept_away),
        cmocka_unit_test(overlap_is_counted_both_ways),
        cmocka_unit_test(otsu_parts_two_groups_and_leaves_one_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
