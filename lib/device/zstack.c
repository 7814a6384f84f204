/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/zstack.h"

#include "base/progress.h"
#include <stdio.h>
#include <time.h>

enum { TRIES = 4 };   // of a frame during which the stage moved
#define CALM_MS 50    // before such a frame is taken again
#define CAP_SHARE 0.9 // of the stage's cap: a hop must not fail by the noise of a readback

static double cap_um(const struct af_axis_conf *z, bool toward)
{
    return toward && !isnan(z->max_toward_um) ? z->max_toward_um : z->max_step_um;
}

double af_zstack_lead(const struct af_rig *rig, const struct af_zstack *z)
{
    double backlash = af_stage_axis(rig->stage, AF_Z)->backlash_um;

    return z->lead_um > 0 ? z->lead_um : fmax(backlash, AF_ZSTACK_LEAD_UM);
}

int af_zstack_check(const struct af_rig *rig, const struct af_zstack *z, double z_um,
                    struct af_err *err)
{
    const struct af_axis_conf *a;
    const char *uri;
    double lo, hi;

    if (!rig->stage || !af_stage_has(rig->stage, AF_Z))
        return af_fail(err, AF_EUSAGE, "a stack takes a stage with z");
    a = af_stage_axis(rig->stage, AF_Z);
    uri = af_stage_uri(rig->stage);
    if (!(z->step_um > 0) || !z->nplanes || z->nplanes > AF_ZSTACK_MOST || !isfinite(z->from_um))
        return af_fail(err, AF_EUSAGE, "a stack of %zu planes of %g um from %g um", z->nplanes,
                       z->step_um, z->from_um);
    lo = z->from_um - af_zstack_lead(rig, z);
    hi = z->from_um + (double)(z->nplanes - 1) * z->step_um;
    if (!af_axis_has_limits(a))
        return af_fail(err, AF_ELIMIT, "%s: z has no limits, so it does not move", uri);
    if (lo < a->min_um || hi > a->max_um)
        return af_fail(err, AF_ELIMIT,
                       "%s: the stack goes from %.3f um, its approach included, to %.3f um; the "
                       "limits of z are %g and %g um",
                       uri, lo, hi, a->min_um, a->max_um);
    if (z->nplanes > 1 && z->step_um > cap_um(a, true))
        return af_fail(err, AF_ELIMIT, "%s: steps of %g um, allowed are %g um", uri, z->step_um,
                       cap_um(a, true));
    if (fabs(lo - z_um) > a->max_travel_um || fabs(hi - z_um) > a->max_travel_um)
        return af_fail(err, AF_ELIMIT,
                       "%s: the stack goes from %.3f to %.3f um, further than max_travel, %g um, "
                       "from %.3f um",
                       uri, lo, hi, a->max_travel_um, z_um);
    return 0;
}

static int hop_to(const struct af_rig *rig, double um, double *reached_um, struct af_err *err)
{
    const struct af_axis_conf *a = af_stage_axis(rig->stage, AF_Z);
    double now_um;

    if (af_stage_position(rig->stage, AF_Z, &now_um, err))
        return -1;
    for (;;) {
        double cap = cap_um(a, um > now_um), way = um - now_um;
        bool last = !(fabs(way) > cap);
        double next = last ? um : now_um + copysign(CAP_SHARE * cap, way);

        if (af_stage_move(rig->stage, AF_Z, next, &now_um, err))
            return -1;
        if (last)
            break;
    }
    if (reached_um)
        *reached_um = now_um;
    return 0;
}

int af_zstack_goto(const struct af_rig *rig, double um, double lead_um, double *reached_um,
                   struct af_err *err)
{
    const struct af_axis_conf *a = af_stage_axis(rig->stage, AF_Z);
    double below = um - lead_um;

    if (lead_um > 0 && (isnan(a->min_um) || below >= a->min_um) && hop_to(rig, below, NULL, err))
        return -1;
    return hop_to(rig, um, reached_um, err);
}

static void rest(double ms)
{
    if (ms > 0)
        nanosleep(&(struct timespec){(time_t)(ms / 1e3), (long)(fmod(ms, 1e3) * 1e6)}, NULL);
}

