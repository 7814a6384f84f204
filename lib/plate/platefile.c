/* SPDX-License-Identifier: BSD-2-Clause */
/* af_plate_read: the four kinds of definition. */
#include "base/memory.h"
#include "base/number.h"
#include "base/table.h"
#include "plate/plate.h"
#include "plate/poslist.h"
#include "plate/wellname.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 25, FIELDS = 64 }; // bytes; columns of a comma-separated list

/* ---- labware of Opentrons, lengths in mm, y up from the lower edge ---- */

static double mm(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? 1e3 * json_number_value(v) : NAN;
}

/* Clear width of a well, kept where it is the smallest so far. */
static void shrink_to(double *w, double um)
{
    if (um > 0 && !(*w <= um))
        *w = um;
}

static int add_labware_well(struct af_plate *p, const char *key, const json_t *o, double height_um,
                            struct af_err *err)
{
    struct af_well w = {.x_um = mm(o, "x"), .z_um = NAN};
    double across = mm(o, "diameter");

    w.y_um = height_um - mm(o, "y");
    if (af_wellname_parse(key, &w.row, &w.col))
        return af_fail(err, AF_EDATA, "'%.40s' is no name of a well", key);
    shrink_to(&p->well_w_um, across > 0 ? across : mm(o, "xDimension"));
    shrink_to(&p->well_h_um, across > 0 ? across : mm(o, "yDimension"));
    return af_plate_add(p, &w, key, err);
}

static int read_labware(struct af_plate *p, json_t *root, const char *name, struct af_err *err)
{
    double height_um = mm(json_object_get(root, "dimensions"), "yDimension");
    json_t *wells = json_object_get(root, "wells"), *o;
    struct af_err cause;
    const char *key;

    if (!(height_um > 0))
        return af_fail(err, AF_EDATA, "%s: no dimensions.yDimension", name);
    json_object_foreach(wells, key, o)
    {
        if (add_labware_well(p, key, o, height_um, &cause))
            return af_fail(err, cause.kind, "%s: %s", name, cause.text);
    }
    return 0;
}

static int read_json(struct af_plate *p, const char *text, size_t n, const char *name,
                     struct af_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(text, n, 0, &at);
    int ret;

    if (!root)
        return af_fail(err, json_error_code(&at) == json_error_out_of_memory ? AF_ESYS : AF_EDATA,
                       "%s: line %d: %s", name, at.line, at.text);
    if (af_poslist_is(root))
        ret = af_poslist_read(p, root, name, err);
    else if (json_is_object(json_object_get(root, "wells")))
        ret = read_labware(p, root, name, err);
    else
        ret = af_fail(err, AF_EDATA, "%s: JSON, but neither labware nor a position list", name);
    json_decref(root);
    return ret;
}

/* ---- our table ---- */

static int whole(const struct af_table_in *t, int col, int least, int most, int *out,
                 struct af_err *err)
{
    double v;

    if (af_table_get_real(t, col, &v, err))
        return -1;
    if (!(v >= least && v <= most) || v != floor(v))
        return af_fail(err, AF_EDATA, "%s: line %zu: %s: not a whole number from %d to %d", t->name,
                       t->line_no, t->column[col], least, most);
    *out = (int)v;
    return 0;
}

static int add_row(struct af_plate *p, const struct af_table_in *t, const int col[6],
                   struct af_err *err)
{
    struct af_well w = {.row = -1, .col = -1, .z_um = NAN};
    struct af_err cause;
    const char *name;

    if (af_table_get_real(t, col[1], &w.x_um, err) || af_table_get_real(t, col[2], &w.y_um, err) ||
        (col[3] >= 0 && af_table_get_real(t, col[3], &w.z_um, err)))
        return -1;
    name = af_table_get_text(t, col[0]);
    if (col[4] >= 0 && col[5] >= 0) {
        if (whole(t, col[4], 1, AF_WELL_ROWS, &w.row, err) ||
            whole(t, col[5], 1, AF_WELL_COLS, &w.col, err))
            return -1;
        w.row--;
        w.col--;
    } else if (name && af_wellname_parse(name, &w.row, &w.col)) {
        w.row = w.col = -1;
    }
    if (af_plate_add(p, &w, name ? name : "", &cause))
        return af_fail(err, cause.kind, "%s: line %zu: %s", t->name, t->line_no, cause.text);
    return 0;
}

