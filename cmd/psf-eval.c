/* SPDX-License-Identifier: BSD-2-Clause */
/* psf-eval: find the beads of a stack and measure the point spread function by each. */
#include "base/memory.h"
#include "base/outfile.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/psfpicture.h"
#include "cli/psfplot.h"
#include "cli/psfreport.h"
#include "cli/stackopts.h"
#include "psf/field.h"
#include "psf/pair.h"
#include "psf/psfrun.h"
#include "psf/theory.h"
#include "signal/robust.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROG "psf-eval"

struct opts {
    struct af_optics optics; // as given, NaN where not
    double pixel_um, gain, snr;
    int fit;        // 0 as PSFj, 1 in three dimensions
    int64_t second; // channel; 0: none
    bool summary, middle;
    const char *beads, *report, *montage, *plate, *histogram, *field;
    int64_t nthreads;
    bool no_header, quiet, verbose;
    struct af_stackopts stack;
    const char *const *paths; // operands, or "-"
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "bead", AF_OPT_LENGTH, offsetof(struct opts, optics.bead_um), "LENGTH",
     "diameter of the beads, taken from the widths [0]", NULL, 0, 100},
    {0, "beads", AF_OPT_FILE, offsetof(struct opts, beads), "FILE",
     "write the bead table to FILE too"},
    {0, "field", AF_OPT_FILE, offsetof(struct opts, field), "FILE",
     "draw focus and widths over the field, .png or .svg", ".png|.svg"},
    {0, "fit", AF_OPT_CHOICE, offsetof(struct opts, fit), "FIT",
     "plane: picture and profile; 3d: all voxels [plane]", "plane|3d", 0, 0},
    {0, "gain", AF_OPT_REAL, offsetof(struct opts, gain), "COUNTS",
     "a photon, for --fit 3d [from the residuals]", NULL, 1e-9, 1e9},
    {0, "histogram", AF_OPT_FILE, offsetof(struct opts, histogram), "FILE",
     "draw how z of all beads is spread", ".png|.svg"},
    {0, "index", AF_OPT_REAL, offsetof(struct opts, optics.index), "N",
     "of the immersion [1, or 1.515 above NA 1]", NULL, 1, 4},
    {0, "middle", AF_OPT_FLAG, offsetof(struct opts, middle), NULL,
     "z from the middle of the stack, where focus was"},
    {0, "montage", AF_OPT_FILE, offsetof(struct opts, montage), "FILE",
     "draw every bead from above and from the side, .png", ".png"},
    {0, "na", AF_OPT_REAL, offsetof(struct opts, optics.na), "NA", "of the objective", NULL, 0.01,
     2},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "pixel", AF_OPT_LENGTH, offsetof(struct opts, pixel_um), "LENGTH",
     "in the sample [from the file]", NULL, 1e-4, 1e3},
    {0, "plate", AF_OPT_FILE, offsetof(struct opts, plate), "FILE",
     "draw z of each well, wells from the files' names", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress and warnings"},
    {0, "report", AF_OPT_FILE, offsetof(struct opts, report), "FILE", "one page, .html or .json",
     ".html|.json"},
    {0, "second", AF_OPT_INT, offsetof(struct opts, second), "N",
     "channel to compare with that of --channel", NULL, 1, 65536},
    {0, "snr", AF_OPT_REAL, offsetof(struct opts, snr), "RATIO", "refuse beads below it [5]", NULL,
     0, 1e9},
    {0, "summary", AF_OPT_FLAG, offsetof(struct opts, summary), NULL,
     "print a row for each file instead of each bead"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N", "for one stack [processors]",
     NULL, 1, 1024},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say what theory expects and why beads are refused"},
    {0, "wavelength", AF_OPT_LENGTH, offsetof(struct opts, optics.wavelength_um), "LENGTH",
     "of the light, as 520nm", NULL, 0.1, 20},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK... | --join FILE...]",
    "Find the beads of z-stacks and measure widths, place and focus of each.",
    options,
};

