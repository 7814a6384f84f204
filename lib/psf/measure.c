/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/measure.h"

#include "base/memory.h"
#include "psf/theory.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = AF_G_N, REWEIGHTINGS = 3 };
#define MISFIT_MOST 0.25    // of the signal's sum of squares, beyond the noise
#define WIDTHS_MOST 4.0     // a bead so many times as wide as expected is something else
#define ASYMMETRY_LEAST 0.4 // two beads that touch have less
#define SURE 5.0            // standard errors of the amplitude, that it must be above nothing
#define NOTHING 0.6         // of the least signal to noise: below it there is no bead
#define TAIL 0.05           // of the amplitude: voxels with more tell the gain
#define MISFIT_SEEN 0.2     // of the noise's variance: less is chance

const char *af_psf_reason(const char *quality)
{
    static const char *const why[][2] = {
        {AF_PSF_CROWDED, "another bead is too near"},
        {AF_PSF_CLIPPED, "its picture or its way through focus is cut off"},
        {AF_PSF_SATURATED, "its brightest voxels are at full scale"},
        {AF_PSF_DIM, "too little light above the background's noise"},
        {AF_PSF_FIT, "no Gaussian fits it"},
    };

    for (size_t i = 0; i < sizeof why / sizeof why[0]; i++)
        if (!strcmp(quality, why[i][0]))
            return why[i][1];
    return "it can be used";
}