static int read_table(struct af_plate *p, FILE *fp, const char *name, struct af_err *err)
{
    struct af_table_in t = {0};
    int col[6], more = -1;

    if (af_table_open(&t, fp, name, err) || (col[0] = af_table_need(&t, "well", err)) < 0 ||
        (col[1] = af_table_need(&t, "x_um", err)) < 0 ||
        (col[2] = af_table_need(&t, "y_um", err)) < 0)
        goto done;
    col[3] = af_table_find(&t, "z_um");
    col[4] = af_table_find(&t, "row");
    col[5] = af_table_find(&t, "col");
    while ((more = af_table_next(&t, err)) == 1)
        if (add_row(p, &t, col, err)) {
            more = -1;
            break;
        }
    for (size_t i = 0; i < p->n; i++)
        p->listed = p->listed || p->well[i].row < 0;
done:
    af_table_release(&t);
    return more;
}

/* ---- a list of formats, comma-separated, mm ---- */

/* Cut a line at its commas, in place. */
static size_t split(char *line, char *cell[FIELDS])
{
    size_t n = 0;

    line[strcspn(line, "\r\n")] = '\0';
    for (char *comma; n < FIELDS; line = comma + 1) {
        cell[n++] = line;
        if (!(comma = strchr(line, ',')))
            break;
        *comma = '\0';
    }
    return n;
}

static int cell_of(char *const *names, char *const *cells, size_t n, const char *name, double *out)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return af_parse_real(cells[i], out, NULL);
    return -1;
}

static int read_formats(struct af_plate *p, FILE *fp, const char *name, const char *format,
                        struct af_err *err)
{
    char head[4096], line[4096], *names[FIELDS], *cells[FIELDS];
    double v[5];
    static const char *const need[5] = {"rows", "cols", "a1_x_mm", "a1_y_mm", "well_spacing_mm"};
    double across;

    if (!fgets(head, sizeof head, fp))
        return af_fail(err, AF_EDATA, "%s: is empty", name);
    size_t n = split(head, names);
    if (!format)
        return af_fail(err, AF_EUSAGE, "%s: a list of formats: say which, as '%s:96'", name, name);
    while (fgets(line, sizeof line, fp)) {
        if (split(line, cells) != n || strcmp(cells[0], format))
            continue;
        for (int i = 0; i < 5; i++)
            if (cell_of(names, cells, n, need[i], &v[i]) || !(fabs(v[i]) < 1e6))
                return af_fail(err, AF_EDATA, "%s: %s: no %s", name, format, need[i]);
        if (af_plate_grid(p, (int)v[0], (int)v[1], 1e3 * v[2], 1e3 * v[3], 1e3 * v[4], 1e3 * v[4],
                          err))
            return -1;
        if (cell_of(names, cells, n, "well_size_mm", &across) == 0 && across > 0)
            p->well_w_um = p->well_h_um = 1e3 * across;
        return 0;
    }
    return af_fail(err, AF_EUSAGE, "%s: has no format '%s'", name, format);
}

/* ---- which of them ---- */

static char *slurp(FILE *fp, const char *name, size_t *n, struct af_err *err)
{
    char *text = NULL;
    size_t room = 0, got;

    for (*n = 0;; *n += got) {
        if (*n > FILE_MAX) {
            af_fail(err, AF_EDATA, "%s: longer than %d bytes", name, FILE_MAX);
            break;
        }
        if (af_grow((void **)&text, &room, *n + 65536, 1, err))
            break;
        if ((got = fread(text + *n, 1, 65536, fp)) == 0) {
            if (!ferror(fp))
                return text;
            af_fail_errno(err, "%s", name);
            break;
        }
    }
    free(text);
    return NULL;
}

static int read_kind(struct af_plate *p, const char *text, size_t n, const char *name,
                     const char *format, struct af_err *err)
{
    size_t i = 0, line;
    FILE *fp;
    int ret;

    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    if (i == n)
        return af_fail(err, AF_EDATA, "%s: is empty", name);
    for (line = i; line < n && text[line] != '\n';)
        line++;
    if (format && (text[i] == '{' || memchr(text + i, '\t', line - i)))
        return af_fail(err, AF_EUSAGE, "%s: is one plate, without formats as '%s'", name, format);
    if (text[i] == '{')
        return read_json(p, text, n, name, err);
    if (!(fp = fmemopen((void *)text, n, "r")))
        return af_fail_errno(err, "%s", name);
    if (!memchr(text + i, '\t', line - i) && memchr(text + i, ',', line - i))
        ret = read_formats(p, fp, name, format, err);
    else
        ret = read_table(p, fp, name, err);
    fclose(fp);
    return ret;
}

int af_plate_read(struct af_plate *p, FILE *fp, const char *name, const char *format,
                  struct af_err *err)
{
    size_t n;
    char *text = slurp(fp, name, &n, err);
    int ret = -1;

    *p = (struct af_plate){.well_w_um = NAN, .well_h_um = NAN};
    if (text && read_kind(p, text, n, name, format, err) == 0)
        ret = af_plate_finish(p, name, err);
    free(text);
    if (ret)
        af_plate_release(p);
    return ret;
}
