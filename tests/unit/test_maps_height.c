/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "maps/height.h"
#include "maps/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const sets[] = {"portable", "avx2", "avx512"};

/* -------------------------------------------------- a curve, score by score */

/* What depth.h says of a curve whose scores are all known, from the curve as a whole. */
static struct af_depth_fit fit_curve(const float *v, int n)
{
    struct af_depth_fit f = {0, INFINITY, 0, 0, NAN};
    float left = INFINITY, right = INFINITY, all = 0, near = 0;
    int best = 0, quiet = 0;
    double top, off, noise;

    for (int k = 1; k < n; k++)
        best = v[k] > v[best] ? k : best;
    for (int k = 0; k < n; k++)
        if (k < best)
            left = fminf(left, v[k]);
        else if (k > best)
            right = fminf(right, v[k]);
    for (int k = 1; k + 1 < n; k++) {
        const float second = v[k + 1] - 2 * v[k] + v[k - 1];

        all += second * second;
        if (abs(k - best) <= 2)
            near += second * second;
        else
            quiet++;
    }
    f.depth = best;
    f.best = v[best];
    f.noise = noise = quiet < 2 ? NAN : fmax(0, (double)all - near) / quiet / 6;
    if (best == 0 || best == n - 1)
        return f;
    f.prominence = fmax(0, v[best] - fmaxf(left, right));
    top = 2. * v[best] - v[best - 1] - v[best + 1];
    if (f.prominence * f.prominence < 64 * noise)
        return f;
    noise = isnan(noise) ? top * top / 100 : noise;
    off = ((double)v[best + 1] - v[best - 1]) / (2 * top);
    f.depth += off;
    f.var = noise * (0.5 + 6 * off * off) / (top * top);
    return f;
}

/* Sums of floats in another order. */
static void assert_near(double a, double b)
{
    if (isnan(b))
        assert_true(isnan(a));
    else if (isinf(b))
        assert_true(a == b);
    else
        assert_float_equal(a, b, 1e-5 * (fabs(b) + 1e-3));
}

static void follow_with(const struct af_sum_kernels *kernels, struct af_depth *d, const float *v,
                        size_t n)
{
    kernels->follow(d->block, v, n, (uint32_t)d->nslices++, d->least);
}

/* Of 37 places, not a multiple of a block, with a peak that wanders from end to end. */
static void curves_are_followed_by_every_set(void **state)
{
    enum { N = 37, SLICES = 23 };
    static float v[SLICES][N];
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "curves");
    for (int k = 0; k < SLICES; k++)
        for (int i = 0; i < N; i++)
            v[k][i] = (float)(exp(-pow(k - i * .7 + 1, 2) / 8) + 0.03 * af_random_normal(&r));
    for (size_t s = 0; s < sizeof(sets) / sizeof(*sets); s++)
        for (int n = 3; n <= SLICES; n += 5) {
            const struct af_sum_kernels *kernels = af_sum_kernels_named(sets[s]);
            struct af_depth d;

            if (!kernels)
                continue;
            assert_int_equal(af_depth_init(&d, N, false, NULL), 0);
            for (int k = 0; k < n; k++)
                follow_with(kernels, &d, v[k], N);
            for (size_t i = 0; i < N; i++) {
                const struct af_depth_fit got = af_depth_fit(&d, i);
                float curve[SLICES];
                struct af_depth_fit want;

                for (int k = 0; k < n; k++)
                    curve[k] = v[k][i];
                want = fit_curve(curve, n);
                assert_near(got.depth, want.depth);
                assert_near(got.var, want.var);
                assert_near(got.best, want.best);
                assert_near(got.noise, want.noise);
                if (want.depth > 0 && want.depth < n - 1) // at the ends it stands for nothing
                    assert_near(got.prominence, want.prominence);
            }
            af_depth_release(&d);
        }
}

static void places_without_scores_have_no_depth(void **state)
{
    const float with[] = {1, 2, 9, 2, 1, 1, 1, 1, 1}, without = NAN;

    (void)state;
    for (size_t s = 0; s < sizeof(sets) / sizeof(*sets); s++) {
        const struct af_sum_kernels *kernels = af_sum_kernels_named(sets[s]);
        struct af_depth d;

        if (!kernels)
            continue;
        assert_int_equal(af_depth_init(&d, 2, true, NULL), 0);
        for (size_t k = 0; k < sizeof(with) / sizeof(*with); k++) {
            const float map[] = {-with[k], without};

            follow_with(kernels, &d, map, 2);
        }
        assert_true(af_depth_fit(&d, 0).depth == 2 && af_depth_fit(&d, 0).best == -9);
        assert_true(isnan(af_depth_fit(&d, 1).depth) && isinf(af_depth_fit(&d, 1).var));
        af_depth_release(&d);
    }
}

/* ------------------------------------------------------- planes, cell by cell */

struct plane {
    double a, inverse, residual, kernel, kx, ky;
    int cells; // that it rests on
    bool found;
};

/* Normal equations M p = v of a plane by elimination, and [M^-1]_00. */
static bool eliminate(double m[3][5])
{
    for (int i = 0; i < 3; i++) {
        if (!(fabs(m[i][i]) > 0))
            return false;
        for (int j = 0; j < 3; j++)
            for (int k = 4; j != i && k >= i; k--)
                m[j][k] -= m[i][k] * m[j][i] / m[i][i];
    }
    return true;
}

static struct plane fit_plane(const struct af_height_cells *c, size_t at, int radius)
{
    double p[3] = {0};
    struct plane out = {0};

