/* SPDX-License-Identifier: BSD-2-Clause */
/* af-eval: how far predictions are off, for which days and where; whether a model has aged. */
#include "base/memory.h"
#include "base/number.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/evalplot.h"
#include "cli/option.h"
#include "focus/evalageing.h"
#include "focus/evallimit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROG "af-eval"

enum { MOST_RANGES = 16 };

struct opts {
    bool ageing, no_header, quiet;
    double bin_um, residual_bin_um, depth_um; // NaN: not given
    double tolerance_um, tolerance_slope, tolerance_bias_um;
    int64_t window;
    const char *labels, *limit, *plot, *ranges;
    int show;                  // enum af_evalplot_kind
    const char *const *tables; // operands, or "-"
    size_t ntables;
    double range_um[MOST_RANGES]; // of --range
    size_t nranges;
};

static const struct af_option options[] = {
    {0, "ageing", AF_OPT_FLAG, offsetof(struct opts, ageing), NULL,
     "the tables are logs of moves: has the model aged?"},
    {0, "bin", AF_OPT_LENGTH, offsetof(struct opts, bin_um), "LENGTH",
     "of true defocus [a twentieth of the range]", NULL, 1e-4, 1e4},
    {0, "depth", AF_OPT_LENGTH, offsetof(struct opts, depth_um), "LENGTH",
     "depth of field, a band in the plots [600nm]", NULL, 0, 1e4},
    {0, "labels", AF_OPT_FILE, offsetof(struct opts, labels), "TABLE",
     "what is true, and the day, by af-label"},
    {0, "limit", AF_OPT_TEXT, offsetof(struct opts, limit), "KEY=VALUE&...",
     "add the bound of this simulated microscope"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw what is shown, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings"},
    {0, "range", AF_OPT_TEXT, offsetof(struct opts, ranges), "LENGTH,...",
     "only frames within +/- this; several [all frames]"},
    {0, "residual-bin", AF_OPT_LENGTH, offsetof(struct opts, residual_bin_um), "LENGTH",
     "of --show histogram [50nm]", NULL, 1e-4, 1e4},
    {0, "show", AF_OPT_CHOICE, offsetof(struct opts, show), "WHAT",
     "days, z, histogram or sigma [days]", "days|z|histogram|sigma", 0, 0},
    {0, "tolerance", AF_OPT_LENGTH, offsetof(struct opts, tolerance_um), "LENGTH",
     "--ageing: offset that is borne [100nm]", NULL, 0, 1e4},
    {0, "tolerance-bias", AF_OPT_LENGTH, offsetof(struct opts, tolerance_bias_um), "LENGTH",
     "--ageing: change of bias that is borne [50nm]", NULL, 0, 1e4},
    {0, "tolerance-slope", AF_OPT_REAL, offsetof(struct opts, tolerance_slope), "S",
     "--ageing: |slope - 1| that is borne [0.1]", NULL, 0, 10},
    {0, "window", AF_OPT_INT, offsetof(struct opts, window), "N",
     "--ageing: moves that are judged together [20]", NULL, 4, 1e6},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[PREDICTIONS...] | --ageing MOVES...",
    "Compare predictions with what is true; test whether a model has aged.",
    options,
};

static int parse_ranges(struct opts *o)
{
    char copy[400], *save = NULL;
    struct af_err err;

    if (!o->ranges)
        return -1;
    if (strlen(o->ranges) >= sizeof(copy))
        return af_cli_usage(&tool, "--range: too long");
    strcpy(copy, o->ranges);
    for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
        double um;

        if (o->nranges == MOST_RANGES)
            return af_cli_usage(&tool, "--range: at most %d", MOST_RANGES);
        if (af_parse_length_um(s, &um, &err))
            return af_cli_usage(&tool, "--range: %s", err.text);
        if (!(um > 0))
            return af_cli_usage(&tool, "--range: %s is not above 0", s);
        o->range_um[o->nranges++] = um;
    }
    return o->nranges ? -1 : af_cli_usage(&tool, "--range: '' is not a number");
}

