/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/slit.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846
#define SQRT_PI 1.77245385090551602730

enum { TERMS = 40 };
/* 2^(-1/4) sqrt(TERMS), the scale that converges fastest. */
#define SCALE 5.3182958969449885

/*
 * Coefficients of f(t) = exp(-t^2) (scale^2 + t^2) in the functions ((scale + it) / (scale -
 * it))^n, t = scale tan(theta / 2): a Fourier series, summed over equal steps of theta, which is
 * exact to the last digit here, over 4096 of them. Source: Weideman, SIAM J. Numer. Anal. 31 (1994)
 * 1497.
 */
static const double coefficient[TERMS] = {
    2.8996245093897031,      2.6160541527618602,      2.2015137948783137,
    1.7253830848179768,      1.2563815675765155,      0.84721745765938195,
    0.52665289882770805,     0.29989437996150026,     0.15504263802479457,
    0.071823617790742991,    0.029202916471241871,    0.010048186242783695,
    0.002705405633074046,    0.00043980701598696144,  -3.9393631455063768e-05,
    -5.5913092642528379e-05, -1.8007447144795829e-05, -1.0660138981029681e-06,
    1.4835661133599484e-06,  5.9121369510122348e-07,  1.4198642294817305e-08,
    -6.3517735029699164e-08, -1.8315616813295304e-08, 3.2497467966009685e-09,
    3.0177804433980892e-09,  2.1086015271275276e-10,  -3.5632334170606715e-10,
    -9.0550962265605626e-11, 3.4727389113333862e-11,  1.7714493014171518e-11,
    -2.7275302799113933e-12, -2.9076336971395181e-12, 1.2031999193614073e-13,
    4.5344651900509319e-13,  1.3780139122361131e-14,  -7.0680743695844959e-14,
    -5.5556206884576397e-15, 1.1365458456904534e-14,  1.2854225950783201e-15,
    -1.7294776902404973e-15,
};

double complex af_faddeeva(double complex z)
{
    double complex below = SCALE - I * z, ratio = (SCALE + I * z) / below, sum = 0;

    for (int n = TERMS - 1; n >= 0; n--)
        sum = sum * ratio + coefficient[n];
    return 2 * sum / (below * below) + 1 / SQRT_PI / below;
}

/*
 * exp(c) erf(z): erf alone is fine as long as |exp(-z^2)| does not overflow, which holds on the
 * rays near 45 degrees where the chirp puts z.
 */
static double complex erf_complex(double complex z)
{
    if (creal(z) < 0)
        return -erf_complex(-z);
    return 1 - cexp(-z * z) * af_faddeeva(I * z);
}

double complex af_slit_field(const struct af_slit *s, double u)
{
    double w2 = s->beam_um * s->beam_um, b = s->beam_at_um, a = s->half_um;

    if (s->lambda_l == 0)
        return fabs(u) > a ? 0 : exp(-(u - b) * (u - b) / w2);
    /* The exponent is -kappa (s - s0)^2 + rest: one complex Gaussian. */
    double chirp = PI / s->lambda_l;
    double complex kappa = 1 / w2 - I * chirp, root = csqrt(kappa);
    double complex s0 = (b / w2 - I * chirp * u) / kappa;
    double complex rest = kappa * s0 * s0 - b * b / w2 + I * chirp * u * u;
    double complex ends = erf_complex(root * (a - s0)) + erf_complex(root * (a + s0));

    return csqrt(-I * chirp / PI) * cexp(rest) * SQRT_PI / (2 * root) * ends;
}
