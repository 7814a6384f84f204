/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/heights.h"

#include "base/memory.h"
#include "base/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_UM 1e9

static bool is_good(const struct af_table_in *t, int col)
{
    const char *s = af_table_get_text(t, col);

    return !s || !strcmp(s, "ok") || !strcmp(s, "done");
}

/* Lengths beyond a kilometre are slips, and their squares no numbers. */
static int get_length(const struct af_table_in *t, int col, double *um, struct af_err *err)
{
    if (af_table_get_real(t, col, um, err))
        return -1;
    if (fabs(*um) > LONGEST_UM)
        return af_fail(err, AF_EDATA, "%s: line %zu: %s: %g is beyond 1 km", t->name, t->line_no,
                       t->column[col], *um);
    return 0;
}

/* The rows into z[] and z_err[], by well. */
static int read_rows(struct af_heights *h, const struct af_plate *p, struct af_table_in *t,
                     struct af_height *by_well, struct af_err *err)
{
    int well = af_table_need(t, "well", err), z = well < 0 ? -1 : af_table_need(t, "z_um", err);
    int z_err = af_table_find(t, "z_err_um"), more;
    const int said[] = {af_table_find(t, "quality"), af_table_find(t, "trust"),
                        af_table_find(t, "status")};

    if (z < 0)
        return -1;
    while ((more = af_table_next(t, err)) == 1) {
        struct af_height at = {0, 0, NAN, NAN};
        const char *name;
        bool good;
        size_t i;

        if (get_length(t, z, &at.z_um, err) ||
            (z_err >= 0 && get_length(t, z_err, &at.err_um, err)))
            return -1;
        good = is_good(t, said[0]) && is_good(t, said[1]) && is_good(t, said[2]);
        name = af_table_get_text(t, well);
        if (!name || (i = af_plate_find(p, name)) == p->n)
            return af_fail(err, AF_EDATA, "%s: line %zu: '%s' is not on the plate", t->name,
                           t->line_no, name ? name : "NA");
        h->tried[i] = true;
        h->focused[i] = good && isfinite(at.z_um);
        by_well[i] = at;
    }
    return more;
}

int af_heights_read(struct af_heights *h, const struct af_plate *p, FILE *fp, const char *name,
                    struct af_err *err)
{
    struct af_table_in t = {0};
    struct af_height *by_well = af_calloc(p->n, sizeof *by_well, err);
    int ret = -1;

    *h = (struct af_heights){0};
    h->at = af_calloc(p->n, sizeof *h->at, err);
    h->tried = af_calloc(p->n, sizeof *h->tried, err);
    h->focused = af_calloc(p->n, sizeof *h->focused, err);
    if (!by_well || !h->at || !h->tried || !h->focused || af_table_open(&t, fp, name, err) ||
        read_rows(h, p, &t, by_well, err))
        goto done;
    for (size_t i = 0; i < p->n; i++) {
        if (!h->focused[i])
            continue;
        by_well[i].x_um = p->well[i].x_um;
        by_well[i].y_um = p->well[i].y_um;
        h->at[h->n++] = by_well[i];
    }
    ret = 0;
done:
    af_table_release(&t);
    free(by_well);
    return ret;
}

void af_heights_release(struct af_heights *h)
{
    free(h->at);
    free(h->tried);
    free(h->focused);
    *h = (struct af_heights){0};
}
