/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/day.h"

#include "base/memory.h"
#include "base/outfile.h"
#include "base/random.h"
#include "base/table.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static const char *const columns[] = {"stack", "file", "from_um",  "step_um",    "planes",
                                      "x_um",  "y_um", "start_um", "start_x_um", "start_y_um"};
enum { STACK, FILENAME, FROM, STEP, PLANES, X, Y, START, START_X, START_Y, NCOLUMNS };

#define NEAR_UM 1e-6         // numbers of a table that mean the same length
#define PLANE_OVERHEAD 700.0 // bytes of directory and OME-XML
#define ROOM_MARGIN 1e6     // bytes for whatever else is written

static char *plan_path(const char *dir, struct af_err *err)
{
    return af_format(err, "%s/plan.tsv", dir);
}

char *af_day_path(const struct af_day *d, size_t i, struct af_err *err)
{
    return af_format(err, "%s/%s", d->dir, d->stack[i].file);
}

void af_day_release(struct af_day *d)
{
    for (size_t i = 0; d->stack && i < d->count; i++)
        free(d->stack[i].file);
    free(d->stack);
    *d = (struct af_day){.count = 0};
}

/* ------------------------------------------------------------------ write */

static double within(struct af_random *r, double span)
{
    return (2 * af_random_uniform(r) - 1) * span;
}

static int draw(struct af_day *d, const struct af_day_wish *w, const double start_um[3],
                struct af_err *err)
{
    struct af_random offset, lateral;

    af_random_init(&offset, w->seed, "start offsets");
    af_random_init(&lateral, w->seed, "lateral moves");
    d->count = w->count;
    d->step_um = w->z.step_um;
    d->nplanes = w->z.nplanes;
    d->start_x_um = start_um[0];
    d->start_y_um = start_um[1];
    d->start_um = start_um[2];
    if (!(d->stack = af_calloc(w->count, sizeof(*d->stack), err)))
        return -1;
    for (size_t i = 0; i < w->count; i++) {
        struct af_day_stack *s = &d->stack[i];

        s->from_um = w->z.from_um + within(&offset, w->offset_um);
        s->x_um = s->y_um = NAN;
        if (w->lateral_um > 0) {
            s->x_um = start_um[0] + within(&lateral, w->lateral_um);
            s->y_um = start_um[1] + within(&lateral, w->lateral_um);
        }
        if (!(s->file = af_format(err, "stack-%03zu.ome.tif", i + 1)))
            return -1;
    }
    return 0;
}

static int write_plan(const struct af_day *d, const char *path, struct af_err *err)
{
    struct af_outfile f = {0};
    struct af_table_out t;

    if (af_outfile_open(&f, path, err))
        return -1;
    af_table_begin(&t, f.fp, columns, NCOLUMNS, true);
    for (size_t i = 0; i < d->count; i++) {
        af_table_int(&t, (int64_t)i + 1);
        af_table_text(&t, d->stack[i].file);
        af_table_real(&t, d->stack[i].from_um);
        af_table_real(&t, d->step_um);
        af_table_int(&t, (int64_t)d->nplanes);
        af_table_real(&t, d->stack[i].x_um);
        af_table_real(&t, d->stack[i].y_um);
        af_table_real(&t, d->start_um);
        af_table_real(&t, d->start_x_um);
        af_table_real(&t, d->start_y_um);
        af_table_end_row(&t);
    }
    return af_outfile_commit(&f, err);
}

/* ------------------------------------------------------------------- read */

static int read_row(struct af_day *d, const struct af_table_in *t, const int *col, size_t *room,
                    struct af_err *err)
{
    struct af_day_stack s = {NULL, NAN, NAN, NAN};
    const char *file = af_table_get_text(t, col[FILENAME]);
    double planes;