static const char *const columns[] = {"file",
                                      "bead",
                                      "x_um",
                                      "y_um",
                                      "z_um",
                                      "fwhm_min_um",
                                      "fwhm_max_um",
                                      "fwhm_z_um",
                                      "asymmetry",
                                      "angle_deg",
                                      "snr",
                                      "r2_xy",
                                      "r2_z",
                                      "quality",
                                      "x_err_um",
                                      "y_err_um",
                                      "z_err_um",
                                      "fwhm_min_err_um",
                                      "fwhm_max_err_um",
                                      "fwhm_z_err_um",
                                      "dx_um",
                                      "dy_um",
                                      "dz_um"};
enum { COLUMNS = 14, COLUMNS_ERR = 20, SHIFTS = 3 };
static const char *const summary_columns[] = {"file",
                                              "well",
                                              "n_beads",
                                              "n_ok",
                                              "z_mean_um",
                                              "z_sd_um",
                                              "fwhm_xy_um",
                                              "fwhm_z_um",
                                              "tilt_x_mrad",
                                              "tilt_y_mrad",
                                              "z_flat_um",
                                              "curvature_x_per_mm",
                                              "curvature_y_per_mm",
                                              "dx_um",
                                              "dy_um",
                                              "dz_um"};
enum { SUMMARY = 13 };

/* An output over a stack, or called "-": status 2. */
static int check_output(const struct opts *o, const char *option, const char *file)
{
    if (file && strcmp(file, "-") == 0)
        return af_cli_usage(&tool, "--%s: a file is needed, standard output has the beads", option);
    if (file && af_stackopts_is_input(file, o->paths, o->npaths))
        return af_cli_usage(&tool, "--%s: '%s' is one of the stacks", option, file);
    return -1;
}

static int check_optics(struct opts *o)
{
    struct af_optics *p = &o->optics;

    if (isnan(p->index))
        p->index = p->na > 1 ? 1.515 : 1;
    if (p->na >= p->index)
        return af_cli_usage(&tool, "--na: %g is not below the --index %g", p->na, p->index);
    if (isnan(p->na) != isnan(p->wavelength_um))
        return af_cli_usage(&tool, "--na and --wavelength belong together");
    if (o->second && !o->stack.channel)
        o->stack.channel = 1;
    if (o->second && o->second == o->stack.channel)
        return af_cli_usage(&tool, "--second: is the --channel itself");
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.optics = {NAN, NAN, NAN, 0},
                       .pixel_um = NAN,
                       .gain = NAN,
                       .snr = 5,
                       .stack = AF_STACKOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    const char *const outputs[][2] = {{"beads", o->beads},         {"report", o->report},
                                      {"montage", o->montage},     {"plate", o->plate},
                                      {"histogram", o->histogram}, {"field", o->field}};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0] && status < 0; i++)
        status = check_output(o, outputs[i][0], outputs[i][1]);
    return status < 0 ? check_optics(o) : status;
}

/* What has been measured, all files. All-zero, with o set, is empty. */
struct sink {
    const struct opts *o;
    struct af_psfset set;
    struct af_table_out table, beads;
    struct af_outfile beads_file;
    struct af_progress progress;
    int status;
};

static void put_beads(const struct opts *o, struct af_table_out *t, const struct af_psffile *f)
{
    for (size_t i = 0; i < f->run.nbeads; i++) {
        const struct af_psf *b = &f->run.bead[i];
        const double v[] = {b->x_um,        b->y_um,      b->z_um,      b->fwhm_min_um,
                            b->fwhm_max_um, b->fwhm_z_um, b->asymmetry, b->angle_deg,
                            b->snr,         b->r2_xy,     b->r2_z};
        const double e[] = {b->x_err_um,        b->y_err_um,        b->z_err_um,
                            b->fwhm_min_err_um, b->fwhm_max_err_um, b->fwhm_z_err_um};

        af_table_text(t, f->name);
        af_table_int(t, (int64_t)i);
        for (size_t k = 0; k < sizeof v / sizeof v[0]; k++)
            af_table_real(t, v[k]);
        af_table_text(t, b->quality);
        for (size_t k = 0; o->fit && k < sizeof e / sizeof e[0]; k++)
            af_table_real(t, e[k]);
        for (int k = 0; o->second && k < SHIFTS; k++)
            af_table_real(t, f->shift[i].um[k]);
        af_table_end_row(t);
    }
}

/* Of the beads that are in both channels. */
static double median_shift(const struct af_psffile *f, int axis, double *scratch)
{
    size_t n = 0;

    for (size_t i = 0; i < f->run.nbeads; i++)
        if (isfinite(f->shift[i].um[axis]))
            scratch[n++] = f->shift[i].um[axis];
    return n ? af_median(scratch, n) : NAN;
}

