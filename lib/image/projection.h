/* SPDX-License-Identifier: BSD-2-Clause */
/* A stack seen from one side: its brightest values, or a cut along z. */
#ifndef AF_IMAGE_PROJECTION_H
#define AF_IMAGE_PROJECTION_H
#include "image/image.h"
#include <stdbool.h>

/*
 * Take the next plane into the maximum over all: F32, NaN does not count. max is empty
 * before the first plane. -1 with AF_EDATA (a plane of another size), AF_ESYS.
 */
int af_max_add(struct af_image *max, const struct af_image *img, struct af_err *err);

/* One row or column of each plane. All-zero, with along_y and at set, is empty. */
struct af_slice {
    bool along_y;      // false: xz, the row y = at; true: yz, the column x = at
    size_t at;         // px
    size_t n, len;     // planes, values of each
    size_t values_room, z_room;
    float *values;     // [n][len]
    double *z_um;      // [n]; NaN: unknown
};

/* -1 with AF_EUSAGE (`at` is outside), AF_EDATA (a plane of another size), AF_ESYS. */
int af_slice_add(struct af_slice *s, const struct af_image *img, double z_um, struct af_err *err);
void af_slice_release(struct af_slice *s);

/*
 * What the planes cover, half a step beyond the first and the last; `um`: false where z
 * is not known and planes are counted. n > 0.
 */
struct af_extent {
    double bottom, top;
    bool um;
};
struct af_extent af_slice_extent(const struct af_slice *s);

/*
 * The slice as a picture out[oh][ow], large z above: area average along the plane, and
 * the nearest plane along z, so that planes out of order or unevenly spaced lie where they belong.
 * -1 with AF_ESYS.
 */
int af_slice_draw(const struct af_slice *s, size_t ow, size_t oh, float *out, struct af_err *err);

#endif
