/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spotmake.h"
#include <stdio.h>
#include <string.h>

#define PI 3.14159265358979323846
#define BARE "&fringes=0&second=0" // no light but that of the first surface

static float *keep(const struct spotmaker *m)
{
    float *copy = malloc(m->w * m->h * sizeof *copy);

    assert_non_null(copy);
    return memcpy(copy, m->light, m->w * m->h * sizeof *copy);
}

static double largest(const float *v, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, v[i]);
    return most;
}

/* Largest difference of two pictures, in units of the first one's maximum. */
static double differ(const float *a, const float *b, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - b[i]));
    return most / largest(a, n);
}

/* Of the same instrument at +z and -z. */
static double sides_differ(const char *options, double z_um)
{
    struct spotmaker m;

    spot_begin(&m, options);
    spot_at(&m, z_um);
    float *above = keep(&m);
    spot_at(&m, -z_um);
    double d = differ(above, m.light, m.w * m.h);
    print_message("# %s: +/-%g um differ by %.2g of the maximum\n", options, z_um, d);
    free(above);
    spot_end(&m);
    return d;
}

static void ideal_instrument_cannot_tell_above_from_below(void **state)
{
    static const double z[] = {0.3, 2, 9, 60};

    (void)state;
    /* Float sums of some thousand terms. */
    for (size_t i = 0; i < 4; i++)
        assert_true(sides_differ("preset=ideal", z[i]) < 1e-4);
}

static void default_instrument_tells_above_from_below(void **state)
{
    static const double z[] = {1, 2, 9, 60};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(sides_differ("preset=paper", z[i]) > 0.2);
    assert_true(sides_differ("preset=rough", 5) > 0.2);
}

/* Nor can coma alone tell, since in I(x; z, even, odd) conj(P(-r)) gives the same picture. */
static void coma_alone_tells_nothing(void **state)
{
    (void)state;
    assert_true(sides_differ("preset=ideal&coma=0.1", 4) < 1e-4);
    assert_true(sides_differ("preset=ideal&spherical=0.1", 4) > 0.2);
}

/* I(x; z, even, odd, A(r)) = I(x; -z, -even, odd, A*(-r)). */
static void picture_is_that_of_the_mirrored_conjugate_pupil(void **state)
{
    struct spotmaker m, n;

    (void)state;
    spot_begin(&m, "day_drift=0&hour_drift=0&roughness=0" BARE);
    spot_begin(&n, "day_drift=0&hour_drift=0&roughness=0&spherical=-0.08&spherical2=-0.01"
                   "&astigmatism=-0.05&af_offset=-0.3&beam_x=-40&beam_y=-90&decentre_x=-20"
                   "&decentre_y=-45&slit_distance=-50mm" BARE);
    for (int i = 0; i < 3; i++) {
        static const double z[] = {-0.4, 3, 40};
        spot_at(&m, z[i]);
        spot_at(&n, -z[i]);
        assert_true(differ(m.light, n.light, m.w * m.h) < 1e-4);
        spot_at(&n, z[i]);
        assert_true(differ(m.light, n.light, m.w * m.h) > 0.1);
    }
    spot_end(&m);
    spot_end(&n);
}

/* A small slit, evenly lit, in focus: (sin u / u)^2 along each side. */
static void focus_of_an_even_slit_is_a_sinc_squared(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=ideal&slit_x=100&slit_y=150&beam=1m&pixel=2.5" BARE);
    spot_at(&m, 0);
    double scale = m.p.wavelength_um * m.p.magnification * m.p.focal_um; // lambda F
    double unit_x = 2 * 100 * 2.5 / scale, unit_y = 2 * 150 * 2.5 / scale, most = unit_x * unit_y;
    for (size_t i = 0; i < m.w * m.h; i++) {
        double x = ((double)(i % m.w) - (double)(m.w - 1) / 2) * unit_x * PI;
        double y = ((double)(i / m.w) - (double)(m.h - 1) / 2) * unit_y * PI;
        double want = unit_x * unit_y * pow(sin(x) / x * (sin(y) / y), 2);
        /* Reflection varies by 4e-4 over the slit, samples stand in for a sharp edge. */
        assert_true(fabs(m.light[i] - want) < 0.003 * most);
    }
    spot_end(&m);
}

