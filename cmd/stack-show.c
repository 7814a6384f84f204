/* SPDX-License-Identifier: BSD-2-Clause */
/* Look inside a stack: montage, one plane, slices along z, maximum, as a PNG. */
#include "base/number.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/png.h"
#include "image/stack.h"
#include "image/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "stack-show"

struct opts {
    bool montage, max;       // --montage, --max
    int64_t plane, xz, yz;   // -1: not given
    int64_t every, width;    // 0: not given
    const char *planes_text; // "A:B"
    const char *range_text;  // "LO,HI"
    int map;                 // enum af_colormap
    int each;                // --scale: 0 common, 1 plane
    struct af_view view;     // what all these come to
    const char *output;
    bool quiet;
    struct af_stackopts stack;
    const char *const *paths; // [view.nfiles]
};

static const struct af_option options[] = {
    {0, "aspect", AF_OPT_REAL, offsetof(struct opts, view.aspect), "R",
     "height of a z step in pixels [from the file]", NULL, 1e-6, 1e6},
    {0, "clip", AF_OPT_REAL, offsetof(struct opts, view.clip), "PERCENT",
     "values beyond the colours at either end [0.01]", NULL, 0, 49},
    {0, "every", AF_OPT_INT, offsetof(struct opts, every), "K",
     "every K-th plane only [montage: up to 64]", NULL, 1, 1e9},
    {0, "map", AF_OPT_CHOICE, offsetof(struct opts, map), "NAME",
     "colours: gray, viridis, magma, coolwarm [gray]", AF_COLORMAP_NAMES, 0, 0},
    {0, "max", AF_OPT_FLAG, offsetof(struct opts, max), NULL, "the maximum over all planes", NULL,
     0, 0},
    {0, "montage", AF_OPT_FLAG, offsetof(struct opts, montage), NULL,
     "small pictures of all planes [the default]", NULL, 0, 0},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write the PNG there [stdout]", NULL, 0, 0},
    {0, "plane", AF_OPT_INT, offsetof(struct opts, plane), "N", "one plane, from 0", NULL, 0, 1e12},
    {0, "planes", AF_OPT_TEXT, offsetof(struct opts, planes_text), "A:B",
     "only planes A to B, both included [all]", NULL, 0, 0},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings", NULL, 0, 0},
    {0, "range", AF_OPT_TEXT, offsetof(struct opts, range_text), "LO,HI",
     "values of the first and the last colour", NULL, 0, 0},
    {0, "scale", AF_OPT_CHOICE, offsetof(struct opts, each), "HOW",
     "colours of a montage: common, plane: each [common]", "common|plane", 0, 0},
    {0, "width", AF_OPT_INT, offsetof(struct opts, width), "PX",
     "widest picture [800, in a montage 160]", NULL, 8, 20000},
    {0, "xz", AF_OPT_INT, offsetof(struct opts, xz), "Y", "slice along z through row Y", NULL, 0,
     1e9},
    {0, "yz", AF_OPT_INT, offsetof(struct opts, yz), "X", "slice along z through column X", NULL, 0,
     1e9},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END};

static const struct af_tool tool = {
    PROG, "[STACK | --join FILE...]",
    "Show a focal stack as a PNG: montage, one plane, maximum, or a slice along z.", options};

/* "LO,HI" */
static int parse_range(struct opts *o, struct af_err *err)
{
    char text[64];
    char *comma;

    snprintf(text, sizeof(text), "%s", o->range_text);
    comma = strchr(text, ',');
    if (!comma || strlen(o->range_text) >= sizeof(text))
        return af_fail(err, AF_EUSAGE, "--range: '%s' is not LO,HI", o->range_text);
    *comma = '\0';
    if (af_parse_real(text, &o->view.scale.lo, NULL) ||
        af_parse_real(comma + 1, &o->view.scale.hi, NULL))
        return af_fail(err, AF_EUSAGE, "--range: '%s' is not LO,HI", o->range_text);
    if (o->each)
        return af_fail(err, AF_EUSAGE, "--range and --scale plane exclude each other");
    if (!(o->view.scale.hi > o->view.scale.lo))
        return af_fail(err, AF_EUSAGE, "--range: LO must be below HI");
    o->view.fixed = true;
    return 0;
}

