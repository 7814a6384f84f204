/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "focus/labelrun.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { W = 24, H = 60, NSTACKS = 9 };

/* 21 noise-free frames of a line along x and y, focus at z = focus; the last `drop` are left out.
 */
static void write_stack(const char *path, double focus, int drop)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    for (int i = 0; i < 21 - drop; i++) {
        double z = -5 + 0.5 * i, width = 2.5 * sqrt(1 + (z - focus) * (z - focus));
        fprintf(fp, "P5\n# z_um=%g\n%d %d\n255\n", z, W, H);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double u = (y - 29.3) / width;
                fputc((int)(9.5 + 500 / width * exp(-u * u / 2)), fp);
            }
    }
    fclose(fp);
}

struct seen {
    size_t n, stop_at;
    struct af_labelled last;
    size_t nok;
    double z0[NSTACKS];
};

static int look(void *ctx, size_t i, const struct af_labelled *s)
{
    struct seen *seen = ctx;

    assert_int_equal(i, seen->n); // in order
    seen->last = *s;
    if (s->err.kind == AF_OK) {
        seen->nok += !strcmp(s->label.quality, AF_LABEL_OK);
        seen->z0[i] = s->label.z0_um;
        for (size_t k = 0; k < s->n; k++)
            assert_true(s->z_um[k] == -5 + 0.5 * (double)k && !(s->scores[k].of[AF_L2] <= 0));
    } else {
        assert_int_equal(s->n, 0);
    }
    return ++seen->n == seen->stop_at;
}

static const struct af_labelrun_opts OPTS = {.window = 5, .order = 3};

static void stacks_come_in_order_whatever_the_threads(void **state)
{
    char name[NSTACKS][16];
    const char *path[NSTACKS];

    (void)state;
    for (int i = 0; i < NSTACKS; i++) {
        snprintf(name[i], sizeof name[i], "s%d.pgm", i);
        write_stack(path[i] = name[i], 0.1 * i, 0);
    }
    for (unsigned nthreads = 1; nthreads <= 4; nthreads++) {
        struct af_labelrun_opts o = OPTS;
        struct seen seen = {0};

        o.nthreads = nthreads;
        assert_int_equal(af_labelrun(path, NSTACKS, &o, look, &seen, NULL), 0);
        assert_int_equal(seen.nok, NSTACKS);
        for (int i = 0; i < NSTACKS; i++)
            assert_true(fabs(seen.z0[i] - 0.1 * i) < 0.05);
        seen = (struct seen){.stop_at = 4};
        assert_int_equal(af_labelrun(path, NSTACKS, &o, look, &seen, NULL), 1);
        assert_int_equal(seen.n, 4);
    }
}

static void a_stack_that_cannot_be_read_does_not_stop_the_run(void **state)
{
    static const char *const path[] = {"none.pgm", "s0.pgm", "empty.pgm", "s1.pgm"};
    struct seen seen = {0};

    (void)state;
    fclose(fopen("empty.pgm", "w"));
    write_stack("s0.pgm", 0, 0);
    write_stack("s1.pgm", 0.1, 0);
    assert_int_equal(af_labelrun(path, 4, &OPTS, look, &seen, NULL), 0);
    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.nok, 2);
    seen = (struct seen){0};
    assert_int_equal(af_labelrun(path, 1, &OPTS, look, &seen, NULL), 0);
    assert_int_equal(seen.last.err.kind, AF_ESYS);
    assert_non_null(strstr(seen.last.err.text, "none.pgm"));
}

static void both_axes_are_scored(void **state)
{
    static const char *const path[] = {"s0.pgm"};
    struct af_labelrun_opts o = OPTS;
    struct seen seen = {0};

    (void)state;
    write_stack("s0.pgm", 0, 0);
    o.axis = AF_AXIS_BOTH;
    assert_int_equal(af_labelrun(path, 1, &o, look, &seen, NULL), 0);
    assert_string_equal(seen.last.label.quality, AF_LABEL_OK);
    assert_string_equal(seen.last.label_x.quality, AF_LABEL_FLAT); // columns are all alike
    assert_string_equal(seen.last.day, "");
    o.axis = AF_AXIS_X;
    assert_int_equal(af_labelrun(path, 1, &o, look, &(struct seen){0}, NULL), 0);
    o.window = W + 1;
    seen = (struct seen){0};
    assert_int_equal(af_labelrun(path, 1, &o, look, &seen, NULL), 0);
    assert_int_equal(seen.last.err.kind, AF_EUSAGE);
}

static void few_planes_and_no_stacks_are_no_errors(void **state)
{
    static const char *const path[] = {"short.pgm"};
    struct seen seen = {0};

    (void)state;
    write_stack("short.pgm", 0, 15);
    assert_int_equal(af_labelrun(path, 1, &OPTS, look, &seen, NULL), 0);
    assert_string_equal(seen.last.label.quality, AF_LABEL_FEW);
    seen = (struct seen){0};
    assert_int_equal(af_labelrun(path, 0, &OPTS, look, &seen, NULL), 0);
    assert_int_equal(seen.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_come_in_order_whatever_the_threads),
        cmocka_unit_test(a_stack_that_cannot_be_read_does_not_stop_the_run),
        cmocka_unit_test(both_axes_are_scored),
        cmocka_unit_test(few_planes_and_no_stacks_are_no_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
