/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/beads.h"
#include "optics/surface.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct af_err err;

/* Where the beads are tested: the middle of A1, where the preset `ideal` is flat. */
#define X AF_SIM_A1_X_UM
#define Y AF_SIM_A1_Y_UM

struct field {
    struct af_sim_params p;
    struct af_alignment a;
    struct af_beads beads;
    size_t w, h;
    double px; // um
    float *light;
};

static void begin(struct field *f, const char *options)
{
    *f = (struct field){0};
    af_sim_params_preset(&f->p, AF_PRESET_IDEAL);
    if (af_sim_params_set(&f->p, options, &err))
        fail_msg("%s", err.text);
    af_alignment_at(&f->p, 0, &f->a);
    af_beads_init(&f->beads, &f->p);
    f->w = (size_t)f->p.bead_width;
    f->h = (size_t)f->p.bead_height;
    f->px = f->p.bead_pixel_um / f->p.bead_magnification;
    f->light = calloc(f->w * f->h, sizeof *f->light);
    assert_non_null(f->light);
}

static void end(struct field *f)
{
    af_beads_release(&f->beads);
    free(f->light);
}

static void expose(struct field *f, double x, double y, double z)
{
    if (af_beads_light(&f->beads, &f->a, x, y, z, 1, f->light, &err))
        fail_msg("%s", err.text);
}

struct found {
    struct af_bead bead[2000];
    int n;
};

static int note(void *ctx, const struct af_bead *bead)
{
    struct found *f = ctx;

    assert_true(f->n < 2000);
    f->bead[f->n++] = *bead;
    return 0;
}

/* The bead that has no neighbour for the longest way. */
static struct af_bead lonely(const struct field *f)
{
    static struct found found;
    double best = 0;
    int at = 0;

    found.n = 0;
    af_beads_visit(&f->p, X - 100, Y - 100, X + 100, Y + 100, note, &found);
    for (int i = 0; i < found.n; i++) {
        double nearest = INFINITY;
        for (int k = 0; k < found.n; k++)
            if (k != i)
                nearest = fmin(nearest, hypot(found.bead[i].x_um - found.bead[k].x_um,
                                              found.bead[i].y_um - found.bead[k].y_um));
        if (fabs(found.bead[i].x_um - X) < 80 && fabs(found.bead[i].y_um - Y) < 80 &&
            nearest > best) {
            best = nearest;
            at = i;
        }
    }
    return found.bead[at];
}

static void same_place_shows_the_same_beads(void **state)
{
    static struct found all, left, right;
    struct field f;

    (void)state;
    begin(&f, "");
    all.n = left.n = right.n = 0;
    af_beads_visit(&f.p, X, Y, X + 150, Y + 100, note, &all);
    af_beads_visit(&f.p, X, Y, X + 71, Y + 100, note, &left);
    af_beads_visit(&f.p, X + 71, Y, X + 150, Y + 100, note, &right);
    assert_int_equal(all.n, left.n + right.n);
    /* 0.03 per um^2: 450, give or take four standard errors. */
    assert_true(abs(all.n - 450) < 85);
    end(&f);
}

/*
 * Kept small by the wavelength: at NA 0.3, 1 / cos changes the edge by 1 % and the picture is
 * Airy's, (2 J1(v) / v)^2, v = 2 pi NA r / lambda; a bead of no size, fine pixels.
 */
static void bead_in_focus_is_airys_disc(void **state)
{
    struct field f;

    (void)state;
    begin(&f, "na=0.3&bead=0&bead_density=0.001&bead_pixel=5um&bead_spread=0&bead_width=64"
              "&bead_height=64");
    struct af_bead b = lonely(&f);
    expose(&f, b.x_um, b.y_um, 0);
    double total = f.p.bead_light * b.brightness, k = 2 * 3.14159265358979 * 0.3 / 0.6;
    double peak = total * k * k / (4 * 3.14159265358979) * f.px * f.px;
    for (size_t i = 0; i < f.w * f.h; i++) {
        double x = ((double)(i % f.w) - 31.5) * f.px, y = ((double)(i / f.w) - 31.5) * f.px;
        double v = k * hypot(x, y), airy = v > 0 ? 2 * j1(v) / v : 1;
        /* 64 samples across the aperture, and pixels of a tenth of the disc. */
        assert_true(fabs(f.light[i] - peak * airy * airy) < 0.015 * peak);
    }
    end(&f);
}

static void light_of_a_bead_is_kept_out_of_focus(void **state)
{
    struct field f;

    (void)state;
    begin(&f, "bead_density=0.0005&bead_spread=0");
    struct af_bead b = lonely(&f);
    for (double z = -2; z <= 2; z += 0.5) {
        double sum = 0;
        expose(&f, b.x_um, b.y_um, z);
        for (size_t i = 0; i < f.w * f.h; i++)
            sum += f.light[i];
        /* Airy's rings beyond the patch hold some percent. */
        assert_true(fabs(sum / (f.p.bead_light * b.brightness) - 1) < 0.05);
    }
    end(&f);
}

/*
 * Rays in oil leave the axis by z tan(theta), and a point shines evenly into every direction:
 * within the angle theta lies 1 - cos(theta) of the light, sin(theta) up to NA / n.
 */