/* Level and noise of the rim of a plane, other beads' part left out while enough is left. */
static void rim(const struct af_box *b, const float *mask, size_t plane, double quantum,
                double *scratch, double *level, double *noise)
{
    const float *v = b->v + plane * b->w * b->h;
    double mean = 0, var = 0;
    size_t n = 0;

    for (int all = 0; all < 2 && n < 16; all++) {
        n = 0;
        for (size_t y = 0; y < b->h; y++)
            for (size_t x = 0; x < b->w; x++)
                if ((x == 0 || y == 0 || x + 1 == b->w || y + 1 == b->h) &&
                    (all || mask[y * b->w + x] > 0))
                    scratch[n++] = (double)v[y * b->w + x];
    }
    for (size_t i = 0; i < n; i++)
        mean += scratch[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var += (scratch[i] - mean) * (scratch[i] - mean) / (double)(n - 1);
    *level = af_median(scratch, n);
    *noise = sqrt(fmax(var, quantum * quantum / 12));
}

static void guess(struct af_gauss *g, const struct af_box *b, const struct af_psf_seed *seed,
                  double level, const struct af_psf_opts *o)
{
    size_t x = seed->x, y = seed->y, plane = seed->plane;
    double s = pow(AF_FWHM / o->fwhm_um, 2), sz = pow(AF_FWHM / o->fwhm_z_um, 2);

    memset(g, 0, sizeof *g);
    g->p[AF_G_BACKGROUND] = level;
    g->p[AF_G_AMPLITUDE] = fmax((double)b->v[(plane * b->h + y) * b->w + x] - level, 1e-9);
    g->p[AF_G_X] = b->x0_um + (double)x * b->px_um;
    g->p[AF_G_Y] = b->y0_um + (double)y * b->py_um;
    g->p[AF_G_Z] = b->z_um[plane];
    g->p[AF_G_XX] = g->p[AF_G_YY] = s;
    g->p[AF_G_ZZ] = sz;
}

/* Mean over the circle about x, y, plane by plane; at least one pixel. */
static void profile(const struct af_box *b, double x_um, double y_um, double radius_um, float *out)
{
    double cx = (x_um - b->x0_um) / b->px_um, cy = (y_um - b->y0_um) / b->py_um;
    size_t nx = (size_t)fmin(fmax(cx + 0.5, 0), (double)(b->w - 1));
    size_t ny = (size_t)fmin(fmax(cy + 0.5, 0), (double)(b->h - 1));

    for (size_t k = 0; k < b->n; k++) {
        double sum = 0, n = 0;

        for (size_t y = 0; y < b->h; y++)
            for (size_t x = 0; x < b->w; x++) {
                double dx = ((double)x - cx) * b->px_um, dy = ((double)y - cy) * b->py_um;

                if (dx * dx + dy * dy > radius_um * radius_um && (x != nx || y != ny))
                    continue;
                sum += (double)b->v[(k * b->h + y) * b->w + x];
                n++;
            }
        out[k] = (float)(sum / n);
    }
}

static void put_place(struct af_psf *psf, const struct af_gauss *g)
{
    psf->x_um = g->p[AF_G_X];
    psf->y_um = g->p[AF_G_Y];
    psf->z_um = g->p[AF_G_Z];
    psf->x_err_um = sqrt(g->cov[AF_G_X * N + AF_G_X]);
    psf->y_err_um = sqrt(g->cov[AF_G_Y * N + AF_G_Y]);
    psf->z_err_um = sqrt(g->cov[AF_G_Z * N + AF_G_Z]);
}

static void put_lateral(struct af_psf *psf, const struct af_gauss *g, double bead_um)
{
    struct af_widths w = af_gauss_widths(g);

    psf->fwhm_min_um = af_theory_without_bead_um(w.min_um, bead_um);
    psf->fwhm_max_um = af_theory_without_bead_um(w.max_um, bead_um);
    psf->fwhm_min_err_um = w.min_err_um * w.min_um / psf->fwhm_min_um;
    psf->fwhm_max_err_um = w.max_err_um * w.max_um / psf->fwhm_max_um;
    psf->asymmetry = psf->fwhm_min_um / psf->fwhm_max_um;
    psf->angle_deg = w.angle_deg;
    psf->amplitude = g->p[AF_G_AMPLITUDE];
    psf->background = g->p[AF_G_BACKGROUND];
}

static void put_axial(struct af_psf *psf, const struct af_gauss *g, double bead_um)
{
    double e, w = af_gauss_width_z(g, &e);

    psf->fwhm_z_um = af_theory_without_bead_um(w, bead_um);
    psf->fwhm_z_err_um = e * w / psf->fwhm_z_um;
}

/*
 * Does the model leave more than noise explains? Half the squared differences of neighbouring
 * residuals are noise alone, whatever its variance and where; what their squares are more is
 * misfit.
 */
static bool misfits(const struct af_gauss *g, const struct af_box *b, const float *mask)
{
    const double *p = g->p;
    double rough = 0, squares = 0, signal = 0, last = 0;

    for (size_t i = 0; i < b->w * b->h; i++) {
        double dx = b->x0_um + (double)(i % b->w) * b->px_um - p[AF_G_X];
        double dy = b->y0_um + (double)(i / b->w) * b->py_um - p[AF_G_Y];
        double s =
            p[AF_G_AMPLITUDE] *
            exp(-(p[AF_G_XX] * dx * dx + p[AF_G_YY] * dy * dy + 2 * p[AF_G_XY] * dx * dy) / 2);
        double r = (double)b->v[i] - p[AF_G_BACKGROUND] - s;

        if (i % b->w && mask[i] > 0) {
            rough += (r - last) * (r - last) / 2;
            squares += r * r;
            signal += s * s;
        }
        last = r;
    }
    return squares - rough > MISFIT_MOST * signal;
}

/* The picture in the brightest plane. false: there is no answer. */
static bool fit_picture(const struct af_box *b, const float *mask, const struct af_psf_seed *seed,
                        const struct af_psf_opts *o, double level, double noise, struct af_gauss *g,
                        struct af_psf *psf)
{
    struct af_box one = *b;

    one.n = 1;
    one.v = b->v + seed->plane * b->w * b->h;
    one.z_um = b->z_um + seed->plane;
    guess(g, b, seed, level, o);
    psf->snr = g->p[AF_G_AMPLITUDE] / noise;
    if (!af_gauss_fit(g, &one, mask, false, AF_G_PLANE_FIXED))
        return false;
    put_lateral(psf, g, o->bead_um);
    put_place(psf, g); // z is fixed here
    psf->r2_xy = af_gauss_r2(g, &one, mask);
    psf->snr = psf->amplitude / noise;
    return !misfits(g, &one, mask) && psf->asymmetry >= ASYMMETRY_LEAST &&
           psf->fwhm_max_um < WIDTHS_MOST * o->fwhm_um;
}

static bool fit_profile(const struct af_box *b, const struct af_psf_opts *o, double radius_um,
                        float *along_z, struct af_gauss *g, struct af_psf *psf)
{
    struct af_box line = {1, 1, b->n, along_z, b->z_um, psf->x_um, psf->y_um, 1, 1};
    size_t top = 0;
    float lowest = INFINITY;
    double sz = pow(AF_FWHM / o->fwhm_z_um, 2);

    profile(b, psf->x_um, psf->y_um, radius_um, along_z);
    for (size_t k = 0; k < b->n; k++) {
        top = along_z[k] > along_z[top] ? k : top;
        lowest = along_z[k] < lowest ? along_z[k] : lowest;
    }
    memset(g, 0, sizeof *g);
    g->p[AF_G_BACKGROUND] = (double)lowest;
    g->p[AF_G_AMPLITUDE] = fmax((double)along_z[top] - (double)lowest, 1e-9);
    g->p[AF_G_X] = psf->x_um;
    g->p[AF_G_Y] = psf->y_um;
    g->p[AF_G_Z] = b->z_um[top];
    g->p[AF_G_XX] = g->p[AF_G_YY] = 1;
    g->p[AF_G_ZZ] = sz;
    if (!af_gauss_fit(g, &line, NULL, false, AF_G_PROFILE_FIXED))
        return false;
    put_axial(psf, g, o->bead_um);
    psf->z_um = g->p[AF_G_Z];
    psf->z_err_um = sqrt(g->cov[AF_G_Z * N + AF_G_Z]);
    psf->r2_z = af_gauss_r2(g, &line, NULL);
    return g->p[AF_G_AMPLITUDE] > 0 && psf->r2_z > 1 - 2 * MISFIT_MOST;
}

/* Both flanks of the profile down to half its height lie within the stack. */
static bool is_cut_in_z(const struct af_box *b, const struct af_psf *psf)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t k = 0; k < b->n; k++) {
        lo = fmin(lo, b->z_um[k]);
        hi = fmax(hi, b->z_um[k]);
    }
    return !(psf->z_um - psf->fwhm_z_um / 2 > lo && psf->z_um + psf->fwhm_z_um / 2 < hi);
}

