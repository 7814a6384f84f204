/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/curveplot.h"

#include "cli/plot.h"
#include <math.h>

enum { WIDTH = 900, HEIGHT = 560 }; // px

/* Least 0, largest 1. */
static void put_data(FILE *fp, const struct af_curve *c, int m, bool by_z)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = 0; i < c->n; i++) {
        lo = fmin(lo, c->row[i].score[m]);
        hi = fmax(hi, c->row[i].score[m]);
    }
    fprintf(fp, "$m%d << EOD\n", m);
    for (size_t i = 0; i < c->n; i++) {
        const double v = (c->row[i].score[m] - lo) / (hi - lo);

        fprintf(fp, "%.9g %.9g\n", by_z ? c->row[i].z_um : (double)c->row[i].slice,
                isfinite(v) ? v : 0);
    }
    fputs("EOD\n", fp);
}

int af_curveplot_write(const char *path, const struct af_curve *c, unsigned measures,
                       struct af_err *err)
{
    const char *comma = "plot";
    struct af_plot p;
    bool by_z = true;
    int n = 0;

    if (af_plot_open(&p, path, WIDTH, HEIGHT, err))
        return -1;
    for (size_t i = 0; i < c->n; i++)
        by_z &= isfinite(c->row[i].z_um);
    for (int m = 0; m < AF_NSHARPS; m++)
        if (measures >> m & 1)
            put_data(p.script, c, m, by_z);
    fprintf(p.script,
            "set border 3\nset tics nomirror out\nset grid linecolor rgb '#dddddd'\n"
            "set key outside right\nset xlabel '%s'\nset ylabel 'score, each by itself'\n"
            "set yrange [-0.02:1.05]\n",
            by_z ? "z, um" : "slice");
    for (int m = 0; m < AF_NSHARPS; m++)
        if (measures >> m & 1) {
            fprintf(p.script,
                    "%s $m%d using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.5 "
                    "dashtype %d linecolor rgb '%s' title '%s'",
                    comma, m, n / AF_PLOT_NCOLORS + 1, af_plot_colors[n % AF_PLOT_NCOLORS],
                    af_sharp_name((enum af_sharp)m));
            comma = ",";
            n++;
        }
    fputs("\n", p.script);
    return af_plot_commit(&p, err);
}