    if (af_table_get_real(t, col[FROM], &s.from_um, err) ||
        af_table_get_real(t, col[STEP], &d->step_um, err) ||
        af_table_get_real(t, col[PLANES], &planes, err) ||
        af_table_get_real(t, col[X], &s.x_um, err) || af_table_get_real(t, col[Y], &s.y_um, err) ||
        af_table_get_real(t, col[START], &d->start_um, err) ||
        af_table_get_real(t, col[START_X], &d->start_x_um, err) ||
        af_table_get_real(t, col[START_Y], &d->start_y_um, err))
        return -1;
    if (!file || strchr(file, '/') || !(planes >= 1 && planes <= AF_ZSTACK_MOST) ||
        !isfinite(s.from_um) || !(d->step_um > 0) || !isfinite(d->start_um))
        return af_fail(err, AF_EDATA, "%s: line %zu: not a stack of a plan", t->name, t->line_no);
    d->nplanes = (size_t)planes;
    if (af_grow((void **)&d->stack, room, d->count + 1, sizeof(s), err) ||
        !(s.file = af_strdup(file, err)))
        return -1;
    d->stack[d->count++] = s;
    return 0;
}

static int read_plan(struct af_day *d, FILE *fp, const char *path, struct af_err *err)
{
    struct af_table_in t = {0};
    int col[NCOLUMNS], got, ret = -1;
    size_t room = 0;

    if (af_table_open(&t, fp, path, err))
        goto done;
    for (size_t i = 0; i < NCOLUMNS; i++)
        if ((col[i] = af_table_need(&t, columns[i], err)) < 0)
            goto done;
    while ((got = af_table_next(&t, err)) == 1)
        if (read_row(d, &t, col, &room, err))
            goto done;
    ret = got;
done:
    af_table_release(&t);
    return ret;
}

static int check_same(const struct af_day *d, const struct af_day_wish *w, const char *path,
                      struct af_err *err)
{
    if (d->count == w->count && d->nplanes == w->z.nplanes &&
        fabs(d->step_um - w->z.step_um) < NEAR_UM)
        return 0;
    return af_fail(err, AF_EUSAGE,
                   "%s: is for %zu stacks of %zu planes every %g um, not %zu of %zu every %g um; "
                   "name another folder, or ask for the same",
                   path, d->count, d->nplanes, d->step_um, w->count, w->z.nplanes, w->z.step_um);
}

int af_day_plan(struct af_day *d, const char *dir, const struct af_day_wish *wish,
                const double start_um[3], struct af_err *err)
{
    char *path;
    FILE *fp;
    int ret;

    *d = (struct af_day){.dir = dir};
    if (mkdir(dir, 0777) && errno != EEXIST)
        return af_fail_errno(err, "%s", dir);
    if (!(path = plan_path(dir, err)))
        return -1;
    fp = fopen(path, "r");
    if (fp) {
        ret = read_plan(d, fp, path, err) || check_same(d, wish, path, err) ? -1 : 0;
        fclose(fp);
    } else if (errno == ENOENT) {
        ret = draw(d, wish, start_um, err) || write_plan(d, path, err) ? -1 : 0;
    } else {
        ret = af_fail_errno(err, "%s", path);
    }
    free(path);
    return ret;
}

/* -------------------------------------------------------------- the folder */

int af_day_has(const struct af_day *d, size_t i, struct af_err *err)
{
    char *path = af_day_path(d, i, err);
    const char *one = path;
    struct af_stack *st = NULL;
    struct af_err why = {AF_OK, ""};
    struct stat there;
    int ret;

    if (!path)
        return -1;
    if (stat(path, &there)) {
        ret = errno == ENOENT ? 0 : af_fail_errno(err, "%s", path);
    } else if (af_stack_open(&st, &one, 1, NULL, &why)) {
        ret = why.kind == AF_EDATA ? 0 : -1;
        if (ret)
            *err = why;
    } else {
        ret = af_stack_info(st)->nplanes == d->nplanes && !af_stack_info(st)->missing;
    }
    af_stack_close(st);
    free(path);
    return ret;
}

int af_day_check_room(const char *dir, size_t n, size_t nplanes, double bytes, struct af_err *err)
{
    double need = (double)n * (double)nplanes * (bytes + PLANE_OVERHEAD) + ROOM_MARGIN, has;
    struct statvfs fs;

    if (statvfs(dir, &fs))
        return af_fail_errno(err, "%s", dir);
    has = (double)fs.f_bavail * (double)fs.f_frsize;
    if (n == 0 || has >= need)
        return 0;
    return af_fail(err, AF_ESYS, "%s: %.2f GB are needed for %zu stacks, %.2f GB are free", dir,
                   need / 1e9, n, has / 1e9);
}
