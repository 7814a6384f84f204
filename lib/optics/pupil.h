/* SPDX-License-Identifier: BSD-2-Clause */
/* The returned laser light in the pupil of the objective. */
#ifndef AF_OPTICS_PUPIL_H
#define AF_OPTICS_PUPIL_H
#include "optics/alignment.h"

/*
 * Field of the light that comes back from the coverslip, the interface at defocus z (positive: the
 * focal plane lies deeper in the sample than the interface), r in the pupil:
 *
 *   P(r; z) = G(r) r_co(r) T(r) exp{ i [ W(r) + z_off Qp(r) + z Q(r) ] }
 *   Q(r)    = 2 k0 ( sqrt(n^2 - |r|^2 / f^2) - n )    defocus in double pass: the mirror image
 *                                                      moves by 2 z
 *   Qp(r)   = -k0 |r|^2 / (n f^2)                      collimation error
 *
 * G: Gaussian beam cut by the slit, rotated and decentred, propagated from the slit's image to
 * the pupil by a Fresnel integral along each of its sides; r_co: the reflection of circular light
 * that keeps to its channel, (r_s - r_p) / 2; T: the aperture and the roughness of the surfaces; W:
 * primary and secondary spherical aberration, astigmatism, coma, as Zernike polynomials over the
 * circle of half the slit's height.
 *
 * Choice: circular polarisation, as in an isolator with a quarter-wave plate; to NA 1 it
 * reflects almost evenly, where linear light along the slit would vanish at Brewster's angle.
 */
struct af_pupil {
    size_t mx, my;              // even
    double dx_um, dy_um;        // between samples
    float *re, *im;             // [my][mx] field at z = 0
    double *q;                  // [my][mx] Q / (2 pi), turns per um
    double energy;              // sum of |P|^2
    float *field_re, *field_im; // [my][mx] what af_pupil_defocus fills
};

/* Samples and their distances; all-zero is the empty state. -1 with AF_ESYS. */
int af_pupil_init(struct af_pupil *pupil, size_t mx, size_t my, double dx_um, double dy_um,
                  struct af_err *err);
void af_pupil_release(struct af_pupil *pupil);

/* Compute re, im and q anew. -1 with AF_ESYS. */
int af_pupil_align(struct af_pupil *pupil, const struct af_sim_params *p,
                   const struct af_alignment *a, struct af_err *err);

/* field = P(r; z) exp(i (tilt_x l + tilt_y k)) of sample l, k from the middle; radians. */
void af_pupil_defocus(struct af_pupil *pupil, double z_um, double tilt_x, double tilt_y);

/* Half sizes of the lit pupil, um: the slit and the fringe around it that is kept. */
void af_pupil_extent(const struct af_sim_params *p, double *x_um, double *y_um);

#endif
