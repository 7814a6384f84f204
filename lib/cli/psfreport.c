/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/psfreport.h"

#include "base/memory.h"
#include "base/natural.h"
#include "base/outfile.h"
#include "image/colormap.h"
#include "psf/theory.h"
#include "signal/robust.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Over all files: medians of the beads that are ok. */
struct total {
    size_t n, nok;
    double min_um, max_um, z_um; // widths
    double z_sd_um;              // of the files' means
};

static bool is_ok(const struct af_psf *b)
{
    return !strcmp(b->quality, AF_PSF_OK);
}

static double median_of(const struct af_psfset *s, size_t offset, double *scratch)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        for (size_t b = 0; b < s->file[i].run.nbeads; b++)
            if (is_ok(&s->file[i].run.bead[b]))
                memcpy(&scratch[n++], (const char *)&s->file[i].run.bead[b] + offset,
                       sizeof *scratch);
    return n ? af_median(scratch, n) : NAN;
}

static int add_up(const struct af_psfset *s, struct total *t, struct af_err *err)
{
    double *scratch, sum = 0, sum2 = 0, nfiles = 0;

    *t = (struct total){.z_sd_um = NAN};
    for (size_t i = 0; i < s->n; i++) {
        const struct af_field *f = &s->file[i].field;

        t->n += f->nbeads;
        t->nok += f->nok;
        if (f->nok) {
            sum += f->z_mean_um;
            nfiles++;
        }
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->file[i].field.nok)
            sum2 += pow(s->file[i].field.z_mean_um - sum / nfiles, 2);
    if (nfiles > 1)
        t->z_sd_um = sqrt(sum2 / (nfiles - 1));
    if (!(scratch = af_calloc(t->n, sizeof *scratch, err)))
        return -1;
    t->min_um = median_of(s, offsetof(struct af_psf, fwhm_min_um), scratch);
    t->max_um = median_of(s, offsetof(struct af_psf, fwhm_max_um), scratch);
    t->z_um = median_of(s, offsetof(struct af_psf, fwhm_z_um), scratch);
    free(scratch);
    return 0;
}

static double lateral(const struct af_optics *o)
{
    return af_theory_lateral_um(o->na, o->wavelength_um);
}

static double axial(const struct af_optics *o)
{
    return af_theory_axial_um(o->na, o->wavelength_um, o->index);
}

/* ---- HTML ---- */

static void put_text(FILE *fp, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<': fputs("&lt;", fp); break;
        case '>': fputs("&gt;", fp); break;
        case '&': fputs("&amp;", fp); break;
        default: fputc((unsigned char)*s < ' ' ? '?' : *s, fp);
        }
}

static void put_number(FILE *fp, double v, int digits)
{
    if (isfinite(v))
        fprintf(fp, "<td>%.*f", digits, v);
    else
        fputs("<td>", fp);
}

static void put_width(FILE *fp, const char *what, double um, double theory_um)
{
    fprintf(fp, "<tr><th>%s", what);
    put_number(fp, um, 3);
    put_number(fp, theory_um, 3);
    put_number(fp, um / theory_um, 2);
    fputs("\n", fp);
}

/* Focus of every good bead over the field, as inline SVG. */
static void put_field(FILE *fp, const struct af_psfset *s)
{
    double w = 0, h = 0, most = 1e-3;

    for (size_t i = 0; i < s->n; i++) {
        const struct af_psffile *f = &s->file[i];

        w = fmax(w, (double)f->run.w * f->run.px_um);
        h = fmax(h, (double)f->run.h * f->run.py_um);
        if (f->field.z_sd_um > 0)
            most = fmax(most, 2.5 * f->field.z_sd_um);
    }
    fprintf(fp,
            "<svg viewBox='0 0 %.9g %.9g' width=420>\n<rect width='100%%' height='100%%' "
            "fill='#f4f4f4'/>\n",
            w, h);
    for (size_t i = 0; i < s->n; i++)
        for (size_t b = 0; b < s->file[i].run.nbeads; b++) {
            const struct af_psf *d = &s->file[i].run.bead[b];
            uint8_t c[3];

            if (!is_ok(d))
                continue;
            af_colormap_rgb(AF_MAP_COOLWARM,
                            0.5 + (d->z_um - s->file[i].field.z_mean_um) / most / 2, c);
            fprintf(fp, "<circle cx='%.4g' cy='%.4g' r='%.4g' fill='#%02x%02x%02x'/>\n", d->x_um,
                    d->y_um, w / 60, c[0], c[1], c[2]);
        }
    fprintf(fp,
            "</svg>\n<p>z of each bead less its file's mean: blue -%.3f, red +%.3f µm; field "
            "%.4g x %.4g µm\n",
            most, most, w, h);
}

static void put_files(FILE *fp, const struct af_psfset *s)
{
    fputs("<h2>Files</h2>\n<table><tr><th>file<th>well<th>beads<th>ok<th>z / µm<th>sd / µm"
          "<th>lateral / µm<th>axial / µm<th>tilt x / mrad<th>tilt y / mrad<th>flat / µm"
          "<th>curvature x / mm<sup>-1</sup><th>curvature y / mm<sup>-1</sup>\n",
          fp);
    for (size_t i = 0; i < s->n; i++) {
        const struct af_psffile *f = &s->file[i];

        fputs("<tr><th>", fp);
        put_text(fp, f->name);
        fprintf(fp, "<td>%s<td>%zu<td>%zu", f->well, f->field.nbeads, f->field.nok);
        put_number(fp, f->field.z_mean_um, 3);
        put_number(fp, f->field.z_sd_um, 3);
        put_number(fp, f->field.fwhm_xy_um, 3);
        put_number(fp, f->field.fwhm_z_um, 3);
        put_number(fp, f->field.tilt_x_mrad, 2);
        put_number(fp, f->field.tilt_y_mrad, 2);
        put_number(fp, f->field.flat_um, 3);
        put_number(fp, f->field.curvature_x_per_mm, 2);
        put_number(fp, f->field.curvature_y_per_mm, 2);
        fputs("\n", fp);
    }
    fputs("</table>\n", fp);
}

