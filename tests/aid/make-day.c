/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-day: stacks of a laser line as one day's instrument shows it (laserline.h), and their label
 * table on stdout, for tests of training.
 */
#include "laserline.h"

#include "base/memory.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "image/stackwrite.h"

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

static int make_stack(const struct opts *o, const struct line *s, const char *file,
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
        line_expose(s, defocus_um, r, &img);
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
    struct line s;
    struct af_table_out t;
    struct af_random r;
    int ret = 0;

    line_begin_day(&s, &r, (uint64_t)o->seed, (int)o->day);
    af_table_begin(&t, stdout, columns, sizeof(columns) / sizeof(*columns), true);
    for (int64_t i = 1; i <= o->stacks && !ret; i++) {
        char *file = af_format(err, "%s%d-%d.ome.tif", o->prefix, (int)o->day, (int)i);

        line_drift(&s, &r, 1.0 / 6);
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
