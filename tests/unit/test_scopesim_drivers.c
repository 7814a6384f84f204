/* SPDX-License-Identifier: BSD-2-Clause */
/* Every driver against its simulated controller: random commands, with and without faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "stagerig.h"

#include "base/random.h"

static const char *const protocols[] = {"tango", "asi", "prior", "pi", "zaber", "gcode", "marlin"};
enum { NPROTOCOLS = sizeof(protocols) / sizeof(*protocols) };

struct tally {
    long commands, done, refused, failed, reopened;
    double worst_um; // reported against true, z
};

struct run {
    struct rig rig;
    struct af_random random;
    struct tally tally;
    const char *name;
    bool
        trusts[AF_NAXES]; // the axis arrived somewhere by this handle: its readback has been tested
    bool stale;           // positions may be told as before
    bool noisy;           // what the controller hears may be garbled
};

static double between(struct run *r, double lo, double hi)
{
    return lo + (hi - lo) * af_random_uniform(&r->random);
}

/* What must hold after each command, whatever it returned. */
static void check_truth(struct run *r, const char *what)
{
    struct af_sim_truth t = rig_truth(&r->rig);

    if (t.touched)
        fail_msg("%s: command %ld, %s: a hard stop was touched at %g um", r->name,
                 r->tally.commands, what, t.touched_um);
    for (int i = 0; i < AF_NAXES; i++) {
        const struct af_axis_conf *a = &r->rig.in.axis[i];
        double slack = a->tolerance_um + 0.2; // the motor's last step, the readback's noise

        if (r->noisy) // a target may be garbled on its way: the stage is halted when that shows
            slack = i == AF_Z ? 45 : 2500;

        if (t.um[i] < a->min_um - slack || t.um[i] > a->max_um + slack)
            fail_msg("%s: command %ld, %s: %s is at %g um, outside %g to %g um", r->name,
                     r->tally.commands, what, af_axis_name((enum af_axis)i), t.um[i], a->min_um,
                     a->max_um);
    }
}

static void check_believed(struct run *r, enum af_axis axis, double um, const char *what)
{
    double wrong = fabs(um - rig_truth(&r->rig).um[axis]),
           slack = r->rig.in.axis[axis].tolerance_um;

    if (r->stale) // a move shorter than the tolerance is in position before it begins
        slack *= 1.5;

    if (!(wrong <= slack))
        fail_msg("%s: command %ld, %s: %s is at %.9g um, %.9g was believed", r->name,
                 r->tally.commands, what, af_axis_name(axis), rig_truth(&r->rig).um[axis], um);
    if (axis == AF_Z)
        r->tally.worst_um = fmax(r->tally.worst_um, wrong);
}

static void take_failure(struct run *r, const struct af_err *err, const char *what)
{
    if (err->kind != AF_EDEVICE)
        fail_msg("%s: command %ld, %s: kind %d: %s", r->name, r->tally.commands, what, err->kind,
                 err->text);
    r->tally.failed++;
    if (getenv("AF_SHOW"))
        print_message("%s: %s: %s\n", r->name, what, err->text);
}

/* As a user would: look again. */
static void open_again(struct run *r, const struct af_simfaults *faults)
{
    struct af_err err = {AF_OK, ""};

    for (int i = 0; i < 200; i++) {
        if (faults->unplugged > 0) // plugged in again
            af_controller_set_faults(r->rig.controller, faults);
        if (faults->limit > 0 && strcmp(r->name, "gcode") == 0) // by hand, after an alarm
            af_controller_take(r->rig.controller, "$X\n", 3);
        memset(r->trusts, 0, sizeof(r->trusts));
        if (rig_open_stage(&r->rig, &err) == 0) {
            r->tally.reopened++;
            return;
        }
        take_failure(r, &err, "open");
    }
    fail_msg("%s: cannot be opened: %s", r->name, err.text);
}

/* A move that must be refused, with nothing sent. */
static void forbidden(struct run *r, enum af_axis axis)
{
    const struct af_axis_conf *a = &r->rig.in.axis[axis];
    double target[] = {a->max_um + between(r, 0.01, 1000),
                       a->min_um - between(r, 0.01, 1000),
                       NAN,
                       INFINITY,
                       -INFINITY,
                       1e300};
    double um = target[af_random_below(&r->random, sizeof(target) / sizeof(*target))];
    uint64_t before = rig_truth(&r->rig).motions;
    struct af_err err = {AF_OK, ""};

    assert_int_equal(af_stage_move(r->rig.st, axis, um, NULL, &err), -1);
    assert_int_equal(err.kind, AF_ELIMIT);
    assert_int_equal(rig_truth(&r->rig).motions, before);
    r->tally.refused++;
}

