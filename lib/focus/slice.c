/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/slice.h"

#include <math.h>

enum { RUN = 256 };

size_t af_slice_mirror(long i, size_t n)
{
    const long period = 2 * (long)n;
    long at = i % period;

    if (at < 0)
        at += period;
    return (size_t)(at < (long)n ? at : period - 1 - at);
}

/* Pixels x .. x + n - 1 of a row, n <= RUN. */
static void read_run(const struct af_image *img, size_t y, size_t x, size_t n, double *out)
{
    const char *row = af_image_row(img, y);

    af_sample_to_f64(row + x * af_sample_size(img->type), img->type, n, out);
}

void af_slice_measure(const struct af_image *img, struct af_slice_scale *s)
{
    double v[RUN], sum = 0, squares = 0, n = 0;

    for (size_t y = 0; y < img->h; y++)
        for (size_t x = 0; x < img->w; x += RUN) {
            size_t count = img->w - x < RUN ? img->w - x : RUN;

            read_run(img, y, x, count, v);
            for (size_t i = 0; i < count; i++)
                if (isfinite(v[i])) {
                    sum += v[i];
                    squares += v[i] * v[i];
                    n++;
                }
        }
    s->mean = n > 0 ? sum / n : 0;
    s->rms = n > 0 ? sqrt(squares / n) : 0;
    if (!isfinite(s->mean) || !isfinite(s->rms))
        s->mean = s->rms = 0;
}

static float scaled(const struct af_slice_scale *s, double v)
{
    return s->rms > 0 && isfinite(v) ? (float)(AF_SLICE_SCALE * ((v - s->mean) / s->rms)) : 0;
}

void af_slice_fill(const struct af_image *img, const struct af_slice_scale *s, long x0, long y0,
                   size_t w, size_t h, float *x, size_t ld)
{
    double v[RUN];

    for (size_t j = 0; j < h; j++) {
        size_t y = af_slice_mirror(y0 + (long)j, img->h), n;
        float *out = x + j * w * ld;

        for (size_t i = 0; i < w; i += n) {
            long at = x0 + (long)i;
            bool inside = at >= 0 && at < (long)img->w;

            n = 1;
            if (inside) {
                n = img->w - (size_t)at < w - i ? img->w - (size_t)at : w - i;
                n = n < RUN ? n : RUN;
            }
            read_run(img, y, af_slice_mirror(at, img->w), n, v);
            for (size_t k = 0; k < n; k++)
                out[(i + k) * ld] = scaled(s, v[k]);
        }
    }
}
