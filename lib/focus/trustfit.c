/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be trusted, learnt from frames whose defocus is known. */
#include "focus/trustparts.h"

#include "base/memory.h"
#include "signal/robust.h"
#include "signal/whiten.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIMS = AF_TRUST_DIMS,
    CELLS = AF_TRUST_CELLS,
    FOLDS = 8,           // parts that the days are dealt into
    FRAMES_A_KNOT = 100, // at least
};

/* Margins beyond what the validation has shown. */
static const double margin_contrast = 0.25, margin_sum = 4, margin_saturated = 2;
static const double deviations_sum = 3, slack_sum = 0.0025; // of the days' darkest frames
static const double slack_saturated = 0.01; // share that no camera minds
static const double margin_new_day = 1.25;  // beyond days left out of the fit
static const double margin_same_day = 10;   // where one day is all there is
static const double unlike_new_day = 0.2, unlike_same_day = 0.6; // below the least likeness

/* What is kept of a frame. */
struct sample {
    double predicted_um, true_um, contrast, saturated, sum;
    unsigned day, fold;
    float sign[DIMS], cell[CELLS];
};

struct af_trust_fit {
    size_t nfeature, n, cap;
    struct sample *sample;
};

int af_trust_fit_new(struct af_trust_fit **fit, size_t nfeature, struct af_err *err)
{
    *fit = af_calloc(1, sizeof(**fit), err);
    if (!*fit)
        return -1;
    (*fit)->nfeature = nfeature;
    return 0;
}

void af_trust_fit_free(struct af_trust_fit *fit)
{
    if (!fit)
        return;
    free(fit->sample);
    free(fit);
}

int af_trust_fit_add(struct af_trust_fit *fit, const struct af_trust_frame *frame, double true_um,
                     unsigned day, struct af_err *err)
{
    const struct af_frame_facts *x = frame->facts;
    double s[DIMS], cell[CELLS];

    if (!isfinite(frame->defocus_um) || !isfinite(true_um))
        return af_fail(err, AF_EDATA, "trust: a defocus that is no number");
    if (af_grow((void **)&fit->sample, &fit->cap, fit->n + 1, sizeof(*fit->sample), err))
        return -1;
    fit->sample[fit->n] = (struct sample){.predicted_um = frame->defocus_um,
                                          .true_um = true_um,
                                          .contrast = x->max - x->min,
                                          .saturated = x->saturated,
                                          .sum = x->sum,
                                          .day = day};
    af_trust_sign(frame, fit->nfeature, s);
    for (size_t i = 0; i < DIMS; i++)
        fit->sample[fit->n].sign[i] = (float)s[i];
    af_trust_cells(frame->input, cell);
    for (size_t i = 0; i < CELLS; i++)
        fit->sample[fit->n].cell[i] = (float)cell[i];
    fit->n++;
    return 0;
}

static int by_prediction(const void *a, const void *b)
{
    double x = ((const struct sample *)a)->predicted_um,
           y = ((const struct sample *)b)->predicted_um;

    return (x > y) - (x < y);
}

static double quantile(double *v, size_t n, double q)
{
    size_t k = (size_t)floor(q * (double)(n - 1) + 0.5);

    af_select(v, n, k);
    return v[k];
}

/*
 * Deal the days into folds, in the order of their numbers; how many folds that makes.
 * A day's rank is how many smaller numbers there are.
 */
static size_t deal(struct af_trust_fit *fit)
{
    unsigned low = 0, rank = 0;

    for (size_t done = 0; done < fit->n; rank++, low++) {
        unsigned next = 0;
        bool found = false;

        for (size_t i = 0; i < fit->n; i++)
            if (fit->sample[i].day >= low && (!found || fit->sample[i].day < next)) {
                next = fit->sample[i].day;
                found = true;
            }
        for (size_t i = 0; i < fit->n; i++)
            if (fit->sample[i].day == next) {
                fit->sample[i].fold = rank % FOLDS;
                done++;
            }
        low = next;
    }
    return rank < FOLDS ? rank : FOLDS;
}

/* Knots where the samples are, as many to each; sigma from the residuals around them. */
static void fit_sigma(const struct af_trust_fit *fit, double *scratch, struct af_trust *t)
{
    t->nknots = fit->n / FRAMES_A_KNOT;
    if (t->nknots > AF_TRUST_KNOTS)
        t->nknots = AF_TRUST_KNOTS;
    if (t->nknots < 1)
        t->nknots = 1;
    for (size_t k = 0; k < t->nknots; k++) {
        size_t from = k * fit->n / t->nknots, m = (k + 1) * fit->n / t->nknots - from;
        const struct sample *s = fit->sample + from;

        for (size_t i = 0; i < m; i++)
            scratch[i] = fabs(s[i].predicted_um - s[i].true_um);
        t->sigma_um[k] = (2 * quantile(scratch, m, 0.6827) + quantile(scratch, m, 0.9545) / 2) / 3;
        t->at_um[k] = s[m / 2].predicted_um;
    }
}

