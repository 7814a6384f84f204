/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/fuse.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 }; // px: most blocks have a share in a few slices only

static void find_ranges(struct af_fuse *f)
{
    const size_t n = f->w * f->h;

    for (size_t b = 0, i = 0; i < n; b++) {
        float least = f->depth[i], most = least;

        for (size_t end = n - i < BLOCK ? n : i + BLOCK; i < end; i++) {
            const float d = f->depth[i];

            least = d < least ? d : least;
            most = d > most ? d : most;
        }
        f->least[b] = least;
        f->most[b] = most;
    }
}

int af_fuse_init(struct af_fuse *f, const struct af_height *t, size_t nslices, double most_err,
                 bool nearest, struct af_err *err)
{
    const size_t w = t->w, h = t->h;
    const float last = (float)(nslices - 1);
    const size_t nblocks = (w * h + BLOCK - 1) / BLOCK;
    float *e;

    *f = (struct af_fuse){.w = w, .h = h};
    if (!(f->depth = af_calloc(h, w * sizeof(*f->depth), err)) ||
        !(f->known = af_calloc(h, w * sizeof(*f->known), err)) ||
        !(f->sum = af_calloc(h, w * sizeof(*f->sum), err)) ||
        !(f->least = af_calloc(nblocks, sizeof(*f->least), err)) ||
        !(f->most = af_calloc(nblocks, sizeof(*f->most), err)) ||
        !(e = af_calloc(w, sizeof(*e), err)))
        return -1;
    for (size_t y = 0; y < h; y++) {
        float *d = f->depth + y * w;

        af_height_row(t, y, d, e);
        for (size_t x = 0; x < w; x++) {
            f->known[y * w + x] = e[x] <= most_err; // NaN is not
            d[x] = isnan(d[x]) ? last / 2 : d[x] > 0 ? d[x] < last ? d[x] : last : 0;
            if (nearest)
                d[x] = floorf(d[x] + 0.5f);
        }
    }
    free(e);
    find_ranges(f);
    return 0;
}

void af_fuse_release(struct af_fuse *f)
{
    free(f->depth);
    free(f->known);
    free(f->sum);
    free(f->least);
    free(f->most);
    *f = (struct af_fuse){0};
}

static int check_size(const struct af_fuse *f, const struct af_image *img, struct af_err *err)
{
    if (img->w == f->w && img->h == f->h)
        return 0;
    return af_fail(err, AF_EDATA, "a plane of %zux%zu px, the height map is for %zux%zu", img->w,
                   img->h, f->w, f->h);
}

/* sum += share of slice k times its value, for pixels [from, to). */
#define ADD(T)                                                                                     \
    do {                                                                                           \
        const T *restrict v = img->data;                                                           \
                                                                                                   \
        for (size_t i = from; i < to; i++) {                                                       \
            const float share = 1 - fabsf(depth[i] - at);                                          \
                                                                                                   \
            sum[i] += (share > 0 ? share : 0) * (float)v[i]; /* a vector, as it has no branch */   \
        }                                                                                          \
    } while (0)

static int add_others(struct af_fuse *f, float at, const struct af_image *img, struct af_err *err)
{
    double *row = af_calloc(img->w, sizeof(*row), err);

    if (!row)
        return -1;
    for (size_t y = 0, i = 0; y < img->h; y++) {
        af_image_row_f64(img, y, row);
        for (size_t x = 0; x < img->w; x++, i++) {
            float share = 1 - fabsf(f->depth[i] - at);

            if (share > 0)
                f->sum[i] += share * (float)row[x];
        }
    }
    free(row);
    return 0;
}

int af_fuse_add(struct af_fuse *f, size_t k, const struct af_image *img, struct af_err *err)
{
    const float *restrict depth = f->depth, at = (float)k;
    float *restrict sum = f->sum;
    const size_t n = f->w * f->h;

    if (check_size(f, img, err))
        return -1;
    if (img->type != AF_U8 && img->type != AF_U16)
        return add_others(f, at, img, err);
    for (size_t b = 0, from = 0; from < n; b++, from += BLOCK) {
        const size_t to = n - from < BLOCK ? n : from + BLOCK;

        if (f->least[b] >= at + 1 || f->most[b] <= at - 1)
            continue; // no pixel has a share
        if (img->type == AF_U8)
            ADD(uint8_t);
        else
            ADD(uint16_t);
    }
    return 0;
}

#define ROUND(T)                                                                                   \
    do {                                                                                           \
        T *to = out->data;                                                                         \
                                                                                                   \
        for (size_t i = 0; i < n; i++)                                                             \
            to[i] = (T)(f->sum[i] + 0.5f);                                                         \
    } while (0)

int af_fuse_take(struct af_fuse *f, enum af_sample type, unsigned bits, struct af_image *out,
                 struct af_err *err)
{
    const size_t n = f->w * f->h;
    const bool counts = type == AF_U8 || type == AF_U16;

    if (af_image_resize(out, f->w, f->h, counts ? type : AF_F32, err))
        return -1;
    if (type == AF_U8)
        ROUND(uint8_t);
    else if (type == AF_U16)
        ROUND(uint16_t);
    else
        memcpy(out->data, f->sum, n * sizeof(*f->sum));
    out->bits = counts ? bits : 32;
    memset(f->sum, 0, n * sizeof(*f->sum));
    return 0;
}

int af_fuse_masked(const struct af_fuse *f, size_t k, double tolerance, const struct af_image *img,
                   struct af_image *out, struct af_err *err)
{
    const size_t size = af_sample_size(img->type);

    if (check_size(f, img, err) || af_image_resize(out, f->w, f->h, img->type, err))
        return -1;
    out->bits = img->bits;
    memset(out->data, 0, f->w * f->h * size);
    for (size_t i = 0; i < f->w * f->h; i++)
        if (f->known[i] && fabs((double)f->depth[i] - (double)k) <= tolerance)
            memcpy((char *)out->data + i * size, (const char *)img->data + i * size, size);
    return 0;
}

int af_fuse_source(const struct af_fuse *f, size_t nslices, struct af_image *out,
                   struct af_err *err)
{
    const bool wide = nslices > 65535;

    if (af_image_resize(out, f->w, f->h, wide ? AF_U32 : AF_U16, err))
        return -1;
    for (size_t i = 0; i < f->w * f->h; i++) {
        const uint32_t k = (uint32_t)(f->depth[i] + 0.5f);

        if (wide)
            ((uint32_t *)out->data)[i] = k;
        else
            ((uint16_t *)out->data)[i] = (uint16_t)k;
    }
    return 0;
}
