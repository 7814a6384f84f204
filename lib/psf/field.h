/* SPDX-License-Identifier: BSD-2-Clause */
/* What the beads of one file say together: widths, and the shape of the focal surface over the
 * field. */
#ifndef AF_PSF_FIELD_H
#define AF_PSF_FIELD_H
#include "psf/measure.h"

/* Of the beads that are ok; NaN where too few say something. */
struct af_field {
    size_t nbeads, nok;
    double z_mean_um, z_sd_um;               // standard deviation over the field
    double fwhm_min_um, fwhm_max_um;         // medians
    double fwhm_xy_um, fwhm_z_um;            // median of sqrt(min max), median
    double tilt_x_mrad, tilt_y_mrad;         // slope of z over x and y; 3 beads
    double tilt_x_err_mrad, tilt_y_err_mrad; // 4 beads
    double flat_um;                          // standard deviation of z about that plane; 4 beads
    double curvature_x_per_mm, curvature_y_per_mm; // d2 z / dx2, d2 z / dy2, 1/mm; 8 beads
};

/*
 * Plane and quadric by least squares; beads off by more than 4 robust standard deviations, as those
 * that float, are left out, twice. -1 with AF_ESYS.
 */
int af_field_fit(struct af_field *f, const struct af_psf *beads, size_t n, struct af_err *err);

#endif
