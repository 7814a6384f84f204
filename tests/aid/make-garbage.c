/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-garbage: a stack of frames that a model of make-day's instrument must not answer, for tests
 * of trust. Frames of one kind differ in all that the kind leaves open.
 */
#include "laserline.h"
#include "stackmake.h"

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "image/font.h"

#include <stdlib.h>
#include <string.h>

#define PROG "make-garbage"

/* In the order of --kind. */
enum kind { DARK, SATURATED, UNIFORM, NOISE, TEXT, FLUORESCENCE, OTHER, TWO };

struct opts {
    int kind;
    int64_t day, frames, width, height, seed;
    double range_um;
    const char *output;
};

static const struct af_option options[] = {
    {0, "day", AF_OPT_INT, offsetof(struct opts, day), "N", "of the instrument [1]", NULL, 1, 31},
    {0, "frames", AF_OPT_INT, offsetof(struct opts, frames), "N", "[10]", NULL, 1, 100000},
    {0, "height", AF_OPT_INT, offsetof(struct opts, height), "PX", "[96]", NULL, 1, 65536},
    {0, "kind", AF_OPT_CHOICE, offsetof(struct opts, kind), "KIND", "of garbage",
     "dark|saturated|uniform|noise|text|fluorescence|other|two", 0, 0},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "OME-TIFF"},
    {0, "range", AF_OPT_LENGTH, offsetof(struct opts, range_um), "LENGTH", "of defocus [10um]"},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "[1]"},
    {0, "width", AF_OPT_INT, offsetof(struct opts, width), "PX", "[128]", NULL, 1, 65536},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make frames that no model must answer.", options};

static double between(struct af_random *r, double low, double high)
{
    return low + (high - low) * af_random_uniform(r);
}

/* Add a bell of light, places and widths as shares of the frame. */
static void add_bell(double *light, size_t w, size_t h, double x, double y, double wx, double wy,
                     double peak)
{
    for (size_t i = 0; i < w * h; i++) {
        double u = (((double)(i % w) + 0.5) / (double)w - x) / wx;
        double v = (((double)(i / w) + 0.5) / (double)h - y) / wy;

        light[i] += peak * exp(-(u * u + v * v) / 2);
    }
}

static void add_line(double *light, size_t w, size_t h, const struct line *s, double z_um,
                     double by)
{
    for (size_t i = 0; i < w * h; i++)
        light[i] += by * line_light(s, ((double)(i % w) + 0.5) / (double)w,
                                    ((double)(i / w) + 0.5) / (double)h, z_um);
}

/* Lines of letters, white on black or black on white. */
static void add_text(double *light, size_t w, size_t h, struct af_random *r)
{
    int size = 1 + (int)af_random_below(r, 3), step = size * (AF_FONT_H + 3);
    double ground = between(r, 0, 0.5), ink = between(r, 0.6, 1.2);

    for (size_t i = 0; i < w * h; i++)
        light[i] = ground;
    for (long y = 2; y < (long)h; y += step)
        for (long x = 2; x < (long)w; x += size * AF_FONT_STEP) {
            const uint8_t *glyph = af_font_glyph((char)(' ' + af_random_below(r, 95)));

            for (long i = 0; i < AF_FONT_H * size; i++)
                for (long k = 0; k < AF_FONT_W * size; k++)
                    if (y + i < (long)h && x + k < (long)w &&
                        glyph[i / size] >> (AF_FONT_W - 1 - k / size) & 1)
                        light[(y + i) * (long)w + x + k] = ink;
        }
}

/* Cells: wide blobs with bright points in them. */
static void add_cells(double *light, size_t w, size_t h, struct af_random *r)
{
    size_t cells = 2 + af_random_below(r, 8), points = 5 + af_random_below(r, 60);

    for (size_t i = 0; i < w * h; i++)
        light[i] = 0.03;
    for (size_t i = 0; i < cells; i++)
        add_bell(light, w, h, between(r, 0, 1), between(r, 0, 1), between(r, 0.05, 0.2),
                 between(r, 0.05, 0.2), between(r, 0.05, 0.4));
    for (size_t i = 0; i < points; i++)
        add_bell(light, w, h, between(r, 0, 1), between(r, 0, 1), 0.012, 0.015,
                 between(r, 0.1, 0.8));
}

