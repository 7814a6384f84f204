/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules that hold for every stage, whatever its driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "stagerig.h"

#include <unistd.h>

static void begin(struct rig *r, const char *protocol)
{
    struct af_controller_opts opts = {.soft_limits = false};
    struct af_err err = {AF_OK, ""};

    rig_begin(r, protocol, &opts, "clock=virtual&preset=ideal&seed=1");
    if (rig_open_stage(r, &err))
        fail_msg("%s", err.text);
}

static void open_again(struct rig *r)
{
    assert_int_equal(rig_open_stage(r, NULL), 0);
}

static uint64_t motions(struct rig *r)
{
    return rig_truth(r).motions;
}

static void assert_refused(struct rig *r, double um, const char *why)
{
    struct af_err err = {AF_OK, ""};
    uint64_t before = motions(r);
    double reached = 77;

    assert_int_equal(af_stage_move(r->st, AF_Z, um, &reached, &err), -1);
    assert_int_equal(err.kind, AF_ELIMIT);
    assert_non_null(strstr(err.text, why));
    assert_int_equal(motions(r), before);
}

static void what_a_limit_forbids_is_not_sent(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, "tango");
    assert_refused(&r, 250.001, "outside its limits");
    assert_refused(&r, -250.001, "outside its limits");
    assert_refused(&r, NAN, "not a number");
    assert_refused(&r, INFINITY, "not a number");
    assert_refused(&r, 120.1, "max_step_towards_sample");
    assert_refused(&r, -200.1, "longer than max_step,");
    r.in.axis[AF_Z].min_um = NAN;
    open_again(&r);
    assert_refused(&r, 1, "has no limits");
    r.in.axis[AF_Z].min_um = -250;
    r.in.stage = strdup("sim:"); // whose limits are not those of a TANGO
    open_again(&r);
    assert_refused(&r, 1, "has no limits");
    assert_int_equal(motions(&r), 2); // the two of setting up
    rig_end(&r);
}

static void travel_is_counted_from_where_the_stage_was_found(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, "asi");
    r.in.axis[AF_Z].max_travel_um = 30;
    open_again(&r);
    assert_int_equal(af_stage_move(r.st, AF_Z, 20, NULL, NULL), 0);
    assert_refused(&r, 31, "max_travel");
    assert_int_equal(af_stage_move(r.st, AF_Z, 29, NULL, NULL), 0);
    open_again(&r); // found at 29
    assert_int_equal(af_stage_move(r.st, AF_Z, 31, NULL, NULL), 0);
    assert_refused(&r, -2, "max_travel");
    rig_end(&r);
}

static void backlash_is_taken_up_from_below(void **state)
{
    struct rig r;
    double lowest = 0, z = 0, before;
    bool settled = false, rising = true;

    (void)state;
    begin(&r, "pi");
    r.in.axis[AF_Z].backlash_um = 2;
    open_again(&r);
    assert_int_equal(af_stage_start(r.st, AF_Z, -10, NULL), 0);
    while (!settled) {
        before = rig_truth(&r).um[AF_SIM_Z];
        assert_int_equal(af_stage_poll(r.st, &settled, &z, NULL), 0);
        af_stage_sleep(r.st, 1);
        lowest = fmin(lowest, rig_truth(&r).um[AF_SIM_Z]);
        if (fabs(rig_truth(&r).um[AF_SIM_Z] - before) > 0.2)
            rising = rig_truth(&r).um[AF_SIM_Z] > before;
    }
    assert_true(fabs(lowest + 12) < 0.1);
    assert_true(rising);
    assert_true(fabs(z + 10) < 0.1);
    // a target well above is reached from below as it is: one motion
    uint64_t n = motions(&r);
    assert_int_equal(af_stage_move(r.st, AF_Z, 0, NULL, NULL), 0);
    assert_int_equal(motions(&r), n + 1);
    // and where the turn would pass the limit, the move is refused
    assert_int_equal(af_stage_move(r.st, AF_Z, -190, NULL, NULL), 0);
    assert_refused(&r, -249, "less the backlash");
    rig_end(&r);
}

static void a_dry_run_says_and_sends_nothing(void **state)
{
    struct rig r;
    double z = 0;

    (void)state;
    begin(&r, "zaber");
    r.opts.dry_run = true;
    open_again(&r);
    uint64_t before = motions(&r);
    assert_int_equal(af_stage_move(r.st, AF_Z, 50, &z, NULL), 0);
    assert_true(z == 50);
    assert_int_equal(af_stage_move_by(r.st, AF_Z, 5, &z, NULL), 0);
    assert_true(z == 55);
    assert_refused(&r, 300, "outside its limits");
    assert_int_equal(af_stage_home(r.st, AF_Z, NULL), 0);
    assert_int_equal(motions(&r), before);
    rig_end(&r);
}

static int polls_left;

static int stop_soon(void)
{
    return polls_left > 0 ? polls_left-- == 1 : polls_left == 0;
}