/* "A:B", "A:", ":B" */
static int parse_planes(struct opts *o, struct af_err *err)
{
    int64_t first = 0, last = INT64_MAX;
    char text[64];
    char *colon;

    snprintf(text, sizeof(text), "%s", o->planes_text);
    colon = strchr(text, ':');
    if (!colon || strlen(o->planes_text) >= sizeof(text))
        return af_fail(err, AF_EUSAGE, "--planes: '%s' is not A:B", o->planes_text);
    *colon = '\0';
    if ((*text && af_parse_int(text, &first, NULL)) ||
        (colon[1] && af_parse_int(colon + 1, &last, NULL)))
        return af_fail(err, AF_EUSAGE, "--planes: '%s' is not A:B", o->planes_text);
    if (first < 0 || last < first)
        return af_fail(err, AF_EUSAGE, "--planes: '%s': 0 <= A <= B is needed", o->planes_text);
    o->view.first = (size_t)first;
    o->view.last = (size_t)last;
    return 0;
}

static int pick_kind(struct opts *o)
{
    int n = o->montage + o->max + (o->plane >= 0) + (o->xz >= 0) + (o->yz >= 0);
    struct af_view *v = &o->view;

    v->kind = o->max          ? AF_VIEW_MAX
              : o->plane >= 0 ? AF_VIEW_PLANE
              : o->xz >= 0    ? AF_VIEW_XZ
              : o->yz >= 0    ? AF_VIEW_YZ
                              : AF_VIEW_MONTAGE;
    if (v->kind == AF_VIEW_PLANE)
        v->first = v->last = (size_t)o->plane;
    v->at = (size_t)(o->xz >= 0 ? o->xz : o->yz);
    return n > 1 || (v->kind == AF_VIEW_PLANE && o->planes_text) ? -1 : 0;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    struct af_err err = {0};
    int operand, status;
    bool to_stdout;

    *o = (struct opts){.plane = -1,
                       .xz = -1,
                       .yz = -1,
                       .view = {.last = SIZE_MAX, .clip = 0.01},
                       .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    o->view.scale.map = (enum af_colormap)o->map;
    o->view.each = o->each;
    o->view.every = (size_t)o->every;
    o->view.width = (size_t)o->width;
    if ((o->range_text && parse_range(o, &err)) || (o->planes_text && parse_planes(o, &err)))
        return af_cli_usage(&tool, "%s", err.text);
    if (pick_kind(o))
        return af_cli_usage(&tool, "--montage, --plane, --max, --xz and --yz exclude each other, "
                                   "and --plane excludes --planes");
    o->paths = af_cli_operands(argc, argv, operand, &o->view.nfiles);
    if (o->view.nfiles > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files: one stack is shown, or with --join the files as one",
                            o->view.nfiles);
    to_stdout = !o->output || !strcmp(o->output, "-");
    if (to_stdout && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "a PNG does not go onto a terminal: -o FILE, or a pipe");
    if (!to_stdout && af_stackopts_is_input(o->output, o->paths, o->view.nfiles))
        return af_cli_usage(&tool, "--output: '%s' is the stack itself", o->output);
    if (af_stackopts_misleads(o->output, ".png"))
        return af_cli_usage(&tool, "--output: '%s': what is written is PNG", o->output);
    return -1;
}

static int write_out(const struct opts *o, const struct af_canvas *c, const char *title,
                     struct af_err *err)
{
    if (!o->output || !strcmp(o->output, "-"))
        return af_png_write(stdout, "standard output", c->rgb, (size_t)c->w, (size_t)c->h, 3, title,
                            err);
    return af_png_save(o->output, c->rgb, (size_t)c->w, (size_t)c->h, 3, title, err);
}

static int run(const struct opts *o, struct af_err *err)
{
    struct af_stack_opts so;
    struct af_stack *st = NULL;
    struct af_canvas canvas = {0};
    char title[AF_VIEW_TITLE];
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err) ||
        af_stack_open(&st, o->paths, o->view.nfiles, &so, err))
        return -1;
    if (!af_view_draw(&o->view, st, title, &canvas, err))
        ret = write_out(o, &canvas, title, err);
    af_canvas_release(&canvas);
    af_stack_close(st);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, &err);
    return af_cli_end(PROG, status, &err);
}
