/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/surface.h"

#include "base/memory.h"
#include "signal/cholesky.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS = 6, NEAREST = 16, ROUNDS = 30 };

#define DEGREES 4.0       // of freedom of Student's t
#define SCALE_SHARE 0.008 // of the range: what one well differs from the quadric by, a priori
#define SCALE_WELLS 3.0   // wells that this prior counts for
#define OWN_SHARE 0.5     // of the residuals' variance, that neighbours do not share: a priori
#define OWN_PAIRS 8.0     // pairs of neighbours that this prior counts for
#define REACH_PITCHES 3.0
#define NOISE_LEAST_UM 0.02
#define OUTLIER 0.3    // weight below which a well says nothing of its neighbours
#define SUSPICIOUS 0.6 // weight below which a well is compared with the others: 2 scales off

static void terms(const struct af_surface *s, double x_um, double y_um, double t[TERMS])
{
    double u = (x_um - s->x_um) / s->half_w_um, v = (y_um - s->y_um) / s->half_h_um;

    t[0] = 1;
    t[1] = u;
    t[2] = v;
    t[3] = u * u;
    t[4] = u * v;
    t[5] = v * v;
}

/* What is left of each well, and its weight. */
static void weigh(struct af_surface *s)
{
    double t[TERMS];

    for (size_t i = 0; i < s->n; i++) {
        double z = 0, r;

        terms(s, s->at[i].x_um, s->at[i].y_um, t);
        for (int k = 0; k < TERMS; k++)
            z += t[k] * s->c[k];
        s->residual[i] = s->at[i].z_um - z;
        r = s->residual[i] / s->scale_um;
        s->weight[i] = (DEGREES + 1) / (DEGREES + r * r);
    }
}

/* One round of weighted least squares with the priors as pseudo-observations. */
static void regress(struct af_surface *s, double z_middle, const double sd[TERMS])
{
    double a[TERMS][TERMS] = {{0}}, b[TERMS] = {0}, t[TERMS];

    for (int k = 0; k < TERMS; k++)
        a[k][k] = 1 / (sd[k] * sd[k]);
    for (size_t i = 0; i < s->n; i++) {
        double w = s->weight[i] / (s->scale_um * s->scale_um);

        terms(s, s->at[i].x_um, s->at[i].y_um, t);
        for (int k = 0; k < TERMS; k++) {
            b[k] += w * t[k] * (s->at[i].z_um - z_middle);
            for (int m = 0; m <= k; m++)
                a[k][m] += w * t[k] * t[m];
        }
    }
    af_cholesky(a[0], TERMS, TERMS); // positive definite by its priors
    af_cholesky_solve(a[0], TERMS, TERMS, b);
    for (int k = 0; k < TERMS; k++) {
        double e[TERMS] = {0};

        e[k] = 1;
        af_cholesky_solve(a[0], TERMS, TERMS, e);
        memcpy(s->cov[k], e, sizeof e);
        s->c[k] = b[k];
    }
    s->c[0] += z_middle;
}

/* Scale of the t distribution by EM, held by its prior while wells are few. */
static void rescale(struct af_surface *s, double prior_um)
{
    double sum = SCALE_WELLS * prior_um * prior_um, n = SCALE_WELLS;

    for (size_t i = 0; i < s->n; i++) {
        sum += s->weight[i] * s->residual[i] * s->residual[i];
        n += 1;
    }
    n = fmax(SCALE_WELLS, n - fmin(TERMS, (double)s->n)); // a term fits a well's worth away
    s->scale_um = sqrt(sum / n);
}

/*
 * Half the mean squared difference of neighbours, over the variance v of one, is `own` for what
 * they do not share and (1 - own) (1 - exp(-d / reach)) for what they do.
 */
static void find_own_share(struct af_surface *s, double pitch_um)
{
    double shared = 1 - exp(-pitch_um / s->reach_um);
    double v = s->scale_um * s->scale_um;
    double sum = OWN_PAIRS * (OWN_SHARE + (1 - OWN_SHARE) * shared) * v, n = OWN_PAIRS;

    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < i; j++) {
            double d = hypot(s->at[i].x_um - s->at[j].x_um, s->at[i].y_um - s->at[j].y_um);

            if (d > 1.2 * pitch_um || s->weight[i] < OUTLIER || s->weight[j] < OUTLIER)
                continue;
            sum += pow(s->residual[i] - s->residual[j], 2) / 2;
            n++;
        }
    s->own = fmin(fmax((sum / n / v - shared) / (1 - shared), 0.02), 1);
}

