/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/teach.h"

#include <math.h>

#define SCALE_MOST 0.01 // plates shrink in the mould by some tenths of a percent

/* Means of the four coordinates. */
static struct af_taught middle(const struct af_taught *t, size_t n)
{
    struct af_taught c = {0, 0, 0, 0};

    for (size_t i = 0; i < n; i++) {
        c.plate_x_um += t[i].plate_x_um / (double)n;
        c.plate_y_um += t[i].plate_y_um / (double)n;
        c.stage_x_um += t[i].stage_x_um / (double)n;
        c.stage_y_um += t[i].stage_y_um / (double)n;
    }
    return c;
}

/*
 * About the middle, as complex numbers: stage = f plate, or stage = f conj(plate) where mirrored.
 * The least squares f is sum(stage conj(plate)) / sum |plate|^2, and of the two cases the one with
 * the larger |f| leaves less.
 */
static void fit(const struct af_taught *t, size_t n, const struct af_taught *c,
                struct af_placement *p, double *spread)
{
    double re[2] = {0, 0}, im[2] = {0, 0};
    double power = 0;

    for (size_t i = 0; i < n; i++) {
        double x = t[i].plate_x_um - c->plate_x_um, y = t[i].plate_y_um - c->plate_y_um;
        double u = t[i].stage_x_um - c->stage_x_um, v = t[i].stage_y_um - c->stage_y_um;

        power += x * x + y * y;
        re[0] += u * x + v * y;
        im[0] += v * x - u * y;
        re[1] += u * x - v * y;
        im[1] += v * x + u * y;
    }
    *spread = power;
    if (power <= 0)
        return;
    p->mirrored = n >= 3 && hypot(re[1], im[1]) > hypot(re[0], im[0]) * (1 + 1e-9);
    double a = re[p->mirrored] / power, b = im[p->mirrored] / power;

    p->scale = hypot(a, b);
    p->rotation_mrad = 1e3 * atan2(b, a);
    p->m[0][0] = a;
    p->m[1][0] = b;
    p->m[0][1] = p->mirrored ? b : -b;
    p->m[1][1] = p->mirrored ? -a : a;
}

void af_place(const struct af_placement *p, double *x_um, double *y_um)
{
    double x = *x_um, y = *y_um;

    *x_um = p->m[0][0] * x + p->m[0][1] * y + p->x_um;
    *y_um = p->m[1][0] * x + p->m[1][1] * y + p->y_um;
}

int af_teach(const struct af_taught *t, size_t n, struct af_placement *p, struct af_err *err)
{
    struct af_taught c = middle(t, n);
    double spread, sum = 0;

    *p = AF_PLACEMENT_NONE;
    if (n > 1) {
        fit(t, n, &c, p, &spread);
        if (spread <= 0)
            return af_fail(err, AF_EDATA, "the taught wells are one place");
        if (!(fabs(p->scale - 1) <= SCALE_MOST))
            return af_fail(err, AF_EDATA,
                           "taught wells are %.4g times as far apart as on the plate", p->scale);
    }
    p->x_um = c.stage_x_um - p->m[0][0] * c.plate_x_um - p->m[0][1] * c.plate_y_um;
    p->y_um = c.stage_y_um - p->m[1][0] * c.plate_x_um - p->m[1][1] * c.plate_y_um;
    for (size_t i = 0; i < n; i++) {
        double x = t[i].plate_x_um, y = t[i].plate_y_um;

        af_place(p, &x, &y);
        sum += pow(x - t[i].stage_x_um, 2) + pow(y - t[i].stage_y_um, 2);
    }
    p->rms_um = sqrt(sum / (double)n);
    return 0;
}
