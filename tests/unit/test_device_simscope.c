/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/simscope.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET "clock=virtual&readback=0&step=1e-6&settle=0&wander=0"

static struct af_err err;

static struct af_simscope *scope(const char *dir, const char *options)
{
    struct af_simscope *s;

    if (af_simscope_open(&s, dir, options, &err))
        fail_msg("%s", err.text);
    return s;
}

static double place(struct af_simscope *s, enum af_simaxis a, bool *moving)
{
    double um;
    bool m;

    assert_int_equal(af_simscope_position(s, a, &um, moving ? moving : &m, &err), 0);
    return um;
}

static void time_goes_on_when_the_clock_is_changed(void **state)
{
    struct af_simscope *s = scope("clocks", QUIET), *real;
    struct af_sim_truth before, after;

    (void)state;
    assert_int_equal(af_simscope_pause(s, 3.6e6, &err), 0); // an hour that did not pass
    assert_int_equal(af_simscope_truth(s, &before, &err), 0);
    real = scope("clocks", "clock=real");
    assert_int_equal(af_simscope_pause(real, 20, &err), 0);
    assert_int_equal(af_simscope_truth(real, &after, &err), 0);
    assert_true(after.time_s >= before.time_s + 0.02);
    assert_true(after.time_s < before.time_s + 1800); // however slow the machine is
    af_simscope_close(real);
    af_simscope_close(s);
}

/* A motion of 100 um at 1000 um/s and 1e5 um/s^2: 10 ms up, 90 ms across, 10 ms down. */
static void motion_is_the_trapezoid_of_its_speed_and_acceleration(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET);
    bool moving;

    (void)state;
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, 100, 1000, 1e5, &err), 0);
    assert_int_equal(af_simscope_pause(s, 9, &err), 0); // and 1 ms for the readback
    assert_float_equal(place(s, AF_SIM_Z, &moving), 5, 1e-5);
    assert_true(moving);
    assert_int_equal(af_simscope_pause(s, 39, &err), 0);
    assert_float_equal(place(s, AF_SIM_Z, &moving), 45, 1e-5);
    assert_int_equal(af_simscope_pause(s, 58, &err), 0);
    assert_float_equal(place(s, AF_SIM_Z, &moving), 100 - 5e4 * 1e-6, 1e-5);
    assert_true(moving);
    assert_float_equal(place(s, AF_SIM_Z, &moving), 100, 1e-6);
    assert_false(moving);
    af_simscope_close(s);
}

static void halt_brakes_and_stays(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET);
    bool moving;

    (void)state;
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, 100, 1000, 1e5, &err), 0);
    assert_int_equal(af_simscope_pause(s, 50, &err), 0);
    assert_int_equal(af_simscope_halt(s, AF_SIM_Z, &err), 0);
    assert_int_equal(af_simscope_pause(s, 100, &err), 0);
    /* 45 um so far, and 1000^2 / 2e5 to brake. */
    assert_float_equal(place(s, AF_SIM_Z, &moving), 50, 1e-5);
    assert_false(moving);
    af_simscope_close(s);
}

static void another_target_is_reached_without_a_jump(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET);
    double last = 0;

    (void)state;
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, 100, 1000, 1e5, &err), 0);
    for (int i = 0; i < 200; i++) {
        double um = place(s, AF_SIM_Z, NULL);
        assert_true(fabs(um - last) < 1 + 1e-5); // 1000 um/s for 1 ms
        last = um;
        if (i == 40)
            assert_int_equal(af_simscope_move(s, AF_SIM_Z, -20, 1000, 1e5, &err), 0);
    }
    assert_float_equal(last, -20, 1e-6);
    af_simscope_close(s);
}

static void stop_that_is_run_into_is_recorded_and_holds(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET);
    struct af_simaxis_facts f;
    struct af_sim_truth t;

    (void)state;
    assert_int_equal(af_simscope_axis(s, AF_SIM_Z, &f, &err), 0);
    assert_true(f.stop_lo_um < f.lo_um && f.lo_um < f.hi_um && f.hi_um < f.stop_hi_um);
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, f.hi_um, 0, 0, &err), 0);
    assert_int_equal(af_simscope_pause(s, 2000, &err), 0);
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    assert_int_equal(t.touched, 0);
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, f.stop_hi_um + 50, 0, 0, &err), 0);
    assert_int_equal(af_simscope_pause(s, 2000, &err), 0);
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    assert_int_equal(t.touched, 1);
    assert_true(t.touched_um == f.stop_hi_um);
    assert_true(t.um[AF_SIM_Z] <= f.stop_hi_um && t.um[AF_SIM_Z] > f.hi_um);
    af_simscope_close(s);
}

