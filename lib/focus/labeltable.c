/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/labeltable.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_DAY "NA"

static const double MAX_PLANE = 1 << 20; // as AF_STACK_MAX_PLANES

/* ----------------------------------------------------------- files by name */

static size_t *bucket_of(const struct af_labeltable *t, const char *name)
{
    size_t i = af_hash(AF_HASH_START, name, strlen(name)) % t->nbuckets;

    while (t->bucket[i] && strcmp(t->file[t->bucket[i] - 1].name, name) != 0)
        i = (i + 1) % t->nbuckets;
    return &t->bucket[i];
}

/* Keep the buckets at most half full. */
static int rehash(struct af_labeltable *t, struct af_err *err)
{
    size_t n = t->nbuckets ? 4 * t->nbuckets : 256;
    size_t *bucket = af_calloc(n, sizeof(*bucket), err);

    if (!bucket)
        return -1;
    free(t->bucket);
    t->bucket = bucket;
    t->nbuckets = n;
    for (size_t i = 0; i < t->nfiles; i++)
        *bucket_of(t, t->file[i].name) = i + 1;
    return 0;
}

/* Index of the file, new or known. */
static int find_file(struct af_labeltable *t, const struct af_labelled_file *like, size_t *index,
                     struct af_err *err)
{
    size_t *bucket;
    struct af_labelled_file *f;

    if (2 * (t->nfiles + 1) > t->nbuckets && rehash(t, err))
        return -1;
    bucket = bucket_of(t, like->name);
    if (*bucket) {
        f = &t->file[ *index = *bucket - 1];
        f->both = f->both || f->validates != like->validates;
        f->validates = f->validates || like->validates;
        return 0;
    }
    if (af_grow((void **)&t->file, &t->file_cap, t->nfiles + 1, sizeof(*t->file), err))
        return -1;
    f = &t->file[t->nfiles];
    *f = *like;
    f->name = af_strdup(like->name, err);
    f->day = f->name ? af_strdup(like->day, err) : NULL;
    if (!f->day) {
        free(f->name);
        return -1;
    }
    *index = t->nfiles++;
    *bucket = t->nfiles;
    return 0;
}

/* -------------------------------------------------------------------- rows */

struct columns {
    int file, plane, defocus, day, quality, z0; // -1: absent
};

static int find_columns(const struct af_table_in *in, struct columns *c, struct af_err *err)
{
    c->day = af_table_find(in, "day");
    c->quality = af_table_find(in, "quality");
    c->z0 = af_table_find(in, "z0_um");
    if ((c->file = af_table_need(in, "file", err)) < 0 ||
        (c->plane = af_table_need(in, "plane", err)) < 0 ||
        (c->defocus = af_table_need(in, "defocus_um", err)) < 0)
        return -1;
    return 0;
}

static int add_row(struct af_labeltable *t, const struct af_table_in *in, const struct columns *c,
                   bool validates, struct af_err *err)
{
    struct af_labelled_file like = {
        .table = in->name, .line = in->line_no, .z0_um = NAN, .validates = validates};
    const char *name = af_table_get_text(in, c->file), *day = af_table_get_text(in, c->day);
    const char *quality = af_table_get_text(in, c->quality);
    struct af_labelled_plane p;
    double plane;

    if (af_table_get_real(in, c->defocus, &p.defocus_um, err))
        return -1;
    if (isnan(p.defocus_um) || (c->quality >= 0 && (!quality || strcmp(quality, "ok") != 0))) {
        t->not_ok++;
        return 0;
    }
    if (af_table_get_real(in, c->plane, &plane, err) ||
        (c->z0 >= 0 && af_table_get_real(in, c->z0, &like.z0_um, err)))
        return -1;
    if (!name || strcmp(name, "-") == 0)
        return af_fail(err, AF_EDATA,
                       "%s: line %zu: the stack came from standard input, there is "
                       "no file to read it from",
                       in->name, in->line_no);
    if (!(plane >= 0 && plane < MAX_PLANE && plane == floor(plane)))
        return af_fail(err, AF_EDATA, "%s: line %zu: plane: '%s' is not the number of a plane",
                       in->name, in->line_no, in->cell[c->plane]);
    p.plane = (size_t)plane;
    p.order = t->nplanes;
    like.name = (char *)name; // copied where it is kept
    like.day = (char *)(day ? day : UNKNOWN_DAY);
    if (af_grow((void **)&t->plane, &t->plane_cap, t->nplanes + 1, sizeof(p), err) ||
        find_file(t, &like, &p.file, err))
        return -1;
    t->plane[t->nplanes++] = p;
    return 0;
}

int af_labeltable_read(struct af_labeltable *t, FILE *fp, const char *name, bool validates,
                       struct af_err *err)
{
    struct af_table_in in = {0};
    struct columns c;
    int ret = -1, got;

    if (af_table_open(&in, fp, name, err) || find_columns(&in, &c, err))
        goto done;
    while ((got = af_table_next(&in, err)) == 1)
        if (add_row(t, &in, &c, validates, err))
            goto done;
    ret = got;
done:
    af_table_release(&in);
    return ret;
}

/* -------------------------------------------------------------------- sort */

static int by_place(const void *va, const void *vb)
{
    const struct af_labelled_plane *a = va, *b = vb;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->plane != b->plane)
        return a->plane < b->plane ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Whether b goes on with the joined stack that a is part of. */
static bool goes_on(const struct af_labelled_file *a, const struct af_labelled_file *b)
{
    return a->n == 1 && b->n == 1 && a->z0_um == b->z0_um && a->table == b->table &&
           a->validates == b->validates && strcmp(a->day, b->day) == 0;
}

void af_labeltable_sort(struct af_labeltable *t)
{
    size_t n = 0;

    if (t->nplanes)
        qsort(t->plane, t->nplanes, sizeof(*t->plane), by_place);
    for (size_t i = 0; i < t->nplanes; i++) {
        const struct af_labelled_plane *p = &t->plane[i], *last = n ? &t->plane[n - 1] : NULL;

        if (last && p->file == last->file && p->plane == last->plane)
            t->repeated++;
        else
            t->plane[n++] = *p;
    }
    t->nplanes = n;
    for (size_t i = n; i-- > 0;) {
        t->file[t->plane[i].file].from = i;
        t->file[t->plane[i].file].n++;
    }
    for (size_t i = 0; i < t->nfiles; i++) {
        t->nstacks += i == 0 || !goes_on(&t->file[i - 1], &t->file[i]);
        t->file[i].stack = t->nstacks - 1;
    }
}

const struct af_labelled_plane *af_labeltable_find(const struct af_labeltable *t, const char *file,
                                                   size_t plane)
{
    size_t index = t->nfiles ? *bucket_of(t, file) : 0, low, high;

    if (!index)
        return NULL;
    low = t->file[index - 1].from;
    high = low + t->file[index - 1].n;
    while (low < high) {
        size_t i = low + (high - low) / 2;

        if (t->plane[i].plane == plane)
            return &t->plane[i];
        if (t->plane[i].plane < plane)
            low = i + 1;
        else
            high = i;
    }
    return NULL;
}

void af_labeltable_release(struct af_labeltable *t)
{
    for (size_t i = 0; i < t->nfiles; i++) {
        free(t->file[i].name);
        free(t->file[i].day);
    }
    free(t->file);
    free(t->plane);
    free(t->bucket);
    *t = (struct af_labeltable){0};
}
