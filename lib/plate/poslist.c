/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/poslist.h"

#include "plate/wellname.h"
#include <math.h>
#include <string.h>

/* ---- reading ---- */

/* Member `key` of a property map, {"type": ..., "scalar": v} or {..., "array": [v]}. */
static const json_t *property(const json_t *map, const char *key)
{
    const json_t *o = json_object_get(map, key), *v = json_object_get(o, "array");

    return v ? v : json_object_get(o, "scalar");
}

static const json_t *positions(const json_t *root)
{
    return property(json_object_get(root, "map"), "StagePositions");
}

bool af_poslist_is(const json_t *root)
{
    return json_is_array(positions(root)) || json_is_array(json_object_get(root, "POSITIONS"));
}

/* One position in either version. */
struct position {
    const char *label, *xy, *z; // z: the default z stage, or ""
    const json_t *devices;
    double row, col;
    bool old; // 1.4
};

static double number(const json_t *v)
{
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static struct position look_at(const json_t *o, bool old)
{
    struct position p = {.old = old};

    if (old) {
        p.label = json_string_value(json_object_get(o, "LABEL"));
        p.xy = json_string_value(json_object_get(o, "DEFAULT_XY_STAGE"));
        p.z = json_string_value(json_object_get(o, "DEFAULT_Z_STAGE"));
        p.devices = json_object_get(o, "DEVICES");
        p.row = number(json_object_get(o, "GRID_ROW"));
        p.col = number(json_object_get(o, "GRID_COL"));
    } else {
        p.label = json_string_value(property(o, "Label"));
        p.xy = json_string_value(property(o, "DefaultXYStage"));
        p.z = json_string_value(property(o, "DefaultZStage"));
        p.devices = property(o, "DevicePositions");
        p.row = number(property(o, "GridRow"));
        p.col = number(property(o, "GridCol"));
    }
    return p;
}

/* Name and coordinates of a device; how many axes it has. */
static int device(const json_t *o, bool old, const char **name, double v[2])
{
    const json_t *at = property(o, "Position_um");
    size_t n = json_array_size(at);

    v[0] = v[1] = NAN;
    if (old) {
        *name = json_string_value(json_object_get(o, "DEVICE"));
        n = (size_t)json_integer_value(json_object_get(o, "AXES"));
        v[0] = number(json_object_get(o, "X"));
        v[1] = number(json_object_get(o, "Y"));
    } else {
        *name = json_string_value(property(o, "Device"));
        for (size_t i = 0; i < n && i < 2; i++)
            v[i] = number(json_array_get(at, i));
    }
    *name = *name ? *name : "";
    return n == 1 || n == 2 ? (int)n : 0;
}

static void take_devices(const struct position *p, struct af_well *w)
{
    const json_t *o;
    const char *name;
    size_t i;
    double v[2];

    json_array_foreach(p->devices, i, o)
    {
        switch (device(o, p->old, &name, v)) {
        case 1:
            if (p->z && *p->z ? !strcmp(name, p->z) : isnan(w->z_um))
                w->z_um = v[0];
            break;
        case 2:
            if (p->xy && *p->xy ? !strcmp(name, p->xy) : isnan(w->x_um)) {
                w->x_um = v[0];
                w->y_um = v[1];
            }
        }
    }
}

static bool grid_place(double v, int most)
{
    return v >= 0 && v < most && v == floor(v);
}

/* Rows and columns that are the same for two positions tell nothing. */
static void drop_grid_unless_it_tells(struct af_plate *p)
{
    bool tells = true;

    for (size_t i = 0; i < p->n && tells; i++)
        tells = p->well[i].row >= 0 && (i == 0 || p->well[i].row != p->well[i - 1].row ||
                                        p->well[i].col != p->well[i - 1].col);
    for (size_t i = 0; i < p->n && !tells; i++)
        if (af_wellname_parse(p->well[i].name, &p->well[i].row, &p->well[i].col))
            p->well[i].row = p->well[i].col = -1;
}

int af_poslist_read(struct af_plate *p, const json_t *root, const char *name, struct af_err *err)
{
    const json_t *list = positions(root), *o;
    bool old = !json_is_array(list);
    struct af_err cause;
    char plain[AF_WELL_NAME];
    size_t i;

    p->listed = true;
    json_array_foreach(old ? json_object_get(root, "POSITIONS") : list, i, o)
    {
        struct position at = look_at(o, old);
        struct af_well w = {.row = -1, .col = -1, .x_um = NAN, .y_um = NAN, .z_um = NAN};

        take_devices(&at, &w);
        if (isnan(w.x_um) || isnan(w.y_um))
            return af_fail(err, AF_EDATA, "%s: position %zu: no stage with two axes", name, i);
        if (grid_place(at.row, AF_WELL_ROWS) && grid_place(at.col, AF_WELL_COLS)) {
            w.row = (int)at.row;
            w.col = (int)at.col;
        }
        snprintf(plain, sizeof plain, "Pos%zu", i);
        if (af_plate_add(p, &w, at.label && *at.label ? at.label : plain, &cause))
            return af_fail(err, cause.kind, "%s: position %zu: %s", name, i, cause.text);
    }
    drop_grid_unless_it_tells(p);
    return 0;
}

/* ---- writing ---- */

static json_t *typed(const char *type, const char *kind, json_t *value)
{
    return json_pack("{s:s, s:o}", "type", type, kind, value);
}

static json_t *device_json(const char *name, const double *v, int n)
{
    json_t *at = json_array();

    for (int i = 0; i < n; i++)
        if (json_array_append_new(at, json_real(v[i]))) {
            json_decref(at);
            at = NULL;
        }
    return json_pack("{s:o, s:o}", "Device", typed("STRING", "scalar", json_string(name)),
                     "Position_um", typed("DOUBLE", "array", at));
}

static json_t *site_json(const struct af_site *s, const char *xy_stage, const char *z_stage)
{
    char label[AF_WELL_NAME + 16];
    bool has_z = isfinite(s->z_um);
    json_t *devices = json_array();
    const double xy[2] = {s->x_um, s->y_um};

    snprintf(label, sizeof label, s->nfields > 1 ? "%s-f%d" : "%s", s->well->name, s->field);
    if ((has_z && json_array_append_new(devices, device_json(z_stage, &s->z_um, 1))) ||
        json_array_append_new(devices, device_json(xy_stage, xy, 2))) {
        json_decref(devices);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "DefaultXYStage",
                     typed("STRING", "scalar", json_string(xy_stage)), "DefaultZStage",
                     typed("STRING", "scalar", json_string(has_z ? z_stage : "")),
                     "DevicePositions", typed("PROPERTY_MAP", "array", devices), "GridCol",
                     typed("INTEGER", "scalar", json_integer(s->well->col < 0 ? 0 : s->well->col)),
                     "GridRow",
                     typed("INTEGER", "scalar", json_integer(s->well->row < 0 ? 0 : s->well->row)),
                     "Label", typed("STRING", "scalar", json_string(label)), "Properties",
                     typed("PROPERTY_MAP", "scalar", json_object()));
}

int af_poslist_write(const struct af_site *sites, size_t n, const char *xy_stage,
                     const char *z_stage, FILE *fp, struct af_err *err)
{
    json_t *list = json_array(), *root = NULL;
    size_t i;

    for (i = 0; i < n && list; i++)
        if (json_array_append_new(list, site_json(&sites[i], xy_stage, z_stage)))
            break;
    if (i == n)
        root = json_pack("{s:s, s:s, s:i, s:i, s:{s:o}}", "encoding", "UTF-8", "format",
                         "Micro-Manager Property Map", "major_version", 2, "minor_version", 0,
                         "map", "StagePositions", typed("PROPERTY_MAP", "array", list));
    else
        json_decref(list);
    if (!root)
        return af_fail(err, AF_ESYS, "position list: no memory, or a name that is not UTF-8");
    int bad = json_dumpf(root, fp, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(root);
    if (bad && !ferror(fp))
        return af_fail(err, AF_ESYS, "position list: no memory");
    fputc('\n', fp);
    return 0;
}
