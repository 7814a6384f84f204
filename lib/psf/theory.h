/* SPDX-License-Identifier: BSD-2-Clause */
/* What a perfect objective makes of a point, and what a bead's size adds. */
#ifndef AF_PSF_THEORY_H
#define AF_PSF_THEORY_H

/*
 * Full widths at half maximum of a wide-field image of a point, um:
 *
 *   lateral  0.5145 lambda / NA                          Airy pattern
 *   axial    0.8859 lambda / (n - sqrt(n^2 - NA^2))      scalar, even aperture in cos(theta)
 *
 * Source: Born and Wolf, Principles of Optics, 8.5.2 and 8.8.2; the axial one without its small
 * angles, as Wilhelm et al., Confocal Laser Scanning Microscopy (Zeiss), formula 3. For small NA it
 * is 1.772 n lambda / NA^2, which PSFj takes for all.
 */
double af_theory_lateral_um(double na, double wavelength_um);
double af_theory_axial_um(double na, double wavelength_um, double index);

/* Depth of field, n lambda / NA^2: within half of it on either side a point stays sharp. */
double af_theory_depth_um(double na, double wavelength_um, double index);

/*
 * The width without the bead's own: sqrt(w^2 - 8 ln 2 d^2 / 20), d^2 / 20 the variance along any
 * axis of an evenly filled sphere of diameter d. NaN where the bead is as wide as its image.
 */
double af_theory_without_bead_um(double width_um, double bead_um);

#endif
