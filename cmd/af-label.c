/* SPDX-License-Identifier: BSD-2-Clause */
/* af-label: find zero defocus of laser stacks, and with it the defocus of each plane. */
#include "base/date.h"
#include "base/outfile.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/labelplot.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "focus/labelrun.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROG "af-label"
#define MEASURES "l2|base|minmax|literal" // as enum af_measure

struct opts {
    int axis;                 // enum af_axis
    int measure;              // enum af_measure
    int64_t window, order;    // of Savitzky and Golay, px
    double half_window_um;    // of the parabola
    const char *day;          // instead of the file's
    const char *curve, *plot; // files to write, or NULL
    int64_t nthreads;         // 0: one per processor
    bool no_header, quiet, verbose;
    struct af_stackopts stack;
    const char *const *paths; // operands, or "-"
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "axis", AF_OPT_CHOICE, offsetof(struct opts, axis), "AXIS",
     "y, x, or both: label by y, report x too [y]", "y|x|both", 0, 0},
    {0, "curve", AF_OPT_FILE, offsetof(struct opts, curve), "FILE",
     "write the scores over z as a table"},
    {0, "day", AF_OPT_TEXT, offsetof(struct opts, day), "DATE",
     "YYYY-MM-DD for all stacks [from the file]"},
    {0, "half-window", AF_OPT_LENGTH, offsetof(struct opts, half_window_um), "LENGTH",
     "fit z0 +/- LENGTH, 7 planes at least [0.8um]", NULL, 1e-3, 1e9},
    {0, "measure", AF_OPT_CHOICE, offsetof(struct opts, measure), "NAME",
     "l2, base, minmax, literal [l2]", MEASURES, 0, 0},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "order", AF_OPT_INT, offsetof(struct opts, order), "N", "of the smoothing polynomial [3]",
     NULL, 0, 9},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw scores and fits, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL,
     "no progress, warnings and reasons"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N",
     "stacks at a time [processors]", NULL, 1, 1024},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say how each stack was labelled, on stderr"},
    {0, "window", AF_OPT_INT, offsetof(struct opts, window), "N",
     "smoothing window, odd, px: two line widths [11]", NULL, 1, 9999},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK... | --join FILE...]",
    "Find zero defocus of laser stacks and label every plane with its defocus.",
    options,
};

static const char *const columns[] = {"file",      "plane",       "z_um",     "score",   "z0_um",
                                      "z0_err_um", "defocus_um",  "day",      "quality", "score_x",
                                      "z0_x_um",   "z0_x_err_um", "quality_x"};
static const char *const curve_columns[] = {"file", "plane",    "z_um",   "coarse", "fine",
                                            "fit",  "coarse_x", "fine_x", "fit_x"};
enum { COLUMNS = 9, COLUMNS_BOTH = 13, CURVE = 6, CURVE_BOTH = 9 };

/* A curve or plot over a stack, or a curve called "-" where stdout has the labels: status 2. */
static int check_output(const struct opts *o, const char *option, const char *file)
{
    if (!file)
        return -1;
    if (strcmp(file, "-") == 0)
        return af_cli_usage(&tool, "--%s: a file is needed, standard output has the labels",
                            option);
    if (af_stackopts_is_input(file, o->paths, o->npaths))
        return af_cli_usage(&tool, "--%s: '%s' is one of the stacks", option, file);
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.measure = AF_L2,
                       .window = 11,
                       .order = 3,
                       .half_window_um = AF_LABEL_HALF_WINDOW_UM,
                       .stack = AF_STACKOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (o->window % 2 == 0)
        return af_cli_usage(&tool, "--window: %d is even", (int)o->window);
    if (o->order >= o->window)
        return af_cli_usage(&tool, "--order: %d needs a --window of more points", (int)o->order);
    if (o->day && (strlen(o->day) != 10 || !af_begins_with_day(o->day)))
        return af_cli_usage(&tool, "--day: '%s' is not a date like 2026-11-21", o->day);
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    status = check_output(o, "curve", o->curve);
    return status < 0 ? check_output(o, "plot", o->plot) : status;
}

/* Where the results go while the stacks come. */
struct sink {
    const struct opts *o;
    FILE *out;
    struct af_table_out table, curve;
    struct af_outfile curve_file;
    struct af_labelplot plot;
    struct af_progress progress;
    int status;
    size_t nread, nlabelled;
};

/* The plane's own file and index: of a joined stack's plane, the ones that find it again. */
static void put_plane(struct af_table_out *t, const struct af_labelled *s, size_t i)
{
    size_t own;

    af_table_text(t, af_stack_plane_file(s->stack, i, &own));
    af_table_int(t, (int64_t)own);
    af_table_real(t, s->z_um[i]);
}

static void put_rows(struct sink *k, const struct af_labelled *s)
{
    const char *day = k->o->day ? k->o->day : s->day[0] ? s->day : NULL;
    struct af_table_out *t = &k->table;

    for (size_t i = 0; i < s->n; i++) {
        put_plane(t, s, i);
        af_table_real(t, s->scores[i].of[k->o->measure]);
        af_table_real(t, s->label.z0_um);
        af_table_real(t, s->label.z0_err_um);
        af_table_real(t, s->z_um[i] - s->label.z0_um);
        af_table_text(t, day);
        af_table_text(t, s->label.quality);
        if (s->scores_x) {
            af_table_real(t, s->scores_x[i].of[k->o->measure]);
            af_table_real(t, s->label_x.z0_um);
            af_table_real(t, s->label_x.z0_err_um);
            af_table_text(t, s->label_x.quality);
        }
        af_table_end_row(t);
    }
}

