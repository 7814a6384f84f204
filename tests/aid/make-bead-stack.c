/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-bead-stack: an OME-TIFF z-stack of beads with Gaussian images and Poisson light, for tests
 * and benchmarks. Beads lie on a jittered grid of as many as asked for; the table of their true
 * places is printed.
 */
#include "stackmake.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROG "make-bead-stack"
#define FWHM 2.3548200450309493

struct opts {
    int64_t planes, width, height, beads, seed;
    double pixel_um, dz_um, fwhm_um, fwhm_z_um;
    double asymmetry;       // shorter over longer axis
    double photons, spread; // in the brightest voxel; factor up and down, even in its logarithm
    double background;      // photons a voxel
    double gain, black;     // counts
    double tilt_x_mrad, tilt_y_mrad,
        z_um;           // of focus: at the centre of the field, from the middle plane
    double shift_um[3]; // of the beads in a second channel; x NaN: there is none
    const char *output;
};

static const struct af_option options[] = {
    {0, "asymmetry", AF_OPT_REAL, offsetof(struct opts, asymmetry), "RATIO", "[1]", NULL, 0.1, 1},
    {0, "background", AF_OPT_REAL, offsetof(struct opts, background), "PHOTONS", "a voxel [1]"},
    {0, "beads", AF_OPT_INT, offsetof(struct opts, beads), "N", "[16]", NULL, 0, 1000000},
    {0, "black", AF_OPT_REAL, offsetof(struct opts, black), "COUNTS", "[0]"},
    {0, "dz", AF_OPT_LENGTH, offsetof(struct opts, dz_um), "LENGTH", "[0.2um]"},
    {0, "fwhm", AF_OPT_LENGTH, offsetof(struct opts, fwhm_um), "LENGTH", "longer axis [0.4um]"},
    {0, "fwhm-z", AF_OPT_LENGTH, offsetof(struct opts, fwhm_z_um), "LENGTH", "[0.9um]"},
    {0, "gain", AF_OPT_REAL, offsetof(struct opts, gain), "COUNTS", "a photon [1]"},
    {0, "height", AF_OPT_INT, offsetof(struct opts, height), "PX", "[256]", NULL, 1, 65536},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "OME-TIFF"},
    {0, "photons", AF_OPT_REAL, offsetof(struct opts, photons), "N", "at the peak [200]"},
    {0, "pixel", AF_OPT_LENGTH, offsetof(struct opts, pixel_um), "LENGTH", "[0.1um]"},
    {0, "planes", AF_OPT_INT, offsetof(struct opts, planes), "N", "[41]", NULL, 1, 100000},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "[1]"},
    {0, "shift-x", AF_OPT_LENGTH, offsetof(struct opts, shift_um[0]), "LENGTH",
     "in a second channel, which this makes", NULL, -1e6, 1e6},
    {0, "shift-y", AF_OPT_LENGTH, offsetof(struct opts, shift_um[1]), "LENGTH", "[0]", NULL, -1e6,
     1e6},
    {0, "shift-z", AF_OPT_LENGTH, offsetof(struct opts, shift_um[2]), "LENGTH", "[0]", NULL, -1e6,
     1e6},
    {0, "spread", AF_OPT_REAL, offsetof(struct opts, spread), "FACTOR", "of photons [1]"},
    {0, "tilt-x", AF_OPT_REAL, offsetof(struct opts, tilt_x_mrad), "MRAD", "[0]"},
    {0, "tilt-y", AF_OPT_REAL, offsetof(struct opts, tilt_y_mrad), "MRAD", "[0]"},
    {0, "width", AF_OPT_INT, offsetof(struct opts, width), "PX", "[256]", NULL, 1, 65536},
    {0, "z", AF_OPT_LENGTH, offsetof(struct opts, z_um), "LENGTH", "of focus [0]", NULL, -1e6, 1e6},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make a stack of beads for tests.", options};

struct bead {
    double x_um, y_um, z_um, photons;
};

/* Knuth's product below 30, a rounded normal above, whose skew no test here sees. */
static double poisson(struct af_random *r, double mean)
{
    double limit = exp(-mean), product = 1;
    int n = -1;

    if (mean > 30)
        return fmax(0, floor(mean + sqrt(mean) * af_random_normal(r) + 0.5));
    do {
        product *= af_random_uniform(r);
        n++;
    } while (product > limit);
    return n;
}

/* Into b[2][o->beads]: the second channel's are shifted. */
static void place(const struct opts *o, struct bead *b)
{
    double w = (double)o->width * o->pixel_um, h = (double)o->height * o->pixel_um;
    size_t cols = (size_t)ceil(sqrt((double)o->beads * w / h)), rows;
    struct af_random r;

    af_random_init(&r, (uint64_t)o->seed, "places");
    cols = cols ? cols : 1;
    rows = ((size_t)o->beads + cols - 1) / cols;
    for (size_t i = 0; i < (size_t)o->beads; i++) {
        b[i].x_um = w * ((double)(i % cols) + 0.5) / (double)cols +
                    o->pixel_um * (af_random_uniform(&r) - 0.5);
        b[i].y_um = h * ((double)(i / cols) + 0.5) / (double)rows +
                    o->pixel_um * (af_random_uniform(&r) - 0.5);
        b[i].z_um = o->z_um + 1e-3 * (o->tilt_x_mrad * (b[i].x_um - w / 2) +
                                      o->tilt_y_mrad * (b[i].y_um - h / 2));
        b[i].photons = o->photons * pow(o->spread, 2 * af_random_uniform(&r) - 1);
        b[o->beads + i] = (struct bead){b[i].x_um + o->shift_um[0], b[i].y_um + o->shift_um[1],
                                        b[i].z_um + o->shift_um[2], b[i].photons};
    }
}

