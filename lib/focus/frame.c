/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/frame.h"

#include "image/area.h"
#include <math.h>

/* Facts of the pixels; the norm is not among them. */
static int measure(const struct af_image *img, struct af_frame_facts *facts, struct af_err *err)
{
    struct af_image_stats s;
    double n = (double)img->w * (double)img->h;

    af_image_measure(img, &s);
    if (s.nan || !isfinite(s.min) || !isfinite(s.max))
        return af_fail(err, AF_EDATA, "a pixel is no finite number");
    *facts = (struct af_frame_facts){.min = s.min,
                                     .max = s.max,
                                     .mean = s.mean,
                                     .sum = s.mean * n,
                                     .saturated = (double)s.saturated / n};
    return 0;
}

int af_frame_reduce(const struct af_image *img, float *x, struct af_frame_facts *facts,
                    struct af_err *err)
{
    double square = 0, scale;

    if (img->w < AF_FRAME_SIDE || img->h < AF_FRAME_SIDE)
        return af_fail(err, AF_EDATA, "%zux%zu px is too small, the network sees %dx%d", img->w,
                       img->h, AF_FRAME_SIDE, AF_FRAME_SIDE);
    if (measure(img, facts, err) || af_area_average(img, AF_FRAME_SIDE, AF_FRAME_SIDE, x, err))
        return -1;
    for (size_t i = 0; i < AF_FRAME_PX; i++)
        square += (double)x[i] * (double)x[i];
    facts->norm = sqrt(square);
    if (!isfinite(square))
        return af_fail(err, AF_EDATA, "pixels are too large for the network");
    scale = facts->norm > 0 ? AF_FRAME_SIDE / facts->norm : 0;
    for (size_t i = 0; i < AF_FRAME_PX; i++)
        x[i] = (float)((double)x[i] * scale);
    return 0;
}

bool af_frame_is_blank(const struct af_frame_facts *facts)
{
    return !(facts->norm > 0) || facts->min == facts->max;
}
