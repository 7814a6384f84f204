/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/evalplot.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 900, HEIGHT = 600, NAMED = 12 }; // px; days that get a line in the key

int af_evalplot_open(struct af_evalplot *p, const char *path, struct af_err *err)
{
    *p = (struct af_evalplot){.plot = {.path = NULL}};
    if (af_plot_open(&p->plot, path, WIDTH, HEIGHT, err))
        return -1;
    fputs("set border 3\nset tics nomirror out\nset grid linecolor rgb '#dddddd'\n"
          "set key outside right top\n",
          p->plot.script);
    return 0;
}

void af_evalplot_discard(struct af_evalplot *p)
{
    af_plot_discard(&p->plot);
}

static void put_title(FILE *fp, const struct af_evaltable *t, size_t day)
{
    if (t->ndays > NAMED) {
        fputs(" notitle", fp);
        return;
    }
    fputs(" title ", fp);
    af_plot_quote(fp, t->day[day]);
}

/* Half the depth of field to both sides of 0 in y. */
static void put_band(FILE *fp, double depth_um)
{
    if (depth_um > 0)
        fprintf(fp,
                "set object rectangle from graph 0, first %.9g to graph 1, first %.9g "
                "fillcolor rgb '#e8f0e8' fillstyle solid noborder behind\n"
                "set yrange [*<%.9g:%.9g<*]\n", // all of the band is seen
                -depth_um / 2, depth_um / 2, -0.55 * depth_um, 0.55 * depth_um);
}

static void put_days(FILE *fp, const struct af_evaltable *t, const struct af_evalplot_opts *o)
{
    for (size_t day = 0; day < t->ndays; day++) {
        fprintf(fp, "$d%zu << EOD\n", day);
        for (size_t i = 0; i < t->n; i++)
            if (t->row[i].day == day && fabs(t->row[i].true_um) <= o->range_um &&
                !isnan(t->row[i].defocus_um))
                fprintf(fp, "%.9g %.9g\n", t->row[i].true_um, t->row[i].defocus_um);
        fputs("? ?\nEOD\n", fp); // never empty: that is an error
    }
    fprintf(fp,
            "set xlabel 'true defocus / µm'\nset ylabel 'predicted defocus / µm'\n"
            "set xrange [%g:%g]\nplot x with lines linecolor rgb '#999999' title 'true'",
            -o->range_um, o->range_um);
    for (size_t day = 0; day < t->ndays; day++) {
        fprintf(fp, ", $d%zu with points linetype %zu pointtype 7 pointsize 0.3", day, day + 1);
        put_title(fp, t, day);
    }
    fputc('\n', fp);
}

static int put_z(FILE *fp, const struct af_evaltable *t, const struct af_evalplot_opts *o,
                 struct af_err *err)
{
    struct af_eval_part part = {.range_um = o->range_um, .bin_um = o->bin_um};

    for (part.day = 0; part.day < t->ndays; part.day++) {
        struct af_eval_bin *bin;
        size_t n;

        if (af_eval_bins(t, &part, &bin, &n, err))
            return -1;
        fprintf(fp, "$d%zu << EOD\n", part.day);
        for (size_t i = 0; i < n; i++)
            if (!isnan(bin[i].mean_um))
                fprintf(fp, "%.9g %.9g %.9g\n", bin[i].true_um, bin[i].mean_um,
                        isnan(bin[i].sd_um) ? 0 : bin[i].sd_um);
        fputs("? ? ?\nEOD\n", fp);
        free(bin);
    }
    put_band(fp, o->depth_um);
    fputs("set xlabel 'true defocus / µm'\nset ylabel 'mean residual / µm'\nplot ", fp);
    for (size_t day = 0; day < t->ndays; day++) {
        fprintf(fp, "%s$d%zu with yerrorlines linetype %zu pointtype 7 pointsize 0.4",
                day ? ", " : "", day, day + 1);
        put_title(fp, t, day);
    }
    if (o->limit)
        fputs(", $limit using 1:2 with lines linecolor rgb '#999999' title 'bound', "
              "$limit using 1:(-$2) with lines linecolor rgb '#999999' notitle",
              fp);
    fputc('\n', fp);
    return 0;
}

static void put_limit(FILE *fp, const struct af_eval_limit *l)
{
    fputs("$limit << EOD\n", fp);
    for (int i = 0; i < AF_EVAL_NODES; i++) {
        double z_um = l->reach_um * (2.0 * i / (AF_EVAL_NODES - 1) - 1);

        fprintf(fp, "%.9g %.9g\n", z_um, af_eval_limit_at(l, AF_EVAL_UNKNOWN, z_um));
    }
    fputs("EOD\n", fp);
}

