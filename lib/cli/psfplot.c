/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/psfplot.h"

#include "cli/plot.h"
#include "plate/wellname.h"
#include <math.h>
#include <string.h>

enum { WIDTH = 900, HEIGHT = 640, FIELD_WIDTH = 1300, FIELD_HEIGHT = 440 };

#define VIRIDIS                                                                                    \
    "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 "          \
    "'#fde725')\n"
#define COOLWARM "set palette defined (0 '#3b4cc0', 0.5 '#dddddd', 1 '#b40426')\n"

/* Mean and standard deviation of the z of all files with beads, or of all beads of one file. */
struct spread {
    size_t n;
    double mean, sd, lo, hi; // lo, hi: from the mean
};

static void add(struct spread *s, double z, double *sum, double *sum2)
{
    s->n++;
    *sum += z;
    *sum2 += z * z;
    s->lo = fmin(s->lo, z);
    s->hi = fmax(s->hi, z);
}

/* Every z that counts, to fp where that is not NULL, less `less`. */
static struct spread spread_of(const struct af_psfset *set, FILE *fp, double less)
{
    struct spread s = {0, NAN, NAN, INFINITY, -INFINITY};
    double sum = 0, sum2 = 0, first = NAN;

    for (size_t i = 0; i < set->n; i++) {
        const struct af_psffile *f = &set->file[i];

        for (size_t b = 0; b < (set->n > 1 ? f->field.nok > 0 : f->run.nbeads); b++) {
            double z = set->n > 1 ? f->field.z_mean_um : f->run.bead[b].z_um;

            if (set->n == 1 && strcmp(f->run.bead[b].quality, AF_PSF_OK))
                continue;
            first = isnan(first) ? z : first;
            add(&s, z - first, &sum, &sum2);
            if (fp)
                fprintf(fp, "%.9g\n", z - less);
        }
    }
    if (s.n) {
        double n = (double)s.n;

        s.mean = first + sum / n;
        s.lo -= sum / n;
        s.hi -= sum / n;
        s.sd = s.n > 1 ? sqrt(fmax(sum2 - sum * sum / n, 0) / (n - 1)) : NAN;
    }
    return s;
}

/* Rows and columns of the smallest plate of 96, 384 or 1536 wells that has all of them. */
static int find_plate(const struct af_psfset *set, int *rows, int *cols)
{
    int row, col, nwells = 0;

    *rows = 8;
    *cols = 12;
    for (size_t i = 0; i < set->n; i++)
        if (af_wellname_parse(set->file[i].well, &row, &col) == 0)
            for (nwells++; row >= *rows || col >= *cols; *cols *= 2)
                *rows *= 2;
    return nwells;
}

