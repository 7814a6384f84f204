/* SPDX-License-Identifier: BSD-2-Clause */
/* What many beads say together, what noise does not say, and pairs of two colours. */
#include "psf/field.h"
#include "psf/find.h"
#include "psf/pair.h"
#include "base/random.h"
#include "child.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEADS = 60 };

static void make_beads(struct af_psf *b, double tilt_x, double tilt_y, double bend, double noise)
{
    struct af_random r;

    af_random_init(&r, 1, NULL);
    memset(b, 0, BEADS * sizeof *b);
    for (int i = 0; i < BEADS; i++) {
        b[i].x_um = 100 * af_random_uniform(&r);
        b[i].y_um = 80 * af_random_uniform(&r);
        b[i].z_um = 7 + tilt_x * b[i].x_um + tilt_y * b[i].y_um +
                    bend / 2 * pow(b[i].x_um - 50, 2) + noise * af_random_normal(&r);
        b[i].fwhm_min_um = 0.3;
        b[i].fwhm_max_um = 0.48;
        b[i].fwhm_z_um = 0.9;
        b[i].quality = i % 10 == 9 ? AF_PSF_DIM : AF_PSF_OK;
        if (i % 10 == 9)
            b[i].z_um = b[i].fwhm_min_um = NAN;
    }
}

static void a_planted_tilt_and_bend_are_found(void **state)
{
    struct af_psf b[BEADS];
    struct af_field f;

    (void)state;
    make_beads(b, 2.5e-3, -1e-3, 0, 0);
    assert_int_equal(af_field_fit(&f, b, BEADS, NULL), 0);
    assert_int_equal(f.nok, 54);
    assert_int_equal(f.nbeads, BEADS);
    assert_true(fabs(f.tilt_x_mrad - 2.5) < 1e-9 && fabs(f.tilt_y_mrad + 1) < 1e-9);
    assert_true(fabs(f.fwhm_xy_um - sqrt(0.3 * 0.48)) < 1e-12);
    assert_true(f.flat_um < 1e-9);
    make_beads(b, 0, 0, 2e-5, 0); // 2e-5 per um is 0.02 per mm
    assert_int_equal(af_field_fit(&f, b, BEADS, NULL), 0);
    assert_true(fabs(f.curvature_x_per_mm - 0.02) < 1e-6 && fabs(f.curvature_y_per_mm) < 1e-6);
}

static void a_floating_bead_does_not_tilt_the_field(void **state)
{
    struct af_psf b[BEADS];
    struct af_field f;

    (void)state;
    make_beads(b, 2e-3, 0, 0, 0.005);
    b[0].z_um += 3;
    assert_int_equal(af_field_fit(&f, b, BEADS, NULL), 0);
    assert_true(fabs(f.tilt_x_mrad - 2) < 4 * f.tilt_x_err_mrad);
    assert_true(f.flat_um < 0.01);
}

/* Widths of 0.4 and 0.6 um: partners lie up to 1 um apart. */
static void beads_more_than_two_widths_apart_are_no_pair(void **state)
{
    struct af_psf a = {.fwhm_max_um = 0.4, .quality = AF_PSF_OK}, b = a;
    struct af_psf_shift s;

    (void)state;
    b.fwhm_max_um = 0.6;
    b.x_um = 0.6;
    b.y_um = 0.79;
    b.z_um = -7;
    af_psf_pair(&a, 1, &b, 1, &s);
    assert_true(s.um[0] == 0.6 && s.um[1] == 0.79 && s.um[2] == -7); // z does not count
    b.y_um = 0.81;
    af_psf_pair(&a, 1, &b, 1, &s);
    assert_true(isnan(s.um[0]) && isnan(s.um[1]) && isnan(s.um[2]));
}

/*
 * Corners of 100 x 40 um, saddled by +/- 0.1 um, which no plane can follow: one degree of freedom
 * is left, s^2 = 4 x 0.01, and a slope's error is s / sqrt(sum x^2), s / 100 um and s / 40 um.
 */
