/* SPDX-License-Identifier: BSD-2-Clause */
/* A Gaussian of three dimensions and any direction, fitted to a box of voxels. */
#ifndef AF_PSF_GAUSS_H
#define AF_PSF_GAUSS_H
#include <stdbool.h>
#include <stddef.h>

/*
 *   m(x, y, z) = background + amplitude exp(-1/2 d^T P d),   d = (x, y, z) - centre
 *
 * P is the precision, the inverse of the covariance; um throughout.
 */
enum af_gauss_place {
    AF_G_BACKGROUND,
    AF_G_AMPLITUDE,
    AF_G_X,
    AF_G_Y,
    AF_G_Z,
    AF_G_XX, // of P, um^-2
    AF_G_YY,
    AF_G_ZZ,
    AF_G_XY,
    AF_G_XZ,
    AF_G_YZ,
    AF_G_N
};

/* Which are fitted: fix the others. A picture has no z, a profile along z no x and y. */
#define AF_G_PLANE_FIXED (1u << AF_G_Z | 1u << AF_G_ZZ | 1u << AF_G_XZ | 1u << AF_G_YZ)
#define AF_G_PROFILE_FIXED                                                                         \
    (1u << AF_G_X | 1u << AF_G_Y | 1u << AF_G_XX | 1u << AF_G_YY | 1u << AF_G_XY | 1u << AF_G_XZ | \
     1u << AF_G_YZ)

/* Voxels of a box; x and y of voxel (0, 0) at x0_um, y0_um. */
struct af_box {
    size_t w, h, n;     // px, px, planes
    const float *v;     // [n][h][w] counts
    const double *z_um; // [n]
    double x0_um, y0_um, px_um, py_um;
};

struct af_gauss {
    double p[AF_G_N];
    double cov[AF_G_N * AF_G_N]; // of p
    double cost;                 // weighted sum of squares
};

/*
 * Fit from g->p as it stands. weight: [n][h][w], 0 where a voxel does not count; NULL: all alike.
 * absolute: weights are one over the variance, and cov is the covariance of p; else cov is scaled
 * by the residuals. false: no convergence, p is of no use.
 */
bool af_gauss_fit(struct af_gauss *g, const struct af_box *box, const float *weight, bool absolute,
                  unsigned fixed);

/* The model over the box, less the background, into out[n][h][w]. */
void af_gauss_signal(const struct af_gauss *g, const struct af_box *box, float *out);

/* 1 - residual / total sum of squares, both weighted; NaN where the data are constant. */
double af_gauss_r2(const struct af_gauss *g, const struct af_box *box, const float *weight);

/* Full widths at half maximum of the cut z = centre, with their standard errors; angle of the
 * longer axis. */
struct af_widths {
    double min_um, min_err_um, max_um, max_err_um;
    double angle_deg; // from x towards y, (-90, 90]
};
struct af_widths af_gauss_widths(const struct af_gauss *g);

/* The same along z through the centre. */
double af_gauss_width_z(const struct af_gauss *g, double *err_um);

/* Full width of a standard deviation of 1: sqrt(8 ln 2). */
#define AF_FWHM 2.3548200450309493

#endif