static void a_stop_halts_reads_and_ends_the_handle(void **state)
{
    static const char *const all[] = {"tango", "asi", "prior", "pi", "zaber", "gcode", "marlin"};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct rig r;
        struct af_err err = {AF_OK, ""};
        double reached = 0, z;
        struct af_sim_truth t;

        polls_left = -1;
        begin(&r, all[i]);
        assert_int_equal(af_simscope_move(r.scope, AF_SIM_Z, -100, 0, 0, NULL), 0);
        assert_int_equal(af_simscope_pause(r.scope, 2000, NULL), 0);
        r.in.axis[AF_Z].speed_um_s = 1000;
        r.opts.stopped = stop_soon;
        open_again(&r);
        polls_left = 25; // in the motion, or just before it
        assert_int_equal(af_stage_move(r.st, AF_Z, 20, &reached, &err), -1);
        assert_int_equal(err.kind, AF_ESYS);
        assert_non_null(strstr(err.text, "stopped"));
        t = rig_truth(&r);
        assert_false(t.moving[AF_SIM_Z]);
        if (strstr(err.text, "halted, z at"))
            assert_true(fabs(reached - t.um[AF_SIM_Z]) < 0.3);
        polls_left = -1;
        if (strstr(err.text, "halted")) // what failed is looked at before it goes on
            assert_int_equal(af_stage_position(r.st, AF_Z, &z, NULL), -1);
        open_again(&r);
        assert_int_equal(af_stage_position(r.st, AF_Z, &z, NULL), 0);
        assert_true(fabs(z - t.um[AF_SIM_Z]) < 0.3);
        rig_end(&r);
    }
}

static void a_stage_that_somebody_else_moves_is_halted(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};
    bool settled = false;
    int ret = 0;

    (void)state;
    begin(&r, "tango");
    assert_int_equal(af_stage_start(r.st, AF_Z, 5, &err), 0);
    assert_int_equal(af_simscope_move(r.scope, AF_SIM_Z, -150, 0, 0, NULL), 0); // the joystick
    while (!ret && !settled) {
        ret = af_stage_poll(r.st, &settled, NULL, &err);
        af_stage_sleep(r.st, 5);
    }
    assert_int_equal(ret, -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    assert_non_null(strstr(err.text, "runs away"));
    assert_false(rig_truth(&r).moving[AF_SIM_Z]);
    assert_true(rig_truth(&r).um[AF_SIM_Z] > -60); // it was on its way to -150
    rig_end(&r);
}

/* Its readings, 0.5 um r.m.s., are within 2 um of the target but never a hundred within 1 um of the
 * last. */
static void an_axis_that_never_rests_is_named_and_halted(void **state)
{
    struct af_controller_opts opts = {.soft_limits = false};
    struct af_err err = {AF_OK, ""};
    struct rig r;

    (void)state;
    for (int i = AF_X; i <= AF_Y; i++) {
        rig_begin(&r, "tango", &opts, "clock=virtual&preset=ideal&seed=1&readback=500nm");
        r.in.axis[i].readings = 100;
        open_again(&r);
        err.kind = AF_OK;
        assert_int_equal(af_stage_move(r.st, (enum af_axis)i, 10100, NULL, &err), -1);
        assert_int_equal(err.kind, AF_EDEVICE);
        assert_non_null(strstr(err.text, i == AF_X ? ": x did not arrive" : ": y did not arrive"));
        assert_non_null(strstr(err.text, "halted"));
        rig_end(&r);
    }
}