static int check_use(const struct opts *o)
{
    size_t n = o->labels && strcmp(o->labels, "-") == 0;

    for (size_t i = 0; i < o->ntables; i++)
        n += strcmp(o->tables[i], "-") == 0;
    if (n > 1)
        return af_cli_usage(&tool, "standard input is wanted for more than one thing");
    if (o->ageing && (o->labels || o->limit || o->ranges || o->show))
        return af_cli_usage(&tool, "--ageing reads logs of moves, which have no truth");
    if (o->limit && (o->show == AF_EVALPLOT_HISTOGRAM || o->show == AF_EVALPLOT_SIGMA))
        return af_cli_usage(&tool, "--limit goes with --show days and --show z");
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.bin_um = NAN,
                       .residual_bin_um = 0.05,
                       .depth_um = 0.6,
                       .tolerance_um = AF_EVAL_TOLERANCE_UM,
                       .tolerance_slope = AF_EVAL_TOLERANCE_SLOPE,
                       .tolerance_bias_um = AF_EVAL_TOLERANCE_BIAS_UM,
                       .window = AF_EVAL_WINDOW};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    o->tables = af_cli_operands(argc, argv, operand, &o->ntables);
    status = parse_ranges(o);
    return status >= 0 ? status : check_use(o);
}

/* ------------------------------------------------------------------- input */

/* Call `read` with each table open. */
static int each_table(const char *const *paths, size_t n,
                      int (*read)(void *ctx, FILE *fp, const char *path, struct af_err *err),
                      void *ctx, struct af_err *err)
{
    for (size_t i = 0; i < n; i++) {
        bool standard = strcmp(paths[i], "-") == 0;
        FILE *fp = standard ? stdin : fopen(paths[i], "r");
        int ret;

        if (!fp)
            return af_fail_errno(err, "%s", paths[i]);
        ret = read(ctx, fp, paths[i], err);
        if (!standard)
            fclose(fp);
        if (ret)
            return -1;
    }
    return 0;
}

struct sink {
    const struct opts *o;
    FILE *out;
    struct af_evaltable table;
    struct af_labeltable labels;
    struct af_eval_limit limit;
    struct af_evalplot plot;
    double bin_um; // of the range at hand
};

static int read_labels(void *ctx, FILE *fp, const char *path, struct af_err *err)
{
    struct sink *k = ctx;

    return af_labeltable_read(&k->labels, fp, path, false, err);
}

/* Choice: where nothing tells the day and several tables are given, each is one. */
static int read_predictions(void *ctx, FILE *fp, const char *path, struct af_err *err)
{
    struct sink *k = ctx;

    return af_evaltable_read(&k->table, fp, path, k->o->labels ? &k->labels : NULL,
                             k->o->ntables > 1 ? path : NULL, err);
}

/* ------------------------------------------------------------------ output */

static const char *day_name(const struct sink *k, size_t day)
{
    return day == AF_EVAL_ALL_DAYS ? "all" : k->table.day[day];
}

static int put_days(struct sink *k, struct af_table_out *t, const struct af_eval_part *part,
                    struct af_err *err)
{
    struct af_eval_error e;

    if (af_eval_error(&k->table, part, &e, err))
        return -1;
    af_table_text(t, day_name(k, part->day));
    af_table_real(t, part->range_um);
    af_table_int(t, (int64_t)e.stacks);
    af_table_int(t, (int64_t)e.frames);
    af_table_int(t, (int64_t)e.trusted);
    af_table_real(t, e.bias_um);
    af_table_real(t, e.sd_um);
    af_table_real(t, e.rmse_um);
    af_table_real(t, e.p95_um);
    af_table_real(t, e.worst_um);
    af_table_real(t, e.worst_at);
    af_table_real(t, e.within_1);
    af_table_real(t, e.within_2);
    if (k->o->limit) {
        af_table_real(t, af_eval_limit_rms(&k->limit, AF_EVAL_KNOWN, &k->table, part));
        af_table_real(t, af_eval_limit_rms(&k->limit, AF_EVAL_UNKNOWN, &k->table, part));
    }
    af_table_end_row(t);
    return 0;
}

static int put_z(struct sink *k, struct af_table_out *t, const struct af_eval_part *part,
                 struct af_err *err)
{
    struct af_eval_bin *bin;
    size_t n;

