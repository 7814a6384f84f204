/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-day: stacks of a laser line as one day's instrument shows it (laserline.h), and their label
 * table on stdout, for tests of training.
 */
#include "laserline.h"
#include "stackmake.h"

#include "base/memory.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"

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

struct scene {
    const struct opts *o;
    struct line line;
    struct af_random r;
    double z0_um;
    const char *file;
    struct af_table_out t;
};

static void expose(void *ctx, size_t i, struct af_image *img, struct af_plane *p)
{
    struct scene *s = ctx;
    double step_um = 2 * s->o->range_um / (double)(s->o->planes - 1);
    double defocus_um = step_um * (double)i - s->o->range_um;
    char day[16];

    snprintf(day, sizeof(day), "2026-03-%02d", (int)s->o->day);
    p->z_um = s->z0_um + defocus_um;
    line_expose(&s->line, defocus_um, &s->r, img);
    put_row(&s->t, s->file, (int64_t)i, p->z_um, s->z0_um, day);
}

static int make_stack(struct scene *s, struct af_err *err)
{
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN,
                          .w = (size_t)s->o->width,
                          .h = (size_t)s->o->height,
                          .type = AF_U16,
                          .bits = 12,
                          .draw = expose,
                          .ctx = s};

    m.meta.nplanes = (size_t)s->o->planes;
    s->z0_um = 100 * af_random_uniform(&s->r);
    return stackmake(&m, s->file, err);
}

static int make(const struct opts *o, struct af_err *err)
{
    struct scene s = {.o = o};
    int ret = 0;

    line_begin_day(&s.line, &s.r, (uint64_t)o->seed, (int)o->day);
    af_table_begin(&s.t, stdout, columns, sizeof(columns) / sizeof(*columns), true);
    for (int64_t i = 1; i <= o->stacks && !ret; i++) {
        char *file = af_format(err, "%s%d-%d.ome.tif", o->prefix, (int)o->day, (int)i);

        line_drift(&s.line, &s.r, 1.0 / 6);
        s.file = file;
        ret = file ? make_stack(&s, err) : -1;
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
        status = make(&o, &err);
    return af_cli_end(PROG, status, &err);
}