int af_surface_fit(struct af_surface *s, const struct af_height *at, size_t n,
                   const struct af_surface_prior *p, struct af_err *err)
{
    double half = p->range_um / 2, bow = p->range_um / 4, prior_um = SCALE_SHARE * p->range_um;
    const double sd[TERMS] = {1e3 * p->range_um, half, half, bow, bow, bow};
    double z_middle = 0;

    *s = (struct af_surface){.at = at, .n = n, .scale_um = prior_um};
    s->x_um = (p->x0_um + p->x1_um) / 2;
    s->y_um = (p->y0_um + p->y1_um) / 2;
    s->half_w_um = fmax((p->x1_um - p->x0_um) / 2, 1);
    s->half_h_um = fmax((p->y1_um - p->y0_um) / 2, 1);
    s->reach_um = REACH_PITCHES * p->pitch_um;
    s->residual = af_calloc(n, sizeof *s->residual, err);
    s->weight = af_calloc(n, sizeof *s->weight, err);
    if (!s->residual || !s->weight) {
        af_surface_release(s);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        s->weight[i] = 1;
        z_middle += at[i].z_um / (double)n;
    }
    for (int round = 0; round < ROUNDS && n; round++) {
        regress(s, z_middle, sd);
        weigh(s);
        rescale(s, prior_um);
    }
    find_own_share(s, p->pitch_um);
    return 0;
}

void af_surface_release(struct af_surface *s)
{
    free(s->residual);
    free(s->weight);
    *s = (struct af_surface){0};
}

/* The wells nearest to x, y, outliers left out; how many. */
static size_t neighbours(const struct af_surface *s, double x_um, double y_um, size_t id[NEAREST])
{
    double d[NEAREST];
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        double r = hypot(s->at[i].x_um - x_um, s->at[i].y_um - y_um);
        size_t k = n < NEAREST ? n : NEAREST;

        if (s->weight[i] < OUTLIER || (n == NEAREST && r >= d[n - 1]))
            continue;
        for (k = n < NEAREST ? n++ : n - 1; k > 0 && d[k - 1] > r; k--) {
            d[k] = d[k - 1];
            id[k] = id[k - 1];
        }
        d[k] = r;
        id[k] = i;
    }
    return n;
}

/* Kriging of the residuals: adds to *z, returns the variance that is left. */
static double krige(const struct af_surface *s, double x_um, double y_um, double *z)
{
    double a[NEAREST][NEAREST], k[NEAREST], r[NEAREST];
    double all = s->scale_um * s->scale_um, sill = (1 - s->own) * all, left;
    size_t id[NEAREST], n = neighbours(s, x_um, y_um, id);

    for (size_t i = 0; i < n; i++) {
        const struct af_height *p = &s->at[id[i]];
        double own = p->err_um > 0 ? p->err_um : 0;

        k[i] = sill * exp(-hypot(p->x_um - x_um, p->y_um - y_um) / s->reach_um);
        for (size_t j = 0; j <= i; j++)
            a[i][j] = sill * exp(-hypot(p->x_um - s->at[id[j]].x_um, p->y_um - s->at[id[j]].y_um) /
                                 s->reach_um);
        a[i][i] += s->own * all + own * own + NOISE_LEAST_UM * NOISE_LEAST_UM;
    }
    af_cholesky(a[0], n, NEAREST); // by the wells' own share
    af_cholesky_half(a[0], n, NEAREST, k);
    left = all + NOISE_LEAST_UM * NOISE_LEAST_UM;
    for (size_t i = 0; i < n; i++)
        r[i] = s->residual[id[i]];
    af_cholesky_half(a[0], n, NEAREST, r);
    for (size_t i = 0; i < n; i++) {
        *z += k[i] * r[i];
        left -= k[i] * k[i];
    }
    return fmax(left, NOISE_LEAST_UM * NOISE_LEAST_UM);
}

void af_surface_at(const struct af_surface *s, double x_um, double y_um, double *z_um,
                   double *err_um)
{
    double t[TERMS], z = 0, var = 0;

    *z_um = *err_um = NAN;
    if (!s->n)
        return;
    terms(s, x_um, y_um, t);
    for (int k = 0; k < TERMS; k++) {
        z += t[k] * s->c[k];
        for (int m = 0; m < TERMS; m++)
            var += t[k] * s->cov[k][m] * t[m];
    }
    var += krige(s, x_um, y_um, &z);
    *z_um = z;
    *err_um = sqrt(var);
}

int af_surface_odd(const struct af_height *at, size_t n, const struct af_surface_prior *p,
                   double limit, bool *odd, struct af_height *expected, struct af_err *err)
{
    struct af_height *others = af_calloc(n, sizeof *others, err);
    struct af_surface all = {0}, s;
    int ret = -1;

    if (!others || af_surface_fit(&all, at, n, p, err))
        goto done;
    for (size_t i = 0; i < n; i++) {
        struct af_height e = {at[i].x_um, at[i].y_um, NAN, NAN};

        if (all.weight[i] < SUSPICIOUS) {
            memcpy(others, at, i * sizeof *at);
            memcpy(others + i, at + i + 1, (n - i - 1) * sizeof *at);
            if (af_surface_fit(&s, others, n - 1, p, err))
                goto done;
            af_surface_at(&s, e.x_um, e.y_um, &e.z_um, &e.err_um);
            af_surface_release(&s);
        }
        odd[i] = fabs(at[i].z_um - e.z_um) > fmax(limit * e.err_um, AF_SURFACE_ODD_LEAST_UM);
        expected[i] = e;
    }
    ret = 0;
done:
    af_surface_release(&all);
    free(others);
    return ret;
}
