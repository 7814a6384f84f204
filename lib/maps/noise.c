/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/noise.h"

#include "base/memory.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_ROWS = 32 };

static size_t add_row(const double *u, const double *p, const double *d, size_t w, double *out)
{
    size_t n = 0;

    for (size_t x = 1; x + 1 < w; x++) {
        double v = u[x - 1] - 2 * u[x] + u[x + 1] - 2 * (p[x - 1] - 2 * p[x] + p[x + 1]) +
                   d[x - 1] - 2 * d[x] + d[x + 1];

        if (isfinite(v))
            out[n++] = fabs(v);
    }
    return n;
}

/* The k-th smallest of what is counted. */
static double kth(const uint32_t *count, size_t k)
{
    size_t v = 0;

    for (; k >= count[v]; v++)
        k -= count[v];
    return (double)v;
}

/* The same median of 8-bit slices, whose values are few. */
static double median_u8(const struct af_image *img, size_t step)
{
    enum { MOST = 8 * UINT8_MAX };
    uint32_t count[MOST + 1] = {0};
    size_t n = 0;

    for (size_t y = 1; y + 1 < img->h; y += step, n += img->w - 2) {
        const uint8_t *p = af_image_row(img, y), *u = p - img->w, *d = p + img->w;

        for (size_t x = 1; x + 1 < img->w; x++)
            count[abs(u[x - 1] - 2 * u[x] + u[x + 1] - 2 * (p[x - 1] - 2 * p[x] + p[x + 1]) +
                      d[x - 1] - 2 * d[x] + d[x + 1])]++;
    }
    return n % 2 ? kth(count, n / 2) : (kth(count, n / 2 - 1) + kth(count, n / 2)) / 2;
}

int af_noise_sigma(const struct af_image *img, double *sigma, struct af_err *err)
{
    const size_t w = img->w, h = img->h, step = h / MOST_ROWS + 1;
    double *line, *all;
    size_t n = 0;
    int ret = -1;

    *sigma = 0;
    if (w < 3 || h < 3)
        return 0;
    if (img->type == AF_U8) {
        *sigma = 1.4826 * median_u8(img, step) / 6;
        return 0;
    }
    line = af_calloc(w, 3 * sizeof(*line), err);
    all = af_calloc(w, (h / step + 1) * sizeof(*all), err);
    if (line && all) {
        for (size_t y = 1; y + 1 < h; y += step) {
            for (size_t i = 0; i < 3; i++)
                af_image_row_f64(img, y - 1 + i, line + i * w);
            n += add_row(line, line + w, line + 2 * w, w, all + n);
        }
        *sigma = n ? 1.4826 * af_median(all, n) / 6 : 0;
        ret = 0;
    }
    free(all);
    free(line);
    return ret;
}