/*
 * No slit, a Gaussian beam: by Parseval's theorem the picture is Gaussian of width
 * w0 sqrt(1 + (z / zr)^2), w0 = lambda F / (pi w), zr = n f^2 lambda / (2 pi w^2), to the
 * fourth order of the aperture w / f, 1e-4 here.
 */
static void width_of_a_gaussian_beam_is_its_closed_form(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=ideal&slit_x=1200&slit_y=1200&beam=200&size=1600x1600" BARE);
    const struct af_sim_params *p = &m.p;
    double w = p->beam_um, f = p->focal_um;
    double w0 = p->wavelength_um * p->magnification * f / (PI * w) / p->pixel_um;
    double zr = p->index * f * f * p->wavelength_um / (2 * PI * w * w), worst = 0;
    for (int z = -100; z <= 100; z += 20) {
        double want = w0 / 2 * sqrt(1 + z * z / (zr * zr)); // r.m.s. is half of 1/e^2
        spot_at(&m, z);
        worst = fmax(worst, fabs(rms_width(m.rows, m.h) / want - 1));
        worst = fmax(worst, fabs(rms_width(m.columns, m.w) / want - 1));
    }
    print_message("# widths over +/-100 um are at most %.4f off\n", worst);
    assert_true(worst < 0.01);
    spot_end(&m);
}

/* Column or row at which the light's centre lies, px. */
static double centre(const double *p, size_t n)
{
    double sum = 0, first = 0;

    for (size_t i = 0; i < n; i++) {
        sum += p[i];
        first += p[i] * (double)i;
    }
    return first / sum;
}

/*
 * The same beam, a circle of radius R = 1200 um for the polynomials. With u = r / R, the phases of
 * defocus, -z r^2 / (n lambda f^2) turns, and of astigmatism, a sqrt(6) (y^2 - x^2) / R^2, part the
 * two foci by +/- a sqrt(6) n lambda f^2 / R^2; an offset acts as defocus. Coma tilts the beam by
 * its mean slope c sqrt(8) (12 s^2 - 2) / R, s = w / 2 R, and the picture moves the other way.
 */
static void aberrations_move_and_part_the_focus_as_their_polynomials_do(void **state)
{
    struct spotmaker m;
    const double offset_um = 20, coma = 0.5; // and 1 wave of astigmatism

    (void)state;
    spot_begin(&m, "preset=ideal&slit_x=1200&slit_y=1200&beam=200&size=1600x1600&astigmatism=1"
                   "&af_offset=20um" BARE);
    const struct af_sim_params *p = &m.p;
    double w = p->beam_um, f = p->focal_um, r = p->slit_y_um;
    double unit = p->wavelength_um * p->magnification * f / p->pixel_um; // px for a turn an um
    double zr = p->index * f * f * p->wavelength_um / (2 * PI * w * w);
    double apart = sqrt(6) * p->index * p->wavelength_um * f * f / (r * r);
    for (int z = -60; z <= 60; z += 20) {
        double along_y = (z + offset_um - apart) / zr, along_x = (z + offset_um + apart) / zr;
        spot_at(&m, z);
        double rows = rms_width(m.rows, m.h) * 2 * PI * w / unit;
        double columns = rms_width(m.columns, m.w) * 2 * PI * w / unit;
        assert_true(fabs(rows / hypot(1, along_y) - 1) < 0.015);
        assert_true(fabs(columns / hypot(1, along_x) - 1) < 0.015);
    }
    spot_end(&m);
    spot_begin(&m, "preset=ideal&slit_x=1200&slit_y=1200&beam=200&size=1600x1600&coma=0.5" BARE);
    double moved = -unit * coma * sqrt(8) * (12 * w * w / (4 * r * r) - 2) / r; // px
    spot_at(&m, 0);
    assert_true(fabs(centre(m.columns, m.w) - 799.5 - 0.6 * moved) < 0.02 * moved);
    assert_true(fabs(centre(m.rows, m.h) - 799.5 - 0.8 * moved) < 0.02 * moved);
    spot_end(&m);
}

