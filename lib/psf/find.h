/* SPDX-License-Identifier: BSD-2-Clause */
/* Where there may be beads: peaks of the brightest values over z. */
#ifndef AF_PSF_FIND_H
#define AF_PSF_FIND_H
#include "image/image.h"

struct af_psf_spot {
    size_t x, y;     // px
    size_t plane;    // of the brightest smoothed value
    double contrast; // of the smoothed peak over the background around, counts
};

/*
 * Each plane is smoothed by a Gaussian as wide as a bead, and of every pixel the
 * brightest value and its plane are kept. Memory: two values a pixel, whatever the number of
 * planes. All-zero is the empty state.
 */
struct af_psf_finder {
    size_t w, h, nplanes;
    double sigma_px;
    int reach;      // taps on either side
    float *tap;     // [reach + 1]
    float *peak;    // [h][w]
    uint32_t *at;   // [h][w] plane of the peak
    float *plane;   // [h][w] the one being taken, where it is not of 16 bits
    double largest; // count met
    unsigned nthreads;
};

/* Planes of w x h px, smoothed by sigma_px. -1 with AF_ESYS (memory); release in any case. */
int af_psf_finder_init(struct af_psf_finder *f, size_t w, size_t h, double sigma_px,
                       unsigned nthreads, struct af_err *err);
void af_psf_finder_release(struct af_psf_finder *f);

/*
 * The next n <= AF_PSF_ATONCE planes, img[n]: what is kept of every pixel passes through memory
 * once for all of them. -1 with AF_EDATA (another size, values that are no numbers), AF_ESYS.
 */
enum { AF_PSF_ATONCE = 4 };
int af_psf_finder_add(struct af_psf_finder *f, const struct af_image *img, size_t n,
                      struct af_err *err);

/*
 * Local maxima within `radius_px` that stand out of their surroundings by AF_PSF_THRESHOLD times
 * the noise there, brightest first; *spots from malloc. Background and noise are median and median
 * deviation of tiles of 64 px, so that light that is not even does no harm. -1 with AF_ESYS.
 *
 * Choice: 12 times the median deviation of the maximum over planes, which is half as wide as one
 * plane's noise: 6 of its standard deviations above the maximum that noise usually has, since that
 * of few photons is skew.
 */
#define AF_PSF_THRESHOLD 12.0
int af_psf_finder_spots(const struct af_psf_finder *f, double radius_px, struct af_psf_spot **spots,
                        size_t *n, struct af_err *err);

#endif
