/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks written plane by plane, and what must come back of them. */
#ifndef AF_TESTS_WRITEMAKE_H
#define AF_TESTS_WRITEMAKE_H
#include "image/stackwrite.h"
#include "tiffmake.h"

#include <math.h>

/* Plane i of 7 x 5 px; its first sample is i. */
static inline void make_plane(struct af_image *img, enum af_sample type, size_t i)
{
    size_t size = af_sample_size(type);
    uint8_t *b;

    assert_int_equal(af_image_resize(img, 7, 5, type, NULL), 0);
    b = img->data;
    for (size_t k = 0; k < 35 * size; k++)
        b[k] = (uint8_t)(k < size ? 0 : (k * 7 + i * 3) % 120);
    switch (type) {
    case AF_F32: *(float *)img->data = (float)i; break;
    case AF_F64: *(double *)img->data = (double)i; break;
    case AF_U8:
    case AF_I8: *(uint8_t *)img->data = (uint8_t)i; break;
    case AF_U16:
    case AF_I16: *(uint16_t *)img->data = (uint16_t)i; break;
    default: *(uint32_t *)img->data = (uint32_t)i;
    }
}

static inline struct af_plane plane_at(size_t i)
{
    struct af_plane p = AF_PLANE_UNKNOWN;

    p.z_um = -1.5 + 0.25 * (double)i;
    p.x_um = 10.125;
    p.y_um = -20.5;
    p.exposure_ms = 12.5;
    p.time_s = 0.1 * (double)i;
    return p;
}

static inline struct af_stack_writer *begin(const char *path, const struct af_stack_meta *meta)
{
    const struct af_stack_meta unknown = AF_STACK_META_UNKNOWN;
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w;

    if (af_stack_writer_open(&w, path, meta ? meta : &unknown, &err))
        fail_msg("%s", err.text);
    return w;
}

static inline void add(struct af_stack_writer *w, enum af_sample type, size_t i)
{
    const struct af_plane p = plane_at(i);
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};

    make_plane(&img, type, i);
    if (af_stack_writer_add(w, &img, &p, &err))
        fail_msg("%s", err.text);
    af_image_release(&img);
}

static inline void commit(struct af_stack_writer *w)
{
    struct af_err err = {AF_OK, ""};

    if (af_stack_writer_commit(w, &err))
        fail_msg("%s", err.text);
}

/* The file must hold planes 0 .. n-1 with their z. */
static inline void assert_planes(const char *path, enum af_sample type, size_t n,
                                 enum af_z_source source)
{
    struct af_stack *st = open_one(path, NULL, NULL);
    struct af_image img = {0}, want = {0};

    assert_int_equal(af_stack_info(st)->nplanes, n);
    assert_int_equal(af_stack_info(st)->z_source, source);
    for (size_t i = 0; i < n; i++) {
        const struct af_plane *p = af_stack_plane(st, i), q = plane_at(i);

        assert_int_equal(af_stack_read(st, i, &img, NULL), 0);
        make_plane(&want, type, i);
        assert_int_equal(img.type, type);
        assert_memory_equal(img.data, want.data, 35 * af_sample_size(type));
        assert_true(p->z_um == q.z_um && p->x_um == q.x_um && p->y_um == q.y_um);
        assert_true(p->exposure_ms == q.exposure_ms && fabs(p->time_s - q.time_s) < 1e-9);
    }
    af_stack_close(st);
    af_image_release(&img);
    af_image_release(&want);
}

#endif
