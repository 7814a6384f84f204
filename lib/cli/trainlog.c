/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/trainlog.h"

#include "base/outfile.h"
#include "cli/cli.h"
#include <math.h>
#include <unistd.h>

enum { PLOT_WIDTH = 900, PLOT_HEIGHT = 500 };

int af_trainlog_open(struct af_trainlog *l, const char *plot, FILE *out, const char *figure,
                     const char *rate, bool header, struct af_err *err)
{
    if (plot && af_plot_open(&l->plot, plot, PLOT_WIDTH, PLOT_HEIGHT, err))
        return -1;
    if (l->plot.script)
        fputs("$log << EOD\n", l->plot.script);
    l->out = out;
    l->figure = figure;
    l->rate = rate;
    l->header = header;
    return 0;
}

static void begin_table(struct af_trainlog *l)
{
    const char *const columns[] = {"epoch", "train_loss", "val_loss", l->figure,
                                   "lr",    "seconds",    l->rate,    "best"};

    af_table_begin(&l->table, l->out, columns, sizeof(columns) / sizeof(*columns), l->header);
}

void af_trainlog_release(struct af_trainlog *l)
{
    af_plot_discard(&l->plot);
}

void af_trainlog_warn(void *ctx, const char *text)
{
    struct af_trainlog *l = ctx;

    if (l->quiet)
        return;
    af_progress_wipe(&l->progress);
    af_cli_warn(l->prog, "%s", text);
}

void af_trainlog_read(void *ctx, size_t done, size_t total, const char *file)
{
    struct af_trainlog *l = ctx;

    if (done == 1)
        af_progress_begin(&l->progress, l->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, l->prog,
                          l->things, total);
    af_progress_step(&l->progress, done, file);
    if (done == total)
        af_progress_end(&l->progress);
}

void af_trainlog_progress(void *ctx, size_t done, size_t total)
{
    struct af_trainlog *l = ctx;

    (void)total;
    af_progress_step(&l->progress, done, NULL);
}

/* A number for gnuplot, which is told that '?' is missing. */
static void put_point(FILE *script, double v)
{
    if (isfinite(v))
        fprintf(script, " %.9g", v);
    else
        fputs(" ?", script);
}

void af_trainlog_epoch(void *ctx, const struct af_epoch *e)
{
    struct af_trainlog *l = ctx;
    struct af_table_out *t = &l->table;

    af_progress_wipe(&l->progress);
    if (!t->fp)
        begin_table(l);
    af_table_int(t, (int64_t)e->epoch);
    af_table_real(t, e->train_loss);
    af_table_real(t, e->val_loss);
    af_table_real(t, e->val_figure);
    af_table_real(t, e->lr);
    af_table_real(t, e->seconds);
    af_table_real(t, e->images_per_s);
    af_table_int(t, e->best);
    af_table_end_row(t);
    fflush(t->fp);
    if (!l->plot.script)
        return;
    fprintf(l->plot.script, "%zu", e->epoch);
    put_point(l->plot.script, e->train_loss);
    put_point(l->plot.script, e->val_loss);
    put_point(l->plot.script, e->val_figure);
    fputc('\n', l->plot.script);
}

int af_trainlog_probe(const char *path, struct af_err *err)
{
    struct af_outfile f;

    if (af_outfile_open(&f, path, err))
        return -1;
    af_outfile_discard(&f);
    return 0;
}

int af_trainlog_conclude(const struct af_trainlog *l, enum af_trainrun_end end, size_t epochs,
                         size_t best_epoch, const char *checkpoint, bool asked_for,
                         struct af_err *err)
{
    const char *kept = best_epoch ? "the best model so far is kept" : "there is no model";

    if (end == AF_TRAINRUN_STOPPED) {
        if (!l->quiet)
            af_cli_warn(l->prog, "stopped after %zu epochs, %s; --resume goes on", epochs, kept);
        return 0; // the tool ends by the signal
    }
    if (!asked_for)
        remove(checkpoint);
    if (end == AF_TRAINRUN_DIVERGED)
        return af_fail(err, AF_ENOFOCUS,
                       "epoch %zu: the loss is no finite number, a lower --lr may help; %s",
                       epochs + 1, kept);
    return 0;
}
