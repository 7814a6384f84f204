/* SPDX-License-Identifier: BSD-2-Clause */
/* focus-map: how sharp each place of each slice of a focal stack is, by nine focus measures. */
#include "base/memory.h"
#include "base/outfile.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/curveplot.h"
#include "cli/mapopts.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/stackwrite.h"
#include "maps/curve.h"
#include "maps/height.h"
#include "maps/mapfile.h"
#include "maps/maprun.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "focus-map"

enum scale { RAW, RELATIVE, OWN };

struct opts {
    const char *region_text;
    struct af_mapopts score;
    struct af_box region;
    int def, accumulate; // enum af_sharp_def, enum af_accumulate
    int normalise;       // enum af_normalise; -1: by def
    int scale;           // of the curve
    double theta;
    int noise; // -1: by normalise
    bool cells, wide, rank;
    const char *output, *curve, *plot, *keep, *kept;
    int64_t nthreads;
    bool no_header, quiet;
    struct af_stackopts stack;
    const char *const *paths;
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "accumulate", AF_OPT_CHOICE, offsetof(struct opts, accumulate), "HOW",
     "of the windows over a pixel: sum, mean, max [mean]", "sum|mean|max", 0, 0},
    {0, "cells", AF_OPT_FLAG, offsetof(struct opts, cells), NULL,
     "one value for each cell of windows and strides"},
    {0, "curve", AF_OPT_FILE, offsetof(struct opts, curve), "FILE",
     "write the region's scores over z as a table"},
    {0, "curve-scale", AF_OPT_CHOICE, offsetof(struct opts, scale), "HOW",
     "raw, relative to focus, own: largest 1 [raw]", "raw|relative|own", 0, 0},
    {0, "def", AF_OPT_CHOICE, offsetof(struct opts, def), "WHOSE",
     "measures as in the paper or in its code [paper]", "paper|code", 0, 0},
    {0, "double", AF_OPT_FLAG, offsetof(struct opts, wide), NULL, "maps in 64 bits instead of 32"},
    {0, "keep-sums", AF_OPT_FILE, offsetof(struct opts, keep), "FILE",
     "keep the sums over windows there"},
    {0, "kept-sums", AF_OPT_FILE, offsetof(struct opts, kept), "FILE",
     "score by sums kept before, not by the pixels"},
    {0, "measure", AF_OPT_TEXT, offsetof(struct opts, score.measure_text), "LIST",
     "std, variance, brenner, ..., all [variance]"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "noise-floor", AF_OPT_CHOICE, offsetof(struct opts, noise), "HOW",
     "on: less noise's own score [as --normalise]", "off|on", 0, 0},
    {0, "normalise", AF_OPT_CHOICE, offsetof(struct opts, normalise), "BY",
     "none, mean, local brightness [mean; code: none]", "none|mean|local", 0, 0},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write the maps there, as OME-TIFF"},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw the curves, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress, no warnings"},
    {0, "rank", AF_OPT_FLAG, offsetof(struct opts, rank), NULL,
     "print which measure suits this stack"},
    {0, "region", AF_OPT_TEXT, offsetof(struct opts, region_text), "X,Y,W,H",
     "of the curves, px [the whole slice]"},
    {0, "stride", AF_OPT_TEXT, offsetof(struct opts, score.stride_text), "LIST",
     "from window to window, px [5]"},
    {0, "theta", AF_OPT_REAL, offsetof(struct opts, theta), "N",
     "least square that counts for brenner [0]", NULL, 0, 1e15},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N",
     "slices at a time [processors]", NULL, 1, 1024},
    {0, "window", AF_OPT_TEXT, offsetof(struct opts, score.window_text), "LIST",
     "sides of the windows, px [10]"},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK | --join FILE...]",
    "Score how sharp each place of each slice is: maps, curves, a ranking of measures.",
    options,
};

