/* SPDX-License-Identifier: BSD-2-Clause */
/* Fits against those of scipy (tests/expect/gauss.py), and the exponential by recurrence against
 * exp. */
#include "psf/gauss.h"
#include "child.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 25, N = AF_G_N };
#define PX 0.1

static const double truth[N] = {20, 200, 1.23, 1.17, 0, 35, 28, 1, 4, 0, 0};

static double direct(const double *p, double x, double y, double z)
{
    double u = x - p[AF_G_X], v = y - p[AF_G_Y], w = z - p[AF_G_Z];

    return p[AF_G_AMPLITUDE] *
           exp(-(p[AF_G_XX] * u * u + p[AF_G_YY] * v * v + p[AF_G_ZZ] * w * w +
                 2 * (p[AF_G_XY] * u * v + p[AF_G_XZ] * u * w + p[AF_G_YZ] * v * w)) /
               2);
}

static void the_recurrence_is_the_exponential(void **state)
{
    static float v[3 * SIDE * SIDE];
    double z[3] = {-1, 0, 0.7};
    struct af_box box = {SIDE, SIDE, 3, v, z, 0, 0, PX, PX};
    struct af_gauss g = {.p = {0, 1000, 1.23, 1.17, 0.2, 35, 28, 6, 4, 3, -2}};

    (void)state;
    for (int far = 0; far < 2; far++) {
        g.p[AF_G_X] += 3 * far; // its centre beyond the box
        af_gauss_signal(&g, &box, v);
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < SIDE * SIDE; i++) {
                double want = direct(g.p, i % SIDE * PX, i / SIDE * PX, z[k]);

                assert_true(fabs((double)v[k * SIDE * SIDE + i] - want) < 1e-6 * want + 1e-30);
            }
    }
}

static void scipy_finds_the_same(void **state)
{
    static float v[SIDE * SIDE];
    double z = 0;
    struct af_box box = {SIDE, SIDE, 1, v, &z, 0, 0, PX, PX};
    struct af_gauss g = {.p = {10, 150, 1.2, 1.2, 0, 30, 30, 1, 0, 0, 0}};
    char path[4096];
    uint32_t lcg = 1;
    double value, error;
    int place, n = 0;
    FILE *fp;

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++) {
        lcg = (1103515245u * lcg + 12345u) % 0x80000000u;
        v[i] = (float)(truth[AF_G_BACKGROUND] + direct(truth, i % SIDE * PX, i / SIDE * PX, 0) +
                       lcg / 2147483648.0 * 10);
    }
    assert_true(af_gauss_fit(&g, &box, NULL, false, AF_G_PLANE_FIXED));
    snprintf(path, sizeof path, "%s/tests/expect/gauss.tsv", getenv("SRC"));
    assert_non_null(fp = fopen(path, "r"));
    assert_int_equal(fscanf(fp, "%*s %*s %*s"), 0);
    for (; fscanf(fp, "%d %lf %lf", &place, &value, &error) == 3; n++) {
        /* A thousandth of the standard error; voxels are floats here, and its errors are printed to
         * 6 digits. */
        assert_true(fabs(g.p[place] - value) < 1e-3 * error);
        assert_true(fabs(sqrt(g.cov[place * N + place]) / error - 1) < 1e-4);
    }
    fclose(fp);
    assert_int_equal(n, 7);
}

/* d width / d p by central differences, p XX, YY, XY for those across, ZZ for that along z. */
static void errors_of_widths_are_those_of_the_precision_carried_on(void **state)
{
    static const int at[4] = {AF_G_XX, AF_G_YY, AF_G_XY, AF_G_ZZ};
    static const double cov[3][3] = {{2, 0.5, 0.3}, {0.5, 1, -0.2}, {0.3, -0.2, 0.4}};
    struct af_gauss g = {.p = {0, 1000, 0, 0, 0, 35, 28, 6, 4, 0, 0}};
    double slope[3][2], along = 0, min = 0, max = 0, unused, err_z;
    struct af_widths w;

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            g.cov[at[i] * N + at[k]] = cov[i][k];
    g.cov[AF_G_ZZ * N + AF_G_ZZ] = 0.09;
    for (int i = 0; i < 4; i++) {
        struct af_gauss up = g, down = g;

        up.p[at[i]] += 1e-4;
        down.p[at[i]] -= 1e-4;
        if (i < 3) {
            slope[i][0] = (af_gauss_widths(&up).min_um - af_gauss_widths(&down).min_um) / 2e-4;
            slope[i][1] = (af_gauss_widths(&up).max_um - af_gauss_widths(&down).max_um) / 2e-4;
        } else {
            along = (af_gauss_width_z(&up, &unused) - af_gauss_width_z(&down, &unused)) / 2e-4;
        }
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            min += slope[i][0] * slope[k][0] * cov[i][k];
            max += slope[i][1] * slope[k][1] * cov[i][k];
        }
    w = af_gauss_widths(&g);
    assert_true(fabs(w.min_err_um / sqrt(min) - 1) < 1e-6);
    assert_true(fabs(w.max_err_um / sqrt(max) - 1) < 1e-6);
    assert_true(fabs(af_gauss_width_z(&g, &err_z) - AF_FWHM / sqrt(6)) < 1e-12);
    assert_true(fabs(err_z / (0.3 * fabs(along)) - 1) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recurrence_is_the_exponential),
        cmocka_unit_test(scipy_finds_the_same),
        cmocka_unit_test(errors_of_widths_are_those_of_the_precision_carried_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
