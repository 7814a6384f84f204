/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/plate.h"

#include "base/memory.h"
#include "plate/wellname.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WELLS_MAX = 100000 };
#define FARTHEST_UM 1e9

// wells, rows, columns, A1 from the left and upper edge, pitch; mm
static const struct {
    int n, rows, cols;
    double x, y, pitch;
} standard[] = {
    {6, 2, 3, 24.76, 23.19, 39.12},      {12, 3, 4, 24.94, 16.79, 26.01},
    {24, 4, 6, 17.48, 13.80, 19.30},     {48, 6, 8, 18.16, 10.08, 13.08},
    {96, 8, 12, 14.38, 11.24, 9.0},      {384, 16, 24, 12.13, 8.99, 4.5},
    {1536, 32, 48, 11.005, 7.865, 2.25},
};

int af_plate_standard(struct af_plate *p, int nwells, struct af_err *err)
{
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        if (standard[i].n == nwells)
            return af_plate_grid(p, standard[i].rows, standard[i].cols, 1e3 * standard[i].x,
                                 1e3 * standard[i].y, 1e3 * standard[i].pitch,
                                 1e3 * standard[i].pitch, err);
    return af_fail(err, AF_EUSAGE, "%d wells: 6, 12, 24, 48, 96, 384 or 1536 are known", nwells);
}

int af_plate_grid(struct af_plate *p, int rows, int cols, double a1_x_um, double a1_y_um,
                  double pitch_x_um, double pitch_y_um, struct af_err *err)
{
    *p = (struct af_plate){.well_w_um = NAN, .well_h_um = NAN};
    if (rows < 1 || cols < 1 || rows > AF_WELL_ROWS || cols > AF_WELL_COLS ||
        (long)rows * cols > WELLS_MAX)
        return af_fail(err, AF_EUSAGE, "%dx%d wells: 1x1 to %dx%d, %d in all", rows, cols,
                       AF_WELL_ROWS, AF_WELL_COLS, WELLS_MAX);
    p->well = af_calloc((size_t)rows * (size_t)cols, sizeof *p->well, err);
    if (!p->well)
        return -1;
    p->room = (size_t)rows * (size_t)cols;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            struct af_well *w = &p->well[p->n++];

            af_wellname_format(r, c, w->name);
            w->row = r;
            w->col = c;
            w->x_um = a1_x_um + c * pitch_x_um;
            w->y_um = a1_y_um + r * pitch_y_um;
            w->z_um = NAN;
        }
    return 0;
}

void af_plate_release(struct af_plate *p)
{
    free(p->well);
    *p = (struct af_plate){0};
}

int af_plate_add(struct af_plate *p, const struct af_well *w, const char *name, struct af_err *err)
{
    if (!name[0] || strlen(name) >= AF_WELL_NAME)
        return af_fail(err, AF_EDATA, "well %zu: its name is %s", p->n,
                       name[0] ? "too long" : "empty");
    if (!isfinite(w->x_um) || !isfinite(w->y_um))
        return af_fail(err, AF_EDATA, "%s: its position is not known", name);
    if (fabs(w->x_um) > FARTHEST_UM || fabs(w->y_um) > FARTHEST_UM)
        return af_fail(err, AF_EDATA, "%s: its position is beyond 1 km", name);
    if (p->n == WELLS_MAX)
        return af_fail(err, AF_EDATA, "more than %d wells", WELLS_MAX);
    if (af_grow((void **)&p->well, &p->room, p->n + 1, sizeof *p->well, err))
        return -1;
    p->well[p->n] = *w;
    strcpy(p->well[p->n++].name, name);
    return 0;
}

static int in_reading_order(const void *a, const void *b)
{
    const struct af_well *v = a, *w = b;

    return v->row != w->row ? v->row - w->row : v->col - w->col;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int af_plate_finish(struct af_plate *p, const char *name, struct af_err *err)
{
    const char **names;
    int ret = 0;

    if (!p->n)
        return af_fail(err, AF_EDATA, "%s: no wells", name);
    if (!p->listed)
        qsort(p->well, p->n, sizeof *p->well, in_reading_order);
    if (!(names = af_calloc(p->n, sizeof *names, err)))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        names[i] = p->well[i].name;
    qsort(names, p->n, sizeof *names, by_name);
    for (size_t i = 1; i < p->n && !ret; i++)
        if (!strcmp(names[i - 1], names[i]))
            ret = af_fail(err, AF_EDATA, "%s: two wells are called %s", name, names[i]);
    free(names);
    return ret;
}

size_t af_plate_find(const struct af_plate *p, const char *name)
{
    int row, col;
    bool parsed = af_wellname_parse(name, &row, &col) == 0;

    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->well[i].name, name))
            return i;
    for (size_t i = 0; parsed && i < p->n; i++)
        if (p->well[i].row == row && p->well[i].col == col && !p->listed)
            return i;
    return p->n;
}

double af_plate_pitch_um(const struct af_plate *p)
{
    double nearest = INFINITY;

    for (size_t i = 1; i < p->n; i++)
        nearest = fmin(nearest,
                       hypot(p->well[i].x_um - p->well[0].x_um, p->well[i].y_um - p->well[0].y_um));
    return isfinite(nearest) ? nearest : NAN;
}
