/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/gauss.h"

#include "signal/levmar.h"
#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
enum { N = AF_G_N, POWERS = 5 };

struct fit {
    const struct af_box *box;
    const float *weight;
};

/* The six of P make an ellipsoid. */
static bool is_definite(const double *p)
{
    double a = p[AF_G_XX], b = p[AF_G_YY], c = p[AF_G_ZZ];
    double xy = p[AF_G_XY], xz = p[AF_G_XZ], yz = p[AF_G_YZ], minor = a * b - xy * xy;

    return a > 0 && minor > 0 && minor * c + 2 * xy * xz * yz - a * yz * yz - b * xz * xz > 0;
}

/*
 * exp(-1/2 d^T P d) along a row: with q(x) = q0 + q1 x + q2 x^2 the ratio of neighbours changes by
 * a constant factor, so that a row takes three exponentials and two products a voxel. Choice: begun
 * in the middle of the row and run to both sides, where both factors shrink.
 */
static void row_of_gauss(const double *p, double dx0, double px, size_t w, double dy, double dz,
                         double *g)
{
    double qa = p[AF_G_XX], qb = p[AF_G_XY] * dy + p[AF_G_XZ] * dz;
    double qc = p[AF_G_YY] * dy * dy + p[AF_G_ZZ] * dz * dz + 2 * p[AF_G_YZ] * dy * dz;
    double vertex = (-qb / qa - dx0) / px, factor = exp(-qa * px * px);
    size_t mid = vertex <= 0 ? 0 : vertex >= (double)(w - 1) ? w - 1 : (size_t)(vertex + 0.5);
    double dx = dx0 + (double)mid * px, q = qa * dx * dx + 2 * qb * dx + qc;
    double slope = (qa * dx + qb) * px, half = qa * px * px / 2;
    double v = exp(-q / 2), ratio = exp(-slope - half);

    g[mid] = v;
    for (size_t i = mid + 1; i < w; i++) {
        g[i] = g[i - 1] * ratio;
        ratio *= factor;
    }
    ratio = exp(slope - half);
    for (size_t i = mid; i-- > 0;) {
        g[i] = g[i + 1] * ratio;
        ratio *= factor;
    }
}

/* Sums over a row: of w g^2 x^k, w g x^k, w, w r g x^k, w r. */
struct sums {
    double gg[POWERS], g[3], one, rg[3], r, rr;
};

static void add_up(const struct af_box *box, const float *v, const float *weight, const double *g,
                   const double *p, double dx0, struct sums *s)
{
    *s = (struct sums){.one = 0};
    for (size_t i = 0; i < box->w; i++) {
        double w = weight ? (double)weight[i] : 1, x = dx0 + (double)i * box->px_um, e = g[i];
        double r = (double)v[i] - p[AF_G_BACKGROUND] - p[AF_G_AMPLITUDE] * e;
        double we = w * e, wee = we * e, wr = w * r, wre = wr * e;

        s->one += w;
        s->r += wr;
        s->rr += wr * r;
        s->g[0] += we;
        s->g[1] += we * x;
        s->g[2] += we * x * x;
        s->rg[0] += wre;
        s->rg[1] += wre * x;
        s->rg[2] += wre * x * x;
        s->gg[0] += wee;
        s->gg[1] += wee * x;
        s->gg[2] += wee * x * x;
        s->gg[3] += wee * x * x * x;
        s->gg[4] += wee * x * x * x * x;
    }
}

/* d model / d p over g, as a polynomial in dx: c[0] + c[1] dx + c[2] dx^2; the background has none.
 */
static void slopes(const double *p, double dy, double dz, double c[N][3])
{
    double a = p[AF_G_AMPLITUDE];

    memset(c, 0, N * sizeof *c);
    c[AF_G_AMPLITUDE][0] = 1;
    c[AF_G_X][0] = a * (p[AF_G_XY] * dy + p[AF_G_XZ] * dz);
    c[AF_G_X][1] = a * p[AF_G_XX];
    c[AF_G_Y][0] = a * (p[AF_G_YY] * dy + p[AF_G_YZ] * dz);
    c[AF_G_Y][1] = a * p[AF_G_XY];
    c[AF_G_Z][0] = a * (p[AF_G_YZ] * dy + p[AF_G_ZZ] * dz);
    c[AF_G_Z][1] = a * p[AF_G_XZ];
    c[AF_G_XX][2] = -a / 2;
    c[AF_G_YY][0] = -a * dy * dy / 2;
    c[AF_G_ZZ][0] = -a * dz * dz / 2;
    c[AF_G_XY][1] = -a * dy;
    c[AF_G_XZ][1] = -a * dz;
    c[AF_G_YZ][0] = -a * dy * dz;
}

static void add_row(const struct sums *s, double c[N][3], double *a, double *b)
{
    a[0] += s->one;
    b[0] += s->r;
    for (int i = 1; i < N; i++) {
        double h[3];

        for (int k = 0; k < 3; k++)
            h[k] = c[i][0] * s->gg[k] + c[i][1] * s->gg[k + 1] + c[i][2] * s->gg[k + 2];
        a[i * N] += c[i][0] * s->g[0] + c[i][1] * s->g[1] + c[i][2] * s->g[2];
        b[i] += c[i][0] * s->rg[0] + c[i][1] * s->rg[1] + c[i][2] * s->rg[2];
        for (int k = 1; k <= i; k++)
            a[i * N + k] += h[0] * c[k][0] + h[1] * c[k][1] + h[2] * c[k][2];
    }
}

