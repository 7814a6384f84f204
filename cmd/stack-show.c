/* SPDX-License-Identifier: BSD-2-Clause */
/* Look inside a stack: montage, one plane, slices along z, maximum, as a PNG. */
#include "base/memory.h"
#include "base/number.h"
#include "base/outfile.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/area.h"
#include "image/figure.h"
#include "image/montage.h"
#include "image/png.h"
#include "image/projection.h"
#include "image/stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "stack-show"

enum mode { MONTAGE, PLANE, MAX, XZ, YZ };
enum {
    THUMB_WIDTH = 160,
    WIDTH = 800,
    MOST_THUMBS = 64,
    MOST_CHOSEN = 4096,
    MIN_HEIGHT = 24,
    MAX_HEIGHT = 20000
};

struct opts {
    bool montage, max;       // --montage, --max
    int64_t plane, xz, yz;   // -1: not given
    enum mode mode;          // what these five come to
    const char *planes_text; // "A:B"
    size_t first, last;      // planes, both included
    int64_t every;           // 0: as many as fit
    int map;                 // enum af_colormap
    const char *range_text;  // "LO,HI"
    struct af_scale scale;
    bool fixed;    // --range was given
    int each;      // --scale: 0 common, 1 plane
    double clip;   // percent
    int64_t width; // px; 0: by mode
    double aspect; // height of a z step in pixels; 0: from the file
    const char *output;
    bool quiet;
    struct af_stackopts stack;
    const char *const *paths;
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "aspect", AF_OPT_REAL, offsetof(struct opts, aspect), "R",
     "height of a z step in pixels [from the file]", NULL, 1e-6, 1e6},
    {0, "clip", AF_OPT_REAL, offsetof(struct opts, clip), "PERCENT",
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
     "colours of a montage: common, or for each plane [common]", "common|plane", 0, 0},
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
    if (af_parse_real(text, &o->scale.lo, NULL) || af_parse_real(comma + 1, &o->scale.hi, NULL))
        return af_fail(err, AF_EUSAGE, "--range: '%s' is not LO,HI", o->range_text);
    if (o->each)
        return af_fail(err, AF_EUSAGE, "--range and --scale plane exclude each other");
    if (!(o->scale.hi > o->scale.lo))
        return af_fail(err, AF_EUSAGE, "--range: LO must be below HI");
    o->fixed = true;
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
    o->first = (size_t)first;
    o->last = (size_t)last;
    return 0;
}

static int pick_mode(struct opts *o)
{
    int n = o->montage + o->max + (o->plane >= 0) + (o->xz >= 0) + (o->yz >= 0);

    o->mode = o->max ? MAX : o->plane >= 0 ? PLANE : o->xz >= 0 ? XZ : o->yz >= 0 ? YZ : MONTAGE;
    if (o->mode == PLANE)
        o->first = o->last = (size_t)o->plane;
    return n > 1 || (o->mode == PLANE && o->planes_text) ? -1 : 0;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    struct af_err err = {0};
    int operand, status;
    bool to_stdout;

    *o = (struct opts){.plane = -1,
                       .xz = -1,
                       .yz = -1,
                       .last = SIZE_MAX,
                       .clip = 0.01,
                       .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    o->scale.map = (enum af_colormap)o->map;
    if ((o->range_text && parse_range(o, &err)) || (o->planes_text && parse_planes(o, &err)))
        return af_cli_usage(&tool, "%s", err.text);
    if (pick_mode(o))
        return af_cli_usage(&tool, "--montage, --plane, --max, --xz and --yz exclude each other, "
                                   "and --plane excludes --planes");
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files: one stack is shown, or with --join the files as one",
                            o->npaths);
    to_stdout = !o->output || !strcmp(o->output, "-");
    if (to_stdout && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "a PNG does not go onto a terminal: -o FILE, or a pipe");
    if (!to_stdout && af_stackopts_is_input(o->output, o->paths, o->npaths))
        return af_cli_usage(&tool, "--output: '%s' is the stack itself", o->output);
    return -1;
}

/* What is gathered while the planes go by. */
struct show {
    const struct opts *o;
    struct af_stack *st;
    const struct af_stack_info *info;
    size_t every, at, nused; // planes: step, next to read, taken so far
    struct af_image img, max;
    struct af_montage montage;
    struct af_slice slice;
    size_t plane; // of --plane
    double z_um;
    float *values; // the picture of all but a montage
    char title[256], axis[16];
};

/* Say whose plane it was. */
static int blame(const struct show *s, struct af_err *err)
{
    struct af_err inner = *err;

    return af_fail(err, inner.kind, "%s: %s", s->info->name, inner.text);
}

