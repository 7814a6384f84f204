/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/pair.h"

#include <math.h>
#include <string.h>

/* The ok bead of b nearest to p in x and y; nb where there is none. */
static size_t nearest(const struct af_psf *p, const struct af_psf *b, size_t nb)
{
    size_t best = nb;
    double least = INFINITY;

    for (size_t i = 0; i < nb; i++) {
        double d = hypot(b[i].x_um - p->x_um, b[i].y_um - p->y_um);

        if (!strcmp(b[i].quality, AF_PSF_OK) && d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

void af_psf_pair(const struct af_psf *a, size_t na, const struct af_psf *b, size_t nb,
                 struct af_psf_shift *shift)
{
    for (size_t i = 0; i < na; i++) {
        size_t k = strcmp(a[i].quality, AF_PSF_OK) ? nb : nearest(&a[i], b, nb);

        shift[i] = (struct af_psf_shift){{NAN, NAN, NAN}};
        if (k == nb || nearest(&b[k], a, na) != i ||
            hypot(b[k].x_um - a[i].x_um, b[k].y_um - a[i].y_um) >
                AF_PSF_PAIR_WIDTHS * (a[i].fwhm_max_um + b[k].fwhm_max_um) / 2)
            continue;
        shift[i] = (struct af_psf_shift){
            {b[k].x_um - a[i].x_um, b[k].y_um - a[i].y_um, b[k].z_um - a[i].z_um}};
    }
}
