/* SPDX-License-Identifier: BSD-2-Clause */
/* Small labelled stacks, for the tests of training. */
#ifndef AF_TESTS_DAYFILES_H
#define AF_TESTS_DAYFILES_H
#include "base/random.h"
#include "image/stackwrite.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

__attribute__((unused)) static void write_text(const char *path, const char *text)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    assert_true(fputs(text, fp) >= 0);
    assert_int_equal(fclose(fp), 0);
}

/* Planes of w x 96 px: a line that walks down and widens, and noise that the seed decides. */
static void write_stack(const char *path, size_t w, size_t nplanes, uint64_t seed)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *writer = NULL;
    struct af_image img = {0};
    struct af_random r;

    meta.nplanes = nplanes;
    af_random_init(&r, seed, "dayfiles");
    assert_int_equal(af_stack_writer_open(&writer, path, &meta, NULL), 0);
    assert_int_equal(af_image_resize(&img, w, 96, AF_U8, NULL), 0);
    for (size_t i = 0; i < nplanes; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;
        double t = nplanes > 1 ? (double)i / (double)(nplanes - 1) : 0;

        for (size_t k = 0; k < w * 96; k++) {
            double u = ((double)(k / w) - 30 - 36 * t) / (4 + 6 * t);

            ((uint8_t *)img.data)[k] =
                (uint8_t)(10 + 150 * exp(-u * u / 2) + (double)af_random_below(&r, 6));
        }
        p.z = i;
        p.z_um = (double)i;
        assert_int_equal(af_stack_writer_add(writer, &img, &p, NULL), 0);
    }
    assert_int_equal(af_stack_writer_commit(writer, NULL), 0);
    af_image_release(&img);
}

/* Append rows of a stack's planes to a table; a new one gets its header. defocus: plane less the
 * middle. */
static void label_stack(const char *table, const char *path, size_t nplanes, const char *day)
{
    FILE *fp = fopen(table, "a");

    assert_non_null(fp);
    if (ftell(fp) == 0)
        fputs("file\tplane\tdefocus_um\tday\tquality\n", fp);
    for (size_t i = 0; i < nplanes; i++)
        fprintf(fp, "%s\t%zu\t%g\t%s\tok\n", path, i, (double)i - (double)(nplanes - 1) / 2, day);
    assert_int_equal(fclose(fp), 0);
}

#endif