static int put_summary(struct af_table_out *t, const struct af_psffile *f, struct af_err *err)
{
    double *scratch = f->shift ? af_calloc(f->run.nbeads, sizeof *scratch, err) : NULL;

    const struct af_field *s = &f->field;
    const double v[] = {s->z_mean_um, s->z_sd_um,        s->fwhm_xy_um,
                        s->fwhm_z_um, s->tilt_x_mrad,    s->tilt_y_mrad,
                        s->flat_um,   s->curvature_x_per_mm, s->curvature_y_per_mm};

    if (f->shift && !scratch)
        return -1;
    af_table_text(t, f->name);
    af_table_text(t, f->well[0] ? f->well : NULL);
    af_table_int(t, (int64_t)s->nbeads);
    af_table_int(t, (int64_t)s->nok);
    for (size_t k = 0; k < sizeof v / sizeof v[0]; k++)
        af_table_real(t, v[k]);
    for (int k = 0; f->shift && k < SHIFTS; k++)
        af_table_real(t, median_shift(f, k, scratch));
    af_table_end_row(t);
    free(scratch);
    return 0;
}

static void say(const struct sink *k, const struct af_psffile *f)
{
    static const char *const why[] = {AF_PSF_CROWDED, AF_PSF_CLIPPED, AF_PSF_SATURATED, AF_PSF_DIM,
                                      AF_PSF_FIT};

    for (size_t i = 0; k->o->verbose && i < sizeof why / sizeof why[0]; i++) {
        size_t n = 0;

        for (size_t b = 0; b < f->run.nbeads; b++)
            n += !strcmp(f->run.bead[b].quality, why[i]);
        if (n)
            af_cli_warn(PROG, "%s: %zu %s: %s", f->name, n, why[i], af_psf_reason(why[i]));
    }
    if (!k->o->quiet && !f->field.nok)
        af_cli_warn(PROG, "%s: no bead that can be used, of %zu", f->name, f->run.nbeads);
}

static void begin_beads(const struct opts *o, struct af_table_out *t, FILE *fp)
{
    const char *names[COLUMNS_ERR + SHIFTS];
    size_t n = o->fit ? COLUMNS_ERR : COLUMNS;

    memcpy(names, columns, n * sizeof *names);
    if (o->second)
        memcpy(names + n, columns + COLUMNS_ERR, SHIFTS * sizeof *names);
    af_table_begin(t, fp, names, n + (o->second ? SHIFTS : 0), !o->no_header);
}

/* Tables begin with the first stack that could be read. */
static void begin(struct sink *k, FILE *out)
{
    if (k->set.n)
        return;
    if (k->o->summary)
        af_table_begin(&k->table, out, summary_columns, SUMMARY + (k->o->second ? SHIFTS : 0),
                       !k->o->no_header);
    else
        begin_beads(k->o, &k->table, out);
    if (k->beads_file.fp)
        begin_beads(k->o, &k->beads, k->beads_file.fp);
}

static void warn(void *ctx, const char *text)
{
    if (!*(const bool *)ctx)
        af_cli_warn(PROG, "%s", text);
}

/* How the stacks are read and the beads measured. */
static int make_run(const struct opts *o, struct af_psfrun_opts *r, struct af_err *err)
{
    const struct af_optics *p = &o->optics;

    *r = (struct af_psfrun_opts){.pixel_um = o->pixel_um,
                                 .nthreads = (unsigned)o->nthreads,
                                 .from_middle = o->middle,
                                 .keep_pictures = o->montage || o->report};
    if (af_stackopts_make(&o->stack, PROG, o->quiet, &r->stack, err))
        return -1;
    r->stack.whole = true;
    r->stack.warn = warn;
    r->stack.warn_ctx = (void *)&o->quiet;
    r->psf = (struct af_psf_opts){.fwhm_um = NAN,
                                  .fwhm_z_um = NAN,
                                  .bead_um = p->bead_um,
                                  .gain = o->gain,
                                  .snr_least = o->snr,
                                  .fit_3d = o->fit};
    if (!isnan(p->na)) {
        r->psf.fwhm_um = hypot(af_theory_lateral_um(p->na, p->wavelength_um), p->bead_um / 2);
        r->psf.fwhm_z_um =
            hypot(af_theory_axial_um(p->na, p->wavelength_um, p->index), p->bead_um / 2);
        if (o->verbose)
            af_cli_warn(PROG, "theory: %.4f um across, %.4f um along the axis",
                        af_theory_lateral_um(p->na, p->wavelength_um),
                        af_theory_axial_um(p->na, p->wavelength_um, p->index));
    }
    return 0;
}

