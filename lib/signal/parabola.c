/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/parabola.h"

#include <math.h>

/* Sums over the points for p1 = u - a1 and p2 = u^2 - b p1 - a2, u = (x - center) / scale. */
struct basis {
    double center, scale;
    double a1, a2, b;
    double norm1, norm2; // sums of p1^2, p2^2
};

static int make_basis(const double *x, size_t n, struct basis *s)
{
    double low = INFINITY, high = -INFINITY, cubes = 0;

    *s = (struct basis){0};
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    s->center = low + (high - low) / 2;
    s->scale = (high - low) / 2;
    if (!(s->scale > 0) || !isfinite(s->scale))
        return -1;
    for (size_t i = 0; i < n; i++) {
        double u = (x[i] - s->center) / s->scale;
        s->a1 += u / (double)n;
        s->a2 += u * u / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double u = (x[i] - s->center) / s->scale;
        s->norm1 += (u - s->a1) * (u - s->a1);
        cubes += u * u * (u - s->a1);
    }
    s->b = cubes / s->norm1;
    for (size_t i = 0; i < n; i++) {
        double u = (x[i] - s->center) / s->scale, p2 = u * u - s->b * (u - s->a1) - s->a2;
        s->norm2 += p2 * p2;
    }
    /* With two different x, p2 vanishes but for rounding. */
    return s->norm2 > 1e-20 * (double)n ? 0 : -1;
}

int af_parabola_fit(const double *x, const double *y, size_t n, struct af_parabola *p,
                    struct af_err *err)
{
    struct basis s;
    double c0 = 0, c1 = 0, c2 = 0, squares = 0;

    if (n < 3 || make_basis(x, n, &s))
        return af_fail(err, AF_EDATA, "a parabola needs three different abscissae");
    for (size_t i = 0; i < n; i++)
        c0 += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double u = (x[i] - s.center) / s.scale, p1 = u - s.a1, p2 = u * u - s.b * p1 - s.a2;
        c1 += (y[i] - c0) * p1 / s.norm1;
        c2 += (y[i] - c0) * p2 / s.norm2;
    }
    for (size_t i = 0; i < n; i++) {
        double u = (x[i] - s.center) / s.scale, p1 = u - s.a1, p2 = u * u - s.b * p1 - s.a2;
        double r = y[i] - c0 - c1 * p1 - c2 * p2;
        squares += r * r;
    }

    double slope = c1 / c2, vertex = s.b / 2 - slope / 2; // of c1 p1 + c2 p2, in u
    if (!isfinite(vertex))
        return af_fail(err, AF_EDATA, "a parabola through a straight line has no vertex");
    double variance = n > 3 ? squares / (double)(n - 3) : NAN;
    double p1 = vertex - s.a1, p2 = vertex * vertex - s.b * p1 - s.a2;
    p->vertex = s.center + s.scale * vertex;
    p->vertex_err =
        s.scale / (2 * fabs(c2)) * sqrt(variance * (1 / s.norm1 + slope * slope / s.norm2));
    p->value = c0 + c1 * p1 + c2 * p2;
    p->curvature = 2 * c2 / (s.scale * s.scale);
    p->curvature_err = 2 * sqrt(variance / s.norm2) / (s.scale * s.scale);
    p->rms = sqrt(variance);
    return 0;
}

double af_parabola_at(const struct af_parabola *p, double x)
{
    return p->value + p->curvature / 2 * (x - p->vertex) * (x - p->vertex);
}
