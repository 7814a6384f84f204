/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/beads.h"

#include "base/memory.h"
#include "base/random.h"
#include "optics/surface.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define CELL_UM 20.0       // beads are drawn cell by cell
#define BRIGHT_SPREAD 0.15 // of a bead's brightness, r.m.s.

enum { FEWEST = 64 }; // samples across the aperture

/* Defocus that a level serves. */
static const double LEVEL_UM[AF_BEADS_LEVELS] = {0.8, 1.8, 3.5, 6};

void af_beads_init(struct af_beads *b, const struct af_sim_params *p)
{
    *b = (struct af_beads){.params = *p};
}

static void release_level(struct af_beads_level *v)
{
    af_lens_release(&v->lens);
    free(v->turns);
    free(v->re);
    free(v->im);
    free(v->field_re);
    free(v->field_im);
    free(v->patch);
    free(v->smooth);
    *v = (struct af_beads_level){0};
}

void af_beads_release(struct af_beads *b)
{
    for (int i = 0; i < AF_BEADS_LEVELS; i++)
        release_level(&b->level[i]);
}

static double sample_um(const struct af_sim_params *p)
{
    return p->bead_pixel_um / p->bead_magnification;
}

/* Sine of the angle times the index at sample i of a side. */
static double aperture_at(const struct af_sim_params *p, size_t side, size_t i)
{
    return p->na * (2 * ((double)i + 0.5) / (double)side - 1);
}

/* Patch and pupil of a level: the patch holds the marginal rays, the samples repeat it two
 * patches away. */
static int fill_level(const struct af_sim_params *p, double z_um, struct af_beads_level *v,
                      struct af_err *err)
{
    double tangent = p->na / sqrt(p->index * p->index - p->na * p->na), px = sample_um(p);
    double half = (z_um * tangent + 6 * p->bead_wavelength_um / p->na / 2) / px;
    size_t across;

    v->half = (size_t)ceil(half) + 2;
    across = 2 * v->half + 1;
    v->side = 2 * (size_t)ceil(2 * (double)across * px * p->na / p->bead_wavelength_um);
    v->side = v->side > FEWEST ? v->side : FEWEST;
    size_t n = v->side * v->side;
    double step = 2 * PI / p->bead_wavelength_um * (2 * p->na / (double)v->side) * px;
    v->turns = af_calloc(n, sizeof *v->turns, err);
    v->re = af_calloc(n, sizeof *v->re, err);
    v->im = af_calloc(n, sizeof *v->im, err);
    v->field_re = af_calloc(n, sizeof *v->field_re, err);
    v->field_im = af_calloc(n, sizeof *v->field_im, err);
    v->patch = af_calloc(across * across, sizeof *v->patch, err);
    v->smooth = af_calloc(across * across, sizeof *v->smooth, err);
    if (!v->turns || !v->re || !v->im || !v->field_re || !v->field_im || !v->patch || !v->smooth ||
        af_lens_init(&v->lens, across, across, v->side, v->side, step, step, err)) {
        release_level(v);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        double sx = aperture_at(p, v->side, i % v->side), sy = aperture_at(p, v->side, i / v->side);
        v->turns[i] = (sqrt(fmax(0, p->index * p->index - sx * sx - sy * sy)) - p->index) /
                      p->bead_wavelength_um;
    }
    return 0;
}

/* Waves, over the aperture: see the header; polynomials as in pupil.c. */
static double aberration(const struct af_alignment *a, double x, double y)
{
    double r2 = x * x + y * y;

    return a->spherical / 2 * sqrt(5) * ((6 * r2 - 6) * r2 + 1) +
           a->spherical2 / 2 * sqrt(7) * (((20 * r2 - 30) * r2 + 12) * r2 - 1) +
           sqrt(6) / 2 * (a->astigmatism_0 * (y * y - x * x) + a->astigmatism_45 * 2 * x * y) +
           sqrt(8) * (3 * r2 - 2) * (a->coma_x * x + a->coma_y * y);
}

static void align_level(const struct af_sim_params *p, const struct af_alignment *a,
                        struct af_beads_level *v)
{
    double edge = 2.0 / (double)v->side; // of the aperture, one sample wide

