/* SPDX-License-Identifier: BSD-2-Clause */
/* focus-fuse: one sharp image, a height map and a surface from a focal stack. */
#include "base/memory.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/mapopts.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "maps/fuserun.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "focus-fuse"

struct opts {
    const char *output, *height, *masked, *source, *surface; // files to write, or NULL
    const char *map, *use;                                   // score maps, a height map of before
    const char *probe_text;
    struct af_mapopts score;
    unsigned long probe_x, probe_y;
    int contrast;               // enum af_contrast
    int blend;                  // 0: linear, 1: nearest
    double most_err, tolerance; // slices
    int64_t nthreads;
    bool no_header, quiet;
    struct af_stackopts stack;
    const char *const *paths;
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "blend", AF_OPT_CHOICE, offsetof(struct opts, blend), "HOW",
     "linear between two slices, or nearest [linear]", "linear|nearest", 0, 0},
    {0, "contrast", AF_OPT_CHOICE, offsetof(struct opts, contrast), "AT-FOCUS",
     "auto, most, or least, as in bright field [auto]", "auto|most|least", 0, 0},
    {0, "height", AF_OPT_FILE, offsetof(struct opts, height), "FILE",
     "write height, its error and validity, OME-TIFF"},
    {0, "map", AF_OPT_FILE, offsetof(struct opts, map), "FILE",
     "score maps of focus-map, instead of scoring"},
    {0, "masked", AF_OPT_FILE, offsetof(struct opts, masked), "FILE",
     "write the slices, black where out of focus"},
    {0, "max-error", AF_OPT_REAL, offsetof(struct opts, most_err), "SLICES",
     "standard error of a height that is valid [0.5]", NULL, 1e-6, 1e9},
    {0, "measure", AF_OPT_TEXT, offsetof(struct opts, score.measure_text), "NAME",
     "focus measure, as in focus-map [variance]"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write the sharp image, OME-TIFF or .png"},
    {0, "probe", AF_OPT_TEXT, offsetof(struct opts, probe_text), "X,Y",
     "print value and score of a pixel over z"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress, no warnings"},
    {0, "source", AF_OPT_FILE, offsetof(struct opts, source), "FILE",
     "write the slice that each pixel comes from"},
    {0, "stride", AF_OPT_TEXT, offsetof(struct opts, score.stride_text), "LIST",
     "from window to window, px [5]"},
    {0, "surface", AF_OPT_FILE, offsetof(struct opts, surface), "FILE",
     "write the surface, .ply or .stl", ".ply|.stl"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N",
     "slices at a time [processors]", NULL, 1, 1024},
    {0, "tolerance", AF_OPT_REAL, offsetof(struct opts, tolerance), "SLICES",
     "--masked: farthest from focus [1]", NULL, 0, 1e9},
    {0, "use", AF_OPT_FILE, offsetof(struct opts, use), "FILE",
     "heights of an earlier --height, for other channels"},
    {0, "window", AF_OPT_TEXT, offsetof(struct opts, score.window_text), "LIST",
     "sides of the windows, px [10]"},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK | --join FILE...]",
    "Fuse a focal stack: all in focus, with its height map and surface.",
    options,
};

static int parse_probe(struct opts *o)
{
    const char *s = o->probe_text;
    int used = 0;

    if (!s || (strspn(s, "0123456789,") == strlen(s) &&
               sscanf(s, "%9lu,%9lu%n", &o->probe_x, &o->probe_y, &used) == 2 && !s[used]))
        return -1;
    return af_cli_usage(&tool, "--probe: '%s' is not X,Y", s);
}