/* A settled stage may yet be pushed: the frame is taken again a moment later. */
static int shoot(const struct af_rig *rig, double wait_ms, struct af_shot *shot, struct af_err *err)
{
    int ret;

    rest(wait_ms);
    for (int i = 1; (ret = af_capture(rig, shot, err)) == AF_SHOT_MOVED && i < TRIES; i++)
        rest(CALM_MS);
    if (ret == 0)
        return af_fail(err, AF_EDATA, "%s: has ended in the middle of a stack",
                       af_camera_info(rig->camera)->uri);
    return ret == 1 ? 0 : -1;
}

/* Sums over the planes of a stack. */
struct sums {
    double settle_ms, most_ms, error2;
};

static int take_plane(const struct af_rig *rig, const struct af_zstack *z, size_t i,
                      struct af_shot *shot, struct sums *s, struct af_err *err)
{
    double target = z->from_um + (double)i * z->step_um, begun_s = af_now_s(), ms, reached;

    if (af_stage_move(rig->stage, AF_Z, target, &reached, err))
        return -1;
    ms = (af_now_s() - begun_s) * 1e3;
    s->settle_ms += ms;
    s->most_ms = fmax(s->most_ms, ms);
    if (shoot(rig, z->wait_ms, shot, err))
        return -1;
    s->error2 += pow(shot->plane.z_um - target, 2);
    return 0;
}

static int note_settling(struct af_capture_file *f, const struct af_zstack_result *r,
                         struct af_err *err)
{
    char text[32];

    snprintf(text, sizeof(text), "%.1f", r->settle_ms);
    if (af_capture_file_note(f, "settle_ms_mean", text, err))
        return -1;
    snprintf(text, sizeof(text), "%.1f", r->settle_most_ms);
    if (af_capture_file_note(f, "settle_ms_most", text, err))
        return -1;
    snprintf(text, sizeof(text), "%.4f", r->error_um);
    return af_capture_file_note(f, "z_error_um_rms", text, err);
}

int af_zstack_take(const struct af_rig *rig, const struct af_zstack *z, const char *path,
                   const struct af_capture_notes *notes, int (*step)(void *ctx, size_t done),
                   void *ctx, struct af_zstack_result *r, struct af_err *err)
{
    struct af_capture_notes n = *notes;
    struct af_capture_file *f = NULL;
    struct af_rig own = *rig;
    struct af_shot shot = {0};
    struct sums s = {0};
    double begun_s = af_now_s(), first = NAN;
    uint64_t lost = 0;
    int ret = -1;

    n.nplanes = z->nplanes;
    n.dz_um = z->step_um;
    if (af_capture_file_open(&f, path, rig, &n, err) ||
        af_zstack_goto(rig, z->from_um, af_zstack_lead(rig, z), NULL, err))
        goto done;
    own.since_s = af_now_s();
    for (size_t i = 0; i < z->nplanes; i++) {
        if (take_plane(&own, z, i, &shot, &s, err) || af_capture_file_add(f, &shot, err))
            goto done;
        if (i == 0)
            first = shot.plane.z_um;
        lost += shot.lost;
        if (step && step(ctx, i + 1)) {
            af_fail(err, AF_ESYS, "interrupted");
            goto done;
        }
        own.xy_known = true; // only z moves
        own.xy_um[0] = shot.plane.x_um, own.xy_um[1] = shot.plane.y_um;
    }
    *r = (struct af_zstack_result){.nplanes = z->nplanes,
                                   .first_um = first,
                                   .last_um = shot.plane.z_um,
                                   .settle_ms = s.settle_ms / (double)z->nplanes,
                                   .settle_most_ms = s.most_ms,
                                   .error_um = sqrt(s.error2 / (double)z->nplanes),
                                   .lost = lost};
    if (note_settling(f, r, err))
        goto done;
    ret = af_capture_file_commit(f, err);
    f = NULL;
    r->seconds = af_now_s() - begun_s;
done:
    af_capture_file_discard(f);
    af_shot_release(&shot);
    return ret;
}
