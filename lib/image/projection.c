/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/projection.h"
#include "base/memory.h"
#include "image/area.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int af_max_add(struct af_image *max, const struct af_image *img, struct af_err *err)
{
    bool first = !max->data;
    double *row;

    if (first && af_image_resize(max, img->w, img->h, AF_F32, err))
        return -1;
    if (img->w != max->w || img->h != max->h)
        return af_fail(err, AF_EDATA, "a plane of %zux%zu px, the first is %zux%zu", img->w, img->h,
                       max->w, max->h);
    if (!(row = af_calloc(img->w, sizeof(*row), err)))
        return -1;
    for (size_t y = 0; y < img->h; y++) {
        float *m = (float *)max->data + y * max->w;
        af_image_row_f64(img, y, row);
        for (size_t x = 0; x < img->w; x++)
            m[x] = first ? (float)row[x] : fmaxf(m[x], (float)row[x]); // fmaxf passes NaN over
    }
    free(row);
    return 0;
}

int af_slice_add(struct af_slice *s, const struct af_image *img, double z_um, struct af_err *err)
{
    size_t len = s->along_y ? img->h : img->w, limit = s->along_y ? img->w : img->h;
    size_t sample = af_sample_size(img->type);
    const char *at;
    float *out;

    if (s->at >= limit)
        return af_fail(err, AF_EUSAGE, "%s %zu is outside, planes are %zux%zu px",
                       s->along_y ? "x" : "y", s->at, img->w, img->h);
    if (s->n && len != s->len)
        return af_fail(err, AF_EDATA, "a plane of %zux%zu px, the first is %zu px %s", img->w,
                       img->h, s->len, s->along_y ? "high" : "wide");
    s->len = len;
    if (af_grow((void **)&s->values, &s->values_room, (s->n + 1) * len, sizeof(float), err) ||
        af_grow((void **)&s->z_um, &s->z_room, s->n + 1, sizeof(double), err))
        return -1;
    at = (const char *)img->data + (s->along_y ? s->at : s->at * img->w) * sample;
    out = s->values + s->n * len;
    for (size_t i = 0; i < len; i++) {
        double v;
        af_sample_to_f64(at + i * (s->along_y ? img->w : 1) * sample, img->type, 1, &v);
        out[i] = (float)v;
    }
    s->z_um[s->n++] = z_um;
    return 0;
}

void af_slice_release(struct af_slice *s)
{
    free(s->values);
    free(s->z_um);
    *s = (struct af_slice){0};
}

struct af_extent af_slice_extent(const struct af_slice *s)
{
    const struct af_extent counted = {-0.5, (double)s->n - 0.5, false};
    struct af_extent e = {INFINITY, -INFINITY, true};
    double half;

    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->z_um[i]))
            return counted;
        e.bottom = fmin(e.bottom, s->z_um[i]);
        e.top = fmax(e.top, s->z_um[i]);
    }
    if (!(e.top > e.bottom)) // nothing to tell planes apart by but their number
        return counted;
    half = (e.top - e.bottom) / (double)(s->n - 1) / 2;
    e.bottom -= half;
    e.top += half;
    return isfinite(e.top - e.bottom) ? e : counted; // a file may say 10^308
}

static size_t nearest_plane(const struct af_slice *s, bool um, double z)
{
    size_t best = 0;

    if (!um)
        return z > 0 ? (size_t)fmin(round(z), (double)(s->n - 1)) : 0;
    for (size_t i = 1; i < s->n; i++)
        if (fabs(s->z_um[i] - z) < fabs(s->z_um[best] - z))
            best = i;
    return best;
}

int af_slice_draw(const struct af_slice *s, size_t ow, size_t oh, float *out, struct af_err *err)
{
    struct af_image planes = {s->len, s->n, AF_F32, 32, s->values, 0}; // borrowed
    struct af_extent e = af_slice_extent(s);
    float *lines = af_calloc(s->n * ow, sizeof(*lines), err);

    if (!lines)
        return -1;
    if (af_area_average(&planes, ow, s->n, lines, err)) {
        free(lines);
        return -1;
    }
    for (size_t j = 0; j < oh; j++) {
        double z = e.top - ((double)j + 0.5) / (double)oh * (e.top - e.bottom);
        memcpy(out + j * ow, lines + nearest_plane(s, e.um, z) * ow, ow * sizeof(*out));
    }
    free(lines);
    return 0;
}
