/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/theory.h"

#include <math.h>

#define AIRY 0.51450  // 2 (2 J1(v) / v)^2 = 1 at v = 1.61634; 2 v / 2 pi
#define AXIAL 0.88589 // 2 sinc^2(u) = 1 at u = 1.39156; 2 u / pi

double af_theory_lateral_um(double na, double wavelength_um)
{
    return AIRY * wavelength_um / na;
}

double af_theory_axial_um(double na, double wavelength_um, double index)
{
    return AXIAL * wavelength_um / (index - sqrt(index * index - na * na));
}

double af_theory_depth_um(double na, double wavelength_um, double index)
{
    return index * wavelength_um / (na * na);
}

double af_theory_without_bead_um(double width_um, double bead_um)
{
    double left = width_um * width_um - 8 * log(2) * bead_um * bead_um / 20;

    return left > 0 ? sqrt(left) : NAN;
}