/* ---- the three-dimensional fit ---- */

/* What a voxel varies by: own + gain * signal, counts^2. */
struct variance {
    double own, gain;
};

/*
 * From the residuals r: noise changes from pixel to pixel, what a Gaussian does not describe is
 * smooth. Half the squared differences of neighbours are noise alone, and give the gain; what the
 * squares are more is misfit, which counts as a variance that is the same everywhere.
 */
static struct variance find_variance(const struct af_gauss *g, const struct af_box *b,
                                     const float *mask, const float *signal, double noise,
                                     double gain)
{
    struct variance v = {noise * noise, gain};
    double rough = 0, light = 0, squares = 0, all = 0, n = 0, last = 0;

    for (size_t i = 0; i < b->w * b->h * b->n; i++) {
        double s = (double)signal[i], r = (double)b->v[i] - g->p[AF_G_BACKGROUND] - s;

        if (i % b->w && s > TAIL * g->p[AF_G_AMPLITUDE]) {
            rough += (r - last) * (r - last) / 2 - v.own;
            light += s;
        }
        last = r;
        if (mask[i % (b->w * b->h)] > 0) {
            squares += r * r;
            all += s;
            n++;
        }
    }
    if (isnan(gain))
        v.gain = light > 0 ? fmax(rough / light, 0) : 0;
    double misfit = squares / n - v.own - v.gain * all / n;
    if (misfit > MISFIT_SEEN * (v.own + v.gain * all / n))
        v.own += misfit;
    v.own = fmax(v.own, 1e-4 * v.gain * g->p[AF_G_AMPLITUDE]);
    if (!(v.own > 0)) // a picture without noise
        v.own = 1e-12 * g->p[AF_G_AMPLITUDE] * g->p[AF_G_AMPLITUDE];
    return v;
}

