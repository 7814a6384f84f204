/* SPDX-License-Identifier: BSD-2-Clause */
/* How the simulated optics stand at a moment: they walk from day to day and wander within one. */
#ifndef AF_OPTICS_ALIGNMENT_H
#define AF_OPTICS_ALIGNMENT_H
#include "optics/params.h"
#include <stddef.h>

/* Positions in the pupil are um, aberrations waves r.m.s. over the slit's height. */
struct af_alignment {
    double shift_x_px, shift_y_px;       // of the picture on the camera
    double rotation_deg;                 // of the slit
    double decentre_x_um, decentre_y_um; // slit's image against the objective's axis
    double beam_x_um, beam_y_um;         // beam against slit
    double af_offset_um;                 // autofocus against imaging focus
    double spherical, spherical2, astigmatism_0, astigmatism_45, coma_x, coma_y;
    double beam_size; // factor
    double power;     // factor
    double sample_index;
    double fringe_rad; // phase of the fringes
    double coverslip_um;
    double sample_um; // of the sample along z
};

/*
 * Alignment t_s after the beginning of day p->day: what p says, plus a walk from day to day with a
 * memory of 0.75, so that mounts stay bounded, plus a wander within the day that forgets in 1.5 h,
 * plus a knock where there was one. A function of seed, day and time alone.
 *
 * Choice: steps of the walk such that a network trained on one day errs by 0.3 to 2 um on others,
 * as the paper's Figures 5 and 6 have it; the wander is a sixth of them. The wander runs straight
 * between points 10 min apart.
 */
void af_alignment_at(const struct af_sim_params *p, double t_s, struct af_alignment *a);

/*
 * The i-th number of struct af_alignment that walks: *place is its offset in bytes, *sd its
 * standard deviation over many days at day_drift 1. Returns 0, or -1 behind the last one.
 */
int af_alignment_walks(size_t i, size_t *place, double *sd);

#endif
