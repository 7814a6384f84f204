/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulated microscope is made of: every parameter, its presets, its names. */
#ifndef AF_OPTICS_PARAMS_H
#define AF_OPTICS_PARAMS_H
#include "base/err.h"
#include <stddef.h>
#include <stdio.h>

/*
 * All values are real numbers, whole ones too, so that one table serves them. The meaning of each
 * and its ranges are in params.c; the presets:
 *
 *   paper  the microscope of Lightley et al. as far as it is known
 *   ideal  aligned, no aberrations, no noise, no drift: no sign of defocus
 *   rough  three times the drift and aberrations, dust, backlash, a bent plate
 */
struct af_sim_params {
    double preset, seed, day, knock;
    double clock; // AF_CLOCK_REAL, AF_CLOCK_VIRTUAL
    /* laser, slit, objective; lengths in the pupil of the objective */
    double wavelength_um, index, sample_index, na, focal_um;
    double slit_x_um, slit_y_um;         // half sizes of the slit's image
    double beam_um;                      // Gaussian beam: radius at 1/e^2 of the intensity
    double slit_distance_um;             // from the slit's image to the pupil
    double beam_x_um, beam_y_um;         // beam against slit
    double decentre_x_um, decentre_y_um; // slit's image against the objective's axis
    double rotation_deg;
    double spherical, spherical2, astigmatism, coma, roughness; // waves r.m.s. over the slit
    double af_offset_um;                                        // autofocus against imaging focus
    double second, second_coherence, coverslip_um;
    /* on the way to the camera */
    double magnification, light, fringes, dust, vignetting, glow, background;
    /* camera */
    double width, height, pixel_um, bits;
    double read_noise, full_well, black, dark, hot, gain_spread, noise;
    /* drift */
    double day_drift, hour_drift; // factors of the walks
    double drift_um_s;            // of the sample along z, steady
    double wander_um;             // and at random, standard deviation
    /* stage */
    double speed_um_s, accel_um_s2, xy_speed_um_s, xy_accel_um_s2;
    double readback_um, step_um, settle_ms, backlash_um, lo_um, hi_um, margin_um;
    /* plate and beads */
    double surface_um, tilt_x_mrad, tilt_y_mrad, bow_um, well_step_um;
    double bead_density, bead_um, bead_light, bead_wavelength_um, bead_height_um;
    double bead_width, bead_height, bead_pixel_um, bead_magnification;
};
enum { AF_PRESET_PAPER, AF_PRESET_IDEAL, AF_PRESET_ROUGH };
enum { AF_CLOCK_REAL, AF_CLOCK_VIRTUAL };

void af_sim_params_preset(struct af_sim_params *p, int preset);

/*
 * Set what "key=value&key=value" names; NULL or "" sets nothing. `preset`, where it stands and
 * differs from the one p has, is applied first. -1 with AF_EUSAGE and p unchanged: an unknown
 * key, one given twice, a value out of its range ("sim: tilt_x: 'x' is not a number").
 */
int af_sim_params_set(struct af_sim_params *p, const char *options, struct af_err *err);

/* Is `key` among the options? */
int af_sim_params_given(const char *options, const char *key);

/* Write every parameter as `key = value`, each under its meaning; and read such text. */
int af_sim_params_write(const struct af_sim_params *p, FILE *fp, struct af_err *err);
int af_sim_params_read(struct af_sim_params *p, FILE *fp, const char *name, struct af_err *err);

#endif
