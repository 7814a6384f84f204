/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/area.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Shared length of input i and output o where n inputs and m outputs cover the same line,
 * n m long.
 */
static double overlap(size_t i, size_t n, size_t o, size_t m)
{
    size_t begin = i * m > o * n ? i * m : o * n;
    size_t end = (i + 1) * m < (o + 1) * n ? (i + 1) * m : (o + 1) * n;

    return (double)(end - begin);
}

/* Sums and weights of one row. Lengths are whole numbers: weights are exact. */
static void gather(const double *in, size_t n, double *sum, double *weight, size_t m)
{
    for (size_t o = 0; o < m; o++) {
        double s = 0, w = 0; // in registers: this is what most of the time goes into

        for (size_t i = o * n / m; i * m < (o + 1) * n; i++) {
            double share = overlap(i, n, o, m);

            if (isnan(in[i]))
                continue;
            s += share * in[i];
            w += share;
        }
        sum[o] = s;
        weight[o] = w;
    }
}

int af_area_average(const struct af_image *img, size_t ow, size_t oh, float *out,
                    struct af_err *err)
{
    size_t have = SIZE_MAX; // row that sum and weight hold
    double *row = af_calloc(img->w + 4 * ow, sizeof(*row), err);
    double *sum, *weight, *total, *total_weight;

    if (!row)
        return -1;
    sum = row + img->w;
    weight = sum + ow;
    total = weight + ow;
    total_weight = total + ow;
    for (size_t o = 0; o < oh; o++) {
        memset(total, 0, 2 * ow * sizeof(*total));
        for (size_t y = o * img->h / oh; y <= ((o + 1) * img->h - 1) / oh; y++) {
            double share = overlap(y, img->h, o, oh);
            if (y != have) {
                af_image_row_f64(img, y, row);
                gather(row, img->w, sum, weight, ow);
                have = y;
            }
            for (size_t x = 0; x < ow; x++) {
                total[x] += share * sum[x];
                total_weight[x] += share * weight[x];
            }
        }
        for (size_t x = 0; x < ow; x++)
            out[o * ow + x] = (float)(total_weight[x] > 0 ? total[x] / total_weight[x] : NAN);
    }
    free(row);
    return 0;
}
