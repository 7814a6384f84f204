/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-spot-stack: an OME-TIFF stack of a laser line, whose focus is known, for tests. The line
 * is Gaussian across y and x, with the confocal parameter along x nine times that along y.
 */
#include "stackmake.h"

#include "base/random.h"
#include "cli/cli.h"
#include "cli/option.h"

#include <math.h>
#include <stdlib.h>

#define PROG "make-spot-stack"

struct opts {
    int64_t planes, width, height, bits, seed;
    double z0_um, dz_um, focus_um, rayleigh_um; // rayleigh: half the confocal parameter along y
    double waist;                               // standard deviation in focus along y, px
    double light; // counts in the line per pixel of the frame, on average
    double noise; // standard deviation of the camera's own noise, counts
    double black; // counts
    double gain;  // counts per electron: the variance of the light's noise is gain times counts
    bool no_z;    // leave z out of the file
    const char *date, *output;
};

static const struct af_option options[] = {
    {0, "bits", AF_OPT_INT, offsetof(struct opts, bits), "N", "of a pixel [12]", NULL, 1, 16},
    {0, "black", AF_OPT_REAL, offsetof(struct opts, black), "COUNTS", "black level [30]"},
    {0, "date", AF_OPT_TEXT, offsetof(struct opts, date), "DATE", "of acquisition"},
    {0, "dz", AF_OPT_LENGTH, offsetof(struct opts, dz_um), "LENGTH", "step [0.2um]"},
    {0, "focus", AF_OPT_LENGTH, offsetof(struct opts, focus_um), "LENGTH", "z of focus [0]"},
    {0, "gain", AF_OPT_REAL, offsetof(struct opts, gain), "G", "counts per electron [0.4]"},
    {0, "height", AF_OPT_INT, offsetof(struct opts, height), "PX", "[120]", NULL, 1, 65536},
    {0, "light", AF_OPT_REAL, offsetof(struct opts, light), "COUNTS", "mean light [20]"},
    {0, "no-z", AF_OPT_FLAG, offsetof(struct opts, no_z), NULL, "do not say z"},
    {0, "noise", AF_OPT_REAL, offsetof(struct opts, noise), "COUNTS", "of the camera [2]"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "OME-TIFF"},
    {0, "planes", AF_OPT_INT, offsetof(struct opts, planes), "N", "[41]", NULL, 1, 100000},
    {0, "rayleigh", AF_OPT_LENGTH, offsetof(struct opts, rayleigh_um), "LENGTH", "[1um]"},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "of the noise [1]"},
    {0, "waist", AF_OPT_REAL, offsetof(struct opts, waist), "PX", "line width in focus [4]"},
    {0, "width", AF_OPT_INT, offsetof(struct opts, width), "PX", "[160]", NULL, 1, 65536},
    {0, "z0", AF_OPT_LENGTH, offsetof(struct opts, z0_um), "LENGTH", "of the first plane [-4]"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make a stack of a laser line for tests.", options};

static double bell(double u, double width)
{
    return exp(-u * u / (2 * width * width)) / (width * sqrt(2 * 3.14159265358979));
}

struct scene {
    const struct opts *o;
    struct af_random r;
};

static void expose(void *ctx, size_t i, struct af_image *img, struct af_plane *p)
{
    struct scene *s = ctx;
    const struct opts *o = s->o;
    double z_um = o->z0_um + o->dz_um * (double)i;
    double u = (z_um - o->focus_um) / o->rayleigh_um, full = ldexp(1, (int)o->bits) - 1;
    double wy = o->waist * sqrt(1 + u * u), wx = 3 * o->waist * sqrt(1 + u * u / 81);
    double w = (double)o->width, h = (double)o->height;

    if (!o->no_z)
        p->z_um = z_um;
    for (size_t y = 0; y < img->h; y++) {
        double across = bell((double)y - 0.48 * h, wy);
        for (size_t x = 0; x < img->w; x++) {
            double light = o->light * w * h * across * bell((double)x - 0.52 * w, wx);
            double sigma = sqrt(o->gain * light + o->noise * o->noise);
            double v = o->black + light + (sigma > 0 ? sigma * af_random_normal(&s->r) : 0);
            v = fmax(0, fmin(full, floor(v + 0.5)));
            if (img->type == AF_U8)
                ((uint8_t *)img->data)[y * img->w + x] = (uint8_t)v;
            else
                ((uint16_t *)img->data)[y * img->w + x] = (uint16_t)v;
        }
    }
}

static int make(const struct opts *o, struct af_err *err)
{
    struct scene s = {.o = o};
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN,
                          .w = (size_t)o->width,
                          .h = (size_t)o->height,
                          .type = o->bits > 8 ? AF_U16 : AF_U8,
                          .bits = (unsigned)o->bits,
                          .draw = expose,
                          .ctx = &s};

    af_random_init(&s.r, (uint64_t)o->seed, PROG);
    m.meta.nplanes = (size_t)o->planes;
    m.meta.dz_um = o->no_z ? NAN : fabs(o->dz_um);
    m.meta.date = o->date;
    return stackmake(&m, o->output, err);
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o = {.planes = 41,
                     .width = 160,
                     .height = 120,
                     .bits = 12,
                     .seed = 1,
                     .z0_um = -4,
                     .dz_um = 0.2,
                     .rayleigh_um = 1,
                     .waist = 4,
                     .light = 20,
                     .noise = 2,
                     .black = 30,
                     .gain = 0.4,
                     .output = "-"};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = make(&o, &err);
    return af_cli_end(PROG, status, &err);
}
