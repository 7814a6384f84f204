/* SPDX-License-Identifier: BSD-2-Clause */
/* plate-snake: the wells of a plate and their fields, in the order in which to visit them. */
#include "base/memory.h"
#include "base/number.h"
#include "base/outfile.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/plateplot.h"
#include "plate/poslist.h"
#include "plate/tour.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROG "plate-snake"

struct opts {
    const char *plate;                                 // operand, or "-"
    double a1_um[2], pitch_um[2];                      // of a plate of one's own
    const char *a1, *pitch, *field_size, *fields_text; // as typed
    const char *wells;                                 // NULL: all
    int order;                                         // enum af_order; -1: by the plate
    struct af_fields fields;
    double field_um[2], overlap; // percent
    struct af_optlist teach;
    double z_um, z_range_um; // NaN: not given
    const char *z_from;
    double odd; // standard errors; NaN: not asked
    bool remaining, travel;
    double speed_mm_s, acceleration_mm_s2, settle_ms;
    int format; // 0 table, 1 position list
    const char *output, *plot, *xy_stage, *z_stage;
    bool no_header, quiet, verbose;
};

static const struct af_option options[] = {
    {0, "a1", AF_OPT_TEXT, offsetof(struct opts, a1), "X,Y",
     "centre of A1 of a plate of your own [0,0]"},
    {0, "acceleration", AF_OPT_REAL, offsetof(struct opts, acceleration_mm_s2), "MM/S2",
     "for the time of travel [100]", NULL, 1e-3, 1e6},
    {0, "field-size", AF_OPT_TEXT, offsetof(struct opts, field_size), "W,H",
     "of one picture in the sample [200um,200um]"},
    {0, "fields", AF_OPT_TEXT, offsetof(struct opts, fields_text), "N|CxR",
     "of each well: a spiral of N or a grid [1]"},
    {0, "format", AF_OPT_CHOICE, offsetof(struct opts, format), "FORMAT",
     "table, or positions for Micro-Manager [table]", "table|positions", 0, 0},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "odd", AF_OPT_REAL, offsetof(struct opts, odd), "N",
     "list wells N standard errors from where expected", NULL, 0, 1e6},
    {0, "order", AF_OPT_CHOICE, offsetof(struct opts, order), "ORDER",
     "horizontal, raster, spiral ... [horizontal]", AF_ORDER_NAMES, 0, 0},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write to FILE [standard output]"},
    {0, "overlap", AF_OPT_REAL, offsetof(struct opts, overlap), "PERCENT",
     "of neighbouring fields [0]", NULL, -1000, 99},
    {0, "pitch", AF_OPT_TEXT, offsetof(struct opts, pitch), "X[,Y]", "distance of its wells [9mm]"},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw path and z, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings"},
    {0, "remaining", AF_OPT_FLAG, offsetof(struct opts, remaining), NULL,
     "only wells that --z-from has no row of"},
    {0, "settle", AF_OPT_TIME, offsetof(struct opts, settle_ms), "TIME", "after each move [200ms]",
     NULL, 0, 1e6},
    {0, "speed", AF_OPT_REAL, offsetof(struct opts, speed_mm_s), "MM/S",
     "of the stage, for the time of travel [20]", NULL, 1e-6, 1e6},
    {0, "teach", AF_OPT_LIST, offsetof(struct opts, teach), "WELL=X,Y",
     "the stage was there at WELL; once, twice or more"},
    {0, "travel", AF_OPT_FLAG, offsetof(struct opts, travel), NULL,
     "print length and time of the way instead"},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say how the plate lies, on stderr"},
    {0, "wells", AF_OPT_TEXT, offsetof(struct opts, wells), "LIST", "as A1:D6,H12 [all]"},
    {0, "xy-stage", AF_OPT_TEXT, offsetof(struct opts, xy_stage), "NAME",
     "in a position list [XYStage]"},
    {0, "z", AF_OPT_LENGTH, offsetof(struct opts, z_um), "LENGTH", "the same for all [none]", NULL,
     -1e9, 1e9},
    {0, "z-from", AF_OPT_FILE, offsetof(struct opts, z_from), "TABLE",
     "predict z from wells focused so far"},
    {0, "z-range", AF_OPT_LENGTH, offsetof(struct opts, z_range_um), "LENGTH",
     "what plates differ by from edge to edge [250um]", NULL, 1e-3, 1e6},
    {0, "z-stage", AF_OPT_TEXT, offsetof(struct opts, z_stage), "NAME",
     "in a position list [ZStage]"},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[PLATE]",
    "List the wells of PLATE and their fields in the order of a snake. PLATE is 6, 12, 24, 48, 96, "
    "384, 1536, ROWSxCOLUMNS, or a file: labware of Opentrons, positions of Micro-Manager, a "
    "table.",
    options,
};

