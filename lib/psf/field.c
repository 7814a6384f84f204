/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/field.h"

#include "base/memory.h"
#include "signal/cholesky.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS = 6 };
#define OUTLIER 4.0 // robust standard deviations

struct place {
    double x, y, z; // um from the middle of the beads
    bool out;
};

static void terms(const struct place *p, double t[TERMS])
{
    t[0] = 1;
    t[1] = p->x;
    t[2] = p->y;
    t[3] = p->x * p->x / 2;
    t[4] = p->x * p->y;
    t[5] = p->y * p->y / 2;
}

/* Coefficients of the first k terms over those not out, and the diagonal of their covariance over
 * var. */
static bool fit(const struct place *p, size_t n, int k, double *c, double *var)
{
    double a[TERMS * TERMS] = {0}, t[TERMS];

    memset(c, 0, TERMS * sizeof *c);
    for (size_t i = 0; i < n; i++) {
        terms(&p[i], t);
        for (int r = 0; r < k && !p[i].out; r++) {
            c[r] += t[r] * p[i].z;
            for (int s = 0; s <= r; s++)
                a[r * TERMS + s] += t[r] * t[s];
        }
    }
    if (!af_cholesky(a, (size_t)k, TERMS))
        return false;
    af_cholesky_solve(a, (size_t)k, TERMS, c);
    for (int r = 0; r < k; r++) {
        double e[TERMS] = {0};

        e[r] = 1;
        af_cholesky_solve(a, (size_t)k, TERMS, e);
        var[r] = e[r];
    }
    return true;
}

static double left_of(const struct place *p, const double *c)
{
    double t[TERMS], z = p->z;

    terms(p, t);
    for (int r = 0; r < TERMS; r++)
        z -= c[r] * t[r];
    return z;
}

/* Mark outliers about c; how many stay, the sum of their squares in *sum. */
static size_t mark(struct place *p, size_t n, const double *c, double *scratch, double *sum)
{
    double scale;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        scratch[i] = left_of(&p[i], c);
    scale = fmax(af_mad_sigma(scratch, n), 1e-4);
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        double r = left_of(&p[i], c);

        p[i].out = fabs(r) > OUTLIER * scale;
        kept += !p[i].out;
        *sum += p[i].out ? 0 : r * r;
    }
    return kept;
}

static void fit_plane(struct af_field *f, struct place *p, size_t n, double *scratch)
{
    double c[TERMS], var[TERMS], sum = 0;
    size_t kept = n;

    for (int round = 0; round < 3; round++) {
        if (kept < 3 || !fit(p, n, 3, c, var))
            return;
        kept = mark(p, n, c, scratch, &sum);
    }
    f->tilt_x_mrad = 1e3 * c[1];
    f->tilt_y_mrad = 1e3 * c[2];
    if (kept > 3) {
        f->flat_um = sqrt(sum / (double)(kept - 3));
        f->tilt_x_err_mrad = 1e3 * f->flat_um * sqrt(var[1]);
        f->tilt_y_err_mrad = 1e3 * f->flat_um * sqrt(var[2]);
    }
    if (kept >= 8 && fit(p, n, TERMS, c, var)) {
        f->curvature_x_per_mm = 1e3 * c[3];
        f->curvature_y_per_mm = 1e3 * c[5];
    }
}

/* Median of a quantity of the good beads. */
static double median_of(const struct af_psf *b, size_t n, double (*of)(const struct af_psf *),
                        double *scratch)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(b[i].quality, AF_PSF_OK))
            scratch[k++] = of(&b[i]);
    return k ? af_median(scratch, k) : NAN;
}

static double least_width(const struct af_psf *p)
{
    return p->fwhm_min_um;
}

static double most_width(const struct af_psf *p)
{
    return p->fwhm_max_um;
}

static double lateral(const struct af_psf *p)
{
    return sqrt(p->fwhm_min_um * p->fwhm_max_um);
}

static double axial(const struct af_psf *p)
{
    return p->fwhm_z_um;
}

int af_field_fit(struct af_field *f, const struct af_psf *b, size_t n, struct af_err *err)
{
    struct place *p = af_calloc(n, sizeof *p, err);
    double *scratch = af_calloc(n, sizeof *scratch, err), x = 0, y = 0, z = 0, sum = 0;
    int ret = -1;

    *f = (struct af_field){n, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (!p || !scratch)
        goto done;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(b[i].quality, AF_PSF_OK)) {
            p[f->nok++] = (struct place){b[i].x_um, b[i].y_um, b[i].z_um, false};
            x += b[i].x_um;
            y += b[i].y_um;
            z += b[i].z_um;
        }
    ret = 0;
    if (!f->nok)
        goto done;
    double nok = (double)f->nok;
    f->z_mean_um = z / nok;
    for (size_t i = 0; i < f->nok; i++) {
        p[i].x -= x / nok;
        p[i].y -= y / nok;
        p[i].z -= z / nok;
        sum += p[i].z * p[i].z;
    }
    if (f->nok > 1)
        f->z_sd_um = sqrt(sum / (nok - 1));
    f->fwhm_min_um = median_of(b, n, least_width, scratch);
    f->fwhm_max_um = median_of(b, n, most_width, scratch);
    f->fwhm_xy_um = median_of(b, n, lateral, scratch);
    f->fwhm_z_um = median_of(b, n, axial, scratch);
    fit_plane(f, p, f->nok, scratch);
done:
    free(p);
    free(scratch);
    return ret;
}
