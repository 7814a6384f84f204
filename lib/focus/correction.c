/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/correction.h"
#include "base/memory.h"
#include "base/table.h"
#include "signal/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Frames further apart are not of one focus, um. */
#define SAME_Z_UM 1

struct columns {
    int defocus, trust, z; // z -1: not there
};

/* One row: refused unless it can be trusted. */
static int take_row(const struct af_table_in *t, const struct columns *c, double *defocus_um,
                    double *z_um, struct af_err *err)
{
    const char *word = af_table_get_text(t, c->trust);

    *z_um = NAN;
    if (af_table_get_real(t, c->defocus, defocus_um, err) ||
        (c->z >= 0 && af_table_get_real(t, c->z, z_um, err)))
        return -1;
    if (!word || strcmp(word, "ok") != 0)
        return af_fail(err, AF_ELIMIT, "%s: line %zu: the prediction is not to be trusted: %s",
                       t->name, t->line_no, word ? word : "NA");
    if (!isfinite(*defocus_um))
        return af_fail(err, AF_ELIMIT, "%s: line %zu: the prediction is not a number", t->name,
                       t->line_no);
    return 0;
}

static int read_rows(struct af_table_in *t, const struct columns *col, struct af_correction *c,
                     struct af_err *err)
{
    double *v = NULL, z_um, lowest_um = NAN, highest_um = NAN;
    size_t n = 0, unknown = 0, room = 0;
    int got, ret = -1;

    while ((got = af_table_next(t, err)) > 0) {
        if (af_grow((void **)&v, &room, n + 1, sizeof(*v), err) ||
            take_row(t, col, &v[n], &z_um, err))
            goto done;
        lowest_um = fmin(lowest_um, z_um);
        highest_um = fmax(highest_um, z_um);
        unknown += isnan(z_um);
        n++;
        if (unknown ? unknown < n : !(highest_um - lowest_um <= SAME_Z_UM)) {
            af_fail(err, AF_ELIMIT,
                    "%s: line %zu: frames at different z do not make one correction", t->name,
                    t->line_no);
            goto done;
        }
    }
    if (got < 0)
        goto done;
    if (!n) {
        af_fail(err, AF_ELIMIT, "%s: holds no prediction", t->name);
        goto done;
    }
    *c = (struct af_correction){af_median(v, n), z_um};
    ret = 0;
done:
    free(v);
    return ret;
}

int af_correction_read(struct af_correction *c, FILE *fp, const char *name, struct af_err *err)
{
    struct af_table_in t = {.fp = NULL};
    struct columns col;
    int ret = -1;

    if (af_table_open(&t, fp, name, err) ||
        (col.defocus = af_table_need(&t, "defocus_um", err)) < 0 ||
        (col.trust = af_table_need(&t, "trust", err)) < 0)
        goto done;
    col.z = af_table_find(&t, "z_um");
    ret = read_rows(&t, &col, c, err);
done:
    af_table_release(&t);
    return ret;
}
