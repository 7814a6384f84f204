/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/spot.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
/* Of the defocus that a grid serves; the next is sqrt(2) times as large. 105 um is one of them. */
#define FIRST_LEVEL_UM 1.64
/*
 * Samples repeat the picture at a distance of so many times (blur + sensor), half sizes. 1 would
 * just keep the slit's own light apart; what is diffracted beyond it needs more.
 */
#define APART 2
#define SECOND_NEAREST_UM 60.0
#define FRINGES_ACROSS 7.0 // of the beam splitter, along the sensor's width
#define FRINGES_DOWN 3.0

int af_spot_init(struct af_spot *s, const struct af_sim_params *p, struct af_err *err)
{
    size_t w = (size_t)p->width, h = (size_t)p->height;

    *s = (struct af_spot){.params = *p, .finer = 1};
    s->x_re = af_calloc(w, sizeof(float), err);
    s->x_im = af_calloc(w, sizeof(float), err);
    s->y_re = af_calloc(h, sizeof(float), err);
    s->y_im = af_calloc(h, sizeof(float), err);
    s->fringe_cos = af_calloc(w, sizeof(float), err);
    s->fringe_sin = af_calloc(w, sizeof(float), err);
    s->raw = af_calloc(w * h, sizeof(float), err);
    if (!s->x_re || !s->x_im || !s->y_re || !s->y_im || !s->fringe_cos || !s->fringe_sin ||
        !s->raw) {
        af_spot_release(s);
        return -1;
    }
    for (size_t x = 0; x < w; x++) {
        double a = 2 * PI * FRINGES_ACROSS / p->width * (double)x;
        s->fringe_cos[x] = (float)cos(a);
        s->fringe_sin[x] = (float)sin(a);
    }
    return 0;
}

void af_spot_release(struct af_spot *s)
{
    af_pupil_release(&s->pupil);
    af_lens_release(&s->lens);
    free(s->x_re);
    free(s->x_im);
    free(s->y_re);
    free(s->y_im);
    free(s->fringe_cos);
    free(s->fringe_sin);
    free(s->raw);
    *s = (struct af_spot){0};
}

static double image_focal_um(const struct af_sim_params *p)
{
    return p->magnification * p->focal_um;
}

/* Even number of samples over +/-extent for a defocus of z along a side of half size r, um. */
static size_t samples(const struct af_spot *s, double extent, double r, double z, double px)
{
    const struct af_sim_params *p = &s->params;
    double na = r / p->focal_um, tangent = na / sqrt(fmax(0.05, p->index * p->index - na * na));
    double blur = 2 * p->magnification * z * tangent, sensor = (px / 2 + 20) * p->pixel_um;
    double step = p->wavelength_um * image_focal_um(p) / (APART * (blur + sensor));
    double chirp = p->wavelength_um * fabs(p->slit_distance_um);

    /* And the Fresnel fringes of the slit's edges, as far as its middle. */
    if (chirp > 0)
        step = fmin(step, chirp / (2 * r));
    step /= s->finer;

    return 2 * (size_t)ceil(fmax(16 * s->finer, extent / step));
}

static int fit_grid(struct af_spot *s, double z_um, struct af_err *err)
{
    const struct af_sim_params *p = &s->params;
    double level = FIRST_LEVEL_UM, ex, ey, phase;

    while (level < z_um)
        level *= sqrt(2);
    if (level == s->level_um)
        return 0;
    af_pupil_release(&s->pupil);
    af_lens_release(&s->lens);
    s->level_um = 0;
    s->aligned = false;
    af_pupil_extent(p, &ex, &ey);
    size_t mx = samples(s, ex, p->slit_x_um, level, p->width);
    size_t my = samples(s, ey, p->slit_y_um, level, p->height);
    double dx = 2 * ex / (double)mx, dy = 2 * ey / (double)my;
    phase = 2 * PI * p->pixel_um / (p->wavelength_um * image_focal_um(p));
    if (af_pupil_init(&s->pupil, mx, my, dx, dy, err) ||
        af_lens_init(&s->lens, (size_t)p->width, (size_t)p->height, mx, my, phase * dx, phase * dy,
                     err))
        return -1;
    s->level_um = level;
    return 0;
}

/*
 * Field of the second surface along one side of the sensor; half: of the slit, um. Returns its
 * height, where it is lit.
 */
