/* SPDX-License-Identifier: BSD-2-Clause */
/* One bead: widths and place against planted truth, errors against the Cramer-Rao bound. */
#include "psf/measure.h"
#include "base/random.h"
#include "psf/theory.h"
#include "signal/cholesky.h"
#include "child.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 33, PLANES = 25, VOXELS = SIDE * SIDE * PLANES, N = AF_G_N };
#define PX 0.1
#define DZ 0.25
#define FWHM_XY 0.4
#define FWHM_Z 0.9

/* A bead in the middle of its box, as light and with Poisson noise. */
struct scene {
    float v[VOXELS], light[VOXELS], mask[SIDE * SIDE];
    double z_um[PLANES];
    struct af_box box;
    struct af_gauss truth;
};

static void plant(struct scene *s, double photons, double background, double asymmetry,
                  double angle_deg, struct af_random *r)
{
    double a = pow(AF_FWHM / FWHM_XY, 2), b = a / (asymmetry * asymmetry);
    double c = cos(angle_deg * acos(-1) / 180), d = sin(angle_deg * acos(-1) / 180),
           *p = s->truth.p;

    for (int i = 0; i < SIDE * SIDE; i++)
        s->mask[i] = 1;
    for (int i = 0; i < PLANES; i++)
        s->z_um[i] = (i - PLANES / 2) * DZ;
    s->box = (struct af_box){SIDE, SIDE, PLANES, s->v, s->z_um, 0, 0, PX, PX};
    memset(&s->truth, 0, sizeof s->truth);
    p[AF_G_BACKGROUND] = background;
    p[AF_G_AMPLITUDE] = photons;
    p[AF_G_X] = (SIDE / 2 + af_random_uniform(r) - 0.5) * PX;
    p[AF_G_Y] = (SIDE / 2 + af_random_uniform(r) - 0.5) * PX;
    p[AF_G_Z] = (af_random_uniform(r) - 0.5) * DZ;
    p[AF_G_XX] = a * c * c + b * d * d;
    p[AF_G_YY] = a * d * d + b * c * c;
    p[AF_G_XY] = (a - b) * c * d;
    p[AF_G_ZZ] = pow(AF_FWHM / FWHM_Z, 2);
    af_gauss_signal(&s->truth, &s->box, s->light);
    for (int i = 0; i < VOXELS; i++)
        s->v[i] = s->light[i] += (float)background;
}

static double poisson(struct af_random *r, double mean)
{
    double limit = exp(-mean), product = 1;
    int n = -1;

    if (mean > 50)
        return floor(mean + sqrt(mean) * af_random_normal(r) + 0.5);
    do {
        product *= af_random_uniform(r);
        n++;
    } while (product > limit);
    return n;
}

static void add_noise(struct scene *s, struct af_random *r)
{
    for (int i = 0; i < VOXELS; i++)
        s->v[i] = (float)poisson(r, (double)s->light[i]);
}

/* Least standard error of z: all 11 parameters unknown, Fisher information of Poisson light by
 * central differences. */