static void no_answer_never_means_0(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};
    double um = 42;

    (void)state;
    begin(&r, "prior");
    af_controller_set_faults(r.controller, &(struct af_simfaults){.lost = 1});
    assert_int_equal(af_stage_position(r.st, AF_Z, &um, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    assert_true(um == 42);
    rig_end(&r);
}

/* A port that says ok again and again once it is told to, a millisecond each. */
struct babble {
    struct af_port *inner;
    bool on;
    long left; // then the device is gone: a driver that listens on would never end
};

static int babble_send(void *ctx, const void *p, size_t n, double timeout_ms, struct af_err *err)
{
    struct af_port *in = ((struct babble *)ctx)->inner;

    return in->ops->send(in->ctx, p, n, timeout_ms, err);
}

static long babble_receive(void *ctx, void *p, size_t cap, double timeout_ms, struct af_err *err)
{
    struct babble *b = ctx;

    if (!b->on)
        return b->inner->ops->receive(b->inner->ctx, p, cap, timeout_ms, err);
    af_port_sleep(b->inner, 1);
    if (cap < 3 || b->left-- == 0)
        return cap < 3 ? 0 : -1;
    memcpy(p, "ok\n", 3);
    return 3;
}

static double babble_now_s(void *ctx)
{
    return af_port_now_s(((struct babble *)ctx)->inner);
}

static void babble_sleep(void *ctx, double ms)
{
    af_port_sleep(((struct babble *)ctx)->inner, ms);
}

static void a_controller_that_babbles_is_not_listened_to_for_ever(void **state)
{
    static const struct af_port_ops ops = {babble_send, babble_receive, babble_now_s, babble_sleep,
                                           NULL};
    struct af_controller_opts opts = {.soft_limits = false};
    static const char *const all[] = {"gcode", "marlin"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct babble b = {.left = 100000};
        struct af_err err = {AF_OK, ""};
        struct af_port *port;
        double um = 42;
        struct rig r;

        rig_begin(&r, all[i], &opts, "clock=virtual&preset=ideal&seed=1");
        assert_int_equal(af_controller_port(&b.inner, r.controller, NULL), 0);
        assert_int_equal(af_port_new(&port, &ops, &b, "babble", NULL), 0);
        assert_int_equal(af_stage_open_port(&r.st, r.uri, port, NULL, &r.in, &r.opts, NULL), 0);
        b.on = true;
        assert_int_equal(af_stage_position(r.st, AF_Z, &um, &err), -1);
        assert_int_equal(err.kind, AF_EDEVICE);
        assert_non_null(strstr(err.text, "cannot understand 'ok'"));
        assert_true(b.left > 0 && um == 42);
        rig_end(&r);
        af_port_close(b.inner);
    }
}

static void directions_and_offsets_are_the_users(void **state)
{
    struct rig r;
    double z = 0;

    (void)state;
    begin(&r, "asi");
    r.in.axis[AF_Z].direction = -1;
    r.in.axis[AF_Z].offset_um = 30;
    open_again(&r);
    assert_int_equal(af_stage_position(r.st, AF_Z, &z, NULL), 0);
    assert_true(fabs(z - 30) < 0.05);
    assert_int_equal(af_stage_move(r.st, AF_Z, 50, &z, NULL), 0);
    assert_true(fabs(z - 50) < 0.1);
    assert_true(fabs(rig_truth(&r).um[AF_SIM_Z] + 20) < 0.1); // 50 = -1 * -20 + 30
    rig_end(&r);
}

static void one_motion_at_a_time(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};

    (void)state;
    begin(&r, "pi");
    assert_int_equal(af_stage_start(r.st, AF_Z, 50, &err), 0);
    assert_int_equal(af_stage_start(r.st, AF_X, 11000, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_stage_halt(r.st, &err), 0);
    assert_int_equal(af_stage_move(r.st, AF_X, 11000, NULL, &err),
                     0); // a halt that was asked for is no failure
    rig_end(&r);
}

static void home_is_reached_and_counted_from(void **state)
{
    static const char *const all[] = {"tango", "asi", "pi", "zaber", "gcode", "marlin"};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct rig r;
        struct af_err err = {AF_OK, ""};

        begin(&r, all[i]);
        if (af_stage_home(r.st, AF_Z, &err))
            fail_msg("%s: %s", all[i], err.text);
        assert_true(fabs(rig_truth(&r).um[AF_SIM_Z] + 300) < 0.2);
        rig_end(&r);
    }
}

static void a_stranger_is_refused_by_what_it_said(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};

    (void)state;
    begin(&r, "asi");
    snprintf(r.uri, sizeof(r.uri), "tango:simulated");
    assert_int_equal(rig_open_stage(&r, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    assert_non_null(strstr(err.text, ":N-"));
    snprintf(r.uri, sizeof(r.uri), "pi:simulated?w=1");
    assert_int_equal(rig_open_stage(&r, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    snprintf(r.uri, sizeof(r.uri), "warp:simulated");
    assert_int_equal(rig_open_stage(&r, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    rig_end(&r);
}

/* Without its unit a move would be off by a thousand. */
static void a_unit_that_is_not_known_is_not_assumed(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};

    (void)state;
    begin(&r, "zaber");
    r.in.axis[AF_Z].unit_um = NAN;
    assert_int_equal(rig_open_stage(&r, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_non_null(strstr(err.text, "microstep"));
    rig_end(&r);
}

static void a_log_that_cannot_be_written_forbids_the_move(void **state)
{
    struct rig r;
    struct af_err err = {AF_OK, ""};
    uint64_t before;

    (void)state;
    begin(&r, "tango");
    free(r.in.motion_log);
    r.in.motion_log = strdup("/dev/full");
    open_again(&r);
    before = motions(&r);
    assert_int_equal(af_stage_move(r.st, AF_Z, 1, NULL, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(motions(&r), before);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_limit_forbids_is_not_sent),
        cmocka_unit_test(travel_is_counted_from_where_the_stage_was_found),
        cmocka_unit_test(backlash_is_taken_up_from_below),
        cmocka_unit_test(a_dry_run_says_and_sends_nothing),
        cmocka_unit_test(a_stop_halts_reads_and_ends_the_handle),
        cmocka_unit_test(a_stage_that_somebody_else_moves_is_halted),
        cmocka_unit_test(an_axis_that_never_rests_is_named_and_halted),
        cmocka_unit_test(no_answer_never_means_0),
        cmocka_unit_test(a_controller_that_babbles_is_not_listened_to_for_ever),
        cmocka_unit_test(directions_and_offsets_are_the_users),
        cmocka_unit_test(one_motion_at_a_time),
        cmocka_unit_test(home_is_reached_and_counted_from),
        cmocka_unit_test(a_stranger_is_refused_by_what_it_said),
        cmocka_unit_test(a_unit_that_is_not_known_is_not_assumed),
        cmocka_unit_test(a_log_that_cannot_be_written_forbids_the_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