static const char *const columns[] = {"index", "well", "row",  "col",     "field",
                                      "x_um",  "y_um", "z_um", "z_err_um"};
static const char *const travel_columns[] = {"wells", "positions", "travel_um", "travel_s"};
static const char *const odd_columns[] = {"well", "z_um", "expected_um", "expected_err_um"};
enum { COLUMNS = 8, COLUMNS_Z = 9 };

/* "X,Y" as lengths; `both` where one number serves for two. Returns 0 or -1. */
static int parse_pair(const char *text, bool both, double um[2], struct af_err *err)
{
    char first[64];
    size_t n = strcspn(text, ",");

    if (n >= sizeof first || (!text[n] && !both))
        return af_fail(err, AF_EUSAGE, "'%s' is not two lengths as 1mm,2mm", text);
    memcpy(first, text, n);
    first[n] = '\0';
    if (af_parse_length_um(first, &um[0], err))
        return -1;
    if (text[n])
        return af_parse_length_um(text + n + 1, &um[1], err);
    um[1] = um[0];
    return 0;
}

static int parse_texts(struct opts *o, struct af_err *err)
{
    if (af_fields_parse(&o->fields, o->fields_text, err) ||
        parse_pair(o->field_size, true, o->field_um, err) ||
        parse_pair(o->a1 ? o->a1 : "0,0", false, o->a1_um, err) ||
        parse_pair(o->pitch ? o->pitch : "9mm", true, o->pitch_um, err))
        return -1;
    if (!(o->field_um[0] > 0 && o->field_um[1] > 0))
        return af_fail(err, AF_EUSAGE, "--field-size: '%s' is not above 0", o->field_size);
    if (!(o->pitch_um[0] > 0 && o->pitch_um[1] > 0))
        return af_fail(err, AF_EUSAGE, "--pitch: '%s' is not above 0", o->pitch);
    o->fields.step_x_um = o->field_um[0] * (1 - o->overlap / 100);
    o->fields.step_y_um = o->field_um[1] * (1 - o->overlap / 100);
    return 0;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    struct af_err err;
    int operand, status;

    *o = (struct opts){.plate = "-",
                       .order = -1,
                       .field_size = "200um",
                       .fields_text = "1",
                       .z_um = NAN,
                       .z_range_um = 250,
                       .odd = NAN,
                       .speed_mm_s = 20,
                       .acceleration_mm_s2 = 100,
                       .settle_ms = 200,
                       .xy_stage = "XYStage",
                       .z_stage = "ZStage"};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (argc - operand > 1)
        return af_cli_usage(&tool, "one plate is taken, not %d", argc - operand);
    if (operand < argc)
        o->plate = argv[operand];
    if (parse_texts(o, &err))
        return af_cli_usage(&tool, "%s", err.text);
    if (o->remaining && !o->z_from)
        return af_cli_usage(&tool, "--remaining: of what --z-from?");
    if (!isnan(o->odd) && (!o->z_from || o->travel || o->format || o->plot))
        return af_cli_usage(&tool, "--odd: lists wells of --z-from and nothing else");
    if (o->z_from && !isnan(o->z_um))
        return af_cli_usage(&tool, "--z and --z-from exclude each other");
    if (o->travel && o->format)
        return af_cli_usage(&tool, "--travel and --format exclude each other");
    if (o->z_from && !strcmp(o->z_from, "-") && !strcmp(o->plate, "-"))
        return af_cli_usage(&tool, "plate and --z-from cannot both be standard input");
    return -1;
}

static FILE *open_input(const char *path, struct af_err *err)
{
    FILE *fp = strcmp(path, "-") ? fopen(path, "rb") : stdin;

    if (!fp)
        af_fail_errno(err, "%s", path);
    return fp;
}