static void put_page(FILE *fp, const struct af_psfset *s, const struct af_optics *o,
                     const struct total *t)
{
    fputs(
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>Point spread function</title>\n"
        "<style>body{font:15px sans-serif;margin:2em;max-width:70em}td,th{padding:.2em .7em;"
        "text-align:right;border-bottom:1px solid #ddd;font-weight:normal}th:first-child{"
        "text-align:left}table{border-collapse:collapse;margin:1em 0}</style>\n"
        "<h1>Point spread function</h1>\n",
        fp);
    fprintf(fp, "<p>%zu of %zu beads of %zu file%s can be used", t->nok, t->n, s->n,
            s->n == 1 ? "" : "s");
    if (o->bead_um > 0)
        fprintf(fp, "; their size, %.4g µm, is taken from the widths", o->bead_um);
    if (!isnan(o->na))
        fprintf(fp, "; NA %.4g, %.4g nm, index %.4g", o->na, 1e3 * o->wavelength_um, o->index);
    if (!isnan(t->z_sd_um))
        fprintf(fp, ". Focus differs from file to file by %.3f µm (standard deviation)",
                t->z_sd_um);
    fputs(".\n<h2>Full width at half maximum, median</h2>\n"
          "<table><tr><th><th>measured / µm<th>theory / µm<th>ratio\n",
          fp);
    put_width(fp, "lateral, shorter axis", t->min_um, lateral(o));
    put_width(fp, "lateral, longer axis", t->max_um, lateral(o));
    put_width(fp, "axial", t->z_um, axial(o));
    fputs("</table>\n<h2>Focus over the field</h2>\n", fp);
    put_field(fp, s);
    put_files(fp, s);
    fputs("<p>psf-eval " AF_VERSION "</html>\n", fp);
}

/* ---- JSON ---- */

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *bead_json(const struct af_psf *b)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "x_um", number(b->x_um),
                     "y_um", number(b->y_um), "z_um", number(b->z_um), "fwhm_min_um",
                     number(b->fwhm_min_um), "fwhm_max_um", number(b->fwhm_max_um), "fwhm_z_um",
                     number(b->fwhm_z_um), "asymmetry", number(b->asymmetry), "angle_deg",
                     number(b->angle_deg), "snr", number(b->snr), "quality", b->quality);
}

static json_t *file_json(const struct af_psffile *f)
{
    const struct af_field *d = &f->field;
    json_t *beads = json_array();

    for (size_t i = 0; i < f->run.nbeads; i++)
        if (json_array_append_new(beads, bead_json(&f->run.bead[i]))) {
            json_decref(beads);
            return NULL;
        }
    return json_pack("{s:s%, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "file", f->name, strlen(f->name), "well", f->well, "n_beads",
                     (json_int_t)d->nbeads, "n_ok", (json_int_t)d->nok, "z_mean_um",
                     number(d->z_mean_um), "z_sd_um", number(d->z_sd_um), "fwhm_xy_um",
                     number(d->fwhm_xy_um), "fwhm_z_um", number(d->fwhm_z_um), "tilt_x_mrad",
                     number(d->tilt_x_mrad), "tilt_y_mrad", number(d->tilt_y_mrad), "z_flat_um",
                     number(d->flat_um), "curvature_x_per_mm", number(d->curvature_x_per_mm),
                     "curvature_y_per_mm", number(d->curvature_y_per_mm), "beads", beads);
}

static int put_json(FILE *fp, const struct af_psfset *s, const struct af_optics *o,
                    const struct total *t, const char *path, struct af_err *err)
{
    json_t *files = json_array(), *root = NULL;
    size_t i;
    int bad;

    for (i = 0; i < s->n; i++)
        if (json_array_append_new(files, file_json(&s->file[i])))
            break;
    if (i == s->n)
        root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "na",
                         number(o->na), "wavelength_um", number(o->wavelength_um), "index",
                         number(o->index), "bead_um", number(o->bead_um), "theory_xy_um",
                         number(lateral(o)), "theory_z_um", number(axial(o)), "fwhm_min_um",
                         number(t->min_um), "fwhm_max_um", number(t->max_um), "fwhm_z_um",
                         number(t->z_um), "n_beads", (json_int_t)t->n, "n_ok", (json_int_t)t->nok,
                         "z_sd_um", number(t->z_sd_um), "files", files);
    else
        json_decref(files);
    bad = !root || json_dumpf(root, fp, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (bad && !ferror(fp))
        return af_fail(err, AF_ESYS, "%s: no memory, or a name that is not UTF-8", path);
    fputc('\n', fp);
    return 0;
}

int af_psfreport_write(const char *path, const struct af_psfset *s, const struct af_optics *o,
                       struct af_err *err)
{
    bool json = af_name_ends_in(path, ".json");
    struct af_outfile out = {0};
    struct total t;

    if (!json && !af_name_ends_in(path, ".html"))
        return af_fail(err, AF_EUSAGE, "%s: a report is named .html or .json", path);
    if (add_up(s, &t, err) || af_outfile_open(&out, path, err))
        return -1;
    if (!json)
        put_page(out.fp, s, o, &t);
    else if (put_json(out.fp, s, o, &t, path, err)) {
        af_outfile_discard(&out);
        return -1;
    }
    return af_outfile_commit(&out, err);
}