static void bead_out_of_focus_is_its_cone_of_light(void **state)
{
    struct field f;

    (void)state;
    begin(&f, "bead_density=0.0005&bead_spread=0");
    struct af_bead b = lonely(&f);
    expose(&f, b.x_um, b.y_um, 5.8 + b.height_um);
    double edge = asin(1.3 / 1.518), all = f.p.bead_light * b.brightness;
    for (double part = 0.4; part < 1; part += 0.2) {
        double radius = 5.8 * part * tan(edge) / f.px, in = 0;
        double want = (1 - cos(atan(part * tan(edge)))) / (1 - cos(edge));
        for (size_t i = 0; i < f.w * f.h; i++)
            if (hypot((double)(i % f.w) - 255.5, (double)(i / f.w) - 255.5) < radius)
                in += f.light[i];
        assert_true(fabs(in / all - want) < 0.05); // fourteen Fresnel zones: rings
    }
    end(&f);
}

static double peak_at(struct field *f, double x, double y, double z)
{
    double most = 0;

    expose(f, x, y, z);
    for (size_t i = 0; i < f->w * f->h; i++)
        most = fmax(most, f->light[i]);
    return most;
}

/*
 * Marechal: the peak falls by exp(-(2 pi W)^2), W the r.m.s. aberration in waves, 0.04 for each,
 * since these beads see half of what the laser meets twice, and all of the coma; to W^4, 0.002.
 */
static void aberrations_lower_the_peak_by_their_rms(void **state)
{
    static const char *const with[] = {"", "&spherical=0.08", "&spherical2=0.08",
                                       "&astigmatism=0.08", "&coma=0.04"};
    double peak[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct field f;
        struct af_bead b;
        char options[200];

        snprintf(options, sizeof options,
                 "na=0.3&bead=0&bead_density=0.001&bead_pixel=2um&bead_spread=0&bead_width=64"
                 "&bead_height=64%s",
                 with[i]);
        begin(&f, options);
        b = lonely(&f);
        peak[i] = peak_at(&f, b.x_um, b.y_um, b.height_um);
        end(&f);
        assert_true(fabs(peak[i] / peak[0] - (i ? exp(-pow(2 * 3.14159265 * 0.04, 2)) : 1)) < 0.01);
    }
}

/* The centre of one 0.5 um wide lies 0.25 um over the coverslip; 50 mrad over 13 um are 0.65 um. */
static void beads_are_in_focus_where_they_lie(void **state)
{
    struct field f;
    struct af_bead b;

    (void)state;
    begin(&f, "bead_density=0.0005&bead_spread=0&bead=0.5um");
    b = lonely(&f);
    assert_true(fabs(b.height_um - 0.25) < 1e-12);
    assert_true(peak_at(&f, b.x_um, b.y_um, 0.25) > 1.1 * peak_at(&f, b.x_um, b.y_um, 0.5));
    assert_true(peak_at(&f, b.x_um, b.y_um, 0.25) > 1.1 * peak_at(&f, b.x_um, b.y_um, 0));
    end(&f);
    for (int along_y = 0; along_y < 2; along_y++) {
        begin(&f, along_y ? "bead_density=0.0005&bead_spread=0&tilt_y=50"
                          : "bead_density=0.0005&bead_spread=0&tilt_x=50");
        b = lonely(&f);
        double x = b.x_um - (along_y ? 0 : 200 * f.px), y = b.y_um - (along_y ? 200 * f.px : 0);
        double middle = peak_at(&f, b.x_um, b.y_um, b.height_um);
        double higher = peak_at(&f, x, y, b.height_um + 0.05 * 200 * f.px);
        assert_true(fabs(higher / middle - 1) < 0.01); // the same fraction of a pixel
        assert_true(peak_at(&f, x, y, b.height_um - 0.05 * 200 * f.px) < 0.5 * middle);
        end(&f);
    }
}

static void picture_follows_the_stage(void **state)
{
    struct field f;
    double most = 0;

    (void)state;
    begin(&f, "");
    expose(&f, X, Y, 0.3);
    float *before = malloc(f.w * f.h * sizeof *before);
    assert_non_null(before);
    for (size_t i = 0; i < f.w * f.h; i++) {
        before[i] = f.light[i];
        most = fmax(most, before[i]);
    }
    expose(&f, X + 40 * f.px, Y - 30 * f.px, 0.3);
    for (size_t y = 40; y < f.h - 40; y++)
        for (size_t x = 50; x < f.w - 50; x++)
            assert_true(fabs(f.light[(y + 30) * f.w + x - 40] - before[y * f.w + x]) < 1e-3 * most);
    free(before);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_place_shows_the_same_beads),
        cmocka_unit_test(bead_in_focus_is_airys_disc),
        cmocka_unit_test(light_of_a_bead_is_kept_out_of_focus),
        cmocka_unit_test(bead_out_of_focus_is_its_cone_of_light),
        cmocka_unit_test(aberrations_lower_the_peak_by_their_rms),
        cmocka_unit_test(beads_are_in_focus_where_they_lie),
        cmocka_unit_test(picture_follows_the_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
