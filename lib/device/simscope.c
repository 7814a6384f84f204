/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/simscope.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/simparts.h"
#include "optics/surface.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READBACK_S 1e-3 // of virtual time
#define XY_MARGIN_UM 3000.0
#define FARTHEST_UM 1e9 // that a controller can be told to go

/* ---- time ---- */

static double real_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The time; never earlier than anyone has seen it. */
double af_sim_now(struct af_simstore *st)
{
    struct af_simstate *s = &st->state;

    if (st->params.clock == AF_CLOCK_REAL)
        s->time_s = fmax(s->time_s, real_s() - s->origin_s);
    return s->time_s;
}

int af_sim_sleep(double s, struct af_err *err)
{
    struct timespec left;

    if (!(s > 0))
        return 0;
    left.tv_sec = (time_t)s;
    left.tv_nsec = (long)(1e9 * (s - floor(s)));
    while (nanosleep(&left, &left))
        if (errno != EINTR)
            return af_fail_errno(err, "sim: sleep");
    return 0;
}

/* ---- axes ---- */

static void facts_of(const struct af_sim_params *p, enum af_simaxis a, struct af_simaxis_facts *f)
{
    bool z = a == AF_SIM_Z;
    double lo = z ? p->lo_um : 0, margin = z ? p->margin_um : XY_MARGIN_UM;
    double hi = z ? p->hi_um : a == AF_SIM_X ? AF_SIM_PLATE_X_UM : AF_SIM_PLATE_Y_UM;

    *f = (struct af_simaxis_facts){.lo_um = lo,
                                   .hi_um = hi,
                                   .stop_lo_um = lo - margin,
                                   .stop_hi_um = hi + margin,
                                   .home_um = lo,
                                   .speed_um_s = z ? p->speed_um_s : p->xy_speed_um_s,
                                   .accel_um_s2 = z ? p->accel_um_s2 : p->xy_accel_um_s2,
                                   .step_um = p->step_um};
}

static struct af_simmotion rest(const struct af_sim_params *p, enum af_simaxis a, double um)
{
    struct af_simaxis_facts f;

    facts_of(p, a, &f);
    return (struct af_simmotion){0, um, 0, um, f.speed_um_s, f.accel_um_s2};
}

/*
 * A new microscope stands at A1; a new day begins where the old one ended, at rest. Where only the
 * clock was changed time goes on from where it is.
 */
static void fresh(struct af_simstate *s, const struct af_sim_params *p)
{
    static const double a1[AF_SIM_NAXES] = {AF_SIM_A1_X_UM, AF_SIM_A1_Y_UM, 0};

    if (s->generation && s->day == p->day) {
        s->origin_s = real_s() - s->time_s;
        return;
    }
    for (int a = 0; a < AF_SIM_NAXES; a++) {
        struct af_simstate_axis *axis = &s->axis[a];
        if (s->generation == 0)
            axis->at_um = a1[a];
        axis->motion = rest(p, a, axis->at_um);
        axis->lag_um = 0;
    }
    s->origin_s = real_s();
    s->time_s = 0;
    s->day = p->day;
}

/* The motor goes to `um`; the load follows when the play is used up. */
static void drag(struct af_simstate_axis *axis, const struct af_sim_params *p, double um)
{
    axis->play_um = fmax(-p->backlash_um, fmin(0, axis->play_um - (um - axis->at_um)));
    axis->at_um = um;
}

static bool run_into(struct af_simstore *st, enum af_simaxis a, double um)
{
    struct af_simstate_axis *axis = &st->state.axis[a];
    struct af_simaxis_facts f;

    facts_of(&st->params, a, &f);
    if (um > f.stop_lo_um && um < f.stop_hi_um)
        return false;
    double stop = um <= f.stop_lo_um ? f.stop_lo_um : f.stop_hi_um;
    drag(axis, &st->params, stop);
    axis->motion = rest(&st->params, a, stop + (stop == f.stop_lo_um ? 1e-3 : -1e-3));
    axis->lag_um = 0;
    st->state.touched++;
    st->state.touched_um = stop;
    return true;
}

/* Bring an axis up to time t, through the place where it turned; returns where the motor is. */
static struct af_simmotion_at follow(struct af_simstore *st, enum af_simaxis a, double t)
{
    struct af_simstate_axis *axis = &st->state.axis[a];
    const struct af_simmotion *m = &axis->motion;
    struct af_simmotion_at at = af_simmotion_at(m, t);
    double turn = af_simmotion_turn_um(m);

