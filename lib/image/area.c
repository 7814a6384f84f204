/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/area.h"
#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * What n inputs give to one of m outputs that cover the same line: whole parts of a length that
 * both share, so that sums are exact. Only the first and the last may count with less than the
 * inner ones.
 */
struct shares {
    size_t begin, end; // inputs
    double first, inner, last;
};

static size_t common_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static struct shares shares_of(size_t o, size_t n, size_t m)
{
    size_t unit = common_divisor(n, m), from = o * n, to = (o + 1) * n; // lengths in 1 / (n m)
    struct shares s = {.begin = from / m, .end = (to + m - 1) / m, .inner = (double)(m / unit)};

    if (s.end - s.begin == 1) {
        s.first = (double)(n / unit);
        return s;
    }
    s.first = (double)(((s.begin + 1) * m - from) / unit);
    s.last = (double)((to - (s.end - 1) * m) / unit);
    return s;
}

static double share(const struct shares *s, size_t i)
{
    return i == s->begin ? s->first : i + 1 == s->end ? s->last : s->inner;
}

/* ------------------------------------------------------ whole numbers to 16 bits */

enum { BLOCK = 16 }; // px: so many at once, for the compiler to use its vectors

/* total[w] += by row[w]; fits() has seen to it that 32 bits do. */
#define ADD(T)                                                                                     \
    do {                                                                                           \
        const T *v = row;                                                                          \
        for (; by == 1 && x + BLOCK <= w; x += BLOCK)                                              \
            for (size_t i = 0; i < BLOCK; i++)                                                     \
                total[x + i] += v[x + i];                                                          \
        for (; x + BLOCK <= w; x += BLOCK)                                                         \
            for (size_t i = 0; i < BLOCK; i++)                                                     \
                total[x + i] += by * v[x + i];                                                     \
        for (; x < w; x++)                                                                         \
            total[x] += by * v[x];                                                                 \
    } while (0)

static void add_whole(uint32_t *restrict total, const void *restrict row, enum af_sample type,
                      size_t w, uint32_t by)
{
    size_t x = 0;

    if (type == AF_U8)
        ADD(uint8_t);
    else
        ADD(uint16_t);
}

/* Whether a column's sum, all shares of an output times a pixel, stays below 2^32. */
static bool fits(const struct af_image *img, size_t oh)
{
    return (img->type == AF_U8 || img->type == AF_U16) &&
           img->h / common_divisor(img->h, oh) <= UINT32_MAX / UINT16_MAX;
}

/* total: [img->w] scratch; column: [ow]. */
static void average_whole(const struct af_image *img, const struct shares *column, size_t ow,
                          size_t oh, uint32_t *total, float *out)
{
    double area = (double)(img->w / common_divisor(img->w, ow)) *
                  (double)(img->h / common_divisor(img->h, oh));

    for (size_t o = 0; o < oh; o++) {
        struct shares line = shares_of(o, img->h, oh);

        memset(total, 0, img->w * sizeof(*total));
        for (size_t y = line.begin; y < line.end; y++)
            add_whole(total, af_image_row(img, y), img->type, img->w, (uint32_t)share(&line, y));
        for (size_t x = 0; x < ow; x++) {
            const struct shares *s = &column[x];
            double sum = s->first * total[s->begin];
            uint64_t inner = 0;

            for (size_t i = s->begin + 1; i + 1 < s->end; i++)
                inner += total[i];
            if (s->end - s->begin > 1)
                sum += s->inner * (double)inner + s->last * total[s->end - 1];
            out[o * ow + x] = (float)(sum / area);
        }
    }
}

/* ---------------------------------------------------------------- any numbers */

/* row: [3][img->w] scratch: a row, sums of rows, and how much of what is a number they hold. */
static void average_any(const struct af_image *img, const struct shares *column, size_t ow,
                        size_t oh, double *row, float *out)
{
    double *total = row + img->w, *weight = total + img->w;

    for (size_t o = 0; o < oh; o++) {
        struct shares line = shares_of(o, img->h, oh);

        memset(total, 0, 2 * img->w * sizeof(*total));
        for (size_t y = line.begin; y < line.end; y++) {
            double by = share(&line, y);

            af_image_row_f64(img, y, row);
            for (size_t x = 0; x < img->w; x++)
                if (!isnan(row[x])) {
                    total[x] += by * row[x];
                    weight[x] += by;
                }
        }
        for (size_t x = 0; x < ow; x++) {
            double sum = 0, all = 0;

            for (size_t i = column[x].begin; i < column[x].end; i++) {
                sum += share(&column[x], i) * total[i];
                all += share(&column[x], i) * weight[i];
            }
            out[o * ow + x] = (float)(all > 0 ? sum / all : NAN);
        }
    }
}

int af_area_average(const struct af_image *img, size_t ow, size_t oh, float *out,
                    struct af_err *err)
{
    struct shares *column = af_calloc(ow, sizeof(*column), err);
    double *scratch = column ? af_calloc(img->w, 3 * sizeof(*scratch), err) : NULL;

    for (size_t x = 0; scratch && x < ow; x++)
        column[x] = shares_of(x, img->w, ow);
    if (scratch && fits(img, oh))
        average_whole(img, column, ow, oh, (uint32_t *)(void *)scratch, out);
    else if (scratch)
        average_any(img, column, ow, oh, scratch, out);
    free(column);
    free(scratch);
    return scratch ? 0 : -1;
}