/* Knots that fall together, as where a network always says the same, would divide by 0. */
static void merge_knots(struct af_trust *t)
{
    size_t kept = 1;

    for (size_t k = 1; k < t->nknots; k++)
        if (t->at_um[k] > t->at_um[kept - 1]) {
            t->at_um[kept] = t->at_um[k];
            t->sigma_um[kept++] = t->sigma_um[k];
        }
    t->nknots = kept;
}

/*
 * Least sum of a frame with the laser on. The camera's black level, of which nobody tells, may be
 * nearly all of it far from focus, so that a share of it means nothing; how the days' darkest
 * frames differ does.
 */
static double least_sum(const struct af_trust_fit *fit, size_t nfolds, double *scratch)
{
    double least = INFINITY, sum = 0, squares = 0, sd;

    for (unsigned f = 0; f < nfolds; f++) {
        size_t n = 0;
        double q;

        for (size_t i = 0; i < fit->n; i++)
            if (fit->sample[i].fold == f)
                scratch[n++] = fit->sample[i].sum;
        q = quantile(scratch, n, 0.001);
        least = fmin(least, q);
        sum += q;
        squares += q * q;
    }
    if (nfolds < 2)
        return least / margin_sum;
    sd = sqrt(fmax(0, squares - sum * sum / (double)nfolds) / (double)(nfolds - 1));
    return least - deviations_sum * fmax(sd, slack_sum * least);
}

static void fit_limits(const struct af_trust_fit *fit, size_t nfolds, double *scratch,
                       struct af_trust *t)
{
    const size_t n = fit->n;

    for (size_t i = 0; i < n; i++)
        scratch[i] = fit->sample[i].contrast;
    t->min_contrast = margin_contrast * quantile(scratch, n, 0.001);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fit->sample[i].saturated;
    t->max_saturated = slack_saturated + margin_saturated * quantile(scratch, n, 0.999);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fit->sample[i].sum;
    t->max_sum = quantile(scratch, n, 0.999) * margin_sum;
    t->min_sum = least_sum(fit, nfolds, scratch);
}

/* The knot a sample is nearest to. */
static size_t nearest(const struct af_trust *t, const struct sample *s)
{
    size_t a, b;

    return af_trust_between(t, s->predicted_um, &a, &b) < 0.5 ? a : b;
}

/* Divide sums of n samples each at the knots; a knot without samples is like the one before. */
static void average(double *sum, size_t width, const size_t *n, size_t nknots)
{
    size_t first = 0;

    while (first < nknots && !n[first])
        first++;
    for (size_t k = first; k < nknots; k++)
        for (size_t d = 0; d < width; d++)
            sum[k * width + d] =
                n[k] ? sum[k * width + d] / (double)n[k] : sum[(k - 1) * width + d];
    for (size_t k = 0; k < first; k++)
        memcpy(sum + k * width, sum + first * width, width * sizeof(*sum));
}

/*
 * Mean signature and picture of the samples nearest to each knot, those of fold `without` left
 * out.
 */
static void fit_centres(const struct af_trust_fit *fit, unsigned without, struct af_trust *t)
{
    size_t n[AF_TRUST_KNOTS] = {0};

    memset(t->centre, 0, sizeof(t->centre));
    memset(t->picture, 0, sizeof(t->picture));
    for (size_t i = 0; i < fit->n; i++) {
        const struct sample *s = &fit->sample[i];
        size_t k = nearest(t, s);

        if (s->fold == without)
            continue;
        n[k]++;
        for (size_t d = 0; d < DIMS; d++)
            t->centre[k][d] += (double)s->sign[d];
        for (size_t c = 0; c < CELLS; c++)
            t->picture[k][c] += (double)s->cell[c];
    }
    average(t->centre[0], DIMS, n, t->nknots);
    average(t->picture[0], CELLS, n, t->nknots);
}

/*
 * Covariance of the signatures about the centres, and from it W. What few samples cannot tell is
 * made up for by a larger diagonal: c_ii (1 + 0.01 + DIMS / n), and 1e-6 of the mean c_ii.
 */