    for (int pass = 0; pass < 2; pass++) {
        double m[3][5] = {{0}};

        out = (struct plane){0};
        for (int y = -radius; y <= radius; y++)
            for (int x = -radius; x <= radius; x++) {
                const size_t i = at + (size_t)(y * (long)c->stride + x);
                const double e[3] = {1, x + c->x[i], y + c->y[i]}, d = c->depth[i];
                const double r = pass ? d - p[0] - p[1] * e[1] - p[2] * e[2] : 0;
                const double g = c->weight[i] > 0
                                     ? c->kernel[abs(x)] * c->kernel[abs(y)] / (1 + 4 * r * r)
                                     : 0,
                             w = g * c->weight[i];

                for (int j = 0; j < 3; j++) {
                    for (int k = 0; k < 3; k++)
                        m[j][k] += w * e[j] * e[k];
                    m[j][3] += w * e[j] * d;
                }
                out.cells += w > 0;
                out.residual += w * r * r;
                out.kernel += g, out.kx += g * e[1], out.ky += g * e[2];
            }
        for (int j = 1; j < 3; j++)
            m[j][j] += 1e-6 * m[0][0];
        m[0][4] = 1;
        if (!eliminate(m))
            return out;
        for (int j = 0; j < 3; j++)
            p[j] = m[j][3] / m[j][j];
        out.a = p[0];
        out.inverse = m[0][4] / m[0][0];
    }
    out.found = true;
    return out;
}

/* Slopes, steps, holes and nothing at all. Few cells lie nearly in a line: both ways lose digits.
 */
static void planes_are_those_of_elimination(void **state)
{
    enum { N = 21, MARGIN = AF_HEIGHT_RADIUS, STRIDE = N + 2 * MARGIN + AF_HEIGHT_LANES };
    enum { SIZE = STRIDE * (N + 2 * MARGIN) };
    static double depth[SIZE], weight[SIZE], px[SIZE], py[SIZE];
    struct af_random r;

    (void)state;
    af_random_init(&r, 2, "planes");
    for (size_t i = 0; i < N * N; i++) {
        const size_t x = i % N, y = i / N, at = (y + MARGIN) * STRIDE + x + MARGIN;

        depth[at] = .2 * (double)x - .1 * (double)y + (x > 12 ? 3 : 0) + af_random_normal(&r) * .1;
        px[at] = af_random_uniform(&r) - .5;
        py[at] = af_random_uniform(&r) - .5;
        weight[at] = x + y > 30 || i % 3 == 0 ? 0 : 1 / (af_random_uniform(&r) + 1e-4);
    }
    for (size_t s = 0; s < sizeof(sets) / sizeof(*sets); s++)
        for (int radius = 2; radius <= MARGIN; radius += 2) {
            const struct af_sum_kernels *kernels = af_sum_kernels_named(sets[s]);
            struct af_height_cells c = {depth, weight, px, py, STRIDE, {0}};
            int found = 0;

            if (!kernels)
                continue;
            for (int i = 0; i <= radius; i++)
                c.kernel[i] = exp(-1.125 * i * i / (radius * radius));
            for (size_t i = 0; i < N * N; i++) {
                const size_t x = i % N, at = (i / N + MARGIN) * STRIDE + x + MARGIN;
                const size_t k = x % AF_HEIGHT_LANES;
                const struct plane want = fit_plane(&c, at, radius);
                struct af_height_planes p;

                kernels->planes(&c, at - k, radius, &p);
                assert_int_equal(p.found[k] != 0, want.found);
                if (!want.found || want.cells < 6)
                    continue;
                found++;
                assert_float_equal(p.depth[k], want.a, 1e-7);
                assert_float_equal(p.inverse[k] / want.inverse, 1, 1e-7);
                assert_float_equal(p.residual[k], want.residual, 1e-7 * (1 + want.residual));
                assert_float_equal(p.kernel[k], want.kernel, 1e-7);
                assert_float_equal(p.kx[k], want.kx, 1e-6);
                assert_float_equal(p.ky[k], want.ky, 1e-6);
            }
            assert_true(found > N * N / 2);
        }
}

/* ------------------------------------------------- rows between rows of cells */

static double between(const float *v, size_t n, double at)
{
    const double p = fmin(fmax(at, 0), (double)(n - 1));
    const size_t i = (size_t)p;

    return v[i] + (p - (double)i) * (v[i + 1 < n ? i + 1 : i] - v[i]);
}

static void rows_run_straight_from_centre_to_centre(void **state)
{
    (void)state;
    for (size_t w = 1; w < 30; w += 7)
        for (size_t cell = 1; cell < 9; cell++) {
            struct af_height t;
            float d[30], e[30];

            assert_int_equal(af_height_init(&t, w, w, cell, NULL), 0);
            for (size_t i = 0; i < t.nx * t.ny; i++)
                t.depth[i] = (float)(i * i % 11), t.err[i] = i % 5 ? 1 : INFINITY;
            for (size_t y = 0; y < w; y++) {
                const double step = (double)cell, half = (double)(cell - 1) / 2;
                float column[30];

                for (size_t i = 0; i < t.nx; i++) {
                    float one[30];

                    for (size_t j = 0; j < t.ny; j++)
                        one[j] = t.depth[j * t.nx + i];
                    column[i] = (float)between(one, t.ny, ((double)y - half) / step);
                }
                af_height_row(&t, y, d, e);
                for (size_t x = 0; x < w; x++) {
                    assert_float_equal(d[x], between(column, t.nx, ((double)x - half) / step),
                                       1e-4);
                    assert_true(!(e[x] < 1)); // what is known no better is not told to be
                }
            }
            af_height_release(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_followed_by_every_set),
        cmocka_unit_test(places_without_scores_have_no_depth),
        cmocka_unit_test(planes_are_those_of_elimination),
        cmocka_unit_test(rows_run_straight_from_centre_to_centre),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