/* Outputs that are inputs, or the same; -1: none is. */
static int check_files(const struct opts *o)
{
    const char *const out[] = {o->output, o->height, o->masked, o->source, o->surface};
    const char *const in[] = {o->map, o->use};
    enum { N = sizeof(out) / sizeof(*out) };

    for (int i = 0; i < N; i++) {
        if (!out[i])
            continue;
        if (!strcmp(out[i], "-") && (i || o->probe_text || isatty(STDOUT_FILENO)))
            return af_cli_usage(&tool, "standard output takes --output alone, and no terminal");
        if (af_stackopts_is_input(out[i], o->paths, o->npaths))
            return af_cli_usage(&tool, "'%s' is one of the stacks", out[i]);
        for (int k = 0; k < 2; k++)
            if (in[k] && af_stackopts_is_input(out[i], &in[k], 1))
                return af_cli_usage(&tool, "'%s' is read, too", out[i]);
        for (int k = 0; k < i; k++)
            if (out[k] && !strcmp(out[k], out[i]))
                return af_cli_usage(&tool, "'%s' is written twice", out[i]);
    }
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.score = AF_MAPOPTS_INIT,
                       .most_err = AF_HEIGHT_MOST_ERR,
                       .tolerance = 1,
                       .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    if ((status = af_mapopts_parse(&o->score, &tool)) >= 0 || (status = parse_probe(o)) >= 0)
        return status;
    if (o->score.measures & (o->score.measures - 1))
        return af_cli_usage(&tool, "--measure: one is needed, not '%s'", o->score.measure_text);
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files are not one stack; --join makes them one", o->npaths);
    if (!o->output && !o->height && !o->masked && !o->source && !o->surface && !o->probe_text)
        return af_cli_usage(&tool, "one of --output, --height, --masked, --source, --surface or "
                                   "--probe is needed");
    if (o->map && o->use)
        return af_cli_usage(&tool, "--map and --use exclude each other");
    if (o->probe_text && (o->map || o->use))
        return af_cli_usage(&tool, "--probe scores the stack: not with --map or --use");
    return check_files(o);
}

/* ------------------------------------------------------------------- heights */

struct job {
    const struct opts *o;
    struct af_stack_opts so;
    struct af_stack *st;
    struct af_heightrun run;
    double *z_um; // [nslices], or NULL where z is not known
    struct af_progress progress;
};

static int step(void *ctx, size_t done)
{
    af_progress_step(ctx, done, NULL);
    return af_cli_stopped();
}

static int open_extra(const struct job *j, const char *path, struct af_stack **st,
                      struct af_err *err)
{
    const struct af_stack_opts plain = {.whole = true, .max_pixels = j->so.max_pixels};

    return af_stack_open(st, &path, 1, &plain, err);
}

static int read_heights(struct job *j, const struct af_heightrun_opts *ho, struct af_err *err)
{
    const char *path = j->o->map ? j->o->map : j->o->use;
    const size_t n = af_stack_info(j->st)->nplanes;
    struct af_stack *st;
    int bad;

    if (open_extra(j, path, &st, err))
        return -1;
    bad = j->o->map ? af_heightrun_maps(st, ho, &j->run, err)
                    : af_heightfile_read(st, &j->run.height, err);
    if (!bad && j->o->map && j->run.nslices != n)
        bad = af_fail(err, AF_EDATA, "%s: %zu maps, the stack has %zu slices", path, j->run.nslices,
                      n);
    j->run.nslices = n;
    af_stack_close(st);
    return bad;
}

static int find_heights(struct job *j, struct af_err *err)
{
    const struct opts *o = j->o;
    const struct af_heightrun_opts ho = {.map = {.windows = o->score.windows,
                                                 .strides = o->score.strides,
                                                 .nwindows = o->score.nwindows,
                                                 .nstrides = o->score.nstrides,
                                                 .measures = o->score.measures,
                                                 .maps = true,
                                                 .quiet_noise = true,
                                                 .map = {AF_DEF_PAPER, AF_ACC_MEAN, AF_NORM_MEAN},
                                                 .nthreads = (unsigned)o->nthreads},
                                         .contrast = (enum af_contrast)o->contrast,
                                         .probe = o->probe_text != NULL,
                                         .probe_x = o->probe_x,
                                         .probe_y = o->probe_y,
                                         .step = step,
                                         .step_ctx = &j->progress};

    if (o->map || o->use ? read_heights(j, &ho, err) : af_heightrun_stack(j->st, &ho, &j->run, err))
        return -1;
    af_progress_wipe(&j->progress);
    if (j->run.least && o->contrast == AF_CONTRAST_AUTO && !o->quiet)
        af_cli_warn(PROG,
                    "%s: least contrast is taken for focus, as in bright field: it stands "
                    "out by %.3g, the most by %.3g; --contrast decides",
                    af_stack_info(j->st)->name, j->run.prominence[1], j->run.prominence[0]);
    return 0;
}