/* The next plane that is asked for: 1, 0 at the end, -1. Streams run past the others. */
static int next_plane(struct show *s, size_t *i, struct af_err *err)
{
    int got;

    if (s->at > s->o->last)
        return 0;
    if (s->info->seekable) {
        if (s->at >= s->info->nplanes)
            return 0;
        *i = s->at;
        got = af_stack_read(s->st, *i, &s->img, err) ? -1 : 1;
    } else {
        do {
            got = af_stack_next(s->st, &s->img, i, err);
        } while (got > 0 && *i < s->at);
    }
    if (s->every > SIZE_MAX - s->at)
        s->at = SIZE_MAX;
    else
        s->at += s->every;
    return got;
}

static int take_plane(struct show *s, size_t i, struct af_err *err)
{
    const struct af_plane *p = af_stack_plane(s->st, i);
    double z_um = p ? p->z_um : NAN;

    s->nused++;
    switch (s->o->mode) {
    case MONTAGE:
        if (s->o->every && s->montage.n == s->montage.most)
            return af_fail(err, AF_EUSAGE, "more than %d pictures: use a larger --every",
                           MOST_CHOSEN);
        return af_montage_add(&s->montage, &s->img, i, z_um, err);
    case PLANE:
        s->plane = i;
        s->z_um = z_um;
        return 0;
    case MAX: return af_max_add(&s->max, &s->img, err);
    default: return af_slice_add(&s->slice, &s->img, z_um, err);
    }
}

/* How many planes apart: a known number is spread evenly; a stream thins itself out. */
static size_t step_of(const struct show *s)
{
    size_t n = s->info->nplanes;

    if (s->o->every)
        return (size_t)s->o->every;
    if (s->o->mode != MONTAGE || !s->info->seekable || n <= s->o->first)
        return 1;
    if (s->o->last < n)
        n = s->o->last + 1;
    return (n - s->o->first + MOST_THUMBS - 1) / MOST_THUMBS;
}

static int read_planes(struct show *s, struct af_err *err)
{
    const struct opts *o = s->o;
    size_t i, seen;
    int got;

    s->at = o->first;
    s->every = step_of(s);
    s->montage.width = o->width ? (size_t)o->width : THUMB_WIDTH;
    s->montage.most = o->every ? MOST_CHOSEN : MOST_THUMBS;
    s->slice.along_y = o->mode == YZ;
    s->slice.at = (size_t)(o->mode == YZ ? o->yz : o->xz);
    while ((got = next_plane(s, &i, err)) > 0)
        if (take_plane(s, i, err))
            return blame(s, err);
    if (got < 0)
        return -1;
    seen = s->info->nplanes;
    if (!s->nused && o->first && seen && seen != SIZE_MAX)
        return af_fail(err, AF_EUSAGE, "%s: no plane %zu: planes are 0 to %zu", s->info->name,
                       o->first, seen - 1);
    if (!s->nused)
        return af_fail(err, AF_EDATA, "%s: no plane to show", s->info->name);
    return 0;
}

/* Width in the picture of n pixels: whole factors up, any down. */
static size_t drawn(const struct opts *o, size_t n)
{
    size_t width = o->width ? (size_t)o->width : WIDTH;

    return n <= width ? n * (width / n) : width;
}

/* "run3.ome.tif: plane 12, z -1.25 um": what the picture shows. */
static void name_title(struct show *s)
{
    const char *slash = strrchr(s->info->name, '/'), *name = slash ? slash + 1 : s->info->name;
    char *t = s->title, label[64];
    size_t n = sizeof(s->title), at;

    if (!strcmp(name, "-"))
        name = "standard input";
    at = (size_t)snprintf(t, n, "%.150s", name);
    if (s->o->npaths > 1)
        at += (size_t)snprintf(t + at, n - at, " and %zu more", s->o->npaths - 1);
    switch (s->o->mode) {
    case MONTAGE:
        at += (size_t)snprintf(t + at, n - at, ": %zu", s->montage.n);
        if (s->info->nplanes != SIZE_MAX && s->montage.n != s->info->nplanes) // a stream left early
            at += (size_t)snprintf(t + at, n - at, " of %zu", s->info->nplanes);
        snprintf(t + at, n - at, s->montage.n == 1 ? " plane" : " planes");
        break;
    case PLANE:
        af_plane_label(s->plane, s->z_um, fabs(s->z_um) >= AF_LABEL_MM, label, sizeof(label));
        at += (size_t)snprintf(t + at, n - at, ": plane %zu", s->plane);
        if (isfinite(s->z_um))
            snprintf(t + at, n - at, ", %s", label);
        break;
    case MAX:
        snprintf(t + at, n - at, ": maximum of %zu plane%s", s->nused, s->nused == 1 ? "" : "s");
        break;
    default:
        snprintf(t + at, n - at, ": %s %zu", s->o->mode == XZ ? "xz at y" : "yz at x", s->slice.at);
    }
}

