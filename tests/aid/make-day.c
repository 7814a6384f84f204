/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-day: stacks of a laser line as one day's instrument shows it, and their label table on
 * stdout, for tests of training. From day to day the line moves, widens, turns and
 * dims; within a day a sixth of that. What tells + from -: the line is astigmatic and walks with z.
 */
#include "base/memory.h"
#include "base/random.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "image/stackwrite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PROG "make-day"

struct opts {
    int64_t day, stacks, planes, width, height, seed;
    double range_um; // planes lie in +/- range
    const char *prefix;
};

static const struct af_option options[] = {
    {0, "day", AF_OPT_INT, offsetof(struct opts, day), "N", "of March 2026 [1]", NULL, 1, 31},
    {0, "height", AF_OPT_INT, offsetof(struct opts, height), "PX", "[96]", NULL, 1, 65536},
    {'o', "output", AF_OPT_TEXT, offsetof(struct opts, prefix), "PREFIX", "of the files [day]"},
    {0, "planes", AF_OPT_INT, offsetof(struct opts, planes), "N", "[21]", NULL, 2, 100000},
    {0, "range", AF_OPT_LENGTH, offsetof(struct opts, range_um), "LENGTH", "[10um]"},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "of days and noise [1]"},
    {0, "stacks", AF_OPT_INT, offsetof(struct opts, stacks), "N", "[3]", NULL, 1, 10000},
    {0, "width", AF_OPT_INT, offsetof(struct opts, width), "PX", "[128]", NULL, 1, 65536},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make the stacks of a day for tests.", options};

static const char *const columns[] = {"file",      "plane",      "z_um", "score",  "z0_um",
                                      "z0_err_um", "defocus_um", "day",  "quality"};

/* What drifts. */
struct state {
    double x, y;        // centre, share of the frame
    double walk;        // of the centre along y per um, share of the height
    double turn;        // rad
    double waist;       // of the line along y, share of the height
    double astigmatism; // z of the waist along x, um
    double light;       // of the usual
    double glow;        // background, share of the peak in focus
};

static void drift(struct state *s, struct af_random *r, double by)
{
    s->x += by * 0.02 * af_random_normal(r);
    s->y += by * 0.02 * af_random_normal(r);
    s->walk += by * 0.0006 * af_random_normal(r);
    s->turn += by * 0.01 * af_random_normal(r);
    s->waist *= exp(by * 0.03 * af_random_normal(r));
    s->astigmatism += by * 1.0 * af_random_normal(r);
    s->light *= exp(by * 0.1 * af_random_normal(r));
    s->glow *= exp(by * 0.2 * af_random_normal(r));
}

static double light_at(const struct state *s, double x, double y, double z_um)
{
    double u = z_um / 2.5, v = (z_um - s->astigmatism) / 22.5; // confocal parameters as 1 to 9
    double wy = s->waist * sqrt(1 + u * u), wx = 3 * s->waist * sqrt(1 + v * v);
    double dx = x - s->x, dy = y - s->y - s->walk * z_um;
    double along = dx + s->turn * dy, across = dy - s->turn * dx;
    double focus = 3 * s->waist * s->waist / (wx * wy);

    return s->light *
           (s->glow + focus * exp(-(across * across / (wy * wy) + along * along / (wx * wx)) / 2));
}

static void expose(const struct state *s, double z_um, struct af_random *r, struct af_image *img)
{
    const double peak = 3000, black = 20; // counts
    uint16_t *p = img->data;
    double w = (double)img->w, h = (double)img->h;

    for (size_t j = 0; j < img->h; j++)
        for (size_t i = 0; i < img->w; i++) {
            double v = peak * light_at(s, ((double)i + 0.5) / w, ((double)j + 0.5) / h, z_um);

            v += black + sqrt(0.4 * v + 4) * af_random_normal(r);
            *p++ = (uint16_t)fmax(0, fmin(4095, v + 0.5));
        }
}

static void put_row(struct af_table_out *t, const char *file, int64_t plane, double z_um,
                    double z0_um, const char *day)
{
    af_table_text(t, file);
    af_table_int(t, plane);
    af_table_real(t, z_um);
    af_table_na(t);
    af_table_real(t, z0_um);
    af_table_na(t);
    af_table_real(t, z_um - z0_um);
    af_table_text(t, day);
    af_table_text(t, "ok");
    af_table_end_row(t);
}

static int make_stack(const struct opts *o, const struct state *s, const char *file,
                      struct af_random *r, struct af_table_out *t, struct af_err *err)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    double z0_um = 100 * af_random_uniform(r), step_um = 2 * o->range_um / (double)(o->planes - 1);
    struct af_stack_writer *w = NULL;
    struct af_image img = {0};
    char day[16];
    int ret = -1;

    meta.nplanes = (size_t)o->planes;
    snprintf(day, sizeof(day), "2026-03-%02d", (int)o->day);
    if (af_image_resize(&img, (size_t)o->width, (size_t)o->height, AF_U16, err) ||
        af_stack_writer_open(&w, file, &meta, err))
        goto done;
    img.bits = 12;
    for (int64_t i = 0; i < o->planes; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;
        double defocus_um = step_um * (double)i - o->range_um;

        p.z = (size_t)i;
        p.z_um = z0_um + defocus_um;
        expose(s, defocus_um, r, &img);
        if (af_stack_writer_add(w, &img, &p, err))
            goto done;
        put_row(t, file, i, p.z_um, z0_um, day);
    }
    ret = af_stack_writer_commit(w, err);
    w = NULL;
done:
    af_stack_writer_discard(w, false);
    af_image_release(&img);
    return ret;
}

static int make(const struct opts *o, struct af_err *err)
{
    struct state s = {.x = 0.5,
                      .y = 0.48,
                      .walk = 0.004,
                      .waist = 0.05,
                      .astigmatism = 8,
                      .light = 1,
                      .glow = 0.02};
    struct af_table_out t;
    struct af_random r;
    char name[32];
    int ret = 0;

    snprintf(name, sizeof(name), "day %d", (int)o->day);
    af_random_init(&r, (uint64_t)o->seed, name);
    drift(&s, &r, 1);
    af_table_begin(&t, stdout, columns, sizeof(columns) / sizeof(*columns), true);
    for (int64_t i = 1; i <= o->stacks && !ret; i++) {
        char *file = af_format(err, "%s%d-%d.ome.tif", o->prefix, (int)o->day, (int)i);

        drift(&s, &r, 1.0 / 6);
        ret = file ? make_stack(o, &s, file, &r, &t, err) : -1;
        free(file);
    }
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o = {.day = 1,
                     .stacks = 3,
                     .planes = 21,
                     .width = 128,
                     .height = 96,
                     .seed = 1,
                     .range_um = 10,
                     .prefix = "day"};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = make(&o, &err) ? af_cli_fail(PROG, &err) : 0;
    return af_cli_close_stdout(PROG, status);
}