static void home_touches_nothing(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET);
    struct af_sim_truth t;

    (void)state;
    for (int a = 0; a < AF_SIM_NAXES; a++)
        assert_int_equal(af_simscope_home(s, a, &err), 0);
    assert_int_equal(af_simscope_pause(s, 60000, &err), 0);
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    for (int a = 0; a < AF_SIM_NAXES; a++) {
        struct af_simaxis_facts f;
        assert_int_equal(af_simscope_axis(s, a, &f, &err), 0);
        assert_float_equal(t.um[a], f.home_um, 1e-9);
        assert_false(t.moving[a]);
    }
    assert_int_equal(t.touched, 0);
    af_simscope_close(s);
}

static void processes_and_handles_share_a_folder(void **state)
{
    struct af_simscope *s = scope("here", QUIET), *other;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        if (af_simscope_open(&other, "here", NULL, &err) ||
            af_simscope_move(other, AF_SIM_Z, 7, 0, 0, &err) || af_simscope_pause(other, 500, &err))
            _exit(1);
        af_simscope_close(other);
        _exit(0);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_float_equal(place(s, AF_SIM_Z, NULL), 7, 1e-6);
    other = scope("here", NULL);
    assert_int_equal(af_simscope_move(s, AF_SIM_X, 20000, 0, 0, &err), 0);
    assert_int_equal(af_simscope_pause(s, 5000, &err), 0);
    assert_float_equal(place(other, AF_SIM_X, NULL), 20000, 1e-5);
    af_simscope_close(other);
    af_simscope_close(s);
    s = scope("here", NULL);
    assert_float_equal(place(s, AF_SIM_Z, NULL), 7, 1e-6);
    af_simscope_close(s);
}

/* Each call is whole: no motion and no frame of three processes at once is lost. */
static void processes_at_once_lose_nothing(void **state)
{
    enum { CHILDREN = 3, EACH = 100 };
    struct af_simscope *s = scope("race", QUIET "&size=16x16"), *own;
    struct af_sim_truth t;
    pid_t child[CHILDREN];
    int status;

    (void)state;
    for (int c = 0; c < CHILDREN; c++) {
        if ((child[c] = fork()) != 0)
            continue;
        struct af_sim_exposure e = {.exposure_ms = 1, .gain = 1};
        struct af_image img = {0};
        if (af_simscope_open(&own, "race", NULL, &err))
            _exit(1);
        for (int i = 0; i < EACH; i++)
            if (af_simscope_move(own, (enum af_simaxis)c, 10 + i, 0, 0, &err) ||
                af_simscope_frame(own, &e, &img, NULL, &err))
                _exit(1);
        af_image_release(&img);
        af_simscope_close(own);
        _exit(0);
    }
    for (int c = 0; c < CHILDREN; c++) {
        waitpid(child[c], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    assert_int_equal(t.motions, CHILDREN * EACH);
    assert_int_equal(t.frames, CHILDREN * EACH);
    assert_float_equal(t.time_s, CHILDREN * EACH * 1e-3, 1e-9);
    af_simscope_close(s);
}

static void options_are_kept_for_all_who_have_the_folder_open(void **state)
{
    struct af_simscope *s = scope("kept", QUIET), *other = scope("kept", "size=64x48&day=3");
    struct af_sim_sensor sensor;
    struct af_sim_truth t;

    (void)state;
    assert_int_equal(af_simscope_sensor(s, false, &sensor, &err), 0);
    assert_int_equal(sensor.w, 64);
    assert_int_equal(sensor.h, 48);
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    assert_int_equal(t.day, 3);
    assert_int_equal(af_simscope_set_day(s, 4, &err), 0);
    assert_int_equal(af_simscope_truth(other, &t, &err), 0);
    assert_int_equal(t.day, 4);
    assert_float_equal(t.time_s, 0, 0);
    af_simscope_close(other);
    af_simscope_close(s);
}

static void play_shows_in_the_truth_but_not_in_the_readback(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET "&backlash=0.5");
    static const double to[] = {1, 2, 1.8, 1, 1.2}, load[] = {0.5, 1.5, 1.5, 1, 1};
    struct af_sim_truth t;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(af_simscope_move(s, AF_SIM_Z, to[i], 0, 0, &err), 0);
        assert_int_equal(af_simscope_pause(s, 1000, &err), 0);
        assert_float_equal(place(s, AF_SIM_Z, NULL), to[i], 1e-6);
        assert_int_equal(af_simscope_truth(s, &t, &err), 0);
        assert_float_equal(t.um[AF_SIM_Z], load[i], 1e-9);
    }
    af_simscope_close(s);
}

