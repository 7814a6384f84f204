/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/plateplot.h"

#include "cli/plot.h"
#include <math.h>

enum { WIDTH = 900, HEIGHT = 640 };

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

int af_plateplot_path(const char *path, const struct af_site *s, size_t n, const bool *measured,
                      struct af_err *err)
{
    struct af_plot p;
    struct box b = bounds(s, n);
    double dot = dot_mm(b, n);
    bool has_z = false, any = false;

    if (af_plot_open(&p, path, WIDTH, HEIGHT, err))
        return -1;
    fputs("$way << EOD\n", p.script);
    for (size_t i = 0; i < n; i++) {
        has_z = has_z || isfinite(s[i].z_um);
        fprintf(p.script, "%.9g %.9g %.9g\n", s[i].x_um / 1e3, s[i].y_um / 1e3, s[i].z_um);
    }
    fputs("EOD\n$measured << EOD\n", p.script);
    for (size_t i = 0; i < n; i++)
        if (measured && measured[i]) {
            any = true;
            fprintf(p.script, "%.9g %.9g\n", s[i].x_um / 1e3, s[i].y_um / 1e3);
        }
    fprintf(p.script,
            "EOD\nset border 3\nset tics nomirror out\nset size ratio -1\nunset key\n"
            "set xlabel 'x / mm'\nset ylabel 'y / mm'\nset xrange [%.9g:%.9g]\n"
            "set yrange [%.9g:%.9g]\nset style fill solid noborder\n"
            "set datafile missing 'nan'\n",
            b.x0 - 2 * dot, b.x1 + 2 * dot, b.y1 + 2 * dot, b.y0 - 2 * dot);
    fputs("set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', "
          "1 '#fde725')\nset cblabel 'z / µm'\nplot ",
          p.script);
    if (has_z)
        fprintf(p.script, "$way using 1:2:(%.9g):3 with circles linecolor palette, ", dot);
    if (has_z && any)
        fprintf(p.script,
                "$measured using 1:2:(%.9g) with circles fillstyle empty border "
                "linecolor rgb '#000000' linewidth 1.5, ",
                dot);
    fprintf(p.script,
            "$way using 1:2 with lines linecolor rgb '%s' linewidth 1.5, "
            "$way every ::0::0 using 1:2 with points pointtype 7 pointsize 1.2 linecolor rgb "
            "'#d55e00'\n",
            has_z ? "#888888" : "#0072b2");
    return af_plot_commit(&p, err);
}