/* A square of 1 px has the variance 1/12; nothing of the light lies at the border. */
static void pixels_widen_the_picture_by_their_own_variance(void **state)
{
    struct spotmaker m;
    double before[2];

    (void)state;
    spot_begin(&m, "preset=ideal&slit_x=1200&slit_y=1200&beam=600&size=400x400" BARE);
    spot_at(&m, 0);
    for (int side = 0; side < 2; side++) {
        double p[400] = {0};
        for (size_t i = 0; i < m.w * m.h; i++)
            p[side ? i / m.w : i % m.w] += m.spot.raw[i];
        before[side] = rms_width(p, 400);
    }
    assert_true(fabs(pow(rms_width(m.columns, m.w), 2) - pow(before[0], 2) - 1.0 / 12) < 1e-3);
    assert_true(fabs(pow(rms_width(m.rows, m.h), 2) - pow(before[1], 2) - 1.0 / 12) < 1e-3);
    spot_end(&m);
}

/* Fresnel at normal incidence: of glass of 1.518, air sends 4.2320 % back, water 0.41144 %. */
static void air_behind_the_coverslip_sends_more_light_back(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=ideal&size=16x16");
    assert_true(fabs(af_spot_power(&m.p, &m.a) - 1) < 1e-12);
    m.a.power = 0.7;
    m.a.sample_index = 1;
    assert_true(fabs(af_spot_power(&m.p, &m.a) / 0.7 - 4.2320 / 0.41144) < 1e-3);
    spot_end(&m);
}

/* Geometry: a marginal ray at NA s leaves the axis by 2 z tan(theta), sin(theta) = s / n. */
static void height_far_from_focus_is_that_of_the_marginal_rays(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=ideal&size=300x3000&beam=1m" BARE);
    double s = m.p.slit_y_um / m.p.focal_um;
    double tangent = s / sqrt(m.p.index * m.p.index - s * s);
    for (double z = 15; z < 40; z *= 1.5) {
        size_t from = 0, to = m.h - 1;
        spot_at(&m, z);
        double level = 0;
        for (size_t y = m.h / 2 - 50; y < m.h / 2 + 50; y++)
            level += m.rows[y] / 100;
        /* At an edge a diffracted field has half its amplitude; the ray density at the edge
         * is that of the middle times (dr/dy ratio), cos^3 of the angle inside: about 0.43. */
        level *= 0.25 * pow(1 - s * s / (m.p.index * m.p.index), 1.5);
        while (m.rows[from] < level)
            from++;
        while (m.rows[to] < level)
            to--;
        double want = 4 * m.p.magnification * z * tangent / m.p.pixel_um;
        assert_true(fabs((double)(to - from + 1) / want - 1) < 0.02);
    }
    spot_end(&m);
}

/* Half the range in which a width stays below sqrt(2) times its smallest, by FWHM. */
static double confocal_um(struct spotmaker *m, double (*width)(const struct spotmaker *),
                          double step)
{
    double smallest, before, here;
    int i = 0;

    spot_at(m, 0);
    smallest = here = width(m);
    do {
        before = here;
        spot_at(m, step * ++i);
        here = width(m);
        assert_true(i < 200);
    } while (here < smallest * sqrt(2));
    return step * (i - (here - smallest * sqrt(2)) / (here - before));
}

static double fwhm(const double *p, size_t n)
{
    size_t top = 0, from, to;

    for (size_t i = 0; i < n; i++)
        top = p[i] > p[top] ? i : top;
    double half = p[top] / 2;
    for (from = top; from > 0 && p[from - 1] >= half;)
        from--;
    for (to = top; to + 1 < n && p[to + 1] >= half;)
        to++;
    assert_true(from > 0 && to + 1 < n);
    return (double)(to - from) + (p[from] - half) / (p[from] - p[from - 1]) +
           (p[to] - half) / (p[to] - p[to + 1]);
}

static double fwhm_rows(const struct spotmaker *m)
{
    return fwhm(m->rows, m->h);
}

static double fwhm_columns(const struct spotmaker *m)
{
    return fwhm(m->columns, m->w);
}