static void errors_of_a_tilt_come_from_what_the_plane_leaves(void **state)
{
    struct af_psf b[4];
    struct af_field f;

    (void)state;
    memset(b, 0, sizeof b);
    for (int i = 0; i < 4; i++) {
        b[i].x_um = i % 2 * 100;
        b[i].y_um = i / 2 * 40;
        b[i].z_um = 7 + (i % 2 == i / 2 ? 0.1 : -0.1);
        b[i].quality = AF_PSF_OK;
    }
    assert_int_equal(af_field_fit(&f, b, 4, NULL), 0);
    assert_true(fabs(f.z_sd_um - sqrt(0.04 / 3)) < 1e-12);
    assert_true(fabs(f.tilt_x_mrad) < 1e-9 && fabs(f.tilt_y_mrad) < 1e-9);
    assert_true(fabs(f.flat_um - 0.2) < 1e-12);
    assert_true(fabs(f.tilt_x_err_mrad - 2) < 1e-9 && fabs(f.tilt_y_err_mrad - 5) < 1e-9);
}

static void few_beads_say_little(void **state)
{
    struct af_psf b[BEADS];
    struct af_field f;

    (void)state;
    make_beads(b, 1e-3, 0, 0, 0);
    assert_int_equal(af_field_fit(&f, b, 0, NULL), 0);
    assert_true(isnan(f.z_mean_um) && isnan(f.tilt_x_mrad));
    assert_int_equal(af_field_fit(&f, b, 1, NULL), 0);
    assert_true(!isnan(f.z_mean_um) && isnan(f.z_sd_um) && isnan(f.tilt_x_mrad));
    assert_int_equal(af_field_fit(&f, b, 3, NULL), 0);
    assert_true(fabs(f.tilt_x_mrad - 1) < 1e-9 && isnan(f.flat_um));
}

static void a_planted_shift_of_colours_is_found(void **state)
{
    struct af_psf a[BEADS], b[BEADS];
    struct af_psf_shift s[BEADS];
    size_t found = 0;

    (void)state;
    make_beads(a, 0, 0, 0, 0);
    make_beads(b, 0, 0, 0, 0);
    for (int i = 0; i < BEADS; i++) {
        b[i].x_um += 0.05;
        b[i].y_um -= 0.02;
        b[i].z_um += 0.3;
    }
    af_psf_pair(a, BEADS, b, BEADS - 20, s);
    for (int i = 0; i < BEADS; i++) {
        if (isnan(s[i].um[0]))
            continue;
        found++;
        assert_true(fabs(s[i].um[0] - 0.05) < 1e-9 && fabs(s[i].um[1] + 0.02) < 1e-9 &&
                    fabs(s[i].um[2] - 0.3) < 1e-9);
    }
    assert_int_equal(found, 36); // 40 less those that are not ok
}

/* How many spots 21 planes of noise have: Gaussian, or Poisson of so many photons. */
static size_t spots_of_noise(double photons, uint64_t seed)
{
    struct af_psf_finder f;
    struct af_psf_spot *spots;
    struct af_image img = {0};
    struct af_random r;
    size_t n;

    af_random_init(&r, seed, NULL);
    assert_int_equal(af_image_resize(&img, 300, 200, AF_F32, NULL), 0);
    assert_int_equal(af_psf_finder_init(&f, 300, 200, 1.5, 1, NULL), 0);
    for (int k = 0; k < 21; k++) {
        for (size_t i = 0; i < 300 * 200; i++) {
            double v = 100 + af_random_normal(&r), product = 1;

            if (photons > 0)
                for (v = -1; product > exp(-photons); v++)
                    product *= af_random_uniform(&r);
            ((float *)img.data)[i] = (float)v;
        }
        assert_int_equal(af_psf_finder_add(&f, &img, 1, NULL), 0);
    }
    assert_int_equal(af_psf_finder_spots(&f, 4, &spots, &n, NULL), 0);
    free(spots);
    af_psf_finder_release(&f);
    af_image_release(&img);
    return n;
}

