/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/pupil.h"

#include "base/memory.h"
#include "base/random.h"
#include "optics/slit.h"
#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

enum {
    PROFILE = 2048, // points across a side of the slit
    KNOTS = 48,     // of the roughness, along each side
    REFLECT = 1024, // points of the reflection over the square of the pupil's radius
};
#define KNOT_UM 150.0
#define FRINGES                                                                                    \
    2.0 // what is kept beyond the slit's edge, in first Fresnel zones; the outer half fades

static double fringe_um(const struct af_sim_params *p)
{
    return FRINGES * sqrt(p->wavelength_um * fabs(p->slit_distance_um));
}

void af_pupil_extent(const struct af_sim_params *p, double *x_um, double *y_um)
{
    double turn = fabs(p->rotation_deg) + 0.5 * p->day_drift, tilt = sin(turn * PI / 180);
    double x = p->slit_x_um + fringe_um(p), y = p->slit_y_um + fringe_um(p);

    *x_um = x + tilt * y + fabs(p->decentre_x_um) + 30 * p->day_drift;
    *y_um = y + tilt * x + fabs(p->decentre_y_um) + 70 * p->day_drift;
    *x_um = fmin(*x_um, p->na * p->focal_um);
    *y_um = fmin(*y_um, p->na * p->focal_um);
}

int af_pupil_init(struct af_pupil *pupil, size_t mx, size_t my, double dx_um, double dy_um,
                  struct af_err *err)
{
    size_t n = mx * my;

    *pupil = (struct af_pupil){.mx = mx, .my = my, .dx_um = dx_um, .dy_um = dy_um};
    pupil->re = af_calloc(n, sizeof(float), err);
    pupil->im = af_calloc(n, sizeof(float), err);
    pupil->field_re = af_calloc(n, sizeof(float), err);
    pupil->field_im = af_calloc(n, sizeof(float), err);
    pupil->q = af_calloc(n, sizeof(double), err);
    if (pupil->re && pupil->im && pupil->field_re && pupil->field_im && pupil->q)
        return 0;
    af_pupil_release(pupil);
    return -1;
}

void af_pupil_release(struct af_pupil *pupil)
{
    free(pupil->re);
    free(pupil->im);
    free(pupil->field_re);
    free(pupil->field_im);
    free(pupil->q);
    *pupil = (struct af_pupil){0};
}

/* What stays the same for all samples of one alignment. */
struct maker {
    const struct af_sim_params *p;
    const struct af_alignment *a;
    double cosine, sine;     // of the slit's rotation
    double range_x, range_y; // half ranges of the profiles, um
    double complex along_x[PROFILE + 1], along_y[PROFILE + 1];
    double rough[KNOTS][KNOTS];  // turns
    double reflect[REFLECT + 2]; // over s^2 = 0 .. na^2
    double soft_um;              // width of the aperture's edge
};

/* The profile of one side; where nothing smooths its edge, a ramp as wide as a sample does. */
static void fill_profile(const struct maker *m, double half, double beam_at, double step,
                         double range, double complex *profile)
{
    struct af_slit s = {.half_um = half,
                        .beam_um = m->p->beam_um * m->a->beam_size,
                        .beam_at_um = beam_at,
                        .lambda_l = m->p->wavelength_um * m->p->slit_distance_um};

    if (s.lambda_l == 0)
        s.half_um = half + step;
    for (int i = 0; i <= PROFILE; i++) {
        double u = range * (2.0 * i / PROFILE - 1);
        double beyond = half + fringe_um(m->p) - fabs(u);
        double open = s.lambda_l == 0 ? beyond / step + 0.5 : 2 * beyond / fringe_um(m->p);
        open = fmax(0, fmin(1, open));
        profile[i] = open * open * (3 - 2 * open) * af_slit_field(&s, u);
    }
}

static double complex profile_at(const double complex *profile, double range, double u)
{
    double at = (u / range + 1) * (PROFILE / 2.0);
    int i = (int)at;

    if (!(at >= 0 && i < PROFILE))
        return 0;
    return profile[i] + (at - i) * (profile[i + 1] - profile[i]);
}

/* (r_s - r_p) / 2 for circular light, s the sine of the angle times the index. */
static double reflection(double n1, double n2, double s2)
{
    double c1 = sqrt(fmax(0, n1 * n1 - s2)), c2 = sqrt(fmax(0, n2 * n2 - s2));
    double rs = (c1 - c2) / (c1 + c2);
    double rp = (n2 * n2 * c1 - n1 * n1 * c2) / (n2 * n2 * c1 + n1 * n1 * c2);

    return (rs - rp) / 2;
}

static void prepare(struct maker *m, const struct af_pupil *pupil)
{
    const struct af_sim_params *p = m->p;
    const struct af_alignment *a = m->a;
    struct af_random r;

    m->cosine = cos(a->rotation_deg * PI / 180);
    m->sine = sin(a->rotation_deg * PI / 180);
    m->soft_um = fmax(pupil->dx_um, pupil->dy_um);
    m->range_x = p->slit_x_um + fringe_um(p) + m->soft_um;
    m->range_y = p->slit_y_um + fringe_um(p) + m->soft_um;
    fill_profile(m, p->slit_x_um, a->beam_x_um, pupil->dx_um, m->range_x, m->along_x);
    fill_profile(m, p->slit_y_um, a->beam_y_um, pupil->dy_um, m->range_y, m->along_y);
    for (int i = 0; i < REFLECT + 2; i++)
        m->reflect[i] = reflection(p->index, a->sample_index, p->na * p->na * i / REFLECT);
    af_random_init(&r, (uint64_t)p->seed, "roughness");
    for (int i = 0; i < KNOTS * KNOTS; i++)
        m->rough[i / KNOTS][i % KNOTS] = p->roughness * af_random_normal(&r);
}