/* "X,Y,W,H" */
static int parse_region(struct opts *o, struct af_err *err)
{
    unsigned long x, y; // from 0, which sides in a list are not
    uint32_t *v = NULL;
    size_t n = 0;
    char text[64];
    int bad, used = 0;

    if (sscanf(o->region_text, "%9lu,%9lu,%n", &x, &y, &used) != 2 || !used ||
        strspn(o->region_text, "0123456789,") != strlen(o->region_text))
        return af_fail(err, AF_EUSAGE, "--region: '%s' is not X,Y,W,H", o->region_text);
    snprintf(text, sizeof(text), "%.60s", o->region_text + used);
    bad = af_plan_parse(text, &v, &n, err);
    if (!bad && n == 2)
        o->region = (struct af_box){x, x + v[0], y, y + v[1]};
    free(v);
    if (bad && err->kind == AF_ESYS)
        return -1;
    return !bad && n == 2
               ? 0
               : af_fail(err, AF_EUSAGE, "--region: '%s' is not X,Y,W,H", o->region_text);
}

/* An output that is one of the stacks; -1: none is. */
static int check_output(const struct opts *o, const char *option, const char *file)
{
    if (file && af_stackopts_is_input(file, o->paths, o->npaths))
        return af_cli_usage(&tool, "--%s: '%s' is one of the stacks", option, file);
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    struct af_err err = {AF_OK, ""};
    int operand, status;

    *o = (struct opts){.score = AF_MAPOPTS_INIT,
                       .accumulate = AF_ACC_MEAN,
                       .normalise = -1,
                       .noise = -1,
                       .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    if ((status = af_mapopts_parse(&o->score, &tool)) >= 0)
        return status;
    if (o->region_text && parse_region(o, &err))
        return err.kind == AF_EUSAGE ? af_cli_usage(&tool, "%s", err.text)
                                     : af_cli_fail(PROG, &err);
    if (o->normalise < 0)
        o->normalise = o->def == AF_DEF_CODE ? AF_NORM_NONE : AF_NORM_MEAN;
    if (o->noise < 0)
        o->noise = o->normalise != AF_NORM_NONE;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files are not one stack; --join makes them one", o->npaths);
    if (!o->output && !o->curve && !o->rank && !o->plot && !o->keep)
        return af_cli_usage(&tool,
                            "one of --output, --curve, --keep-sums, --plot or --rank is needed");
    if (o->keep && o->kept)
        return af_cli_usage(&tool, "--keep-sums and --kept-sums exclude each other");
    if ((o->keep || o->kept) && o->score.measures >> AF_SHARP_ENTROPY & 1)
        return af_cli_usage(&tool, "entropy is not made of sums that can be kept");
    if ((o->output && !strcmp(o->output, "-")) + (o->curve && !strcmp(o->curve, "-")) + o->rank > 1)
        return af_cli_usage(&tool, "standard output takes one of maps, curve and ranking");
    if (o->output && !strcmp(o->output, "-") && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "maps do not go onto a terminal; name a file with -o");
    status = check_output(o, "output", o->output);
    if (status < 0)
        status = check_output(o, "curve", o->curve);
    if (status < 0)
        status = check_output(o, "keep-sums", o->keep);
    return status < 0 ? check_output(o, "plot", o->plot) : status;
}

/* What is gathered while the slices go by. */
struct sink {
    const struct opts *o;
    struct af_stack *st;
    struct af_stack_writer *writer;
    struct af_mapfile_keys keys;
    const char *names[AF_NSHARPS]; // of the measures asked for
    size_t nnames;
    struct af_curve curve;
    struct af_depth places[AF_NSHARPS]; // for --rank
    struct af_image img;
    struct af_progress progress;
};

static size_t least(const uint32_t *v, size_t n)
{
    size_t out = v[0];

    for (size_t i = 1; i < n; i++)
        out = v[i] < out ? v[i] : out;
    return out;
}

static int open_writer(struct sink *k, const struct af_plan *plan, struct af_err *err)
{
    const struct opts *o = k->o;
    const struct af_stack_info *in = af_stack_info(k->st);
    const double window = (double)least(o->score.windows, o->score.nwindows),
                 cell = (double)plan->cell;
    const struct af_mapfile_geometry g = {plan->w, plan->h, plan->cell,
                                          fmax(1, window * window / (cell * cell))};
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;

    af_mapfile_put(&k->keys, &g);
    meta.nplanes = in->nplanes == SIZE_MAX ? 0 : in->nplanes * k->nnames;
    meta.px_um = in->px_um * (o->cells ? cell : 1);
    meta.py_um = in->py_um * (o->cells ? cell : 1);
    meta.dz_um = in->dz_um;
    meta.date = in->date;
    meta.channels = k->names;
    meta.nchannels = k->nnames;
    meta.keys = k->keys.key;
    meta.nkeys = 4;
    return af_stack_writer_open(&k->writer, o->output, &meta, err);
}

static int write_maps(struct sink *k, const struct af_mapped *m, struct af_err *err)
{
    const struct opts *o = k->o;

    if (!k->writer && open_writer(k, m->plan, err))
        return -1;
    for (int i = 0; i < AF_NSHARPS; i++)
        if (o->score.measures >> i & 1 &&
            (af_scoremap_image(m->plan, m->map[i], o->cells ? m->plan->cell : 1,
                               o->wide ? AF_F64 : AF_F32, &k->img, err) ||
             af_stack_writer_add(k->writer, &k->img, af_stack_plane(k->st, m->plane), err)))
            return -1;
    return 0;
}

static int add_places(struct sink *k, const struct af_mapped *m, struct af_err *err)
{
    for (int i = 0; i < AF_NSHARPS; i++) {
        if (!(k->o->score.measures >> i & 1))
            continue;
        if (af_scoremap_image(m->plan, m->map[i], m->plan->cell, AF_F32, &k->img, err) ||
            (!k->places[i].n && af_depth_init(&k->places[i], k->img.w * k->img.h, false, err)))
            return -1;
        af_depth_add(&k->places[i], k->img.data);
    }
    return 0;
}

static int take(void *ctx, const struct af_mapped *m, struct af_err *err)
{
    struct sink *k = ctx;
    struct af_curve_row row = {.slice = m->plane, .z_um = af_stack_plane(k->st, m->plane)->z_um};

    memcpy(row.score, m->region, sizeof(row.score));
    if (af_curve_add(&k->curve, &row, err) || (k->o->output && write_maps(k, m, err)) ||
        (k->o->rank && add_places(k, m, err)))
        return -1;
    af_progress_step(&k->progress, m->plane + 1, NULL);
    if (af_cli_stopped())
        return af_fail(err, AF_ESYS, "interrupted");
    return 0;
}

/* ------------------------------------------------------------------- tables */

static double curve_value(const struct sink *k, enum af_sharp m, size_t i)
{
    return k->o->scale == RAW ? k->curve.row[i].score[m]
                              : af_curve_sensitivity(&k->curve, m, af_curve_peak(&k->curve, m), i,
                                                     k->o->scale == OWN);
}

static void put_curve(const struct sink *k, FILE *fp)
{
    const char *columns[3 + AF_NSHARPS] = {"file", "slice", "z_um"};
    struct af_table_out t;

    memcpy(columns + 3, k->names, k->nnames * sizeof(*columns));
    af_table_begin(&t, fp, columns, 3 + k->nnames, !k->o->no_header);
    for (size_t i = 0; i < k->curve.n; i++) {
        size_t own;

        af_table_text(&t, af_stack_plane_file(k->st, k->curve.row[i].slice, &own));
        af_table_int(&t, (int64_t)k->curve.row[i].slice);
        af_table_real(&t, k->curve.row[i].z_um);
        for (int m = 0; m < AF_NSHARPS; m++)
            if (k->o->score.measures >> m & 1)
                af_table_real(&t, curve_value(k, (enum af_sharp)m, i));
        af_table_end_row(&t);
    }
}

static int write_curve(const struct sink *k, FILE *out, struct af_err *err)
{
    struct af_outfile f = {0};

    if (!strcmp(k->o->curve, "-")) {
        put_curve(k, out);
        return 0;
    }
    if (af_outfile_open(&f, k->o->curve, err))
        return -1;
    put_curve(k, f.fp);
    return af_outfile_commit(&f, err);
}

/* z of a slice number that may lie between two. */
static double z_at(const struct af_curve *c, double slice)
{
    const size_t i = slice > 0 ? (size_t)slice : 0, j = i + 1 < c->n ? i + 1 : i;

    return isnan(slice) ? NAN
                        : c->row[i].z_um + (slice - (double)i) * (c->row[j].z_um - c->row[i].z_um);
}

static int put_ranking(const struct sink *k, FILE *fp, struct af_err *err)
{
    static const char *const columns[] = {"rank",         "measure",   "peak_slice",   "peak_z_um",
                                          "width_slices", "unimodal",  "false_maxima", "noise",
                                          "known",        "err_slices"};
    struct af_curve_rank rank[AF_NSHARPS];
    struct af_table_out t;
    size_t n = 0;

    for (int m = 0; m < AF_NSHARPS; m++)
        if (k->o->score.measures >> m & 1 &&
            af_curve_judge(&k->curve, (enum af_sharp)m, &k->places[m], &rank[n++], err))
            return -1;
    af_curve_sort(rank, n);
    af_table_begin(&t, fp, columns, sizeof(columns) / sizeof(*columns), !k->o->no_header);
    for (size_t i = 0; i < n; i++) {
        af_table_int(&t, (int64_t)i + 1);
        af_table_text(&t, af_sharp_name(rank[i].measure));
        af_table_real(&t, rank[i].peak);
        af_table_real(&t, z_at(&k->curve, rank[i].peak));
        af_table_real(&t, rank[i].width);
        af_table_real(&t, rank[i].unimodal);
        af_table_int(&t, (int64_t)rank[i].false_maxima);
        af_table_real(&t, rank[i].noise);
        af_table_real(&t, rank[i].known);
        af_table_real(&t, rank[i].err);
        af_table_end_row(&t);
    }
    return 0;
}

static void warn_of_mixture(const struct opts *o, const struct af_stack_info *in)
{
    if (!o->quiet && in->nc > 1 && !o->stack.channel)
        af_cli_warn(PROG, "%s: %zu channels count as slices; --channel picks one", in->name,
                    in->nc);
    if (!o->quiet && in->nt > 1 && !o->stack.time)
        af_cli_warn(PROG, "%s: %zu times count as slices; --time picks one", in->name, in->nt);
}

static int finish(struct sink *k, FILE *out, struct af_err *err)
{
    struct af_stack_writer *w = k->writer;

    if (!k->curve.n)
        return af_fail(err, AF_EDATA, "%s: no slices", af_stack_info(k->st)->name);
    if (k->o->curve && write_curve(k, out, err))
        return -1;
    if (k->o->plot && af_curveplot_write(k->o->plot, &k->curve, k->o->score.measures, err))
        return -1;
    if (k->o->rank && put_ranking(k, out, err))
        return -1;
    k->writer = NULL;
    return w ? af_stack_writer_commit(w, err) : 0;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o};
    struct af_maprun_opts mo = {.windows = o->score.windows,
                                .strides = o->score.strides,
                                .nwindows = o->score.nwindows,
                                .nstrides = o->score.nstrides,
                                .region = o->region_text ? &o->region : NULL,
                                .measures = o->score.measures,
                                .maps = o->output || o->rank,
                                .theta = (uint64_t)o->theta,
                                .quiet_noise = o->noise == 1,
                                .keep = o->keep,
                                .kept = o->kept,
                                .map = {o->def, o->accumulate, o->normalise},
                                .nthreads = (unsigned)o->nthreads};
    struct af_stack_opts so;
    size_t n;
    int ret = -1;

    for (int m = 0; m < AF_NSHARPS; m++)
        if (o->score.measures >> m & 1)
            k.names[k.nnames++] = af_sharp_name((enum af_sharp)m);
    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err))
        return -1;
    so.whole = true;
    so.colour = AF_COLOUR_LUMA;
    if (af_stack_open(&k.st, o->paths, o->npaths, &so, err))
        return -1;
    warn_of_mixture(o, af_stack_info(k.st));
    n = af_stack_info(k.st)->nplanes;
    af_cli_catch_signals();
    af_progress_begin(&k.progress, o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG,
                      "slices", n == SIZE_MAX ? 0 : n);
    if (af_maprun(k.st, &mo, take, &k, err))
        goto done;
    af_progress_end(&k.progress);
    ret = finish(&k, out, err);
done:
    af_progress_wipe(&k.progress);
    for (int m = 0; m < AF_NSHARPS; m++)
        af_depth_release(&k.places[m]);
    af_stack_writer_discard(k.writer, false);
    af_image_release(&k.img);
    af_curve_release(&k.curve);
    af_stack_close(k.st);
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
