/* SPDX-License-Identifier: BSD-2-Clause */
/* Real images against the sums that another program found: tests/expect/gray_sums.py. */
#ifndef AF_TESTS_GRAYSUMS_H
#define AF_TESTS_GRAYSUMS_H
#include "image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_sums(const struct af_image *img, uint64_t sum, uint64_t sum_x, uint64_t sum_y)
{
    const uint8_t *p = img->data;
    uint64_t s = 0, sx = 0, sy = 0;

    assert_int_equal(img->type, AF_U8);
    for (size_t y = 0; y < img->h; y++)
        for (size_t x = 0; x < img->w; x++) {
            s += p[y * img->w + x];
            sx += x * p[y * img->w + x];
            sy += y * p[y * img->w + x];
        }
    assert_int_equal(s, sum);
    assert_int_equal(sx, sum_x);
    assert_int_equal(sy, sum_y);
}

/* Compare all files of the table whose name ends in `suffix`; skips where the data are absent. */
static void compare_with_sums(const char *suffix, size_t expected,
                              int (*read)(FILE *, const char *, size_t, struct af_image *,
                                          struct af_err *))
{
    char path[4096], line[512], name[256];
    uint64_t w, h, sum, sum_x, sum_y;
    struct af_image img = {0};
    struct af_err err = {0};
    size_t n = 0;
    FILE *table, *fp;

    snprintf(path, sizeof(path), "%s/laseraf", getenv("REALDATA"));
    if (!(fp = fopen(path, "r"))) {
        print_message("# %s is absent\n", path);
        skip();
    }
    fclose(fp);
    snprintf(path, sizeof(path), "%s/tests/expect/gray_sums.tsv", getenv("SRC"));
    assert_non_null(table = fopen(path, "r"));
    while (fgets(line, sizeof(line), table)) {
        if (sscanf(line, "%255[^\t]\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64,
                   name, &w, &h, &sum, &sum_x, &sum_y) != 6 ||
            !strstr(name, suffix))
            continue;
        snprintf(path, sizeof(path), "%s/%s", getenv("REALDATA"), name);
        assert_non_null(fp = fopen(path, "rb"));
        if (read(fp, path, 1 << 24, &img, &err))
            fail_msg("%s", err.text);
        fclose(fp);
        assert_int_equal(img.w, w);
        assert_int_equal(img.h, h);
        assert_sums(&img, sum, sum_x, sum_y);
        n++;
    }
    fclose(table);
    af_image_release(&img);
    assert_int_equal(n, expected);
}

#endif