static void put_scores(struct af_table_out *t, const struct af_scores *s, enum af_measure measure,
                       const struct af_label *l, double z_um)
{
    af_table_real(t, s->of[AF_BASE]);
    af_table_real(t, s->of[measure]);
    if (!isnan(l->z0_um) && z_um >= l->from_um && z_um <= l->to_um)
        af_table_real(t, af_parabola_at(&l->fit, z_um));
    else
        af_table_na(t);
}

static void put_curve(struct sink *k, const struct af_labelled *s)
{
    for (size_t i = 0; i < s->n; i++) {
        put_plane(&k->curve, s, i);
        put_scores(&k->curve, &s->scores[i], k->o->measure, &s->label, s->z_um[i]);
        if (s->scores_x)
            put_scores(&k->curve, &s->scores_x[i], k->o->measure, &s->label_x, s->z_um[i]);
        af_table_end_row(&k->curve);
    }
}

/* What there is to say of a stack, on stderr. */
static void say(const struct opts *o, const struct af_labelled *s)
{
    static const char *const axis[] = {"y", "x", "y"};

    for (const char *line = s->warnings; !o->quiet && *line; line += strcspn(line, "\n") + 1)
        af_cli_warn(PROG, "%.*s", (int)strcspn(line, "\n"), line);
    if (s->err.kind != AF_OK)
        return;
    if (isnan(s->label.z0_um)) {
        if (!o->quiet)
            af_cli_warn(PROG, "%s: %s: %s", s->name, s->label.quality,
                        af_label_reason(s->label.quality));
    } else if (o->verbose) {
        af_cli_warn(PROG,
                    "%s: z0 %.4f +/- %.4f um by %zu planes from %.9g to %.9g um; "
                    "%s along %s, window %d, order %d",
                    s->name, s->label.z0_um, s->label.z0_err_um, s->label.nfit, s->label.from_um,
                    s->label.to_um, af_measure_name(o->measure), axis[o->axis], (int)o->window,
                    (int)o->order);
    }
}

/* Tables begin with the first stack that could be read. */
static void begin(struct sink *k)
{
    bool both = k->o->axis == AF_AXIS_BOTH, header = !k->o->no_header;

    if (k->nread)
        return;
    af_table_begin(&k->table, k->out, columns, both ? COLUMNS_BOTH : COLUMNS, header);
    if (k->curve_file.fp)
        af_table_begin(&k->curve, k->curve_file.fp, curve_columns, both ? CURVE_BOTH : CURVE,
                       header);
}

/* One stack has come. Nonzero where no more are wanted, since nobody can take them. */
static int take(void *ctx, size_t i, const struct af_labelled *s)
{
    struct sink *k = ctx;
    struct af_err err = {AF_OK, ""};

    af_progress_wipe(&k->progress);
    say(k->o, s);
    if (s->err.kind != AF_OK) {
        k->status = af_cli_worst(k->status, af_cli_fail(PROG, &s->err));
    } else {
        begin(k);
        k->nread++;
        k->nlabelled += !isnan(s->label.z0_um);
        put_rows(k, s);
        if (k->o->curve)
            put_curve(k, s);
        if (k->plot.plot.script && af_labelplot_add(&k->plot, s, &err)) {
            k->status = af_cli_worst(k->status, af_cli_fail(PROG, &err));
            af_labelplot_discard(&k->plot);
        }
    }
    af_progress_step(&k->progress, i + 1, s->name);
    return ferror(k->out);
}

static int open_sink(struct sink *k, const struct opts *o, FILE *out, struct af_err *err)
{
    *k = (struct sink){.o = o, .out = out};
    if (o->curve && af_outfile_open(&k->curve_file, o->curve, err))
        return -1;
    if (o->plot && af_labelplot_open(&k->plot, o->plot, o->measure, err))
        return -1;
    af_progress_begin(&k->progress, o->quiet ? NULL : stderr, PROG, "stacks",
                      o->stack.join ? 1 : o->npaths);
    return 0;
}

/* Status to end with: 4 where all went well and no stack has a label; -1 with err. */
static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct af_labelrun_opts lo = {.label = {o->measure, o->half_window_um},
                                  .axis = o->axis,
                                  .window = (size_t)o->window,
                                  .order = (size_t)o->order,
                                  .nthreads = (unsigned)o->nthreads};
    struct sink k = {.o = o};
    int ret = -1, stopped;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &lo.stack, err) || open_sink(&k, o, out, err))
        goto done;
    if ((stopped = af_labelrun(o->paths, o->npaths, &lo, take, &k, err)) < 0)
        goto done;
    af_progress_end(&k.progress);
    /* Where nothing could be read, or not all came to be, an old curve or plot stays. */
    if (!stopped && k.nread && o->curve && af_outfile_commit(&k.curve_file, err))
        goto done;
    if (!stopped && k.nread && k.plot.plot.script && af_labelplot_commit(&k.plot, err))
        goto done;
    ret = k.nlabelled ? k.status : af_cli_worst(k.status, 4);
done:
    af_labelplot_discard(&k.plot);
    af_outfile_discard(&k.curve_file);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, stdout, &err);
    return af_cli_end(PROG, status, &err);
}