static int put_histogram(FILE *fp, const struct af_evaltable *t, const struct af_evalplot_opts *o,
                         struct af_err *err)
{
    struct af_eval_part part = {
        .day = AF_EVAL_ALL_DAYS, .range_um = o->range_um, .bin_um = o->bin_um};
    struct af_eval_cell *cell;
    size_t n, most = 1;

    if (af_eval_histogram(t, &part, o->residual_bin_um, &cell, &n, err))
        return -1;
    fputs("$cells << EOD\n", fp);
    for (size_t i = 0; i < n; i++) {
        fprintf(fp, "%.9g %.9g %zu\n", cell[i].true_um, cell[i].residual_um, cell[i].frames);
        most = cell[i].frames > most ? cell[i].frames : most;
    }
    fputs("? ? ?\nEOD\n", fp);
    free(cell);
    put_band(fp, o->depth_um);
    fprintf(fp,
            "set xlabel 'true defocus / µm'\nset ylabel 'residual / µm'\n"
            "plot $cells using 1:2:(0.3 + 2 * sqrt($3 / %zu.0)) with points pointtype 7 "
            "pointsize variable linetype 2 title 'frames'\n",
            most);
    return 0;
}

static int put_sigma(FILE *fp, const struct af_evaltable *t, const struct af_evalplot_opts *o,
                     struct af_err *err)
{
    struct af_eval_part part = {.range_um = o->range_um, .bin_um = o->bin_um};

    for (part.day = 0; part.day < t->ndays; part.day++) {
        struct af_eval_promise promise[AF_EVAL_PROMISES];
        size_t n;

        if (af_eval_promises(t, &part, promise, &n, err))
            return -1;
        fprintf(fp, "$d%zu << EOD\n", part.day);
        for (size_t i = 0; i < n; i++)
            fprintf(fp, "%.9g %.9g\n", promise[i].sigma_um, promise[i].rmse_um);
        fputs("? ?\nEOD\n", fp);
    }
    fputs("set logscale xy\nset xlabel 'promised standard error / µm'\n"
          "set ylabel 'root mean square residual / µm'\n"
          "plot x with lines linecolor rgb '#999999' title 'as promised'",
          fp);
    for (size_t day = 0; day < t->ndays; day++) {
        fprintf(fp, ", $d%zu with linespoints linetype %zu pointtype 7 pointsize 0.5", day,
                day + 1);
        put_title(fp, t, day);
    }
    fputc('\n', fp);
    return 0;
}

int af_evalplot_draw(struct af_evalplot *p, enum af_evalplot_kind kind,
                     const struct af_evaltable *t, const struct af_evalplot_opts *o,
                     struct af_err *err)
{
    FILE *fp = p->plot.script;

    fputs("set datafile missing '?'\n", fp);
    if (o->limit)
        put_limit(fp, o->limit);
    switch (kind) {
    case AF_EVALPLOT_DAYS: put_days(fp, t, o); break;
    case AF_EVALPLOT_Z:
        if (put_z(fp, t, o, err))
            return -1;
        break;
    case AF_EVALPLOT_HISTOGRAM:
        if (put_histogram(fp, t, o, err))
            return -1;
        break;
    case AF_EVALPLOT_SIGMA:
        if (put_sigma(fp, t, o, err))
            return -1;
        break;
    }
    return af_plot_commit(&p->plot, err);
}

static void put_tolerance(FILE *fp, double middle, double half)
{
    fprintf(fp,
            "unset object\nset object rectangle from graph 0, first %.9g to graph 1, first %.9g "
            "fillcolor rgb '#e8f0e8' fillstyle solid noborder behind\n",
            middle - half, middle + half);
}

int af_evalplot_ageing(struct af_evalplot *p, const struct af_eval_age *age, size_t n,
                       const struct af_eval_ageing *rule, struct af_err *err)
{
    FILE *fp = p->plot.script;

    fputs("set datafile missing '?'\n$age << EOD\n", fp);
    for (size_t i = 0; i < n; i++) {
        fprintf(fp, "%zu ", rule->window + i);
        if (isnan(age[i].slope))
            fputs("? ? ", fp);
        else
            fprintf(fp, "%.9g %.9g ", age[i].slope, age[i].slope_err);
        fprintf(fp, "%.9g %.9g\n", age[i].offset_um, age[i].offset_err_um);
    }
    fputs("? ? ? ? ?\nEOD\nset multiplot layout 2, 1\nset xlabel 'moves'\nset ylabel 'slope'\n",
          fp);
    put_tolerance(fp, 1, rule->tolerance_slope);
    fputs("plot $age using 1:2:3 with yerrorlines linetype 2 pointtype 7 pointsize 0.4 notitle\n"
          "set ylabel 'offset / µm'\n",
          fp);
    put_tolerance(fp, 0, rule->tolerance_um);
    fputs("plot $age using 1:4:5 with yerrorlines linetype 3 pointtype 7 pointsize 0.4 notitle\n",
          fp);
    return af_plot_commit(&p->plot, err);
}