    if (af_eval_bins(&k->table, part, &bin, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct af_eval_bin *b = &bin[i];

        af_table_text(t, day_name(k, part->day));
        af_table_real(t, b->true_um);
        af_table_int(t, (int64_t)b->stacks);
        af_table_int(t, (int64_t)b->frames);
        af_table_int(t, (int64_t)b->trusted);
        af_table_real(t, b->mean_um);
        af_table_real(t, b->sd_um);
        af_table_real(t, b->rmse_um);
        if (k->o->limit) {
            af_table_real(t, af_eval_limit_at(&k->limit, AF_EVAL_KNOWN, b->true_um));
            af_table_real(t, af_eval_limit_at(&k->limit, AF_EVAL_UNKNOWN, b->true_um));
        }
        af_table_end_row(t);
    }
    free(bin);
    return 0;
}

static int put_histogram(struct sink *k, struct af_table_out *t, const struct af_eval_part *part,
                         struct af_err *err)
{
    struct af_eval_cell *cell;
    size_t n;

    if (af_eval_histogram(&k->table, part, k->o->residual_bin_um, &cell, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        af_table_text(t, day_name(k, part->day));
        af_table_real(t, cell[i].true_um);
        af_table_real(t, cell[i].residual_um);
        af_table_int(t, (int64_t)cell[i].frames);
        af_table_end_row(t);
    }
    free(cell);
    return 0;
}

static int put_sigma(struct sink *k, struct af_table_out *t, const struct af_eval_part *part,
                     struct af_err *err)
{
    struct af_eval_promise promise[AF_EVAL_PROMISES];
    size_t n;