    if (t - m->start_s >= af_simmotion_brake_s(m) && m->speed0_um_s != 0) {
        if (run_into(st, a, turn))
            return af_simmotion_at(m, t);
        drag(axis, &st->params, turn);
    }
    if (run_into(st, a, at.um))
        return af_simmotion_at(m, t);
    drag(axis, &st->params, at.um);
    return at;
}

/* What the load still lacks of the motor: it grows while the axis moves and decays at rest. */
static double lag_at(const struct af_simstate_axis *axis, const struct af_sim_params *p, double t)
{
    double since = t - axis->motion.start_s, length = af_simmotion_length_s(&axis->motion);
    double tau = p->settle_ms * 1e-3;

    if (!(tau > 0) || since < 0)
        return 0;
    double full = axis->lag_um * (1 - exp(-fmin(since, length) / tau));
    return since > length ? full * exp(-(since - length) / tau) : full;
}

double af_sim_true_um(struct af_simstore *st, enum af_simaxis a, double t)
{
    const struct af_simstate_axis *axis = &st->state.axis[a];

    follow(st, a, t);
    return axis->at_um + axis->play_um - lag_at(axis, &st->params, t);
}

bool af_sim_moving(struct af_simstore *st, enum af_simaxis a, double t)
{
    return follow(st, a, t).moving;
}

static int start(struct af_simscope *s, enum af_simaxis a, double target_um, double speed,
                 double accel, bool halt, struct af_err *err)
{
    struct af_simstore *st = &s->store;
    struct af_simaxis_facts f;

    if (!(fabs(target_um) <= FARTHEST_UM) || !(speed >= 0 && speed < 1e12) ||
        !(accel >= 0 && accel < 1e12))
        return af_fail(err, AF_EUSAGE, "sim: a motion to %g um at %g um/s and %g um/s^2", target_um,
                       speed, accel);
    if (af_simstore_lock(st, err))
        return -1;
    double t = af_sim_now(st);
    struct af_simmotion_at at = follow(st, a, t);
    struct af_simstate_axis *axis = &st->state.axis[a];
    facts_of(&st->params, a, &f);
    struct af_simmotion m = {t,
                             at.um,
                             at.um_s,
                             target_um,
                             speed > 0 ? speed : f.speed_um_s,
                             accel > 0 ? accel : f.accel_um_s2};
    if (halt) {
        m.accel_um_s2 = axis->motion.accel_um_s2;
        m.target_um = af_simmotion_turn_um(&m);
    }
    double d = m.target_um - at.um;
    axis->lag_um = copysign(fmin(0.1, 0.01 * fabs(d)), d);
    axis->motion = m;
    st->state.motions += !halt;
    return af_simstore_unlock(st, true, err);
}

int af_simscope_move(struct af_simscope *s, enum af_simaxis a, double target_um, double speed_um_s,
                     double accel_um_s2, struct af_err *err)
{
    return start(s, a, target_um, speed_um_s, accel_um_s2, false, err);
}

int af_simscope_halt(struct af_simscope *s, enum af_simaxis a, struct af_err *err)
{
    return start(s, a, 0, 0, 0, true, err);
}

int af_simscope_home(struct af_simscope *s, enum af_simaxis a, struct af_err *err)
{
    struct af_simaxis_facts f;

    return af_simscope_axis(s, a, &f, err) ? -1 : start(s, a, f.home_um, 0, 0, false, err);
}

int af_simscope_axis(struct af_simscope *s, enum af_simaxis a, struct af_simaxis_facts *f,
                     struct af_err *err)
{
    if (af_simstore_lock(&s->store, err))
        return -1;
    facts_of(&s->store.params, a, f);
    return af_simstore_unlock(&s->store, false, err);
}

int af_simscope_position(struct af_simscope *s, enum af_simaxis a, double *um, bool *moving,
                         struct af_err *err)
{
    struct af_simstore *st = &s->store;
    const struct af_sim_params *p = &st->params;
    struct af_random r;

    if (af_simstore_lock(st, err))
        return -1;
    if (p->clock == AF_CLOCK_VIRTUAL)
        st->state.time_s += READBACK_S;
    double t = af_sim_now(st);
    /* The readback sees the motor, not the play behind it. */
    double here = af_sim_true_um(st, a, t) - st->state.axis[a].play_um;
    bool moves = af_sim_moving(st, a, t);
    af_random_init(&r, (uint64_t)p->seed ^ (uint64_t)++st->state.readbacks << 20, "readback");
    here += p->readback_um * af_random_normal(&r);
    if (af_simstore_unlock(st, true, err))
        return -1;
    *um = p->step_um * floor(here / p->step_um + 0.5);
    *moving = moves;
    return 0;
}

