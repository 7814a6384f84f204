/* SPDX-License-Identifier: BSD-2-Clause */
/* One bead: its place and widths from the voxels around it. */
#ifndef AF_PSF_MEASURE_H
#define AF_PSF_MEASURE_H
#include "base/err.h"
#include "psf/gauss.h"

/* Why a bead is not to be used; af_psf_reason() tells it to people. */
#define AF_PSF_OK "ok"
#define AF_PSF_CROWDED "crowded"
#define AF_PSF_CLIPPED "clipped"
#define AF_PSF_SATURATED "saturated"
#define AF_PSF_DIM "dim"
#define AF_PSF_FIT "fit"
const char *af_psf_reason(const char *quality);

/* NaN where it could not be measured. Widths without the bead's own. */
struct af_psf {
    double x_um, y_um, z_um, x_err_um, y_err_um, z_err_um;
    double fwhm_min_um, fwhm_max_um, fwhm_z_um;
    double fwhm_min_err_um, fwhm_max_err_um, fwhm_z_err_um;
    double asymmetry; // min / max
    double angle_deg; // of the longer axis, from x towards y
    double snr;       // amplitude over the background's standard deviation
    double r2_xy, r2_z;
    double amplitude, background; // counts
    const char *quality;
};

struct af_psf_opts {
    double fwhm_um, fwhm_z_um; // expected, for the first guess
    double bead_um;            // diameter; 0: a point
    double gain;               // counts a photon; NaN: from the residuals
    double snr_least;
    double saturated; // count at and above which a voxel is; infinity: none
    double quantum;   // of a count: 1, or 0 of float
    bool fit_3d;
};

/* What is known of a bead before it is measured. */
struct af_psf_seed {
    size_t x, y, plane;  // its brightest voxel, in the box
    double contrast;     // of the smoothed peak over its surroundings, counts
    const char *refused; // a quality that it has already, or NULL
};

/*
 * box: the bead near its centre, all planes
 * mask: [h][w], 1 where a pixel is this bead's, 0 where it is nearer to another.
 *
 * refused: a quality that is known beforehand, or NULL.
 *
 * Widths as PSFj (Theer, Mongis and Knop, Nature Methods 11 (2014) 981): a Gaussian of two
 * dimensions to the brightest plane, a Gaussian to the profile along z, both unweighted. Choice:
 * the profile is the mean within one standard deviation of the centre, where PSFj takes one pixel:
 * less noise, and 2 to 6 % wider on real beads, since light leaves the axis on both sides of focus.
 *
 * Place by one Gaussian of three dimensions and any direction, with fit_3d widths too: to the
 * voxels within AF_PSF_NEAR expected widths across and AF_PSF_NEAR_Z found ones in z, each weighted
 * by one over its variance: background's, gain times signal, and what a Gaussian does not describe.
 * The signal is the model's, not the data's: for Poisson light that is the likelihood's own
 * maximum.
 *
 * Pixels are taken for points: a width contains the pixel's own, as in other programs.
 * -1 with AF_ESYS only; what is wrong with a bead is its quality, NULL where nothing is there.
 */
#define AF_PSF_NEAR 3.0
#define AF_PSF_NEAR_Z 1.5
int af_psf_measure(const struct af_box *box, const float *mask, const struct af_psf_seed *seed,
                   const struct af_psf_opts *o, struct af_psf *psf, struct af_err *err);

#endif
