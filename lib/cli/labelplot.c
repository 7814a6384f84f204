/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/labelplot.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 900, HEIGHT = 800, NAMED = 8 }; // px; stacks that get a line in the key

struct af_labelplot_entry {
    char *name;
    struct af_label label;
};

static bool is_ok(const struct af_labelplot_entry *e)
{
    return !isnan(e->label.z0_um);
}

int af_labelplot_open(struct af_labelplot *p, const char *path, enum af_measure measure,
                      struct af_err *err)
{
    *p = (struct af_labelplot){.measure = measure};
    if (af_plot_open(&p->plot, path, WIDTH, HEIGHT, err))
        return -1;
    fputs("set border 3\nset tics nomirror out\nset grid linecolor rgb '#dddddd'\n"
          "set key top center horizontal maxrows 4\nset samples 1000\n",
          p->plot.script);
    return 0;
}

void af_labelplot_discard(struct af_labelplot *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->entry[i].name);
    free(p->entry);
    af_plot_discard(&p->plot);
    *p = (struct af_labelplot){0};
}

int af_labelplot_add(struct af_labelplot *p, const struct af_labelled *s, struct af_err *err)
{
    FILE *fp = p->plot.script;
    bool drawable = false;

    fprintf(fp, "$s%zu << EOD\n", p->n);
    for (size_t i = 0; i < s->n; i++) {
        double fine = s->scores[i].of[p->measure], coarse = s->scores[i].of[AF_BASE];
        if (!isfinite(s->z_um[i]) || !isfinite(fine) || !isfinite(coarse))
            continue;
        fprintf(fp, "%.9g %.9g %.9g\n", s->z_um[i], fine, coarse);
        drawable = true;
    }
    fputs("EOD\n", fp);
    if (!drawable)
        return 0; // the next stack takes its place
    if (af_grow((void **)&p->entry, &p->room, p->n + 1, sizeof *p->entry, err))
        return -1;
    const char *slash = strrchr(s->name, '/');
    char *name = af_strdup(slash ? slash + 1 : s->name, err);
    if (!name)
        return -1;
    p->entry[p->n++] = (struct af_labelplot_entry){name, s->label};
    return 0;
}

static void put_title(const struct af_labelplot *p, size_t i)
{
    FILE *fp = p->plot.script;

    if (p->n > NAMED) {
        fputs(" notitle", fp);
        return;
    }
    fputs(" title ", fp);
    af_plot_quote(fp, p->entry[i].name);
}

static void put_overview(const struct af_labelplot *p)
{
    FILE *fp = p->plot.script;

    fprintf(fp, "set xlabel 'z / µm'\nset ylabel 'score (%s)'\nplot ", af_measure_name(p->measure));
    if (p->n == 1)
        fputs("$s0 using 1:3 with lines linecolor rgb '#999999' title 'coarse', ", fp);
    for (size_t i = 0; i < p->n; i++) {
        fprintf(fp, "$s%zu using 1:2 with linespoints linetype %zu pointtype 7 pointsize 0.4", i,
                i + 1);
        put_title(p, i);
        fputs(i + 1 < p->n ? ", " : "\n", fp);
    }
}

static void put_zoom(const struct af_labelplot *p, double half_um)
{
    FILE *fp = p->plot.script;
    bool first = true;

    fprintf(fp, "set xlabel 'defocus / µm'\nset xrange [%g:%g]\n", -3 * half_um, 3 * half_um);
    fputs("set arrow from 0, graph 0 to 0, graph 1 nohead linecolor rgb '#999999'\n", fp);
    if (p->n == 1)
        fprintf(fp, "set label 'z0 = %.4f ± %.4f µm' at graph 0.03, 0.95\n",
                p->entry[0].label.z0_um, p->entry[0].label.z0_err_um);
    for (size_t i = 0; i < p->n; i++) {
        const struct af_label *l = &p->entry[i].label;
        if (!is_ok(&p->entry[i]))
            continue;
        fprintf(fp, "%s$s%zu using ($1 - %.9g):2 with points linetype %zu pointtype 7 notitle",
                first ? "plot " : ", ", i, l->z0_um, i + 1);
        if (!isnan(l->fit.vertex))
            fprintf(fp,
                    ", x >= %.9g && x <= %.9g ? %.9g + %.9g * (x - %.9g)**2 : NaN "
                    "with lines linetype %zu notitle",
                    l->from_um - l->z0_um, l->to_um - l->z0_um, l->fit.value, l->fit.curvature / 2,
                    l->fit.vertex - l->z0_um, i + 1);
        else
            fprintf(fp,
                    ", $s%zu using ($1 - %.9g):3 with linespoints linetype %zu dashtype 2 notitle",
                    i, l->z0_um, i + 1);
        first = false;
    }
    fputc('\n', fp);
}

int af_labelplot_commit(struct af_labelplot *p, struct af_err *err)
{
    double half_um = 0;
    int ret;

    for (size_t i = 0; i < p->n; i++)
        if (is_ok(&p->entry[i]))
            half_um = fmax(half_um, (p->entry[i].label.to_um - p->entry[i].label.from_um) / 2);
    if (!p->n) {
        ret = af_fail(err, AF_EDATA, "%s: there is nothing to plot", p->plot.path);
    } else {
        if (half_um > 0)
            fputs("set multiplot layout 2, 1\n", p->plot.script);
        else if (p->n == 1)
            fprintf(p->plot.script, "set label 'no zero defocus: %s' at graph 0.03, 0.05\n",
                    p->entry[0].label.quality);
        put_overview(p);
        if (half_um > 0)
            put_zoom(p, half_um);
        ret = af_plot_commit(&p->plot, err);
    }
    af_labelplot_discard(p);
    return ret;
}