/* One stack, and where asked its second channel. */
static int eval(struct af_psffile *f, const char *const *paths, size_t npaths, const struct opts *o,
                const struct af_psfrun_opts *r, struct af_err *err)
{
    struct af_psfrun_opts other = *r;
    struct af_psfrun second = {0};
    int ret = -1;

    f->name = paths[0];
    if (af_psfrun(&f->run, paths, npaths, r, err) ||
        af_field_fit(&f->field, f->run.bead, f->run.nbeads, err))
        return -1;
    af_well_of_file(f->name, f->well);
    if (!o->second)
        return 0;
    other.stack.channel = (size_t)o->second;
    other.keep_pictures = false;
    if (!(f->shift = af_calloc(f->run.nbeads, sizeof *f->shift, err)) ||
        af_psfrun(&second, paths, npaths, &other, err))
        goto done;
    af_psf_pair(f->run.bead, f->run.nbeads, second.bead, second.nbeads, f->shift);
    ret = 0;
done:
    af_psfrun_release(&second);
    return ret;
}

static int eval_all(struct sink *k, const struct af_psfrun_opts *r, FILE *out, struct af_err *err)
{
    const struct opts *o = k->o;
    size_t n = o->stack.join ? 1 : o->npaths;

    if (!(k->set.file = af_calloc(n, sizeof *k->set.file, err)))
        return -1;
    af_progress_begin(&k->progress, o->quiet ? NULL : stderr, PROG, "stacks", n);
    for (size_t i = 0; i < n && !ferror(out); i++) {
        struct af_psffile *f = &k->set.file[k->set.n];
        struct af_err cause = {AF_OK, ""};

        if (eval(f, o->paths + i, o->stack.join ? o->npaths : 1, o, r, &cause)) {
            af_progress_wipe(&k->progress);
            k->status = af_cli_worst(k->status, af_cli_fail(PROG, &cause));
            af_psffile_release(f);
            continue;
        }
        af_progress_wipe(&k->progress);
        say(k, f);
        begin(k, out);
        k->set.n++;
        if (!o->summary)
            put_beads(o, &k->table, f);
        else if (put_summary(&k->table, f, err))
            return -1;
        if (k->beads.fp)
            put_beads(o, &k->beads, f);
        af_progress_step(&k->progress, i + 1, f->name);
    }
    af_progress_end(&k->progress);
    return 0;
}

static int draw(struct sink *k, struct af_err *err)
{
    const struct opts *o = k->o;
    double depth = af_theory_depth_um(o->optics.na, o->optics.wavelength_um, o->optics.index);

    if (!k->set.n)
        return 0;
    if (o->plate && af_psfplot_plate(o->plate, &k->set, depth, err))
        return -1;
    if (o->histogram && af_psfplot_histogram(o->histogram, &k->set, depth, err))
        return -1;
    if (o->field && af_psfplot_field(o->field, &k->set, err))
        return -1;
    if (o->montage && af_psfpicture_montage(o->montage, &k->set, err))
        return -1;
    return o->report ? af_psfreport_write(o->report, &k->set, &o->optics, err) : 0;
}

static bool any_ok(const struct af_psfset *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->file[i].field.nok)
            return true;
    return false;
}

/* Status to end with; -1 with err. */
static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o};
    struct af_psfrun_opts r;
    int ret = -1;

    if (make_run(o, &r, err) || (o->beads && af_outfile_open(&k.beads_file, o->beads, err)))
        goto done;
    if (eval_all(&k, &r, out, err) || draw(&k, err) ||
        (o->beads && k.set.n && af_outfile_commit(&k.beads_file, err)))
        goto done;
    ret = any_ok(&k.set) ? k.status : af_cli_worst(k.status, 4);
done:
    af_outfile_discard(&k.beads_file);
    af_psfset_release(&k.set);
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