static int command(struct run *r, const char **what, struct af_err *err)
{
    enum af_axis axis =
        af_random_below(&r->random, 4) ? AF_Z : (enum af_axis)af_random_below(&r->random, 2);
    const struct af_axis_conf *a = &r->rig.in.axis[axis];
    struct af_stage *st = r->rig.st;
    double um = NAN, xy[2];
    bool settled = false, busy;
    int ret;

    switch (af_random_below(&r->random, 10)) {
    case 0:
        *what = "forbidden";
        forbidden(r, axis);
        return 0;
    case 1:
        *what = "position";
        if ((ret = af_stage_position(st, axis, &um, err)) == 0 && (!r->stale || r->trusts[axis]))
            check_believed(r, axis, um, *what);
        return ret;
    case 2: *what = "busy"; return af_stage_busy(st, &busy, err);
    case 3:
        *what = "xy";
        ret = af_stage_move_xy(st, between(r, 2000, 60000), between(r, 2000, 60000), xy, err);
        if (ret == 0) {
            check_believed(r, AF_X, xy[0], *what);
            check_believed(r, AF_Y, xy[1], *what);
            r->trusts[AF_X] = r->trusts[AF_Y] = true;
        }
        return ret;
    case 4:
        *what = "start and halt";
        if ((ret = af_stage_start(st, axis, between(r, a->min_um, a->max_um), err)) == 0)
            ret = af_stage_poll(st, &settled, &um, err);
        if (ret == 0)
            ret = af_stage_halt(st, err);
        r->trusts[axis] = false;
        return ret;
    case 5:
    case 6:
        *what = "relative";
        ret = af_stage_move_by(st, axis, between(r, -5, 5), &um, err);
        break;
    default:
        *what = "absolute";
        ret = af_stage_move(st, axis, between(r, a->min_um, a->max_um), &um, err);
    }
    if (ret == 0) {
        check_believed(r, axis, um, *what);
        r->trusts[axis] = true;
    }
    return ret;
}

static void run_random(struct run *r, const char *protocol, const struct af_simfaults *faults,
                       long n, bool soft_limits)
{
    struct af_controller_opts opts = {.soft_limits = soft_limits, .late_answer = !soft_limits};
    struct af_err err;
    const char *what = "";

    r->tally = (struct tally){0};
    r->name = protocol;
    r->stale = faults->stale > 0;
    r->noisy = faults->noise > 0;
    af_random_init(&r->random, 17, protocol);
    rig_begin(&r->rig, protocol, &opts,
              r->noisy ? "clock=virtual&seed=3&speed=300um/s" : "clock=virtual&seed=3");
    open_again(r, &(struct af_simfaults){0});
    af_controller_set_faults(r->rig.controller, faults);
    while (r->tally.commands < n) {
        r->tally.commands++;
        err = (struct af_err){AF_OK, ""};
        if (command(r, &what, &err) == 0) {
            r->tally.done += strcmp(what, "forbidden") != 0;
        } else if (err.kind == AF_ELIMIT) {
            r->tally.refused++;
        } else {
            take_failure(r, &err, what);
            check_truth(r, what);
            open_again(r, faults);
        }
        check_truth(r, what);
    }
    print_message("%s: %ld commands: %ld done, %ld refused, %ld failed; believed within %.3f um\n",
                  r->name, n, r->tally.done, r->tally.refused, r->tally.failed, r->tally.worst_um);
    rig_end(&r->rig);
}

/* The long form: AF_TEST_LONG=1. */
static long count(long brief, long full)
{
    const char *s = getenv("AF_TEST_LONG");

    return s && *s && *s != '0' ? full : brief;
}

static void random_commands_reach_what_is_reported(void **state)
{
    struct run r;

    (void)state;
    for (size_t i = 0; i < NPROTOCOLS; i++) {
        run_random(&r, protocols[i], &(struct af_simfaults){0}, count(200, 10000), i % 2);
        assert_int_equal(r.tally.failed, 0);
    }
}

static void with_fault(const struct af_simfaults *f, bool recovers)
{
    struct run r;

    for (size_t i = 0; i < NPROTOCOLS; i++) {
        run_random(&r, protocols[i], f, count(60, 1000), i % 2 == 0);
        if (recovers)
            assert_int_equal(r.tally.failed, 0);
    }
}

static void lost_replies_are_survived(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.lost = 0.05, .seed = 1}, false);
}

static void repeated_replies_are_survived(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.repeated = 0.2, .seed = 2}, false);
}

static void corrupted_replies_are_not_believed(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.corrupted = 0.05, .seed = 3}, false);
}

/* Hard stops lie 50 um and 3 to 5 mm outside the limits: they are not touched. */
static void a_garbled_target_is_noticed_on_the_way(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.noise = 0.002, .seed = 11}, false);
}

static void split_replies_are_put_together(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.split = 0.3, .seed = 4}, true);
}

static void late_replies_are_not_taken_for_others(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.late = 0.05, .seed = 5}, false);
}

static void unasked_lines_are_passed_over(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.unasked = 0.2, .seed = 6}, false);
}

static void a_stuck_stage_is_reported(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.stuck = 0.2, .seed = 7}, false);
}

static void a_limit_switch_is_reported(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.limit = 0.2, .seed = 8}, false);
}

static void a_stale_readback_is_not_an_arrival(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.stale = 0.2, .seed = 9}, false);
}

static void a_pulled_cable_is_reported(void **state)
{
    (void)state;
    with_fault(&(struct af_simfaults){.unplugged = 200, .seed = 10}, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_commands_reach_what_is_reported),
        cmocka_unit_test(lost_replies_are_survived),
        cmocka_unit_test(repeated_replies_are_survived),
        cmocka_unit_test(corrupted_replies_are_not_believed),
        cmocka_unit_test(a_garbled_target_is_noticed_on_the_way),
        cmocka_unit_test(split_replies_are_put_together),
        cmocka_unit_test(late_replies_are_not_taken_for_others),
        cmocka_unit_test(unasked_lines_are_passed_over),
        cmocka_unit_test(a_stuck_stage_is_reported),
        cmocka_unit_test(a_limit_switch_is_reported),
        cmocka_unit_test(a_stale_readback_is_not_an_arrival),
        cmocka_unit_test(a_pulled_cable_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