static double row_cost(const struct af_box *box, const float *v, const float *weight,
                       const double *g, const double *p)
{
    double sum = 0;

    for (size_t i = 0; i < box->w; i++) {
        double r = (double)v[i] - p[AF_G_BACKGROUND] - p[AF_G_AMPLITUDE] * g[i];

        sum += (weight ? (double)weight[i] : 1) * r * r;
    }
    return sum;
}

enum { WIDEST = 1024 };

static double cost(void *ctx, const double *p, double *a, double *b)
{
    const struct fit *f = ctx;
    const struct af_box *box = f->box;
    double g[WIDEST], c[N][3], sum = 0, dx0 = box->x0_um - p[AF_G_X];
    struct sums s;

    if (!is_definite(p))
        return INFINITY;
    for (size_t k = 0; k < box->n; k++)
        for (size_t y = 0; y < box->h; y++) {
            size_t at = (k * box->h + y) * box->w;
            const float *v = box->v + at, *weight = f->weight ? f->weight + at : NULL;
            double dy = box->y0_um + (double)y * box->py_um - p[AF_G_Y];
            double dz = box->z_um[k] - p[AF_G_Z];

            row_of_gauss(p, dx0, box->px_um, box->w, dy, dz, g);
            if (!a || !b) {
                sum += row_cost(box, v, weight, g, p);
                continue;
            }
            add_up(box, v, weight, g, p, dx0, &s);
            slopes(p, dy, dz, c);
            add_row(&s, c, a, b);
            sum += s.rr;
        }
    return sum;
}

bool af_gauss_fit(struct af_gauss *g, const struct af_box *box, const float *weight, bool absolute,
                  unsigned fixed)
{
    struct fit f = {box, weight};
    struct af_levmar m = {.n = N, .fixed = fixed, .cost = cost, .ctx = &f};
    double left = 0;

    if (box->w > WIDEST || !af_levmar(&m, g->p, g->cov, &g->cost))
        return false;
    for (size_t i = 0; i < box->w * box->h * box->n; i++)
        left += !weight || weight[i] > 0;
    for (int i = 0; i < N; i++)
        left -= !(fixed >> i & 1);
    for (int i = 0; i < N * N && !absolute; i++)
        g->cov[i] *= g->cost / fmax(left, 1);
    return true;
}

void af_gauss_signal(const struct af_gauss *g, const struct af_box *box, float *out)
{
    double row[WIDEST];

    for (size_t k = 0; k < box->n; k++)
        for (size_t y = 0; y < box->h; y++) {
            row_of_gauss(g->p, box->x0_um - g->p[AF_G_X], box->px_um, box->w,
                         box->y0_um + (double)y * box->py_um - g->p[AF_G_Y],
                         box->z_um[k] - g->p[AF_G_Z], row);
            for (size_t i = 0; i < box->w; i++)
                *out++ = (float)(g->p[AF_G_AMPLITUDE] * row[i]);
        }
}

double af_gauss_r2(const struct af_gauss *g, const struct af_box *box, const float *weight)
{
    struct fit f = {box, weight};
    size_t n = box->w * box->h * box->n;
    double mean = 0, sum = 0, total = 0;

    for (size_t i = 0; i < n; i++) {
        double w = weight ? (double)weight[i] : 1;

        sum += w;
        mean += w * (double)box->v[i];
    }
    mean /= sum;
    for (size_t i = 0; i < n; i++)
        total += (weight ? (double)weight[i] : 1) * pow((double)box->v[i] - mean, 2);
    return total > 0 ? 1 - cost(&f, g->p, NULL, NULL) / total : NAN;
}

/* Width of an eigenvalue of P's xy part in direction (x, y), and its standard error. */
static double width(const struct af_gauss *g, double value, double x, double y, double *err)
{
    static const int at[3] = {AF_G_XX, AF_G_XY, AF_G_YY};
    const double slope[3] = {x * x, 2 * x * y, y * y};
    double var = 0;

    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            var += slope[i] * slope[k] * g->cov[at[i] * N + at[k]];
    *err = AF_FWHM / 2 * pow(value, -1.5) * sqrt(fmax(var, 0));
    return AF_FWHM / sqrt(value);
}

struct af_widths af_gauss_widths(const struct af_gauss *g)
{
    double a = g->p[AF_G_XX], b = g->p[AF_G_XY], c = g->p[AF_G_YY];
    double mean = (a + c) / 2, half = hypot((a - c) / 2, b);
    double angle = half > 0 ? atan2(-b, (c - a) / 2) / 2 : 0; // of the smaller eigenvalue
    struct af_widths w;

    w.max_um = width(g, mean - half, cos(angle), sin(angle), &w.max_err_um);
    w.min_um = width(g, mean + half, -sin(angle), cos(angle), &w.min_err_um);
    w.angle_deg = angle * 180 / PI;
    return w;
}

double af_gauss_width_z(const struct af_gauss *g, double *err_um)
{
    double p = g->p[AF_G_ZZ];

    *err_um = AF_FWHM / 2 * pow(p, -1.5) * sqrt(fmax(g->cov[AF_G_ZZ * N + AF_G_ZZ], 0));
    return AF_FWHM / sqrt(p);
}
