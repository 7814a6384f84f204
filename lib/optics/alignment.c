/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/alignment.h"

#include "base/random.h"
#include <math.h>

enum {
    DAYS = 40,  // of memory: 0.75^40 is 1e-5
    KNOTS = 60, // exp(-60 * 10 min / 1.5 h) is 1e-3
};
#define DAY_MEMORY 0.75
#define KNOT_S 600.0
#define FORGET_S 5400.0
#define WITHIN_DAY (1.0 / 6)
#define KNOCK 3.0

/* Step from one day to the next of each that drifts, standard deviation. */
static const struct {
    size_t place;
    double step;
} drifting[] = {
    {offsetof(struct af_alignment, shift_x_px), 2},
    {offsetof(struct af_alignment, shift_y_px), 2},
    {offsetof(struct af_alignment, rotation_deg), .08},
    {offsetof(struct af_alignment, decentre_x_um), 6},
    {offsetof(struct af_alignment, decentre_y_um), 14},
    {offsetof(struct af_alignment, beam_x_um), 11},
    {offsetof(struct af_alignment, beam_y_um), 25},
    {offsetof(struct af_alignment, af_offset_um), .1},
    {offsetof(struct af_alignment, spherical), .003},
    {offsetof(struct af_alignment, astigmatism_0), .006},
    {offsetof(struct af_alignment, astigmatism_45), .006},
    {offsetof(struct af_alignment, coma_x), .005},
    {offsetof(struct af_alignment, coma_y), .005},
    {offsetof(struct af_alignment, beam_size), .006},
    {offsetof(struct af_alignment, power), .06},
    {offsetof(struct af_alignment, sample_index), .001},
    {offsetof(struct af_alignment, fringe_rad), 1},
    {offsetof(struct af_alignment, coverslip_um), 3},
};
enum { NDRIFTING = sizeof drifting / sizeof *drifting };

/* What drifts, in units of a day's step; the last is the sample, in units of p->wander_um. */
struct walk {
    double of[NDRIFTING + 1];
};

/* Add weight times the n-th draw of a stream. */
static void add(struct walk *w, const struct af_sim_params *p, const char *stream, double n,
                double weight)
{
    struct af_random r;
    uint64_t mixed = (uint64_t)p->seed * 0x9e3779b97f4a7c15u ^ (uint64_t)(int64_t)n;

    af_random_init(&r, mixed, stream);
    for (size_t i = 0; i <= NDRIFTING; i++)
        w->of[i] += weight * af_random_normal(&r);
}

static void walk_days(const struct af_sim_params *p, struct walk *w)
{
    double weight = p->day_drift;

    for (int back = 0; back < DAYS; back++, weight *= DAY_MEMORY)
        add(w, p, "day", p->day - back, weight);
}

/* Variance 1 at each point. */
static void wander_to(const struct af_sim_params *p, double knot, double weight, struct walk *w)
{
    double keep = exp(-KNOT_S / FORGET_S);

    weight *= sqrt(1 - keep * keep);
    for (int back = 0; back < KNOTS; back++, weight *= keep)
        add(w, p, "hour", p->day * 1e6 + knot - back, weight);
}

void af_alignment_at(const struct af_sim_params *p, double t_s, struct af_alignment *a)
{
    double knot = floor(t_s / KNOT_S), part = t_s / KNOT_S - knot;
    struct walk days = {{0}}, hours = {{0}};

    *a = (struct af_alignment){.rotation_deg = p->rotation_deg,
                               .decentre_x_um = p->decentre_x_um,
                               .decentre_y_um = p->decentre_y_um,
                               .beam_x_um = p->beam_x_um,
                               .beam_y_um = p->beam_y_um,
                               .af_offset_um = p->af_offset_um,
                               .spherical = p->spherical,
                               .spherical2 = p->spherical2,
                               .astigmatism_0 = p->astigmatism,
                               .coma_x = p->coma * 0.6,
                               .coma_y = p->coma * 0.8,
                               .beam_size = 1,
                               .power = 1,
                               .sample_index = p->sample_index,
                               .coverslip_um = p->coverslip_um};
    walk_days(p, &days);
    wander_to(p, knot, 1 - part, &hours);
    wander_to(p, knot + 1, part, &hours);
    if (p->knock > 0)
        add(&days, p, "knock", p->knock, KNOCK);
    for (size_t i = 0; i < NDRIFTING; i++)
        *(double *)((char *)a + drifting[i].place) +=
            drifting[i].step * (days.of[i] + p->hour_drift * WITHIN_DAY * hours.of[i]);
    a->sample_um = p->wander_um * hours.of[NDRIFTING];
    a->beam_size = fmax(0.2, a->beam_size);
    a->power = fmax(0.05, a->power);
    a->sample_index = fmax(1, a->sample_index);
    a->coverslip_um = fmax(20, a->coverslip_um);
}

int af_alignment_walks(size_t i, size_t *place, double *sd)
{
    if (i >= NDRIFTING)
        return -1;
    *place = drifting[i].place;
    *sd = drifting[i].step / sqrt(1 - DAY_MEMORY * DAY_MEMORY);
    return 0;
}
