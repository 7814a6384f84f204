/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/surface.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_u32(FILE *fp, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        putc((int)(v >> 8 * i & 0xff), fp);
}

static void put_float(FILE *fp, double v)
{
    float f = (float)v;
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    put_u32(fp, bits);
}

/* Is there a face between points x, y and x + 1, y + 1? */
static bool is_face(const struct af_surface *s, size_t x, size_t y)
{
    const float *p = s->z_um + y * s->nx + x;

    return isfinite(p[0]) && isfinite(p[1]) && isfinite(p[s->nx]) && isfinite(p[s->nx + 1]);
}

static size_t count_faces(const struct af_surface *s)
{
    size_t n = 0;

    for (size_t y = 0; y + 1 < s->ny; y++)
        for (size_t x = 0; x + 1 < s->nx; x++)
            n += is_face(s, x, y);
    return 2 * n;
}

static int check(const struct af_surface *s, size_t *nfaces, struct af_err *err)
{
    *nfaces = count_faces(s);
    if (!*nfaces)
        return af_fail(err, AF_EDATA, "no surface: no four neighbours with a known height");
    if (s->nx * s->ny >= UINT32_MAX / 2)
        return af_fail(err, AF_EDATA, "a surface of %zux%zu points", s->nx, s->ny);
    return 0;
}

int af_surface_write_ply(FILE *fp, const struct af_surface *s, struct af_err *err)
{
    const size_t n = s->nx * s->ny;
    size_t nfaces, npoints = 0;
    uint32_t *number;

    if (check(s, &nfaces, err) || !(number = af_calloc(n, sizeof(*number), err)))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (isfinite(s->z_um[i]))
            number[i] = (uint32_t)npoints++;
    fprintf(fp,
            "ply\nformat binary_little_endian 1.0\ncomment x, y, z in micrometres\n"
            "element vertex %zu\nproperty float x\nproperty float y\nproperty float z\n%s"
            "element face %zu\nproperty list uchar uint vertex_indices\nend_header\n",
            npoints,
            s->gray ? "property uchar red\nproperty uchar green\nproperty uchar blue\n" : "",
            nfaces);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(s->z_um[i]))
            continue;
        put_float(fp, (double)(i % s->nx) * s->step_x_um);
        put_float(fp, -(double)(i / s->nx) * s->step_y_um);
        put_float(fp, s->z_um[i]);
        for (int c = 0; s->gray && c < 3; c++)
            putc(s->gray[i], fp);
    }
    for (size_t y = 0; y + 1 < s->ny; y++)
        for (size_t x = 0; x + 1 < s->nx; x++) {
            const uint32_t *p = number + y * s->nx + x;

            if (!is_face(s, x, y))
                continue;
            putc(3, fp), put_u32(fp, p[0]), put_u32(fp, p[s->nx + 1]), put_u32(fp, p[1]);
            putc(3, fp), put_u32(fp, p[0]), put_u32(fp, p[s->nx]), put_u32(fp, p[s->nx + 1]);
        }
    free(number);
    return 0;
}

struct point {
    double x, y, z;
};

static struct point point_at(const struct af_surface *s, size_t x, size_t y)
{
    return (struct point){(double)x * s->step_x_um, -(double)y * s->step_y_um,
                          s->z_um[y * s->nx + x]};
}

/* Corners anticlockwise seen from above. */
static void put_triangle(FILE *fp, struct point a, struct point b, struct point c)
{
    const struct point u = {b.x - a.x, b.y - a.y, b.z - a.z};
    const struct point v = {c.x - a.x, c.y - a.y, c.z - a.z};
    const struct point n = {u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x};
    const double length = sqrt(n.x * n.x + n.y * n.y + n.z * n.z);
    const struct point all[4] = {{n.x / length, n.y / length, n.z / length}, a, b, c};

    for (int i = 0; i < 4; i++) {
        put_float(fp, all[i].x);
        put_float(fp, all[i].y);
        put_float(fp, all[i].z);
    }
    putc(0, fp), putc(0, fp);
}

int af_surface_write_stl(FILE *fp, const struct af_surface *s, struct af_err *err)
{
    size_t nfaces;

    if (check(s, &nfaces, err))
        return -1;
    fprintf(fp, "%-80s", "aftools surface, micrometres");
    put_u32(fp, (uint32_t)nfaces);
    for (size_t y = 0; y + 1 < s->ny; y++)
        for (size_t x = 0; x + 1 < s->nx; x++) {
            if (!is_face(s, x, y))
                continue;
            put_triangle(fp, point_at(s, x, y), point_at(s, x + 1, y + 1), point_at(s, x + 1, y));
            put_triangle(fp, point_at(s, x, y), point_at(s, x, y + 1), point_at(s, x + 1, y + 1));
        }
    return 0;
}