static void fit_whiten(const struct af_trust_fit *fit, unsigned without, struct af_trust *t)
{
    double c[DIMS][DIMS] = {{0}}, mean = 0, n = 0;
    size_t a, b;

    for (size_t i = 0; i < fit->n; i++) {
        const struct sample *s = &fit->sample[i];
        double u = af_trust_between(t, s->predicted_um, &a, &b), d[DIMS];

        if (s->fold == without)
            continue;
        n++;
        for (size_t k = 0; k < DIMS; k++)
            d[k] = (double)s->sign[k] - (1 - u) * t->centre[a][k] - u * t->centre[b][k];
        for (size_t k = 0; k < DIMS; k++)
            for (size_t l = 0; l <= k; l++)
                c[k][l] += d[k] * d[l];
    }
    for (size_t k = 0; k < DIMS; k++)
        mean += c[k][k] / n / DIMS;
    for (size_t k = 0; k < DIMS; k++) {
        for (size_t l = 0; l <= k; l++)
            c[k][l] /= n;
        c[k][k] += (0.01 + DIMS / n) * c[k][k] + 1e-6 * mean + 1e-12;
    }
    af_whiten(c[0], DIMS, t->whiten[0]);
}

/* Distances of the samples of one fold (FOLDS: of all) into out; how many. */
static size_t distances(const struct af_trust_fit *fit, unsigned fold, const struct af_trust *t,
                        double *out)
{
    size_t n = 0;
    double s[DIMS];

    for (size_t i = 0; i < fit->n; i++) {
        if (fold != FOLDS && fit->sample[i].fold != fold)
            continue;
        for (size_t d = 0; d < DIMS; d++)
            s[d] = (double)fit->sample[i].sign[d];
        out[n++] = af_trust_distance(t, fit->sample[i].predicted_um, s);
    }
    return n;
}

/* Lower the floor at the knots to the likenesses of one fold (FOLDS: of all). */
static void lower_floor(const struct af_trust_fit *fit, unsigned fold, struct af_trust *t)
{
    double cell[CELLS];

    for (size_t i = 0; i < fit->n; i++) {
        const struct sample *s = &fit->sample[i];
        double *floor = &t->floor[nearest(t, s)];

        if (fold != FOLDS && s->fold != fold)
            continue;
        for (size_t c = 0; c < CELLS; c++)
            cell[c] = (double)s->cell[c];
        *floor = fmin(*floor, af_trust_likeness(t, s->predicted_um, cell));
    }
}

/*
 * How far a frame may be, and how unlike: beyond nearly all frames of days that were left out of
 * the fit, for tomorrow is such a day.
 */
static void fit_familiarity(const struct af_trust_fit *fit, size_t nfolds, double *scratch,
                            struct af_trust *t)
{
    size_t n = 0;

    for (size_t k = 0; k < t->nknots; k++)
        t->floor[k] = 1;
    if (nfolds > 1) {
        for (unsigned f = 0; f < nfolds; f++) {
            fit_centres(fit, f, t);
            fit_whiten(fit, f, t);
            n += distances(fit, f, t, scratch + n);
            lower_floor(fit, f, t);
        }
        t->limit = margin_new_day * quantile(scratch, n, 0.995);
    }
    fit_centres(fit, FOLDS, t);
    fit_whiten(fit, FOLDS, t);
    n = distances(fit, FOLDS, t, scratch);
    t->limit = fmax(t->limit,
                    (nfolds > 1 ? margin_new_day : margin_same_day) * quantile(scratch, n, 0.995));
    lower_floor(fit, FOLDS, t);
    for (size_t k = 0; k < t->nknots; k++)
        t->floor[k] -= nfolds > 1 ? unlike_new_day : unlike_same_day;
    t->pictured = true;
}

int af_trust_fit_finish(struct af_trust_fit *fit, double from_um, double to_um, struct af_trust *t,
                        struct af_err *err)
{
    size_t nfolds;
    double *scratch;

    *t = (struct af_trust){.known = false};
    if (fit->n < AF_TRUST_MIN)
        return af_fail(err, AF_ENOFOCUS, "trust: %zu frames of validation, %d are needed", fit->n,
                       AF_TRUST_MIN);
    scratch = af_calloc(fit->n, sizeof(*scratch), err);
    if (!scratch)
        return -1;
    qsort(fit->sample, fit->n, sizeof(*fit->sample), by_prediction);
    t->from_um = from_um;
    t->to_um = to_um;
    fit_sigma(fit, scratch, t);
    merge_knots(t);
    nfolds = deal(fit);
    fit_limits(fit, nfolds, scratch, t);
    fit_familiarity(fit, nfolds, scratch, t);
    t->known = true;
    free(scratch);
    return 0;
}