int af_simscope_clock(struct af_simscope *s, bool *is_virtual, struct af_err *err)
{
    if (af_simstore_lock(&s->store, err))
        return -1;
    *is_virtual = s->store.params.clock == AF_CLOCK_VIRTUAL;
    return af_simstore_unlock(&s->store, false, err);
}

int af_simscope_pause(struct af_simscope *s, double ms, struct af_err *err)
{
    struct af_simstore *st = &s->store;

    if (af_simstore_lock(st, err))
        return -1;
    bool virtual = st->params.clock == AF_CLOCK_VIRTUAL;
    if (virtual && ms > 0)
        st->state.time_s += 1e-3 * ms;
    return af_simstore_unlock(st, virtual, err) ? -1 : virtual ? 0 : af_sim_sleep(1e-3 * ms, err);
}

/* ---- opening ---- */

/* Where the microscope of a plain sim: is. */
static char *usual_folder(struct af_err *err)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (base && *base)
        return af_format(err, "%s/aftools/sim", base);
    return af_format(err, "%s/.local/state/aftools/sim", home ? home : ".");
}

int af_simscope_open(struct af_simscope **s, const char *dir, const char *options,
                     struct af_err *err)
{
    char *usual = NULL;

    *s = NULL;
    if (dir && !*dir) {
        if (!(dir = usual = usual_folder(err)) || af_folders_above(usual, err)) {
            free(usual);
            return -1;
        }
    }
    if ((*s = af_calloc(1, sizeof **s, err)) &&
        af_simstore_open(&(*s)->store, dir, options, fresh, err)) {
        free(*s);
        *s = NULL;
    }
    free(usual);
    return *s ? 0 : -1;
}

static char *folder_named(const char *rest, struct af_err *err)
{
    return af_strndup(rest, strcspn(rest, "?"), err);
}

int af_simscope_open_uri(struct af_simscope **s, const char *rest, struct af_err *err)
{
    const char *question = strchr(rest, '?');
    char *dir = folder_named(rest, err);
    int ret = dir ? af_simscope_open(s, dir, question ? question + 1 : NULL, err) : -1;

    free(dir);
    return ret;
}

char *af_simscope_folder(const char *rest, struct af_err *err)
{
    char *dir = *rest && *rest != '?' ? folder_named(rest, err) : usual_folder(err);
    char *real = dir ? realpath(dir, NULL) : NULL;

    if (!real)
        return dir;
    free(dir);
    return real;
}

void af_simscope_close(struct af_simscope *s)
{
    if (!s)
        return;
    af_sim_release_cameras(s);
    af_simstore_close(&s->store);
    free(s);
}

/* ---- truth ---- */

const struct af_alignment *af_sim_alignment(struct af_simscope *s, double t)
{
    struct af_simstore *st = &s->store;
    double step = 10 * floor(t / 10);

    if (s->aligned_generation != st->state.generation || s->aligned_s != step) {
        af_alignment_at(&st->params, step, &s->alignment);
        s->aligned_generation = st->state.generation;
        s->aligned_s = step;
    }
    return &s->alignment;
}

double af_sim_focus_um(struct af_simscope *s, double t)
{
    const struct af_simstate *now = &s->store.state;
    const struct af_sim_params *p = &s->store.params;

    return af_sim_surface_um(p, now->axis[AF_SIM_X].at_um, now->axis[AF_SIM_Y].at_um) +
           p->drift_um_s * t + af_sim_alignment(s, t)->sample_um;
}

int af_simscope_truth(struct af_simscope *s, struct af_sim_truth *truth, struct af_err *err)
{
    struct af_simstore *st = &s->store;

    if (af_simstore_lock(st, err))
        return -1;
    double t = af_sim_now(st);
    for (int a = 0; a < AF_SIM_NAXES; a++) {
        truth->um[a] = af_sim_true_um(st, a, t);
        truth->moving[a] = af_sim_moving(st, a, t);
    }
    truth->focus_um = af_sim_focus_um(s, t);
    truth->laser_um = truth->focus_um - af_sim_alignment(s, t)->af_offset_um;
    truth->time_s = t;
    truth->day = (int64_t)st->state.day;
    truth->frames = (uint64_t)st->state.frames;
    truth->motions = (uint64_t)st->state.motions;
    truth->touched = (uint64_t)st->state.touched;
    truth->touched_um = st->state.touched_um;
    return af_simstore_unlock(st, true, err);
}

int af_simscope_set_day(struct af_simscope *s, int64_t day, struct af_err *err)
{
    struct af_simstore *st = &s->store;
    char option[32];

    snprintf(option, sizeof option, "day=%lld", (long long)day);
    return af_simstore_set(st, option, fresh, err);
}