/* Mean z of the files of file i's well; NaN: none has beads, or an earlier file is of that well. */
static double well_z(const struct af_psfset *set, size_t i)
{
    double sum = 0, n = 0;

    for (size_t k = 0; k < set->n; k++) {
        if (strcmp(set->file[k].well, set->file[i].well))
            continue;
        if (k < i)
            return NAN;
        if (set->file[k].field.nok) {
            sum += set->file[k].field.z_mean_um;
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

/* Column, row and z of each well; how many have one. */
static int put_wells(FILE *fp, const struct af_psfset *set, double mean)
{
    int row, col, n = 0;

    for (size_t i = 0; i < set->n; i++) {
        double z = well_z(set, i) - mean;

        if (isnan(z) || af_wellname_parse(set->file[i].well, &row, &col))
            continue;
        fprintf(fp, "%d %d %.9g\n", col + 1, row, set->n > 1 ? z : 0);
        n++;
    }
    return n;
}

static void put_rings(FILE *fp, int rows, int cols)
{
    char name[AF_WELL_NAME];

    fputs("EOD\n$rings << EOD\n", fp);
    for (int row = 0; row < rows; row++)
        for (int col = 0; col < cols; col++)
            fprintf(fp, "%d %d\n", col + 1, row);
    fputs("EOD\nset ytics (", fp);
    for (int row = 0; row < rows; row++) {
        af_wellname_format(row, 0, name);
        name[strcspn(name, "0123456789")] = '\0';
        fprintf(fp, "%s'%s' %d", row ? ", " : "", name, row);
    }
    fputs(")\n", fp);
}

int af_psfplot_plate(const char *path, const struct af_psfset *set, double depth_um,
                     struct af_err *err)
{
    struct spread s = spread_of(set, NULL, 0);
    double most = fmax(fmax(s.hi, -s.lo), 0);
    int rows, cols, nwells;
    struct af_plot p;

    if (!find_plate(set, &rows, &cols))
        return af_fail(err, AF_EDATA, "%s: no file's name tells a well", path);
    if (af_plot_open(&p, path, WIDTH, HEIGHT, err))
        return -1;
    fputs("$wells << EOD\n", p.script);
    nwells = put_wells(p.script, set, s.mean);
    put_rings(p.script, rows, cols);
    double span = fmax(fmax(fmin(most, 3 * s.sd), depth_um / 2), 1e-3); // one far off is not all
    fprintf(p.script,
            "set border 0\nset tics scale 0\nset size ratio -1\nunset key\n"
            "set style fill solid noborder\nset cblabel 'z less the mean / µm'\n" COOLWARM
            "set xtics %d offset 0,0.3\nset xrange [0.4:%.1f]\nset yrange [%.1f:-0.6]\n"
            "set cbrange [-%.4g:%.4g]\n",
            cols > 24 ? 2 : 1, cols + 0.6, rows - 0.4, span, span);
    fprintf(p.script, "set title '%d of %d wells, standard deviation %.3f µm, most %.3f µm'\n",
            nwells, rows * cols, s.sd, most);
    double size = 7.8 * 12 / cols; // discs: circles of gnuplot are polygons, ten times the bytes
    fprintf(p.script,
            "plot $rings using 1:2 with points pointtype 6 pointsize %.3g linewidth 1 linecolor "
            "rgb '#cccccc'",
            size);
    if (nwells)
        fprintf(p.script,
                ", $wells using 1:2:3 with points pointtype 7 pointsize %.3g linecolor palette",
                size);
    if (nwells && rows == 8)
        fprintf(p.script,
                ", $wells using 1:2:(sprintf('%%+.2f', abs($3) < 0.005 ? 0 : $3)):(abs($3) > %.4g "
                "? 0xffffff : 0) "
                "with labels font ',9' textcolor rgb variable",
                0.7 * span);
    fputc('\n', p.script);
    return af_plot_commit(&p, err);
}

int af_psfplot_histogram(const char *path, const struct af_psfset *set, double depth_um,
                         struct af_err *err)
{
    struct spread s = spread_of(set, NULL, 0);
    const char *what = set->n > 1 ? "stacks" : "beads";
    struct af_plot p;

    if (!s.n)
        return af_fail(err, AF_EDATA, "%s: no bead that can be used", path);
    if (af_plot_open(&p, path, WIDTH, HEIGHT, err))
        return -1;
    fputs("$z << EOD\n", p.script);
    spread_of(set, p.script, s.mean);
    /* Half as wide as by Scott's rule, so that what is not normal shows. */
    double bin = s.sd > 0 ? 1.75 * s.sd / cbrt((double)s.n) : 0.01;
    fprintf(p.script,
            "EOD\nset border 3\nset tics nomirror out\nunset key\nset style fill solid border rgb "
            "'#ffffff'\nset xlabel 'z less the mean / µm'\nset ylabel '%s'\nset yrange [0:*]\n"
            "bin = %.9g\nset boxwidth bin\nset title \"%zu %s, standard deviation %.3f µm",
            what, bin, s.n, what, s.sd);
    if (depth_um > 0)
        fprintf(p.script,
                "; the band is the depth of field, %.2f µm\"\nset object rectangle from first "
                "%.9g, graph 0 to first %.9g, graph 1 fillcolor rgb '#e8f0e8' fillstyle solid "
                "noborder behind\nset xrange [*<%.9g:%.9g<*]\n",
                depth_um, -depth_um / 2, depth_um / 2, -0.6 * depth_um, 0.6 * depth_um);
    else
        fputs("\"\n", p.script);
    fprintf(p.script,
            "plot $z using (bin * floor($1 / bin + 0.5)):(1) smooth frequency with boxes "
            "linecolor rgb '%s'\n",
            af_plot_colors[1]);
    return af_plot_commit(&p, err);
}

/* A bead's place, z less its file's mean, widths. */
static size_t put_beads(FILE *fp, const struct af_psfset *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        for (size_t b = 0; b < set->file[i].run.nbeads; b++) {
            const struct af_psf *d = &set->file[i].run.bead[b];

            if (strcmp(d->quality, AF_PSF_OK))
                continue;
            fprintf(fp, "%.9g %.9g %.9g %.9g %.9g\n", d->x_um, d->y_um,
                    d->z_um - set->file[i].field.z_mean_um, sqrt(d->fwhm_min_um * d->fwhm_max_um),
                    d->fwhm_z_um);
            n++;
        }
    return n;
}

int af_psfplot_field(const char *path, const struct af_psfset *set, struct af_err *err)
{
    static const char *const title[] = {"z less the mean, standard deviation",
                                        "lateral width, median", "axial width, median"};
    struct af_plot p;
    size_t n;
    double w = 0, h = 0;

    if (af_plot_open(&p, path, FIELD_WIDTH, FIELD_HEIGHT, err))
        return -1;
    fputs("$beads << EOD\n", p.script);
    n = put_beads(p.script, set);
    if (!n) {
        af_plot_discard(&p);
        return af_fail(err, AF_EDATA, "%s: no bead that can be used", path);
    }
    for (size_t i = 0; i < set->n; i++) {
        w = fmax(w, (double)set->file[i].run.w * set->file[i].run.px_um);
        h = fmax(h, (double)set->file[i].run.h * set->file[i].run.py_um);
    }
    /* Blue and red alike about 0; widths at least 10 % about their median, or noise has all
     * colours. */
    fputs("EOD\nstats $beads using 3 nooutput name 'z'\nstats $beads using 4 nooutput name 'b'\n"
          "stats $beads using 5 nooutput name 'c'\nlargest(a, b) = a > b ? a : b\n"
          "z_hi = largest(largest(-z_min, z_max), 0.001); z_lo = -z_hi\n"
          "b_lo = -largest(-b_min, -0.9 * b_median); b_hi = largest(b_max, 1.1 * b_median)\n"
          "c_lo = -largest(-c_min, -0.9 * c_median); c_hi = largest(c_max, 1.1 * c_median)\n",
          p.script);
    fprintf(p.script,
            "set multiplot layout 1, 3\nset size ratio -1\nunset key\nset tics out nomirror\n"
            "set xrange [0:%.9g]\nset yrange [%.9g:0]\nset xlabel 'x / µm'\nset ylabel 'y / µm'\n"
            "set cblabel 'µm'\nset format cb '%%.3g'\n",
            w, h);
    for (int i = 0; i < 3; i++)
        fprintf(p.script,
                "set cbrange [%c_lo:%c_hi]\nset title sprintf('%s %%.3f µm', %c_%s)\n%s"
                "plot $beads using 1:2:%d with points pointtype 7 pointsize 1.7 linecolor "
                "palette\n",
                "zbc"[i], "zbc"[i], title[i], "zbc"[i], i ? "median" : "ssd",
                i ? VIRIDIS : COOLWARM, 3 + i);
    return af_plot_commit(&p, err);
}