static void frames_have_the_size_and_depth_asked_for(void **state)
{
    struct af_simscope *s = scope(NULL, QUIET "&size=64x48");
    struct af_sim_exposure e = {.exposure_ms = 1, .gain = 1};
    struct af_image img = {0};
    struct af_sim_shot shot;
    struct af_sim_truth t;

    (void)state;
    assert_int_equal(af_simscope_frame(s, &e, &img, &shot, &err), 0);
    assert_int_equal(img.w, 64);
    assert_int_equal(img.h, 48);
    assert_int_equal(img.bits, 12);
    assert_false(shot.moved);
    e = (struct af_sim_exposure){
        .exposure_ms = 10, .gain = 1, .x = 8, .y = 4, .w = 16, .h = 20, .bits = 8};
    assert_int_equal(af_simscope_move(s, AF_SIM_Z, 100, 0, 0, &err), 0);
    assert_int_equal(af_simscope_frame(s, &e, &img, &shot, &err), 0);
    assert_int_equal(img.w, 16);
    assert_int_equal(img.h, 20);
    assert_int_equal(img.type, AF_U8);
    assert_true(shot.moved);
    assert_int_equal(shot.number, 1);
    assert_int_equal(af_simscope_truth(s, &t, &err), 0);
    assert_float_equal(t.time_s, 0.011, 1e-9);
    e.w = 60;
    assert_int_equal(af_simscope_frame(s, &e, &img, &shot, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    af_image_release(&img);
    af_simscope_close(s);
}

/* Put `with` over the number of `name` in a state file, which keeps its length. */
static void spoil(const char *path, const char *name, const char *with)
{
    char text[8192] = "", *at;
    FILE *fp = fopen(path, "r+");

    assert_non_null(fp);
    size_t n = fread(text, 1, sizeof text - 1, fp);
    assert_non_null(at = strstr(text, name));
    memset(at + 21, ' ', 26);
    memcpy(at + 47 - strlen(with), with, strlen(with));
    rewind(fp);
    assert_int_equal(fwrite(text, 1, n, fp), n);
    fclose(fp);
}

static void damaged_state_is_refused_by_name(void **state)
{
    static const char *const bad[][2] = {{"z_at_um", "nan"},  {"frames", "-1"},
                                         {"z_accel", "0"},    {"x_target", "1e300"},
                                         {"y_from_um", "1x"}, {"day", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct af_simscope *s = scope("damaged", NULL);
        spoil("damaged/state", bad[i][0], bad[i][1]);
        assert_int_equal(af_simscope_halt(s, AF_SIM_Z, &err), -1);
        assert_int_equal(err.kind, AF_EDEVICE);
        assert_non_null(strstr(err.text, "damaged"));
        af_simscope_close(s);
        assert_int_equal(af_simscope_open(&s, "damaged", NULL, &err), -1);
        assert_null(s);
        assert_int_equal(remove("damaged/state"), 0);
    }
}

static void unknown_keys_and_values_out_of_range_are_usage_errors(void **state)
{
    static const char *const bad[] = {"sede=1",          "seed=-1",       "seed",
                                      "bits=9",          "seed=1&seed=2", "preset=none",
                                      "drift=20nm/year", "size=640",      "lo=5&hi=2"};
    struct af_simscope *s;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(af_simscope_open(&s, NULL, bad[i], &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_null(s);
    }
}

static void steady_drift_moves_the_focus(void **state)
{
    struct af_simscope *s;
    struct af_sim_truth a, b;

    (void)state;
    assert_int_equal(af_simscope_open_uri(&s, "drifting?" QUIET "&drift=20nm/min", &err), 0);
    assert_int_equal(af_simscope_truth(s, &a, &err), 0);
    assert_int_equal(af_simscope_pause(s, 600000, &err), 0);
    assert_int_equal(af_simscope_truth(s, &b, &err), 0);
    assert_float_equal(b.focus_um - a.focus_um, 0.2, 1e-9);
    af_simscope_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(motion_is_the_trapezoid_of_its_speed_and_acceleration),
        cmocka_unit_test(halt_brakes_and_stays),
        cmocka_unit_test(another_target_is_reached_without_a_jump),
        cmocka_unit_test(stop_that_is_run_into_is_recorded_and_holds),
        cmocka_unit_test(home_touches_nothing),
        cmocka_unit_test(processes_and_handles_share_a_folder),
        cmocka_unit_test(processes_at_once_lose_nothing),
        cmocka_unit_test(options_are_kept_for_all_who_have_the_folder_open),
        cmocka_unit_test(play_shows_in_the_truth_but_not_in_the_readback),
        cmocka_unit_test(frames_have_the_size_and_depth_asked_for),
        cmocka_unit_test(time_goes_on_when_the_clock_is_changed),
        cmocka_unit_test(damaged_state_is_refused_by_name),
        cmocka_unit_test(unknown_keys_and_values_out_of_range_are_usage_errors),
        cmocka_unit_test(steady_drift_moves_the_focus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
