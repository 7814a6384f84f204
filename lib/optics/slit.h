/* SPDX-License-Identifier: BSD-2-Clause */
/* One side of a slit in a Gaussian beam, some way behind it. */
#ifndef AF_OPTICS_SLIT_H
#define AF_OPTICS_SLIT_H
#include <complex.h>

/*
 * Field at u, a distance L behind a slit from -a to a in a Gaussian beam centred on b,
 *
 *   g(u) = (i lambda L)^(-1/2) int_{-a}^{a} exp(-(s - b)^2 / w^2) exp(i pi (s - u)^2 / (lambda L))
 * ds
 *
 * in closed form, by error functions of a complex argument. Behind L = 0 it is the beam where
 * the slit lets it through; L < 0 is in front of the image of the slit.
 */
struct af_slit {
    double half_um;             // a
    double beam_um, beam_at_um; // w, b
    double lambda_l;            // lambda L, um^2
};
double complex af_slit_field(const struct af_slit *s, double u_um);

/* Faddeeva's function exp(-z^2) erfc(-iz) for Im z >= 0, to 1e-10. */
double complex af_faddeeva(double complex z);

#endif