/* A plane or the maximum: as large as the width allows, pixels square. */
static int plan_plane(struct show *s, const struct af_image *img, struct af_figure *f,
                      struct af_err *err)
{
    size_t longer = img->w > img->h ? img->w : img->h;
    double zoom = (double)drawn(s->o, longer) / (double)longer;

    f->w = (size_t)fmax(1, round((double)img->w * zoom));
    f->h = (size_t)fmax(1, round((double)img->h * zoom));
    f->um_per_px = s->info->px_um / zoom;
    if (!(s->values = af_calloc(f->w * f->h, sizeof(*s->values), err)))
        return -1;
    return af_area_average(img, f->w, f->h, s->values, err);
}

/* Height of a slice zoom times as wide as its planes; the note says where it is not to scale. */
static size_t slice_height(const struct show *s, double zoom, double px_um, struct af_figure *f)
{
    double h = s->slice.n * s->o->aspect * zoom;

    if (s->o->aspect > 0)
        return (size_t)fmin(fmax(1, round(h)), MAX_HEIGHT + 1.0);
    h = s->axis[0] == 'z' ? (f->top - f->bottom) / px_um * zoom : NAN;
    if (h >= MIN_HEIGHT && h <= 2.0 * (double)f->w)
        return (size_t)round(h);
    f->note = "z not to scale";
    return f->w / 2 > MIN_HEIGHT ? f->w / 2 : MIN_HEIGHT;
}

static int plan_slice(struct show *s, struct af_figure *f, struct af_err *err)
{
    struct af_extent e = af_slice_extent(&s->slice);
    double px_um = s->o->mode == YZ ? s->info->py_um : s->info->px_um, zoom;

    f->w = drawn(s->o, s->slice.len);
    zoom = (double)f->w / (double)s->slice.len;
    f->um_per_px = px_um / zoom;
    f->bottom = e.bottom;
    f->top = e.top;
    snprintf(s->axis, sizeof(s->axis), "%s", e.um ? "z um" : "plane");
    f->axis = s->axis;
    f->h = slice_height(s, zoom, px_um, f);
    if (f->h > MAX_HEIGHT)
        return af_fail(err, AF_EUSAGE, "--aspect: the slice would be over %d px high", MAX_HEIGHT);
    if (!(s->values = af_calloc(f->w * f->h, sizeof(*s->values), err)))
        return -1;
    return af_slice_draw(&s->slice, f->w, f->h, s->values, err);
}

static int draw(struct show *s, struct af_canvas *canvas, struct af_err *err)
{
    const struct opts *o = s->o;
    struct af_figure f = {.title = s->title, .scale = o->scale};
    struct af_montage_style style = {s->title, o->scale, o->fixed, o->each, o->clip};
    int bad;

    name_title(s);
    if (o->mode == MONTAGE)
        return af_montage_draw(&s->montage, &style, canvas, err);
    if (o->mode == XZ || o->mode == YZ)
        bad = plan_slice(s, &f, err);
    else
        bad = plan_plane(s, o->mode == MAX ? &s->max : &s->img, &f, err);
    if (bad || (!o->fixed && af_scale_fit(&f.scale, s->values, f.w * f.h, o->clip, err)))
        return -1;
    f.values = s->values;
    return af_figure_draw(&f, canvas, err);
}

static int write_out(const struct opts *o, const struct af_canvas *c, const char *title,
                     struct af_err *err)
{
    struct af_outfile out = {0};

    if (!o->output || !strcmp(o->output, "-"))
        return af_png_write(stdout, "standard output", c->rgb, (size_t)c->w, (size_t)c->h, 3, title,
                            err);
    if (af_outfile_open(&out, o->output, err))
        return -1;
    if (af_png_write(out.fp, o->output, c->rgb, (size_t)c->w, (size_t)c->h, 3, title, err)) {
        af_outfile_discard(&out);
        return -1;
    }
    return af_outfile_commit(&out, err);
}

static int run(const struct opts *o, struct af_err *err)
{
    struct af_stack_opts so;
    struct show s = {.o = o};
    struct af_canvas canvas = {0};
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err) ||
        af_stack_open(&s.st, o->paths, o->npaths, &so, err))
        return -1;
    s.info = af_stack_info(s.st);
    if (read_planes(&s, err) || draw(&s, &canvas, err) || write_out(o, &canvas, s.title, err))
        goto done;
    ret = 0;
done:
    af_canvas_release(&canvas);
    free(s.values);
    af_slice_release(&s.slice);
    af_montage_release(&s.montage);
    af_image_release(&s.max);
    af_image_release(&s.img);
    af_stack_close(s.st);
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
