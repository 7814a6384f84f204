/* SPDX-License-Identifier: BSD-2-Clause */
/* A lens: from the field in its pupil to the intensity in its focal plane. */
#ifndef AF_OPTICS_LENS_H
#define AF_OPTICS_LENS_H
#include "base/err.h"
#include <stddef.h>

/*
 *   E(x, y) = sum_kl P_kl exp(i (step_x x u_l + step_y y v_k))
 *
 * over pupil samples [my][mx] at u_l = l - (mx - 1) / 2, v_k alike, for pixels [ny][nx] at
 * x_j = j - (nx - 1) / 2, y alike: a Fourier transform with a zoom of its own in each direction, as
 * two matrix products. Both grids are symmetric, so that cosines meet the even and sines the
 * odd part of the field: a quarter of the multiplications of the direct sum.
 *
 * All-zero is the empty state. A lens serves one thread.
 */
struct af_lens {
    size_t nx, ny, mx, my;
    double step_x, step_y;                           // rad per pixel and sample
    size_t half_nx, half_ny, half_mx, half_my, wide; // padded sizes
    float *cos_x, *sin_x;                            // [half_mx][half_nx]
    float *cos_y, *sin_y;                            // [half_ny][half_my]
    float *even, *odd;   // [half_my][wide]: real columns, then imaginary ones
    float *u, *v;        // [half_ny][wide]
    float *rows, *c, *s; // of a few rows at a time
};

/* mx, my even. -1 with AF_ESYS and l empty. */
int af_lens_init(struct af_lens *l, size_t nx, size_t ny, size_t mx, size_t my, double step_x,
                 double step_y, struct af_err *err);
void af_lens_release(struct af_lens *l);

/* A field of the form x(x) y(y), complex, that adds to E; and one, as strong, that does not
 * interfere. */
struct af_lens_second {
    const float *x_re, *x_im; // [nx]
    const float *y_re, *y_im; // [ny]
    float coherent;           // amplitude of what interferes
    float incoherent;         // intensity of what does not
};

/* out[ny][nx] = scale |E|^2; second may be NULL. re, im: [my][mx]. */
void af_lens_intensity(struct af_lens *l, const float *re, const float *im, double scale,
                       const struct af_lens_second *second, float *out);

#endif