/* For messages. */
static const char *name_of(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

static void close_input(FILE *fp)
{
    if (fp && fp != stdin)
        fclose(fp);
}

/* A file, or FILE:FORMAT where a file of the whole name is not there. */
static int read_plate_file(struct af_plate *p, const char *operand, struct af_err *err)
{
    const char *colon = strrchr(operand, ':');
    FILE *fp = open_input(operand, err);
    char *path = NULL;
    int ret = -1;

    if (!fp && errno == ENOENT && colon && colon[1]) {
        if (!(path = af_strndup(operand, (size_t)(colon - operand), err)))
            return -1;
        fp = open_input(path, err);
    }
    if (fp)
        ret = af_plate_read(p, fp, name_of(path ? path : operand), path ? colon + 1 : NULL, err);
    close_input(fp);
    free(path);
    return ret;
}

static int get_plate(struct af_plate *p, const struct opts *o, struct af_err *err)
{
    int64_t n, rows, cols;
    size_t digits = strspn(o->plate, "0123456789");
    char first[24];

    if (digits && digits < sizeof first && o->plate[digits] == 'x' &&
        af_parse_int(o->plate + digits + 1, &cols, NULL) == 0) {
        memcpy(first, o->plate, digits);
        first[digits] = '\0';
        if (af_parse_int(first, &rows, err))
            return -1;
        rows = rows < 1 || rows > 1000000 ? 0 : rows;
        cols = cols < 1 || cols > 1000000 ? 0 : cols;
        return af_plate_grid(p, (int)rows, (int)cols, o->a1_um[0], o->a1_um[1], o->pitch_um[0],
                             o->pitch_um[1], err);
    }
    if (o->a1 || o->pitch)
        return af_fail(err, AF_EUSAGE,
                       "%s: has its own --a1 and --pitch; those are for 8x12 and the like",
                       o->plate);
    if (digits && !o->plate[digits] && af_parse_int(o->plate, &n, NULL) == 0)
        return af_plate_standard(p, n > 0 && n < 100000 ? (int)n : 0, err);
    return read_plate_file(p, o->plate, err);
}

/* One --teach. */
static int parse_teach(const char *text, const struct af_plate *p, struct af_taught *t,
                       struct af_err *err)
{
    char name[AF_WELL_NAME];
    size_t n = strcspn(text, "="), i;
    struct af_err cause;
    double um[2];

    if (!text[n] || n >= sizeof name)
        return af_fail(err, AF_EUSAGE, "--teach: '%s' is not WELL=X,Y", text);
    memcpy(name, text, n);
    name[n] = '\0';
    if ((i = af_plate_find(p, name)) == p->n)
        return af_fail(err, AF_EUSAGE, "--teach: '%s' is not on the plate", name);
    if (parse_pair(text + n + 1, false, um, &cause))
        return af_fail(err, AF_EUSAGE, "--teach: %s", cause.text);
    *t = (struct af_taught){p->well[i].x_um, p->well[i].y_um, um[0], um[1]};
    return 0;
}

static int teach(struct af_tour *t, const struct opts *o, struct af_err *err)
{
    struct af_taught at[AF_OPTLIST_MAX];
    struct af_err cause;

    t->placement = AF_PLACEMENT_NONE;
    for (size_t i = 0; i < o->teach.n; i++)
        if (parse_teach(o->teach.text[i], &t->plate, &at[i], err))
            return -1;
    if (o->teach.n && af_teach(at, o->teach.n, &t->placement, &cause))
        return af_fail(err, cause.kind, "--teach: %s", cause.text);
    if (o->verbose && o->teach.n)
        af_cli_warn(PROG,
                    "A1 corner at %.3f, %.3f um; turned by %.4f mrad, scale %.6f%s; taught "
                    "wells off by %.3f um rms",
                    t->placement.x_um, t->placement.y_um, t->placement.rotation_mrad,
                    t->placement.scale, t->placement.mirrored ? ", mirrored" : "",
                    t->placement.rms_um);
    return 0;
}

static void warn_of_reach(const struct af_tour *t, const struct opts *o)
{
    double x, y, pitch = af_plate_pitch_um(&t->plate);
    double w = isnan(t->plate.well_w_um) ? pitch : t->plate.well_w_um;
    double h = isnan(t->plate.well_h_um) ? pitch : t->plate.well_h_um;

    af_fields_reach(&o->fields, o->field_um[0], o->field_um[1], &x, &y);
    if (!o->quiet && !t->plate.listed && (2 * x > w || 2 * y > h))
        af_cli_warn(PROG, "fields reach %.0f x %.0f um, wells are %.0f x %.0f um", 2 * x, 2 * y, w,
                    h);
}

/* The wells whose heights the others do not believe. */
static int put_odd(const struct af_tour *t, const struct opts *o, FILE *out, struct af_err *err)
{
    const struct af_heights *h = &t->heights;
    struct af_surface_prior prior = af_tour_prior(t, o->z_range_um);
    bool *odd = af_calloc(h->n, sizeof *odd, err);
    struct af_height *expected = af_calloc(h->n, sizeof *expected, err);
    struct af_table_out table;
    size_t k = 0;
    int ret = -1;

    if (!odd || !expected || af_surface_odd(h->at, h->n, &prior, o->odd, odd, expected, err))
        goto done;
    af_table_begin(&table, out, odd_columns, 4, !o->no_header);
    for (size_t i = 0; i < t->plate.n; i++) {
        if (!h->focused[i] || !odd[k++])
            continue;
        af_table_text(&table, t->plate.well[i].name);
        af_table_real(&table, h->at[k - 1].z_um);
        af_table_real(&table, expected[k - 1].z_um);
        af_table_real(&table, expected[k - 1].err_um);
        af_table_end_row(&table);
    }
    ret = 0;
done:
    free(odd);
    free(expected);
    return ret;
}

static int read_heights(struct af_tour *t, const struct opts *o, struct af_err *err)
{
    FILE *fp = open_input(o->z_from, err);
    int ret = fp ? af_heights_read(&t->heights, &t->plate, fp, name_of(o->z_from), err) : -1;

    close_input(fp);
    return ret;
}

static void put_wells(const struct af_tour *t, const struct opts *o, FILE *out)
{
    struct af_table_out table;

    af_table_begin(&table, out, columns, o->z_from ? COLUMNS_Z : COLUMNS, !o->no_header);
    for (size_t i = 0; i < t->nsites; i++) {
        const struct af_site *s = &t->sites[i];

        af_table_int(&table, (int64_t)i);
        af_table_text(&table, s->well->name);
        if (s->well->row < 0) {
            af_table_na(&table);
            af_table_na(&table);
        } else {
            af_table_int(&table, s->well->row + 1);
            af_table_int(&table, s->well->col + 1);
        }
        af_table_int(&table, s->field);
        af_table_real(&table, s->x_um);
        af_table_real(&table, s->y_um);
        af_table_real(&table, s->z_um);
        if (o->z_from)
            af_table_real(&table, s->z_err_um);
        af_table_end_row(&table);
    }
}

static void put_travel(const struct af_tour *t, const struct opts *o, FILE *out)
{
    struct af_pace pace = {1e3 * o->speed_mm_s, 1e3 * o->acceleration_mm_s2, o->settle_ms / 1e3};
    struct af_travel way = af_sites_travel(t->sites, t->nsites, &pace);
    struct af_table_out table;

    af_table_begin(&table, out, travel_columns, 4, !o->no_header);
    af_table_int(&table, (int64_t)t->nwells);
    af_table_int(&table, (int64_t)t->nsites);
    af_table_real(&table, way.length_um);
    af_table_real(&table, way.time_s);
    af_table_end_row(&table);
}

static int put(const struct af_tour *t, const struct opts *o, FILE *out, struct af_err *err)
{
    if (!isnan(o->odd))
        return put_odd(t, o, out, err);
    if (o->format)
        return af_poslist_write(t->sites, t->nsites, o->xy_stage, o->z_stage, out, err);
    if (o->travel)
        put_travel(t, o, out);
    else
        put_wells(t, o, out);
    return 0;
}

static int run(const struct opts *o, struct af_err *err)
{
    struct af_tour t = {.placement = AF_PLACEMENT_NONE};
    const struct af_tour_plan plan = {o->wells, o->order, o->remaining, &o->fields, o->z_um};
    struct af_outfile file = {0};
    bool to_file = o->output && strcmp(o->output, "-");
    int ret = -1;

    if (get_plate(&t.plate, o, err) || teach(&t, o, err) ||
        (o->z_from && read_heights(&t, o, err)) || af_tour_plan(&t, &plan, err) ||
        (o->z_from && af_tour_predict(&t, o->z_range_um, err)))
        goto done;
    warn_of_reach(&t, o);
    if (to_file && af_outfile_open(&file, o->output, err))
        goto done;
    if (put(&t, o, to_file ? file.fp : stdout, err))
        goto done;
    if (o->plot && t.nsites && af_plateplot_path(o->plot, t.sites, t.nsites, t.state, err))
        goto done;
    if (to_file && af_outfile_commit(&file, err))
        goto done;
    ret = 0;
done:
    af_outfile_discard(&file);
    af_tour_release(&t);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, &err);
    return af_cli_end(PROG, status, &err);
}