/* Light of one bead in one plane, within 5 standard deviations. */
static void shine(const struct opts *o, const struct bead *b, double z_um, float *light)
{
    double s = o->fwhm_um / FWHM, sx = s, sy = s * o->asymmetry, sz = o->fwhm_z_um / FWHM;
    double at = b->photons * exp(-pow((z_um - b->z_um) / sz, 2) / 2);
    long r = (long)ceil(5 * s / o->pixel_um), cx = lround(b->x_um / o->pixel_um),
         cy = lround(b->y_um / o->pixel_um);

    for (long y = cy - r; y <= cy + r; y++)
        for (long x = cx - r; x <= cx + r; x++) {
            double dx = (double)x * o->pixel_um - b->x_um, dy = (double)y * o->pixel_um - b->y_um;

            if (x >= 0 && y >= 0 && x < o->width && y < o->height)
                light[y * o->width + x] +=
                    (float)(at * exp(-(pow(dx / sx, 2) + pow(dy / sy, 2)) / 2));
        }
}

struct scene {
    const struct opts *o;
    size_t nchannels;
    struct bead *beads; // [2][o->beads], of both channels
    float *light;       // [o->height][o->width]
    struct af_random r;
};

/* A plane, with the light's noise. */
static void draw(void *ctx, size_t i, struct af_image *img, struct af_plane *p)
{
    struct scene *s = ctx;
    const struct opts *o = s->o;
    size_t n = img->w * img->h;
    uint16_t *out = img->data;

    p->z = i / s->nchannels;
    p->c = i % s->nchannels;
    p->z_um = o->dz_um * ((double)p->z - (double)(o->planes - 1) / 2);
    for (size_t k = 0; k < n; k++)
        s->light[k] = (float)o->background;
    for (int64_t k = 0; k < o->beads; k++)
        shine(o, &s->beads[p->c * (size_t)o->beads + (size_t)k], p->z_um, s->light);
    for (size_t k = 0; k < n; k++)
        out[k] =
            (uint16_t)fmin(65535, o->black + o->gain * poisson(&s->r, (double)s->light[k]) + 0.5);
}

static int make(struct scene *s, struct af_err *err)
{
    static const char *const names[] = {"first", "second"};
    const struct opts *o = s->o;
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN,
                          .w = (size_t)o->width,
                          .h = (size_t)o->height,
                          .type = AF_U16,
                          .draw = draw,
                          .ctx = s};

    af_random_init(&s->r, (uint64_t)o->seed, "light");
    m.meta.nplanes = (size_t)o->planes * s->nchannels;
    m.meta.px_um = m.meta.py_um = o->pixel_um;
    m.meta.dz_um = o->dz_um;
    m.meta.channels = names;
    m.meta.nchannels = s->nchannels == 2 ? 2 : 0;
    return stackmake(&m, o->output, err);
}

static int run(const struct opts *o, struct af_err *err)
{
    static const char *const names[] = {"bead", "x_um", "y_um", "z_um", "photons"};
    struct scene s = {.o = o,
                      .nchannels = isnan(o->shift_um[0]) ? 1 : 2,
                      .beads = af_calloc(2 * (size_t)o->beads, sizeof *s.beads, err),
                      .light = af_calloc((size_t)(o->width * o->height), sizeof *s.light, err)};
    struct af_table_out t;
    int ret = -1;

    if (!s.beads || !s.light)
        goto done;
    place(o, s.beads);
    if (make(&s, err))
        goto done;
    af_table_begin(&t, stdout, names, 5, true);
    for (int64_t i = 0; i < o->beads; i++) {
        af_table_int(&t, i);
        af_table_real(&t, s.beads[i].x_um);
        af_table_real(&t, s.beads[i].y_um);
        af_table_real(&t, s.beads[i].z_um);
        af_table_real(&t, s.beads[i].photons);
        af_table_end_row(&t);
    }
    ret = 0;
done:
    free(s.beads);
    free(s.light);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o = {.planes = 41,
                     .width = 256,
                     .height = 256,
                     .beads = 16,
                     .seed = 1,
                     .pixel_um = 0.1,
                     .dz_um = 0.2,
                     .fwhm_um = 0.4,
                     .fwhm_z_um = 0.9,
                     .asymmetry = 1,
                     .photons = 200,
                     .spread = 1,
                     .shift_um = {NAN, 0, 0},
                     .background = 1,
                     .gain = 1,
                     .output = "beads.ome.tif"};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = run(&o, &err);
    return af_cli_end(PROG, status, &err);
}