static double second_side(const struct af_sim_params *p, double z_um, double half, double shift_px,
                          size_t n, float *re, float *im)
{
    double far = copysign(fmax(fabs(z_um), SECOND_NEAREST_UM), z_um);
    double focal = image_focal_um(p), k0 = 2 * PI / p->wavelength_um;
    /* Light through r in the pupil meets the sensor at x = r / ratio. */
    double ratio = p->index * p->focal_um * p->focal_um / (2 * far * focal);
    double height = sqrt(fabs(ratio) * p->pixel_um / (2 * half));

    for (size_t i = 0; i < n; i++) {
        double x = ((double)i - (double)(n - 1) / 2 - shift_px) * p->pixel_um;
        double phase = k0 * x * x * ratio / (2 * focal), edge = half - fabs(x * ratio);
        double lit = height * fmax(0, fmin(1, edge / (0.05 * half)));
        re[i] = (float)(lit * cos(phase));
        im[i] = (float)(lit * sin(phase));
    }
    return height;
}

/* out = raw averaged over each pixel, to the second order: the width of a line gains exactly that
 * of a pixel. Light neither comes nor goes, except over the border. */
static void average_pixels(const float *raw, size_t w, size_t h, float *out)
{
    const float side = 1.0f / 24;

    for (size_t y = 0; y < h; y++) {
        const float *row = raw + y * w, *up = y ? row - w : row, *down = y + 1 < h ? row + w : row;
        float *to = out + y * w;
        for (size_t x = 0; x < w; x++)
            to[x] = row[x] + side * (up[x] + down[x] - 2 * row[x]);
        for (size_t x = 1; x + 1 < w; x++)
            to[x] += side * (row[x - 1] + row[x + 1] - 2 * row[x]);
        if (w > 1) {
            to[0] += side * (row[1] - row[0]);
            to[w - 1] += side * (row[w - 2] - row[w - 1]);
        }
    }
}

/* Stripes of the beam splitter, 1 + c cos(a x + b y + phase); cosine, sine: of a x. */
static void add_fringes(const struct af_sim_params *p, const float *cosine, const float *sine,
                        double phase, float *out)
{
    size_t w = (size_t)p->width, h = (size_t)p->height;
    double b = 2 * PI * FRINGES_DOWN / p->width;

    for (size_t y = 0; p->fringes > 0 && y < h; y++) {
        float c = (float)(p->fringes * cos(b * (double)y + phase));
        float s = (float)(p->fringes * sin(b * (double)y + phase));
        for (size_t x = 0; x < w; x++)
            out[y * w + x] *= 1 + (c * cosine[x] - s * sine[x]);
    }
}

double af_spot_power(const struct af_sim_params *p, const struct af_alignment *a)
{
    double now = (p->index - a->sample_index) / (p->index + a->sample_index);
    double usual = (p->index - p->sample_index) / (p->index + p->sample_index);

    return a->power * (usual != 0 ? now * now / (usual * usual) : 1);
}

int af_spot_light(struct af_spot *s, const struct af_alignment *a, double z_um, double total,
                  float *out, struct af_err *err)
{
    const struct af_sim_params *p = &s->params;
    struct af_pupil *pupil = &s->pupil;
    size_t w = (size_t)p->width, h = (size_t)p->height;

    if (fit_grid(s, fabs(z_um + a->af_offset_um), err))
        return -1;
    if (!s->aligned || memcmp(&s->alignment, a, sizeof *a)) {
        if (af_pupil_align(pupil, p, a, err))
            return -1;
        s->alignment = *a;
        s->aligned = true;
    }
    af_pupil_defocus(pupil, z_um, -s->lens.step_x * a->shift_x_px, -s->lens.step_y * a->shift_y_px);
    /* Parseval: so much of |sum P|^2 is one electron. */
    double unit = s->lens.step_x * s->lens.step_y / (4 * PI * PI * pupil->energy);
    double far = z_um + a->coverslip_um, share = p->second_coherence;
    double height = p->second *
                    second_side(p, far, p->slit_x_um, a->shift_x_px, w, s->x_re, s->x_im) *
                    second_side(p, far, p->slit_y_um, a->shift_y_px, h, s->y_re, s->y_im);
    struct af_lens_second second = {s->x_re,
                                    s->x_im,
                                    s->y_re,
                                    s->y_im,
                                    (float)(share * p->second / sqrt(unit)),
                                    (float)((1 - share * share) * height * height / unit)};
    af_lens_intensity(&s->lens, pupil->field_re, pupil->field_im, unit * total,
                      p->second > 0 ? &second : NULL, s->raw);
    average_pixels(s->raw, w, h, out);
    add_fringes(p, s->fringe_cos, s->fringe_sin, a->fringe_rad, out);
    return 0;
}