/* z of all slices, where it runs one way. */
static int find_z(struct job *j, struct af_err *err)
{
    const size_t n = j->run.nslices;
    bool up = true, down = true, known = true;

    if (!(j->z_um = af_calloc(n, sizeof(*j->z_um), err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        j->z_um[i] = af_stack_plane(j->st, i)->z_um;
        known &= isfinite(j->z_um[i]);
        up &= i == 0 || j->z_um[i] > j->z_um[i - 1];
        down &= i == 0 || j->z_um[i] < j->z_um[i - 1];
    }
    if (known && (up || down))
        return 0;
    if (!j->o->quiet && (j->o->height || j->o->surface))
        af_cli_warn(PROG, "%s: z is %s; heights are in slices: --dz says their distance",
                    af_stack_info(j->st)->name, known ? "not in order" : "not known");
    free(j->z_um);
    j->z_um = NULL;
    return 0;
}

/* -------------------------------------------------------------------- outputs */

static int put_probe(const struct job *j, FILE *fp, struct af_err *err)
{
    static const char *const columns[] = {"file",  "slice",     "z_um",    "value",
                                          "score", "height_um", "error_um"};
    const struct af_height *t = &j->run.height;
    float *d = af_calloc(t->w, 2 * sizeof(*d), err);
    const size_t n = j->run.nslices;
    struct af_table_out table;
    double depth, e;

    if (!d)
        return -1;
    af_height_row(t, j->o->probe_y, d, d + t->w);
    depth = d[j->o->probe_x];
    e = d[t->w + j->o->probe_x];
    free(d);
    af_table_begin(&table, fp, columns, sizeof(columns) / sizeof(*columns), !j->o->no_header);
    for (size_t k = 0; k < n; k++) {
        size_t own;

        af_table_text(&table, af_stack_plane_file(j->st, k, &own));
        af_table_int(&table, (int64_t)k);
        af_table_real(&table, af_stack_plane(j->st, k)->z_um);
        af_table_real(&table, j->run.probe[k].value);
        af_table_real(&table, j->run.probe[k].score);
        af_table_real(&table, j->z_um && isfinite(depth) ? af_height_z(j->z_um, n, depth) : NAN);
        af_table_real(&table, j->z_um && isfinite(e) ? e * af_height_dz(j->z_um, n, depth) : NAN);
        af_table_end_row(&table);
    }
    return 0;
}

static int write_outputs(struct job *j, FILE *out, struct af_err *err)
{
    const struct opts *o = j->o;
    const struct af_stack_info *in = af_stack_info(j->st);
    const struct af_fuserun files = {.image = o->output,
                                     .source = o->source,
                                     .masked = o->masked,
                                     .surface = o->surface,
                                     .most_err = o->most_err,
                                     .tolerance = o->tolerance,
                                     .nearest = o->blend,
                                     .paths = o->paths,
                                     .npaths = o->npaths,
                                     .so = &j->so,
                                     .stopped = af_cli_stopped};

    if (o->height && af_heightfile_write(o->height, &j->run.height, o->most_err, j->z_um,
                                         j->run.nslices, in->px_um, in->py_um, err))
        return -1;
    if (o->probe_text && put_probe(j, out, err))
        return -1;
    if (!o->output && !o->masked && !o->source && !o->surface)
        return 0;
    if (o->surface && !(in->px_um > 0 && in->py_um > 0) && !o->quiet)
        af_cli_warn(PROG, "%s: pixel size is not known; a pixel is 1 um wide in the surface",
                    in->name);
    return af_fuserun(&files, j->st, &j->run, j->z_um, err);
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct job j = {.o = o};
    const struct af_stack_info *info;
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &j.so, err))
        return -1;
    j.so.colour = AF_COLOUR_LUMA;
    j.so.whole = true;
    if (af_stack_open(&j.st, o->paths, o->npaths, &j.so, err))
        return -1;
    info = af_stack_info(j.st);
    if (!info->seekable) {
        af_fail(err, AF_EUSAGE,
                "%s: slices are read twice, which a stream cannot be; "
                "stack-copy makes a file of it",
                info->name);
        goto done;
    }
    if (info->nc > 1 && !o->stack.channel) {
        af_fail(err, AF_EUSAGE, "%s: %zu channels; --channel picks one", info->name, info->nc);
        goto done;
    }
    af_cli_catch_signals();
    af_progress_begin(&j.progress, o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG,
                      "slices", info->nplanes);
    ret = find_heights(&j, err) || find_z(&j, err) || write_outputs(&j, out, err) ? -1 : 0;
done:
    af_progress_wipe(&j.progress);
    af_heightrun_release(&j.run);
    free(j.z_um);
    af_stack_close(j.st);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, stdout, &err);
    af_mapopts_release(&o.score);
    return af_cli_end(PROG, status, &err);
}
