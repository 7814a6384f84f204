/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/plateplot.h"

#include "cli/plot.h"
#include <math.h>
#include <string.h>

enum { WIDTH = 900, HEIGHT = 640, NAMED = 96 };

struct box {
    double x0, x1, y0, y1;
};

static struct box bounds(const struct af_site *s, size_t n)
{
    struct box b = {INFINITY, -INFINITY, INFINITY, -INFINITY};

    for (size_t i = 0; i < n; i++) {
        b.x0 = fmin(b.x0, s[i].x_um / 1e3);
        b.x1 = fmax(b.x1, s[i].x_um / 1e3);
        b.y0 = fmin(b.y0, s[i].y_um / 1e3);
        b.y1 = fmax(b.y1, s[i].y_um / 1e3);
    }
    return b;
}

/* Radius of the dots, mm: they touch where as many wells fill the box evenly. */
static double dot_mm(struct box b, size_t n)
{
    double w = b.x1 - b.x0, h = b.y1 - b.y0;
    double side = fmax(sqrt(w * h / (double)n), fmax(w, h) / (double)n);

    return side > 0 ? 0.4 * side : 1;
}

/* Places of the wells that are `what`; how many. */
static size_t put_wells(FILE *fp, const char *name, const struct af_site *s, size_t n,
                        const enum af_well_state *state, enum af_well_state what)
{
    size_t count = 0;

    fprintf(fp, "EOD\n$%s << EOD\n", name);
    for (size_t i = 0; i < n; i++)
        if (state && state[i] == what) {
            fprintf(fp, "%.9g %.9g\n", s[i].x_um / 1e3, s[i].y_um / 1e3);
            count++;
        }
    return count;
}

/* x, y, z, and a name where they are few. */
static void put_sites(FILE *fp, const struct af_site *s, size_t n)
{
    fputs("$way << EOD\n", fp);
    for (size_t i = 0; i < n; i++) {
        fprintf(fp, "%.9g %.9g %.9g ", s[i].x_um / 1e3, s[i].y_um / 1e3, s[i].z_um);
        for (const char *c = s[i].well->name; *c; c++) // no word of a script, nor two
            fputc(strchr("\"\\$ \t\r\n", *c) ? '_' : *c, fp);
        fputc('\n', fp);
    }
}

int af_plateplot_path(const char *path, const struct af_site *s, size_t n,
                      const enum af_well_state *state, struct af_err *err)
{
    struct af_plot p;
    struct box b = bounds(s, n);
    double dot = dot_mm(b, n);
    bool has_z = false;
    size_t nfocused, nlost;

    if (af_plot_open(&p, path, WIDTH, HEIGHT, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        has_z = has_z || isfinite(s[i].z_um);
    put_sites(p.script, s, n);
    nfocused = put_wells(p.script, "focused", s, n, state, AF_WELL_FOCUSED);
    nlost = put_wells(p.script, "lost", s, n, state, AF_WELL_LOST);
    fprintf(p.script,
            "EOD\nset border 3\nset tics nomirror out\nset size ratio -1\nunset key\n"
            "set xlabel 'x / mm'\nset ylabel 'y / mm'\nset xrange [%.9g:%.9g]\n"
            "set yrange [%.9g:%.9g]\nset style fill solid noborder\n"
            "set datafile missing 'nan'\n",
            b.x0 - 2 * dot, b.x1 + 2 * dot, b.y1 + 2 * dot, b.y0 - 2 * dot);
    if (nfocused + nlost)
        fprintf(p.script,
                "set title 'ringed: %zu focused; crossed: %zu tried in vain; z of all is that "
                "predicted'\n",
                nfocused, nlost);
    fputs("set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', "
          "1 '#fde725')\nset cblabel 'z / µm'\nplot ",
          p.script);
    if (has_z)
        fprintf(p.script, "$way using 1:2:(%.9g):3 with circles linecolor palette, ", dot);
    fprintf(p.script,
            "$way using 1:2 with lines linecolor rgb '%s' linewidth 1.5, "
            "$way every ::0::0 using 1:2 with points pointtype 7 pointsize 1.2 linecolor rgb "
            "'#d55e00'",
            has_z ? "#888888" : "#0072b2");
    if (has_z && nfocused)
        fprintf(p.script,
                ", $focused using 1:2:(%.9g) with circles fillstyle empty border "
                "linecolor rgb '#000000' linewidth 1.5",
                dot);
    if (has_z && nlost)
        fputs(", $lost using 1:2 with points pointtype 2 pointsize 3 linewidth 3 linecolor rgb "
              "'#d55e00'",
              p.script);
    if (n <= NAMED && s[0].nfields == 1 && has_z)
        fprintf(p.script, ", $way using 1:($2 + %.9g):(strcol(4)) with labels font ',8'",
                1.3 * dot);
    else if (n <= NAMED && s[0].nfields == 1)
        fputs(", $way using 1:2 with points pointtype 7 pointsize 0.6 linecolor rgb '#0072b2', "
              "$way using 1:2:(strcol(4)) with labels offset 1.5,-0.7 font ',8'",
              p.script);
    fputc('\n', p.script);
    return af_plot_commit(&p, err);
}