/* Copy of the voxels near the bead, and of their mask; v and mask are freed by the caller. */
static int cut_near(const struct af_box *b, const float *mask, const struct af_psf *psf,
                    double reach_um, double reach_z_um, struct af_box *near, float **v, float **own,
                    struct af_err *err)
{
    size_t x0 = 0, y0 = 0, from = 0, to = b->n;

    *near = *b;
    for (; near->w > 3 && b->x0_um + (double)x0 * b->px_um < psf->x_um - reach_um; near->w--)
        x0++;
    while (near->w > 3 && b->x0_um + (double)(x0 + near->w - 1) * b->px_um > psf->x_um + reach_um)
        near->w--;
    for (; near->h > 3 && b->y0_um + (double)y0 * b->py_um < psf->y_um - reach_um; near->h--)
        y0++;
    while (near->h > 3 && b->y0_um + (double)(y0 + near->h - 1) * b->py_um > psf->y_um + reach_um)
        near->h--;
    while (to - from > 5 && fabs(b->z_um[from] - psf->z_um) > reach_z_um)
        from++;
    while (to - from > 5 && fabs(b->z_um[to - 1] - psf->z_um) > reach_z_um)
        to--;
    near->n = to - from;
    near->z_um = b->z_um + from;
    near->x0_um += (double)x0 * b->px_um;
    near->y0_um += (double)y0 * b->py_um;
    *v = af_calloc(near->w * near->h * near->n, sizeof **v, err);
    *own = af_calloc(near->w * near->h, sizeof **own, err);
    if (!*v || !*own)
        return -1;
    near->v = *v;
    for (size_t k = 0; k < near->n; k++)
        for (size_t y = 0; y < near->h; y++)
            memcpy(*v + (k * near->h + y) * near->w,
                   b->v + ((from + k) * b->h + y0 + y) * b->w + x0, near->w * sizeof **v);
    for (size_t y = 0; y < near->h; y++)
        memcpy(*own + y * near->w, mask + (y0 + y) * b->w + x0, near->w * sizeof **own);
    return 0;
}

/* Weights of the next round from the model of this one; signal and weight share their place. */
static void weigh(const struct af_box *b, const float *mask, struct variance v, float *weight)
{
    for (size_t i = 0; i < b->w * b->h * b->n; i++)
        weight[i] = mask[i % (b->w * b->h)] > 0
                        ? (float)(1 / (v.own + v.gain * fmax((double)weight[i], 0)))
                        : 0;
}

/* 1: fitted, 0: no answer, -1 with AF_ESYS. */
static int fit_volume(const struct af_box *b, const float *mask, const struct af_gauss *picture,
                      const struct af_gauss *line, double noise, const struct af_psf_opts *o,
                      struct af_psf *psf, struct af_err *err)
{
    double reach_z = AF_PSF_NEAR_Z * AF_FWHM / sqrt(line->p[AF_G_ZZ]);
    float *v = NULL, *own = NULL, *weight = NULL;
    struct af_gauss g = *picture;
    struct af_box near;
    struct variance var;
    int ret = -1;

    if (cut_near(b, mask, psf, AF_PSF_NEAR * o->fwhm_um, reach_z, &near, &v, &own, err) ||
        !(weight = af_calloc(near.w * near.h * near.n, sizeof *weight, err)))
        goto done;
    g.p[AF_G_Z] = line->p[AF_G_Z];
    g.p[AF_G_ZZ] = line->p[AF_G_ZZ];
    weigh(&near, own, (struct variance){1, 0}, weight);
    ret = af_gauss_fit(&g, &near, weight, false, 0);
    af_gauss_signal(&g, &near, weight);
    var = find_variance(&g, &near, own, weight, noise, o->gain);
    for (int round = 0; round < REWEIGHTINGS && ret; round++) {
        af_gauss_signal(&g, &near, weight);
        weigh(&near, own, var, weight);
        ret = af_gauss_fit(&g, &near, weight, true, 0);
    }
    if (ret)
        put_place(psf, &g);
    if (ret && g.p[AF_G_AMPLITUDE] < SURE * sqrt(g.cov[AF_G_AMPLITUDE * N + AF_G_AMPLITUDE]))
        psf->snr = 0; // some photons that came together
    if (ret && o->fit_3d) {
        put_lateral(psf, &g, o->bead_um);
        put_axial(psf, &g, o->bead_um);
    }
done:
    free(v);
    free(own);
    free(weight);
    return ret;
}

