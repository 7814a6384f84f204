/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/evaltable.h"

#include "base/memory.h"
#include "base/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_DAY "NA"

struct columns {
    int file, plane, truth, defocus, sigma, trust, day; // -1: absent
};

static int find_columns(const struct af_table_in *in, bool labelled, struct columns *c,
                        struct af_err *err)
{
    c->sigma = af_table_find(in, "sigma_um");
    c->trust = af_table_find(in, "trust");
    c->day = af_table_find(in, "day");
    c->file = af_table_find(in, "file");
    c->plane = af_table_find(in, "plane");
    c->truth = af_table_find(in, "true_um");
    if ((c->defocus = af_table_need(in, "defocus_um", err)) < 0 ||
        (labelled && ((c->file = af_table_need(in, "file", err)) < 0 ||
                      (c->plane = af_table_need(in, "plane", err)) < 0)) ||
        (!labelled && (c->truth = af_table_need(in, "true_um", err)) < 0))
        return -1;
    return 0;
}

/* Index of a name, new or known; the last ones are tried first. */
static int find_name(char ***names, size_t *n, size_t *room, const char *name, size_t *index,
                     struct af_err *err)
{
    for (size_t i = *n; i-- > 0;)
        if (strcmp((*names)[i], name) == 0) {
            *index = i;
            return 0;
        }
    if (af_grow((void **)names, room, *n + 1, sizeof(**names), err) ||
        !((*names)[*n] = af_strdup(name, err)))
        return -1;
    *index = (*n)++;
    return 0;
}

/* The cell as number or text where it is there; else what *v is, or what is said otherwise. */
static int get_real(const struct af_table_in *in, int col, double *v, struct af_err *err)
{
    return col < 0 ? 0 : af_table_get_real(in, col, v, err);
}

static const char *text_or(const struct af_table_in *in, int col, const char *otherwise)
{
    const char *text = af_table_get_text(in, col);

    return text ? text : otherwise;
}

static int add_row(struct af_evaltable *t, const struct af_table_in *in, const struct columns *c,
                   const struct af_labeltable *labels, const char *day, struct af_err *err)
{
    struct af_eval_row r = {.true_um = NAN, .defocus_um = NAN, .sigma_um = NAN};
    const struct af_labelled_plane *label = NULL;
    const char *file = text_or(in, c->file, in->name), *trust = text_or(in, c->trust, "ok");
    double plane = NAN;

    if (get_real(in, c->truth, &r.true_um, err) || get_real(in, c->sigma, &r.sigma_um, err) ||
        get_real(in, c->plane, &plane, err) || get_real(in, c->defocus, &r.defocus_um, err))
        return -1;
    day = text_or(in, c->day, day);
    if (labels && plane >= 0 && plane < 1e9)
        label = af_labeltable_find(labels, file, (size_t)plane);
    if (label) {
        r.true_um = label->defocus_um;
        day = labels->file[label->file].day;
    }
    if (isnan(r.true_um)) {
        t->unknown++;
        return 0;
    }
    if (strcmp(trust, "ok") != 0)
        r.defocus_um = NAN;
    if (af_grow((void **)&t->row, &t->row_room, t->n + 1, sizeof(r), err) ||
        find_name(&t->day, &t->ndays, &t->day_room, day, &r.day, err) ||
        find_name(&t->stack, &t->nstacks, &t->stack_room, file, &r.stack, err))
        return -1;
    t->row[t->n++] = r;
    return 0;
}

int af_evaltable_read(struct af_evaltable *t, FILE *fp, const char *name,
                      const struct af_labeltable *labels, const char *day, struct af_err *err)
{
    struct af_table_in in = {0};
    struct columns c;
    int ret = -1, got;

    if (af_table_open(&in, fp, name, err) || find_columns(&in, labels != NULL, &c, err))
        goto done;
    while ((got = af_table_next(&in, err)) == 1)
        if (add_row(t, &in, &c, labels, day ? day : UNKNOWN_DAY, err))
            goto done;
    ret = got;
done:
    af_table_release(&in);
    return ret;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

void af_evaltable_release(struct af_evaltable *t)
{
    free(t->row);
    free_names(t->day, t->ndays);
    free_names(t->stack, t->nstacks);
    *t = (struct af_evaltable){0};
}