static double bound_z(const struct scene *s)
{
    static float up[VOXELS], down[VOXELS];
    static double slope[N][VOXELS];
    double f[N * N] = {0}, e[N] = {0};

    for (int i = 0; i < N; i++) {
        struct af_gauss g = s->truth;
        double h = i == AF_G_X || i == AF_G_Y || i == AF_G_Z ? 1e-3 : 1e-3 * fmax(fabs(g.p[i]), 1);

        g.p[i] += h;
        af_gauss_signal(&g, &s->box, up);
        g.p[i] -= 2 * h;
        af_gauss_signal(&g, &s->box, down);
        for (int k = 0; k < VOXELS; k++)
            slope[i][k] = i == AF_G_BACKGROUND ? 1 : (double)(up[k] - down[k]) / (2 * h);
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            for (int k = 0; k < VOXELS; k++)
                f[i * N + j] += slope[i][k] * slope[j][k] / (double)s->light[k];
    assert_true(af_cholesky(f, N, N));
    e[AF_G_Z] = 1;
    af_cholesky_solve(f, N, N, e);
    return sqrt(e[AF_G_Z]);
}

static struct af_psf_opts options(bool fit_3d)
{
    return (struct af_psf_opts){FWHM_XY, FWHM_Z, 0, NAN, 3, INFINITY, 1, fit_3d};
}

static struct af_psf measure(const struct scene *s, const struct af_psf_opts *o)
{
    struct af_psf_seed seed = {SIDE / 2, SIDE / 2, 0, INFINITY, NULL};
    const float *middle = s->v + SIDE / 2 * SIDE + SIDE / 2;
    struct af_psf psf;

    for (size_t k = 1; k < PLANES; k++)
        seed.plane = middle[k * SIDE * SIDE] > middle[seed.plane * SIDE * SIDE] ? k : seed.plane;
    assert_int_equal(af_psf_measure(&s->box, s->mask, &seed, o, &psf, NULL), 0);
    return psf;
}

static struct scene scene;

static void without_noise_the_truth_is_found(void **state)
{
    struct af_psf_opts o = options(true);
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, NULL);
    o.quantum = 0;
    for (int i = 0; i < 8; i++) {
        double angle = -80 + 22 * i;
        struct af_psf p;

        plant(&scene, 1000, 10, 0.8, angle, &r);
        for (int fit = 0; fit < 2; fit++) {
            o.fit_3d = fit;
            p = measure(&scene, &o);
            assert_string_equal(p.quality, AF_PSF_OK);
            assert_true(fabs(p.x_um - scene.truth.p[AF_G_X]) < 1e-5);
            assert_true(fabs(p.y_um - scene.truth.p[AF_G_Y]) < 1e-5);
            assert_true(fabs(p.z_um - scene.truth.p[AF_G_Z]) < 1e-5);
            assert_true(fabs(p.fwhm_max_um - FWHM_XY) < 1e-4);
            assert_true(fabs(p.fwhm_min_um - 0.8 * FWHM_XY) < 1e-4);
            assert_true(fabs(p.fwhm_z_um - FWHM_Z) <
                        1e-3); // the profile is a mean over pixels of one shape
            assert_true(fabs(p.angle_deg - angle) < 0.05);
        }
    }
}

/*
 * 200 beads of 10 to 10,000 photons in the brightest voxel. Widths: the mean within 1 %, and within
 * 4 of its own standard errors where that is more (few photons); of min and max the geometric mean,
 * since sorting two alike parts them. z: r.m.s. error over the bound; 1.3 is asked from 1000
 * photons, and held from 10.
 */
static void widths_are_true_and_z_is_as_good_as_light_allows(void **state)
{
    enum { TRIALS = 200 };
    static const double photons[] = {10, 100, 1000, 10000};
    const struct af_psf_opts o = options(true);
    struct af_random r;

    (void)state;
    af_random_init(&r, 2, NULL);
    for (int k = 0; k < 4; k++) {
        double xy = 0, xy2 = 0, z = 0, z2 = 0, err2 = 0, pull = 0, n = 0, sd_xy, sd_z;

        for (int i = 0; i < TRIALS; i++) {
            struct af_psf p;
            double bound, e;

            plant(&scene, photons[k], 1, 1, 0, &r);
            bound = i < 20 ? bound_z(&scene) : NAN;
            if (i < 20)
                err2 += bound * bound / 20;
            add_noise(&scene, &r);
            p = measure(&scene, &o);
            assert_string_equal(p.quality, AF_PSF_OK);
            e = sqrt(p.fwhm_min_um * p.fwhm_max_um);
            xy += e;
            xy2 += e * e;
            z += p.fwhm_z_um;
            z2 += p.fwhm_z_um * p.fwhm_z_um;
            e = p.z_um - scene.truth.p[AF_G_Z];
            n += e * e / TRIALS;
            pull += pow(e / p.z_err_um, 2) / TRIALS;
        }
        xy /= TRIALS;
        z /= TRIALS;
        sd_xy = sqrt(fmax(xy2 / TRIALS - xy * xy, 0) / TRIALS);
        sd_z = sqrt(fmax(z2 / TRIALS - z * z, 0) / TRIALS);
        printf("# %5.0f photons: lateral %+.2f %%, axial %+.2f %%, z error %.2f times the bound, "
               "%.2f its own\n",
               photons[k], 100 * (xy / FWHM_XY - 1), 100 * (z / FWHM_Z - 1), sqrt(n / err2),
               sqrt(pull));
        assert_true(fabs(xy / FWHM_XY - 1) < fmax(0.01, 4 * sd_xy / FWHM_XY));
        assert_true(fabs(z / FWHM_Z - 1) < fmax(0.01, 4 * sd_z / FWHM_Z));
        assert_true(sqrt(n / err2) < 1.3);
        assert_true(sqrt(pull) > 0.8 && sqrt(pull) < 1.25); // standard errors tell the truth
    }
}