    v->energy = 0;
    v->alignment = *a;
    for (size_t i = 0; i < v->side * v->side; i++) {
        double x = aperture_at(p, v->side, i % v->side) / p->na;
        double y = aperture_at(p, v->side, i / v->side) / p->na;
        double r = sqrt(x * x + y * y), sine = p->na / p->index * fmin(1, r);
        double open = fmax(0, fmin(1, (1 - r) / edge + 0.5)), steep = pow(1 - sine * sine, -0.25);
        double phase = 2 * PI * aberration(a, x, y);
        v->re[i] = (float)(open * steep * cos(phase));
        v->im[i] = (float)(open * steep * sin(phase));
        v->energy += open * steep * steep; // of a sharp edge
    }
}

/* The level for a bead out of focus by z, made and aligned; *v NULL beyond all of them. */
static int find_level(struct af_beads *b, const struct af_alignment *a, double z_um,
                      struct af_beads_level **v, struct af_err *err)
{
    int i = 0;

    *v = NULL;
    while (i < AF_BEADS_LEVELS && !(fabs(z_um) <= LEVEL_UM[i]))
        i++;
    if (i == AF_BEADS_LEVELS)
        return 0;
    if (!b->level[i].side && fill_level(&b->params, LEVEL_UM[i], &b->level[i], err))
        return -1;
    *v = &b->level[i];
    if (!((*v)->energy > 0) || memcmp(&(*v)->alignment, a, sizeof *a))
        align_level(&b->params, a, *v);
    return 0;
}

/* Three-point average of a patch along x and y, weight `side` for either neighbour. */
static void smooth(const struct af_beads_level *v, float side)
{
    size_t n = 2 * v->half + 1;

    for (size_t y = 0; y < n; y++)
        for (size_t x = 0; x < n; x++) {
            const float *p = v->patch + y * n + x;
            float left = x ? p[-1] : *p, right = x + 1 < n ? p[1] : *p;
            v->smooth[y * n + x] = *p + side * (left + right - 2 * *p);
        }
    for (size_t y = 0; y < n; y++)
        for (size_t x = 0; x < n; x++) {
            const float *p = v->smooth + y * n + x;
            float up = y ? p[-(ptrdiff_t)n] : *p, down = y + 1 < n ? p[n] : *p;
            v->patch[y * n + x] = *p + side * (up + down - 2 * *p);
        }
}

/* Picture of a point at fractions of a pixel from the patch's centre. */
static void draw_patch(const struct af_sim_params *p, struct af_beads_level *v, double z_um,
                       double part_x, double part_y, double total)
{
    double pixels = p->bead_um / sample_um(p), spread = pixels * pixels / 20 + 1.0 / 12;
    double unit = v->lens.step_x * v->lens.step_y / (4 * PI * PI * v->energy);

    for (size_t i = 0; i < v->side * v->side; i++) {
        double l = (double)(i % v->side) - (double)(v->side - 1) / 2;
        double k = (double)(i / v->side) - (double)(v->side - 1) / 2;
        double phase =
            2 * PI * z_um * v->turns[i] - v->lens.step_x * l * part_x - v->lens.step_y * k * part_y;
        float c = (float)cos(phase), s = (float)sin(phase);
        v->field_re[i] = v->re[i] * c - v->im[i] * s;
        v->field_im[i] = v->re[i] * s + v->im[i] * c;
    }
    af_lens_intensity(&v->lens, v->field_re, v->field_im, unit * total, NULL, v->patch);
    smooth(v, (float)(spread / 2));
}

/* A point source at x, y of the picture (px). */
static int draw_bead(struct af_beads *b, const struct af_alignment *a, double x, double y,
                     double z_um, double total, float *out, struct af_err *err)
{
    const struct af_sim_params *p = &b->params;
    struct af_beads_level *v;
    long cx = lround(x), cy = lround(y), w = (long)p->bead_width, h = (long)p->bead_height;

    if (find_level(b, a, z_um, &v, err))
        return -1;
    if (!v)
        return 0;
    long half = (long)v->half;
    if (cx + half < 0 || cy + half < 0 || cx - half >= w || cy - half >= h)
        return 0;
    draw_patch(p, v, z_um, x - (double)cx, y - (double)cy, total);
    for (long j = -half; j <= half; j++)
        for (long i = -half; i <= half; i++)
            if (cx + i >= 0 && cx + i < w && cy + j >= 0 && cy + j < h)
                out[(cy + j) * w + cx + i] += v->patch[(j + half) * (2 * half + 1) + i + half];
    return 0;
}