static double effective_rows(const struct spotmaker *m)
{
    return effective_width(m->rows, m->h);
}

static double effective_columns(const struct spotmaker *m)
{
    return effective_width(m->columns, m->w);
}

static void confocal_parameters_have_the_ratio_9(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=ideal&size=400x1200" BARE);
    double full = confocal_um(&m, fwhm_columns, 0.3) / confocal_um(&m, fwhm_rows, 0.04);
    double effective =
        confocal_um(&m, effective_columns, 0.3) / confocal_um(&m, effective_rows, 0.04);
    print_message("# ratio of confocal parameters: %.2f by FWHM, %.2f by effective width\n", full,
                  effective);
    assert_true(fabs(full / 9 - 1) < 0.1);
    assert_true(fabs(effective / 9 - 1) < 0.1);
    spot_end(&m);
}

static void light_is_neither_lost_nor_won_before_the_sensor(void **state)
{
    /* A sensor that takes all of the picture, in pixels still finer than its fringes. */
    static const struct {
        const char *preset;
        double z;
    } all[] = {{"paper", 0}, {"paper", 10}, {"paper", -10}, {"rough", -5}, {"paper", 60}};
    struct spotmaker m;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char options[100];
        snprintf(options, sizeof options, "preset=%s&pixel=%d&size=%s" BARE, all[i].preset, 10,
                 all[i].z > 20 ? "1200x2400" : "1000x1000");
        spot_begin(&m, options);
        double got = spot_at(&m, all[i].z);
        print_message("# %s, z %g: %.4f of the light\n", all[i].preset, all[i].z, got);
        assert_true(fabs(got - 1) < 0.01);
        spot_end(&m);
    }
}

static void finer_pupil_changes_little(void **state)
{
    static const double z[] = {0.2, 4, 30, 100};
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=paper");
    for (size_t i = 0; i < sizeof z / sizeof *z; i++) {
        m.spot.finer = 1;
        m.spot.level_um = 0;
        spot_at(&m, z[i]);
        float *coarse = keep(&m);
        m.spot.finer = 2;
        m.spot.level_um = 0;
        spot_at(&m, z[i]);
        double d = differ(m.light, coarse, m.w * m.h);
        print_message("# z %g: %.4f of the maximum\n", z[i], d);
        assert_true(d < 0.01);
        free(coarse);
    }
    spot_end(&m);
}

static void alignment_shifts_the_picture_by_whole_pixels(void **state)
{
    struct spotmaker m;

    (void)state;
    spot_begin(&m, "preset=paper&size=320x240" BARE);
    spot_at(&m, 1);
    float *before = keep(&m);
    m.a.shift_x_px += 7;
    m.a.shift_y_px -= 5;
    spot_at(&m, 1);
    double most = largest(before, m.w * m.h);
    for (size_t y = 10; y < m.h - 10; y++)
        for (size_t x = 10; x < m.w - 10; x++)
            assert_true(fabs(m.light[(y - 5) * m.w + x + 7] - before[y * m.w + x]) < 1e-3 * most);
    free(before);
    spot_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_instrument_cannot_tell_above_from_below),
        cmocka_unit_test(default_instrument_tells_above_from_below),
        cmocka_unit_test(coma_alone_tells_nothing),
        cmocka_unit_test(picture_is_that_of_the_mirrored_conjugate_pupil),
        cmocka_unit_test(focus_of_an_even_slit_is_a_sinc_squared),
        cmocka_unit_test(width_of_a_gaussian_beam_is_its_closed_form),
        cmocka_unit_test(aberrations_move_and_part_the_focus_as_their_polynomials_do),
        cmocka_unit_test(pixels_widen_the_picture_by_their_own_variance),
        cmocka_unit_test(air_behind_the_coverslip_sends_more_light_back),
        cmocka_unit_test(height_far_from_focus_is_that_of_the_marginal_rays),
        cmocka_unit_test(confocal_parameters_have_the_ratio_9),
        cmocka_unit_test(light_is_neither_lost_nor_won_before_the_sensor),
        cmocka_unit_test(finer_pupil_changes_little),
        cmocka_unit_test(alignment_shifts_the_picture_by_whole_pixels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