static void what_is_wrong_is_named(void **state)
{
    struct af_psf_opts o = options(false);
    struct af_random r;

    (void)state;
    af_random_init(&r, 3, NULL);
    plant(&scene, 1000, 10, 1, 0, &r);
    o.saturated = 900;
    assert_string_equal(measure(&scene, &o).quality, AF_PSF_SATURATED);
    o.saturated = INFINITY;
    scene.truth.p[AF_G_Z] = 3;
    af_gauss_signal(&scene.truth, &scene.box, scene.v);
    assert_string_equal(measure(&scene, &o).quality, AF_PSF_CLIPPED);
    plant(&scene, 4, 1, 1, 0,
          &r); // without noise: that of rounding, 1 / sqrt(12), so the ratio is 13.9
    o.snr_least = 16;
    assert_string_equal(measure(&scene, &o).quality, AF_PSF_DIM);
    o.snr_least = 60;
    assert_null(measure(&scene, &o).quality); // nothing to speak of
    plant(&scene, 1000, 10, 0.3, 0, &r);      // as long as three beads
    o.snr_least = 3;
    assert_string_equal(measure(&scene, &o).quality, AF_PSF_FIT);
}

static double sinc2(double u)
{
    return pow(sin(u) / u, 2);
}

/* 2 J1(v) / v at its half maximum, by its integral; sin(u) / u likewise. */
static void theory_is_half_of_the_maximum(void **state)
{
    double v = acos(-1) * af_theory_lateral_um(1, 1), sum = 0, u;
    const int steps = 2000;

    (void)state;
    for (int i = 0; i < steps; i++) { // J1(v) = 1/pi int cos(t - v sin t) dt
        double t = acos(-1) * (i + 0.5) / steps;
        sum += cos(t - v * sin(t)) / steps;
    }
    assert_true(fabs(pow(2 * sum / v, 2) - 0.5) < 2e-4);
    u = acos(-1) / 2 * af_theory_axial_um(0.6, 1, 1) * (1 - 0.8);
    assert_true(fabs(sinc2(u) - 0.5) < 2e-4);
    assert_true(fabs(af_theory_depth_um(0.5, 0.5, 1.5) - 3) < 1e-12); // n lambda / NA^2
    assert_true(fabs(af_theory_axial_um(0.1, 0.5, 1.5) / (1.772 * 1.5 * 0.5 / 0.01) - 1) < 0.01);
}

/* A bead's variance along an axis by adding up its slices. */
static void a_beads_own_width_is_that_of_a_sphere(void **state)
{
    double sum = 0, all = 0, want;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        double x = (i + 0.5) / 10000 - 0.5, area = 0.25 - x * x;
        sum += area * x * x;
        all += area;
    }
    want = sqrt(0.16 - AF_FWHM * AF_FWHM * sum / all * 0.04);
    assert_true(fabs(af_theory_without_bead_um(0.4, 0.2) - want) < 1e-6);
    assert_true(isnan(af_theory_without_bead_um(0.4, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_noise_the_truth_is_found),
        cmocka_unit_test(widths_are_true_and_z_is_as_good_as_light_allows),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(theory_is_half_of_the_maximum),
        cmocka_unit_test(a_beads_own_width_is_that_of_a_sphere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