    if (af_eval_promises(&k->table, part, promise, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        af_table_text(t, day_name(k, part->day));
        af_table_int(t, (int64_t)promise[i].frames);
        af_table_real(t, promise[i].sigma_um);
        af_table_real(t, promise[i].rmse_um);
        af_table_real(t, promise[i].within_1);
        af_table_real(t, promise[i].within_2);
        af_table_end_row(t);
    }
    return 0;
}

/* What can be shown. */
static const struct view {
    const char *column[16];
    int (*put)(struct sink *k, struct af_table_out *t, const struct af_eval_part *part,
               struct af_err *err);
    bool limited; // two more columns with --limit
} views[] = {
    [AF_EVALPLOT_DAYS] = {{"day", "range_um", "stacks", "frames", "trusted", "bias_um", "sd_um",
                           "rmse_um", "p95_um", "worst_um", "worst_at_um", "within_1", "within_2"},
                          put_days,
                          true},
    [AF_EVALPLOT_Z] = {{"day", "true_um", "stacks", "frames", "trusted", "mean_um", "sd_um",
                        "rmse_um"},
                       put_z,
                       true},
    [AF_EVALPLOT_HISTOGRAM] = {{"day", "true_um", "residual_um", "frames"}, put_histogram, false},
    [AF_EVALPLOT_SIGMA] = {{"day", "frames", "sigma_um", "rmse_um", "within_1", "within_2"},
                           put_sigma,
                           false},
};

static void begin(const struct sink *k, const struct view *v, struct af_table_out *t)
{
    const char *column[16];
    size_t n = 0;

    for (; v->column[n]; n++)
        column[n] = v->column[n];
    if (k->o->limit) {
        column[n++] = "limit_known_um";
        column[n++] = "limit_um";
    }
    af_table_begin(t, k->out, column, n, !k->o->no_header);
}

/* Every day by itself, then all, of one range. */
static int put_range(struct sink *k, struct af_table_out *t, double range_um, struct af_err *err)
{
    struct af_eval_part part = {.range_um = range_um};

    part.bin_um = isnan(k->o->bin_um) ? range_um / 20 : k->o->bin_um;
    for (size_t day = 0; day <= k->table.ndays; day++) {
        part.day = day < k->table.ndays ? day : AF_EVAL_ALL_DAYS;
        if ((day < k->table.ndays || k->table.ndays > 1) && views[k->o->show].put(k, t, &part, err))
            return -1;
    }
    return 0;
}

static int evaluate(struct sink *k, struct af_err *err)
{
    const struct opts *o = k->o;
    double reach = af_eval_reach(&k->table);
    double range_um[MOST_RANGES] = {reach > 0 ? reach : 1};
    size_t nranges = o->nranges ? o->nranges : 1;
    struct af_table_out t;

    if (o->nranges)
        memcpy(range_um, o->range_um, sizeof(range_um));
    if (o->limit) {
        double most = 0;

        for (size_t i = 0; i < nranges; i++)
            most = fmax(most, fmin(reach, range_um[i]));
        if (af_eval_limit(&k->limit, o->limit, most, err))
            return -1;
    }
    begin(k, &views[o->show], &t);
    for (size_t i = 0; i < nranges; i++)
        if (put_range(k, &t, range_um[i], err))
            return -1;
    if (!o->plot)
        return 0;
    return af_evalplot_draw(
        &k->plot, o->show, &k->table,
        &(struct af_evalplot_opts){.range_um = range_um[0],
                                   .bin_um = isnan(o->bin_um) ? range_um[0] / 20 : o->bin_um,
                                   .residual_bin_um = o->residual_bin_um,
                                   .depth_um = o->depth_um,
                                   .limit = o->limit ? &k->limit : NULL},
        err);
}

/* Status to end with, or -1. */
static int run_predictions(struct sink *k, struct af_err *err)
{
    const struct opts *o = k->o;
    bool any = false;

    if (o->labels && each_table(&o->labels, 1, read_labels, k, err))
        return -1;
    af_labeltable_sort(&k->labels);
    if (each_table(o->tables, o->ntables, read_predictions, k, err))
        return -1;
    if (!k->table.n)
        return af_fail(err, AF_EDATA, "%s: no frame whose defocus is known", o->tables[0]);
    if (k->table.unknown && !o->quiet)
        af_cli_warn(PROG, "%zu frames are left out: their true defocus is not known",
                    k->table.unknown);
    if (evaluate(k, err))
        return -1;
    for (size_t i = 0; i < k->table.n; i++)
        any = any || !isnan(k->table.row[i].defocus_um);
    return any ? 0 : 4;
}

/* ------------------------------------------------------------------ ageing */

static int read_moves(void *ctx, FILE *fp, const char *path, struct af_err *err)
{
    return af_eval_moves_read(ctx, fp, path, err);
}

static void put_age(struct af_table_out *t, const struct af_eval_age *a)
{
    af_table_text(t, a->time);
    af_table_int(t, (int64_t)a->moves);
    af_table_real(t, a->slope);
    af_table_real(t, a->slope_err);
    af_table_real(t, a->offset_um);
    af_table_real(t, a->offset_err_um);
    af_table_real(t, a->bias_um);
    af_table_real(t, a->bias_err_um);
    af_table_real(t, a->scatter_um);
    af_table_text(t, af_eval_age_word(a->verdict));
    af_table_end_row(t);
}

/* 4 where the last word is that the model has aged. */
static int run_ageing(struct sink *k, struct af_err *err)
{
    static const char *const columns[] = {"time",       "moves",         "slope",   "slope_err",
                                          "offset_um",  "offset_err_um", "bias_um", "bias_err_um",
                                          "scatter_um", "verdict"};
    const struct opts *o = k->o;
    struct af_eval_ageing rule = {.window = (size_t)o->window,
                                  .tolerance_um = o->tolerance_um,
                                  .tolerance_slope = o->tolerance_slope,
                                  .tolerance_bias_um = o->tolerance_bias_um};
    struct af_eval_moves moves = {0};
    struct af_eval_age *age = NULL;
    struct af_table_out t;
    size_t n = 0;
    int ret = -1;

    if (each_table(o->tables, o->ntables, read_moves, &moves, err) ||
        af_eval_ageing(&moves, &rule, &age, &n, err))
        goto done;
    af_table_begin(&t, k->out, columns, sizeof(columns) / sizeof(*columns), !o->no_header);
    for (size_t i = 0; i < n; i++)
        put_age(&t, &age[i]);
    if (o->plot && af_evalplot_ageing(&k->plot, age, n, &rule, err))
        goto done;
    ret = n && age[n - 1].verdict == AF_EVAL_STALE ? 4 : 0;
    if (ret && !o->quiet)
        af_cli_warn(PROG, "stale since %s: train again (af-recalibrate)",
                    af_eval_stale_since(age, n));
done:
    free(age);
    af_eval_moves_release(&moves);
    return ret;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o, .out = out};
    int ret = -1;

    if (!o->plot || af_evalplot_open(&k.plot, o->plot, err) == 0)
        ret = o->ageing ? run_ageing(&k, err) : run_predictions(&k, err);
    af_evalplot_discard(&k.plot);
    af_eval_limit_release(&k.limit);
    af_labeltable_release(&k.labels);
    af_evaltable_release(&k.table);
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