/* Between four knots, with weights that leave the variance alone. */
static double roughness_at(const struct maker *m, double x, double y)
{
    double cx = x / KNOT_UM + KNOTS / 2.0, cy = y / KNOT_UM + KNOTS / 2.0;
    int i = (int)cx, j = (int)cy;

    if (m->p->roughness == 0 || !(cx >= 0 && cy >= 0 && i < KNOTS - 1 && j < KNOTS - 1))
        return 0;
    double u = cx - i, v = cy - j, w[] = {(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v};
    double sum = w[0] * m->rough[j][i] + w[1] * m->rough[j][i + 1] + w[2] * m->rough[j + 1][i] +
                 w[3] * m->rough[j + 1][i + 1];
    return sum / sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2] + w[3] * w[3]);
}

/* Source: Noll, J. Opt. Soc. Am. 66 (1976) 207: polynomials of r.m.s. 1. Turns. */
static double aberration(const struct af_alignment *a, double x, double y)
{
    double r2 = x * x + y * y;

    return a->spherical * sqrt(5) * ((6 * r2 - 6) * r2 + 1) +
           a->spherical2 * sqrt(7) * (((20 * r2 - 30) * r2 + 12) * r2 - 1) +
           sqrt(6) * (a->astigmatism_0 * (y * y - x * x) + a->astigmatism_45 * 2 * x * y) +
           sqrt(8) * (3 * r2 - 2) * (a->coma_x * x + a->coma_y * y);
}

static double complex sample(const struct maker *m, double x, double y)
{
    const struct af_sim_params *p = m->p;
    const struct af_alignment *a = m->a;
    double s2 = (x * x + y * y) / (p->focal_um * p->focal_um), at = s2 / (p->na * p->na) * REFLECT;
    double open = (p->na * p->focal_um - sqrt(x * x + y * y)) / m->soft_um + 0.5;
    double u = x - a->decentre_x_um, v = y - a->decentre_y_um;

    if (!(open > 0))
        return 0;
    double complex g = profile_at(m->along_x, m->range_x, m->cosine * u + m->sine * v) *
                       profile_at(m->along_y, m->range_y, m->cosine * v - m->sine * u);
    if (g == 0)
        return 0;
    int i = at < REFLECT ? (int)at : REFLECT;
    double r_co = m->reflect[i] + (at - i) * (m->reflect[i + 1] - m->reflect[i]);
    double turns = aberration(a, x / p->slit_y_um, y / p->slit_y_um) + roughness_at(m, x, y) -
                   a->af_offset_um * s2 / (p->index * p->wavelength_um);
    double phase = 2 * PI * (turns - rint(turns));
    return g * (r_co * fmin(1, open)) * (cos(phase) + I * sin(phase));
}

int af_pupil_align(struct af_pupil *pupil, const struct af_sim_params *p,
                   const struct af_alignment *a, struct af_err *err)
{
    struct maker *m = af_calloc(1, sizeof *m, err);

    if (!m)
        return -1;
    m->p = p;
    m->a = a;
    prepare(m, pupil);
    pupil->energy = 0;
    for (size_t k = 0; k < pupil->my; k++) {
        double y = ((double)k - (double)(pupil->my - 1) / 2) * pupil->dy_um;
        for (size_t l = 0; l < pupil->mx; l++) {
            double x = ((double)l - (double)(pupil->mx - 1) / 2) * pupil->dx_um;
            double s2 = (x * x + y * y) / (p->focal_um * p->focal_um);
            double complex v = sample(m, x, y);
            size_t i = k * pupil->mx + l;
            pupil->re[i] = (float)creal(v);
            pupil->im[i] = (float)cimag(v);
            pupil->q[i] =
                2 / p->wavelength_um * (sqrt(fmax(0, p->index * p->index - s2)) - p->index);
            pupil->energy += creal(v) * creal(v) + cimag(v) * cimag(v);
        }
    }
    free(m);
    return 0;
}

/*
 * Taylor's series at half the angle, at most pi / 2, where the first term left out is 6e-8; no
 * library call, so that the compiler can take many at a time.
 */
static inline void turn(double turns, float *cosine, float *sine)
{
    const double magic = 0x1.8p52; // adding and taking it off rounds to whole numbers
    float x = (float)((turns - ((turns + magic) - magic)) * PI), x2 = x * x;
    float s = x * (1 - x2 / 6 * (1 - x2 / 20 * (1 - x2 / 42 * (1 - x2 / 72 * (1 - x2 / 110)))));
    float c =
        1 - x2 / 2 * (1 - x2 / 12 * (1 - x2 / 30 * (1 - x2 / 56 * (1 - x2 / 90 * (1 - x2 / 132)))));

    *cosine = 1 - 2 * s * s;
    *sine = 2 * s * c;
}

void af_pupil_defocus(struct af_pupil *pupil, double z_um, double tilt_x, double tilt_y)
{
    double ax = tilt_x / (2 * PI), ay = tilt_y / (2 * PI);

    for (size_t k = 0; k < pupil->my; k++) {
        size_t row = k * pupil->mx;
        const float *re = pupil->re + row, *im = pupil->im + row;
        const double *q = pupil->q + row;
        float *to_re = pupil->field_re + row, *to_im = pupil->field_im + row;
        double base = ay * ((double)k - (double)(pupil->my - 1) / 2);
        double first = base - ax * (double)(pupil->mx - 1) / 2;
        for (size_t l = 0; l < pupil->mx; l++) {
            float c, s;
            turn(z_um * q[l] + first + ax * (double)(int)l, &c, &s);
            to_re[l] = re[l] * c - im[l] * s;
            to_im[l] = re[l] * s + im[l] * c;
        }
    }
}