/* ---- what is wrong ---- */

static bool has_saturated(const struct af_box *b, double level)
{
    size_t n = b->w * b->h * b->n;

    for (size_t i = 0; i < n; i++)
        if ((double)b->v[i] >= level)
            return true;
    return false;
}

static bool is_whole(const struct af_psf *p)
{
    return isfinite(p->fwhm_min_um) && isfinite(p->fwhm_max_um) && isfinite(p->fwhm_z_um);
}

static const char *judge(const struct af_box *b, const struct af_psf *psf,
                         const struct af_psf_seed *seed, double noise, bool good,
                         const struct af_psf_opts *o)
{
    double least = NOTHING * o->snr_least;

    if (has_saturated(b, o->saturated))
        return AF_PSF_SATURATED;
    if (psf->snr < least || seed->contrast < least / 2 * noise) // smoothing takes half
        return NULL;
    if (psf->snr < o->snr_least)
        return AF_PSF_DIM;
    if (seed->refused)
        return seed->refused;
    if (isfinite(psf->fwhm_z_um) && is_cut_in_z(b, psf))
        return AF_PSF_CLIPPED;
    return good && is_whole(psf) ? AF_PSF_OK : AF_PSF_FIT;
}

static const struct af_psf unknown = {.z_um = NAN,
                                      .x_err_um = NAN,
                                      .y_err_um = NAN,
                                      .z_err_um = NAN,
                                      .fwhm_min_um = NAN,
                                      .fwhm_max_um = NAN,
                                      .fwhm_z_um = NAN,
                                      .fwhm_min_err_um = NAN,
                                      .fwhm_max_err_um = NAN,
                                      .fwhm_z_err_um = NAN,
                                      .asymmetry = NAN,
                                      .angle_deg = NAN,
                                      .snr = NAN,
                                      .r2_xy = NAN,
                                      .r2_z = NAN,
                                      .amplitude = NAN,
                                      .background = NAN,
                                      .quality = AF_PSF_FIT};

int af_psf_measure(const struct af_box *b, const float *mask, const struct af_psf_seed *seed,
                   const struct af_psf_opts *o, struct af_psf *psf, struct af_err *err)
{
    double *scratch = af_calloc(2 * (b->w + b->h), sizeof *scratch, err), level, noise;
    float *along_z = af_calloc(b->n, sizeof *along_z, err);
    struct af_gauss picture, line;
    int ret = -1, fitted = 1;
    bool good;

    *psf = unknown;
    psf->x_um = b->x0_um + (double)seed->x * b->px_um;
    psf->y_um = b->y0_um + (double)seed->y * b->py_um;
    if (!scratch || !along_z)
        goto done;
    rim(b, mask, seed->plane, o->quantum, scratch, &level, &noise);
    good = fit_picture(b, mask, seed, o, level, noise, &picture, psf);
    if (isfinite(psf->fwhm_max_um))
        good = fit_profile(b, o, 1 / sqrt((picture.p[AF_G_XX] + picture.p[AF_G_YY]) / 2), along_z,
                           &line, psf) &&
               good;
    if (good && (fitted = fit_volume(b, mask, &picture, &line, noise, o, psf, err)) < 0)
        goto done;
    psf->quality = judge(b, psf, seed, noise, good && fitted, o);
    ret = 0;
done:
    free(scratch);
    free(along_z);
    return ret;
}