/* Another instrument: a round spot with a ring, or a line that lies or stands otherwise. */
static void add_other(double *light, size_t w, size_t h, struct af_random *r)
{
    double x = between(r, 0.2, 0.8), y = between(r, 0.2, 0.8), wide = between(r, 0.02, 0.15);

    switch (af_random_below(r, 3)) {
    case 0: // a spot in its ring
        add_bell(light, w, h, x, y, wide, wide, 0.8);
        add_bell(light, w, h, x, y, 2.5 * wide, 2.5 * wide, 0.3);
        add_bell(light, w, h, x, y, 2 * wide, 2 * wide, -0.25);
        break;
    case 1: // an upright line
        add_bell(light, w, h, x, y, between(r, 0.02, 0.05), between(r, 0.15, 0.4), 0.8);
        break;
    default: // five lines, as of a grating
        for (int i = -2; i <= 2; i++)
            add_bell(light, w, h, x, y + 0.13 * i, 0.2, 0.025, i ? 0.4 : 0.8);
    }
    for (size_t i = 0; i < w * h; i++)
        light[i] = 0.02 + fmax(0, light[i]);
}

/* The instrument's own line, and a reflection beside it. */
static void add_two(double *light, size_t w, size_t h, const struct line *s, double z_um,
                    double range_um, struct af_random *r)
{
    struct line other = *s;
    double angle = between(r, 0, 6.2832), far = between(r, 0.2, 0.4);

    other.x += far * cos(angle);
    other.y += far * sin(angle);
    other.glow = 0;
    add_line(light, w, h, s, z_um, 1);
    add_line(light, w, h, &other, between(r, -range_um, range_um), between(r, 0.4, 1));
}

struct scene {
    const struct opts *o;
    struct line line;
    double *light; // [o->height][o->width], 1: the peak of the line in focus
    struct af_random r;
};

/* What a frame of the kind shows. */
static void draw(void *ctx, size_t i, struct af_image *img, struct af_plane *p)
{
    struct scene *s = ctx;
    const struct opts *o = s->o;
    size_t w = img->w, h = img->h, n = w * h;
    double z_um = between(&s->r, -o->range_um, o->range_um), level = between(&s->r, 0.03, 1.2);
    double *light = s->light;

    (void)i;
    (void)p;
    memset(light, 0, n * sizeof(*light));
    switch (o->kind) {
    case DARK: add_line(light, w, h, &s->line, z_um, 0.004); break;
    case SATURATED: add_line(light, w, h, &s->line, z_um, between(&s->r, 60, 300)); break;
    case UNIFORM:
        for (size_t k = 0; k < n; k++)
            light[k] = level;
        break;
    case NOISE:
        for (size_t k = 0; k < n; k++)
            light[k] = level * af_random_uniform(&s->r);
        break;
    case TEXT: add_text(light, w, h, &s->r); break;
    case FLUORESCENCE: add_cells(light, w, h, &s->r); break;
    case OTHER: add_other(light, w, h, &s->r); break;
    default: add_two(light, w, h, &s->line, z_um, o->range_um, &s->r);
    }
    for (size_t k = 0; k < n; k++)
        ((uint16_t *)img->data)[k] = line_count(light[k], &s->r);
}

static int make(const struct opts *o, struct af_err *err)
{
    struct scene s = {.o = o,
                      .light = af_calloc((size_t)(o->width * o->height), sizeof(*s.light), err)};
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN,
                          .w = (size_t)o->width,
                          .h = (size_t)o->height,
                          .type = AF_U16,
                          .bits = 12,
                          .draw = draw,
                          .ctx = &s};
    int ret;

    m.meta.nplanes = (size_t)o->frames;
    line_begin_day(&s.line, &s.r, 1, (int)o->day);
    af_random_init(&s.r, (uint64_t)o->seed, "garbage");
    ret = s.light ? stackmake(&m, o->output, err) : -1;
    free(s.light);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o = {.day = 1,
                     .frames = 10,
                     .width = 128,
                     .height = 96,
                     .seed = 1,
                     .range_um = 10,
                     .output = "garbage.ome.tif"};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = make(&o, &err);
    return af_cli_end(PROG, status, &err);
}