static int visit_cell(const struct af_sim_params *p, double column, double row, const double *box,
                      int (*see)(void *, const struct af_bead *), void *ctx)
{
    struct af_random r;
    uint64_t mixed = (uint64_t)p->seed * 0x9e3779b97f4a7c15u ^
                     (uint64_t)(int64_t)(row + 1e6) * 4294967296u ^
                     (uint64_t)(int64_t)(column + 1e6);

    af_random_init(&r, mixed, "beads");
    for (double n = af_random_poisson(&r, p->bead_density * CELL_UM * CELL_UM); n > 0; n--) {
        struct af_bead bead = {.x_um = CELL_UM * (column + af_random_uniform(&r)),
                               .y_um = CELL_UM * (row + af_random_uniform(&r))};
        bead.height_um = p->bead_um / 2 + p->bead_height_um * fabs(af_random_normal(&r));
        bead.brightness = fmax(0.2, 1 + BRIGHT_SPREAD * af_random_normal(&r));
        bool inside =
            bead.x_um >= box[0] && bead.y_um >= box[1] && bead.x_um < box[2] && bead.y_um < box[3];
        if (inside && see(ctx, &bead))
            return -1;
    }
    return 0;
}

void af_beads_visit(const struct af_sim_params *p, double x0_um, double y0_um, double x1_um,
                    double y1_um, int (*see)(void *ctx, const struct af_bead *bead), void *ctx)
{
    const double box[] = {x0_um, y0_um, x1_um, y1_um};

    for (double row = floor(y0_um / CELL_UM); row * CELL_UM < y1_um; row++)
        for (double column = floor(x0_um / CELL_UM); column * CELL_UM < x1_um; column++)
            if (visit_cell(p, column, row, box, see, ctx))
                return;
}

struct view {
    struct af_beads *beads;
    const struct af_alignment *alignment;
    double x_um, y_um, z_um, slope[2], light;
    float *out;
    struct af_err *err;
    int failed;
};

static int draw_seen(void *ctx, const struct af_bead *bead)
{
    struct view *v = ctx;
    const struct af_sim_params *p = &v->beads->params;
    double dx = bead->x_um - v->x_um, dy = bead->y_um - v->y_um;
    double z = v->z_um - v->slope[0] * dx - v->slope[1] * dy - bead->height_um;

    v->failed = draw_bead(v->beads, v->alignment, dx / sample_um(p) + (p->bead_width - 1) / 2,
                          dy / sample_um(p) + (p->bead_height - 1) / 2, z,
                          v->light * bead->brightness, v->out, v->err);
    return v->failed;
}

int af_beads_light(struct af_beads *b, const struct af_alignment *a, double x_um, double y_um,
                   double z_um, double exposure_ms, float *out, struct af_err *err)
{
    const struct af_sim_params *p = &b->params;
    double far = LEVEL_UM[AF_BEADS_LEVELS - 1], px = sample_um(p);
    double light = p->bead_light * exposure_ms, reach = far * 3;
    double half_w = p->bead_width / 2 * px + reach, half_h = p->bead_height / 2 * px + reach;
    size_t n = (size_t)p->bead_width * (size_t)p->bead_height;
    struct view v = {.beads = b,
                     .alignment = a,
                     .x_um = x_um,
                     .y_um = y_um,
                     .z_um = z_um,
                     .light = light,
                     .out = out,
                     .err = err};

    af_sim_surface_slope(p, x_um, y_um, v.slope);
    float even = fabs(z_um) > far ? (float)(p->bead_density * px * px * light) : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = even;
    if (!(fabs(z_um) > far + 1))
        af_beads_visit(p, x_um - half_w, y_um - half_h, x_um + half_w, y_um + half_h, draw_seen,
                       &v);
    return v.failed;
}