static void noise_has_no_beads(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        assert_int_equal(spots_of_noise(0, seed), 0);
        assert_int_equal(spots_of_noise(5, seed), 0);
        assert_int_equal(spots_of_noise(0.3, seed), 0);
    }
}

/* The same counts as 16 bits and as floats, in any number of planes and threads. */
static void planes_at_once_are_as_one_by_one(void **state)
{
    enum { W = 67, H = 45, PLANES = 11 };
    struct af_image counts[PLANES] = {{0}}, real[PLANES] = {{0}};
    struct af_psf_finder one, four;
    struct af_random r;

    (void)state;
    af_random_init(&r, 8, NULL);
    for (int k = 0; k < PLANES; k++) {
        assert_int_equal(af_image_resize(&counts[k], W, H, AF_U16, NULL), 0);
        assert_int_equal(af_image_resize(&real[k], W, H, AF_F32, NULL), 0);
        for (size_t i = 0; i < (size_t)W * H; i++) {
            ((uint16_t *)counts[k].data)[i] = (uint16_t)(65535 * af_random_uniform(&r));
            ((float *)real[k].data)[i] = ((uint16_t *)counts[k].data)[i];
        }
    }
    assert_int_equal(af_psf_finder_init(&one, W, H, 1.3, 1, NULL), 0);
    assert_int_equal(af_psf_finder_init(&four, W, H, 1.3, 3, NULL), 0);
    for (size_t k = 0; k < PLANES; k++)
        assert_int_equal(af_psf_finder_add(&one, &real[k], 1, NULL), 0);
    for (size_t k = 0; k < PLANES; k += AF_PSF_ATONCE) {
        size_t n = PLANES - k < AF_PSF_ATONCE ? PLANES - k : AF_PSF_ATONCE;

        assert_int_equal(af_psf_finder_add(&four, &counts[k], n, NULL), 0);
    }
    assert_int_equal(four.nplanes, PLANES);
    assert_true(one.largest == four.largest);
    for (size_t i = 0; i < (size_t)W * H; i++) {
        assert_true(fabs((double)one.peak[i] / (double)four.peak[i] - 1) < 1e-5); // float sums
        assert_int_equal(one.at[i], four.at[i]);
    }
    af_psf_finder_release(&one);
    af_psf_finder_release(&four);
    for (int k = 0; k < PLANES; k++) {
        af_image_release(&counts[k]);
        af_image_release(&real[k]);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    struct af_err err = {AF_OK, ""};
    struct af_psf_finder f;
    struct af_image img = {0};

    (void)state;
    assert_int_equal(af_image_resize(&img, 20, 20, AF_F32, NULL), 0);
    memset(img.data, 0, 20 * 20 * sizeof(float));
    assert_int_equal(af_psf_finder_init(&f, 20, 20, 1.5, 1, NULL), 0);
    assert_int_equal(af_psf_finder_add(&f, &img, 1, NULL), 0);
    ((float *)img.data)[17] = NAN;
    assert_int_equal(af_psf_finder_add(&f, &img, 1, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    ((float *)img.data)[17] = INFINITY;
    assert_int_equal(af_psf_finder_add(&f, &img, 1, NULL), -1);
    af_psf_finder_release(&f);
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_tilt_and_bend_are_found),
        cmocka_unit_test(a_floating_bead_does_not_tilt_the_field),
        cmocka_unit_test(beads_more_than_two_widths_apart_are_no_pair),
        cmocka_unit_test(errors_of_a_tilt_come_from_what_the_plane_leaves),
        cmocka_unit_test(few_beads_say_little),
        cmocka_unit_test(a_planted_shift_of_colours_is_found),
        cmocka_unit_test(noise_has_no_beads),
        cmocka_unit_test(planes_at_once_are_as_one_by_one),
        cmocka_unit_test(what_is_no_number_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
