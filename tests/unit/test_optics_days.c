/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The labelling on the simulated microscope, day after day: one day of two stacks, or with
 * AF_LONG=1 a hundred days of three.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "focus/label.h"
#include "optics/sensor.h"
#include "spotmake.h"
#include <string.h>

enum { NPLANES = 201, STACKS = 3, FEW = 2, WINDOW = 11, ORDER = 3, DAYS = 100 };
#define APART_S (3 * 3600.0) // from stack to stack of a day

/* Where the line is narrowest, noise-free and alone: largest sum of squares of its profile. */
static double line_focus(struct spotmaker *m)
{
    double z[21], y[21], best = 0;
    struct af_parabola fit;

    for (int pass = 0; pass < 2; pass++) {
        double step = pass ? 0.02 : 0.1, middle = best, low = INFINITY;
        for (int i = 0; i < 21; i++) {
            z[i] = middle + step * (i - 10);
            spot_at(m, z[i]);
            y[i] = effective_width(m->rows, m->h);
            best = y[i] < low ? z[i] : best;
            low = fmin(low, y[i]);
        }
    }
    assert_int_equal(af_parabola_fit(z, y, 21, &fit, NULL), 0);
    return fit.vertex;
}

/* A stack as the camera takes it, with the line's own focus (bare) for truth. */
struct day {
    struct spotmaker full, bare;
    struct af_sensor sensor;
    struct af_scorer scorer;
    struct af_random noise;
};

static void begin(struct day *d, const char *preset)
{
    struct af_err err;
    char options[100];

    snprintf(options, sizeof options, "preset=%s", preset);
    spot_begin(&d->full, options);
    snprintf(options, sizeof options, "preset=%s&fringes=0&second=0", preset);
    spot_begin(&d->bare, options);
    assert_int_equal(af_sensor_init(&d->sensor, &d->full.p, d->full.w, d->full.h, &err), 0);
    assert_int_equal(af_scorer_init(&d->scorer, d->full.h, WINDOW, ORDER, &err), 0);
    af_random_init(&d->noise, 1, "days");
}

static void end(struct day *d)
{
    spot_end(&d->full);
    spot_end(&d->bare);
    af_sensor_release(&d->sensor);
    af_scorer_release(&d->scorer);
}

static void align(struct day *d, int day, int stack)
{
    d->full.p.day = day;
    af_alignment_at(&d->full.p, APART_S * stack, &d->full.a);
    d->bare.a = d->full.a;
}

static struct af_label label_stack(struct day *d, double step, double exposure_ms)
{
    struct af_sensor_exposure e = {.exposure_ms = exposure_ms,
                                   .gain = 1,
                                   .bits = 12,
                                   .w = d->full.w,
                                   .h = d->full.h,
                                   .stray = d->full.p.glow + d->full.p.background};
    double z[NPLANES], *rows = d->full.rows, offset = af_random_uniform(&d->noise);
    double total = d->full.p.light * exposure_ms * af_spot_power(&d->full.p, &d->full.a);
    static struct af_scores scores[NPLANES];
    struct af_image img = {0};
    struct af_label_opts o = {.measure = AF_L2};
    struct af_label l;
    struct af_err err;

    for (int i = 0; i < NPLANES; i++) {
        z[i] = step * (i - NPLANES / 2 + offset);
        if (af_spot_light(&d->full.spot, &d->full.a, z[i], total, d->full.light, &err) ||
            af_sensor_expose(&d->sensor, d->full.light, &e, &d->noise, &img, &err) ||
            af_profile(&img, rows, NULL, &err))
            fail_msg("%s", err.text);
        af_scorer_run(&d->scorer, rows, &scores[i]);
    }
    assert_int_equal(af_label_find(z, scores, NPLANES, &o, &l, &err), 0);
    af_image_release(&img);
    return l;
}

struct spread {
    double sum, squares; // of the mean of each day
    double within;       // of the squares of what is left
    double all;          // squares of all
    int days;
};

static void add_day(struct spread *s, const double *miss, int n)
{
    double mean = 0;

    for (int i = 0; i < n; i++)
        mean += miss[i] / n;
    for (int i = 0; i < n; i++)
        s->within += (miss[i] - mean) * (miss[i] - mean) / (n - 1);
    for (int i = 0; i < n; i++)
        s->all += miss[i] * miss[i] / n;
    s->sum += mean;
    s->days++;
}

static void report(const struct spread *s, const char *what, double *within_nm, double *all_nm)
{
    double mean = s->sum / s->days;

    *within_nm = 1e3 * sqrt(s->within / s->days);
    *all_nm = 1e3 * sqrt(fmax(0, s->all / s->days - mean * mean));
    print_message("# %s, %d days: label less line focus %.0f nm, spread %.1f nm within a day, "
                  "%.1f nm over all\n",
                  what, s->days, 1e3 * mean, *within_nm, *all_nm);
}

static void run(const char *what, double step, double exposure_ms, double within_nm, double all_nm)
{
    const char *asked = getenv("AF_LONG");
    int days = asked ? DAYS : 1, stacks = asked ? STACKS : FEW;
    struct spread s = {0};
    struct day d;
    double within, all;

    begin(&d, "paper");
    for (int day = 0; day < days; day++) {
        double miss[STACKS];
        for (int i = 0; i < stacks; i++) {
            align(&d, day, i);
            struct af_label l = label_stack(&d, step, exposure_ms);
            assert_string_equal(l.quality, AF_LABEL_OK);
            miss[i] = l.z0_um - line_focus(&d.bare);
        }
        add_day(&s, miss, stacks);
    }
    report(&s, what, &within, &all);
    assert_true(within <= within_nm && all <= all_nm);
    end(&d);
}

static void short_range_labels_stay_on_the_line_focus(void **state)
{
    (void)state;
    run("+/-10 um, unsaturated", 0.1, 0.4, 15, 30);
}

static void saturated_short_range_labels_stay_on_the_line_focus(void **state)
{
    (void)state;
    run("+/-10 um, saturated", 0.1, 7, 15, 30);
}

static void long_range_labels_stay_near_the_line_focus(void **state)
{
    (void)state;
    run("+/-100 um, saturated", 1, 7, INFINITY, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_range_labels_stay_on_the_line_focus),
        cmocka_unit_test(saturated_short_range_labels_stay_on_the_line_focus),
        cmocka_unit_test(long_range_labels_stay_near_the_line_focus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
