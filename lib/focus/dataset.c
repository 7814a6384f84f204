/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/dataset.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "image/stack.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 65535 };

/* What only reading needs. */
struct reader {
    struct af_dataset *d;
    const struct af_dataset_opts *o;
    uint64_t *hash;     // [n] of the images
    size_t *w, *h;      // [nfiles] px, of the first plane wanted
    struct af_err *err; // [nslots]
};

__attribute__((format(printf, 2, 3))) static void warn(const struct af_dataset_opts *o,
                                                       const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (!o->warn)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    o->warn(o->ctx, text);
}

/* ------------------------------------------------------------------ tables */

static int read_table(struct af_labeltable *t, const char *path, bool validates, struct af_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *fp = is_stdin ? stdin : fopen(path, "r");
    int ret;

    if (!fp)
        return af_fail_errno(err, "%s", path);
    ret = af_labeltable_read(t, fp, path, validates, err);
    if (!is_stdin)
        fclose(fp);
    return ret;
}

static int read_tables(struct af_dataset *d, const struct af_dataset_opts *o, struct af_err *err)
{
    for (size_t i = 0; i < o->ntables; i++)
        if (read_table(&d->labels, o->tables[i], false, err))
            return -1;
    if (o->val && read_table(&d->labels, o->val, true, err))
        return -1;
    af_labeltable_sort(&d->labels);
    d->n = d->labels.nplanes;
    if (!d->n)
        return af_fail(err, AF_EDATA, "%s: no plane has a label that is ok", o->tables[0]);
    return 0;
}

static void warn_of_tables(const struct af_dataset *d, const struct af_dataset_opts *o)
{
    const struct af_labeltable *t = &d->labels;
    size_t both = 0;

    if (t->not_ok)
        warn(o, "%zu rows have no label that is ok, they are left out", t->not_ok);
    if (t->repeated)
        warn(o, "%zu rows name a plane again, they are left out", t->repeated);
    for (size_t i = 0; i < t->nfiles; i++)
        both += t->file[i].both;
    if (both)
        warn(o, "%zu files are both among the labels and in %s: they only validate", both, o->val);
}

/* -------------------------------------------------------------------- days */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int find_days(struct af_dataset *d, struct af_err *err)
{
    const struct af_labeltable *t = &d->labels;
    const char **found;

    if (!(d->days = af_calloc(t->nfiles, sizeof(*d->days), err)) ||
        !(d->day = af_calloc(t->nfiles, sizeof(*d->day), err)))
        return -1;
    for (size_t i = 0; i < t->nfiles; i++)
        d->days[i] = t->file[i].day;
    qsort(d->days, t->nfiles, sizeof(*d->days), by_text);
    for (size_t i = 0; i < t->nfiles; i++)
        if (!d->ndays || strcmp(d->days[d->ndays - 1], d->days[i]) != 0)
            d->days[d->ndays++] = d->days[i];
    for (size_t i = 0; i < t->nfiles; i++) {
        const char *day = t->file[i].day;

        found = bsearch(&day, d->days, d->ndays, sizeof(*d->days), by_text);
        d->day[i] = (unsigned)(found - d->days);
    }
    return 0;
}

/* ------------------------------------------------------------------- split */

/* Draw from the stacks of one day, [n], those that validate. */
static void split_day(struct af_dataset *d, const struct af_dataset_opts *o, const char *day,
                      size_t *stack, size_t n)
{
    size_t k = (size_t)floor(o->val_fraction * (double)n + 0.5);
    struct af_random r;
    char name[64];

    if (n < 2 || o->val_fraction <= 0)
        return;
    k = k < 1 ? 1 : k > n - 1 ? n - 1 : k;
    snprintf(name, sizeof(name), "split %s", day);
    af_random_init(&r, o->seed, name);
    for (size_t i = 0; i < k; i++) {
        size_t j = i + af_random_below(&r, n - i), s = stack[j];

        stack[j] = stack[i];
        stack[i] = s;
        d->validates[s] = true;
    }
}

static int split(struct af_dataset *d, const struct af_dataset_opts *o, struct af_err *err)
{
    const struct af_labeltable *t = &d->labels;
    size_t *stack;

    if (!(d->validates = af_calloc(t->nstacks, sizeof(*d->validates), err)) ||
        !(stack = af_calloc(t->nstacks, sizeof(*stack), err)))
        return -1;
    for (size_t day = 0; day < d->ndays; day++) {
        size_t n = 0;

        for (size_t i = 0; i < t->nfiles; i++)
            if (d->day[i] == day && (i == 0 || t->file[i].stack != t->file[i - 1].stack))
                stack[n++] = t->file[i].stack;
        if (!o->val)
            split_day(d, o, d->days[day], stack, n);
    }
    for (size_t i = 0; o->val && i < t->nfiles; i++)
        d->validates[t->file[i].stack] = t->file[i].validates;
    free(stack);
    return 0;
}

/* ------------------------------------------------------------------ pixels */

static void keep(struct af_dataset *d, size_t i, const float *x)
{
    uint16_t *q = d->q + i * AF_FRAME_PX;
    float low = x[0], high = x[0], step;

    for (size_t p = 1; p < AF_FRAME_PX; p++) {
        low = fminf(low, x[p]);
        high = fmaxf(high, x[p]);
    }
    step = (high - low) / LEVELS;
    for (size_t p = 0; p < AF_FRAME_PX; p++) {
        float level = step > 0 ? (x[p] - low) / step + 0.5f : 0;

        q[p] = (uint16_t)fminf(level, LEVELS);
    }
    d->low[i] = low;
    d->step[i] = step;
}

static uint64_t hash_image(const struct af_dataset *d, size_t i)
{
    uint64_t h = af_hash(AF_HASH_START, d->q + i * AF_FRAME_PX, AF_FRAME_PX * sizeof(*d->q));

    h = af_hash(h, &d->low[i], sizeof(*d->low));
    return af_hash(h, &d->step[i], sizeof(*d->step));
}

/* Plane `plane` of a stack whose planes are asked for in rising order: so streams will do. */
static int read_plane(struct af_stack *st, size_t plane, struct af_image *img, struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(st);
    size_t i;
    int got;

    if (info->seekable && plane < info->nplanes)
        return af_stack_read(st, plane, img, err);
    while (!info->seekable && (got = af_stack_next(st, img, &i, err)) != 0)
        if (got < 0 || i == plane)
            return got < 0 ? -1 : 0;
    return af_fail(err, AF_EDATA, "%s: there is no plane %zu, which the labels name", info->name,
                   plane);
}

/* All wanted planes of file i. */
static int read_file(struct reader *r, size_t i, struct af_err *err)
{
    struct af_dataset *d = r->d;
    const struct af_labelled_file *f = &d->labels.file[i];
    struct af_stack *st = NULL;
    struct af_image img = {0};
    struct af_err why = {AF_OK, ""};
    float x[AF_FRAME_PX];
    int ret = -1;

    if (af_stack_open(&st, (const char *const *)&f->name, 1, NULL, &why)) {
        af_fail(err, why.kind, "%s: line %zu: %s", f->table, f->line, why.text);
        goto done;
    }
    for (size_t k = f->from; k < f->from + f->n; k++) {
        size_t plane = d->labels.plane[k].plane;

        if (read_plane(st, plane, &img, err))
            goto done;
        if (af_frame_reduce(&img, x, &d->facts[k], &why)) {
            af_fail(err, why.kind, "%s: plane %zu: %s", f->name, plane, why.text);
            goto done;
        }
        keep(d, k, x);
        r->hash[k] = hash_image(d, k);
        r->w[i] = img.w;
        r->h[i] = img.h;
    }
    ret = 0;
done:
    af_image_release(&img);
    af_stack_close(st);
    return ret;
}

static void work(void *ctx, size_t i, size_t slot)
{
    struct reader *r = ctx;

    r->err[slot].kind = AF_OK;
    if (!r->o->stopped || !r->o->stopped())
        read_file(r, i, &r->err[slot]);
}

static int deliver(void *ctx, size_t i, size_t slot)
{
    struct reader *r = ctx;

    if (r->o->stopped && r->o->stopped())
        return 1;
    if (r->err[slot].kind != AF_OK)
        return 2 + (int)slot;
    if (r->o->progress)
        r->o->progress(r->o->ctx, i + 1, r->d->labels.nfiles, r->d->labels.file[i].name);
    return 0;
}

static int read_pixels(struct reader *r, struct af_err *err)
{
    struct af_dataset *d = r->d;
    unsigned nthreads = r->o->nthreads ? r->o->nthreads : af_cpu_count();
    size_t nslots = 2 * (size_t)nthreads, nfiles = d->labels.nfiles, npx;
    int ret = -1;

    if (!af_size_mul(d->n, AF_FRAME_PX, &npx))
        return af_fail(err, AF_ESYS, "out of memory: %zu images", d->n);
    if ((d->q = af_calloc(npx, sizeof(*d->q), err)) &&
        (d->low = af_calloc(d->n, sizeof(*d->low), err)) &&
        (d->step = af_calloc(d->n, sizeof(*d->step), err)) &&
        (d->facts = af_calloc(d->n, sizeof(*d->facts), err)) &&
        (r->hash = af_calloc(d->n, sizeof(*r->hash), err)) &&
        (r->w = af_calloc(nfiles, sizeof(*r->w), err)) &&
        (r->h = af_calloc(nfiles, sizeof(*r->h), err)) &&
        (r->err = af_calloc(nslots, sizeof(*r->err), err)))
        ret = af_parallel_ordered(nfiles, nthreads, nslots, work, deliver, r, err);
    if (ret >= 2) {
        *err = r->err[ret - 2];
        ret = -1;
    }
    return ret;
}

/* ------------------------------------------------------- what is in the data */

static void list(struct af_dataset *d, bool validates, size_t *images, size_t *n, size_t *nblank)
{
    *n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->validates[d->labels.file[d->labels.plane[i].file].stack] != validates)
            continue;
        if (af_frame_is_blank(&d->facts[i]))
            ++*nblank;
        else
            images[(*n)++] = i;
    }
}

static int list_images(struct af_dataset *d, const struct af_dataset_opts *o, struct af_err *err)
{
    size_t nblank = 0;

    if (!(d->train = af_calloc(d->n, sizeof(*d->train), err)))
        return -1;
    list(d, false, d->train, &d->ntrain, &nblank);
    d->val = d->train + d->ntrain;
    list(d, true, d->val, &d->nval, &nblank);
    if (nblank)
        warn(o, "%zu frames are black or have the same count all over, they are left out", nblank);
    if (!d->ntrain)
        return af_fail(err, AF_EDATA, "%s: no frame is left to train with", o->tables[0]);
    if (!d->nval && (o->val || o->val_fraction > 0))
        return af_fail(err, AF_EDATA, "%s: %s", o->val ? o->val : o->tables[0],
                       o->val ? "no frame is left to validate with"
                              : "no day has two stacks, one to validate with: give more, "
                                "--val, or --val-fraction 0");
    d->min_um = INFINITY;
    d->max_um = -INFINITY;
    for (size_t i = 0; i < d->ntrain; i++) {
        d->min_um = fmin(d->min_um, af_dataset_defocus_um(d, d->train[i]));
        d->max_um = fmax(d->max_um, af_dataset_defocus_um(d, d->train[i]));
    }
    if (!(d->max_um > d->min_um))
        return af_fail(err, AF_EDATA, "%s: all labels are %.9g um, there is nothing to learn",
                       o->tables[0], d->min_um);
    return 0;
}

static void digest(struct reader *r)
{
    struct af_dataset *d = r->d;

    d->digest = AF_HASH_START;
    for (size_t i = 0; i < d->n; i++) {
        double um = af_dataset_defocus_um(d, i);

        d->digest = af_hash(d->digest, &r->hash[i], sizeof(r->hash[i]));
        d->digest = af_hash(d->digest, &um, sizeof(um));
    }
    d->digest = af_hash(d->digest, d->train, d->ntrain * sizeof(*d->train));
    d->digest = af_hash(d->digest, d->val, d->nval * sizeof(*d->val));
}

struct image_key {
    uint64_t hash;
    size_t i;
    bool validates;
};

static int by_hash(const void *va, const void *vb)
{
    const struct image_key *a = va, *b = vb;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->validates > b->validates) - (a->validates < b->validates);
}

/* Equal images lie side by side, those that train first. */
static int warn_of_copies(const struct reader *r, struct af_err *err)
{
    const struct af_dataset *d = r->d;
    size_t ncopies = 0, nleaks = 0, n = d->ntrain + d->nval, from = 0, to = 0;
    struct image_key *key = af_calloc(n, sizeof(*key), err);

    if (!key)
        return -1;
    for (size_t k = 0; k < n; k++)
        key[k] = (struct image_key){r->hash[d->train[k]], d->train[k], k >= d->ntrain};
    qsort(key, n, sizeof(*key), by_hash);
    for (size_t k = 0, first = 0; k < n; k++) {
        if (key[k].hash != key[first].hash)
            first = k;
        if (k > first && key[k].validates && !key[first].validates && !nleaks++) {
            from = key[first].i;
            to = key[k].i;
        }
        ncopies += k > first;
    }
    if (nleaks)
        warn(r->o,
             "%zu images train and validate too, as of %s and %s: the validation error will "
             "look too small",
             nleaks, d->labels.file[d->labels.plane[from].file].name,
             d->labels.file[d->labels.plane[to].file].name);
    else if (ncopies)
        warn(r->o, "%zu images occur twice, as if a stack were there under two names", ncopies);
    free(key);
    return 0;
}

static void warn_of_sizes_and_days(const struct reader *r)
{
    const struct af_labeltable *t = &r->d->labels;
    size_t other = 0;

    for (size_t i = 1; i < t->nfiles; i++)
        if (!other && (r->w[i] != r->w[0] || r->h[i] != r->h[0]))
            other = i;
    if (other)
        warn(r->o, "%s has frames of %zux%zu px and %s of %zux%zu: the network learns whole frames",
             t->file[0].name, r->w[0], r->h[0], t->file[other].name, r->w[other], r->h[other]);
    if (r->d->ndays == 1)
        warn(r->o, "all labels are of one day (%s): what is learnt from it will not hold tomorrow",
             r->d->days[0]);
}

/* --------------------------------------------------------------------- all */

int af_dataset_read(struct af_dataset *d, const struct af_dataset_opts *o, struct af_err *err)
{
    struct reader r = {.d = d, .o = o};
    int ret = -1;

    *d = (struct af_dataset){0};
    if (read_tables(d, o, err))
        return -1;
    warn_of_tables(d, o);
    if (find_days(d, err) || split(d, o, err))
        return -1;
    if ((ret = read_pixels(&r, err)) || (ret = list_images(d, o, err)) ||
        (ret = warn_of_copies(&r, err)))
        goto done;
    warn_of_sizes_and_days(&r);
    digest(&r);
done:
    free(r.hash);
    free(r.w);
    free(r.h);
    free(r.err);
    return ret;
}

void af_dataset_release(struct af_dataset *d)
{
    af_labeltable_release(&d->labels);
    free(d->q);
    free(d->low);
    free(d->step);
    free(d->facts);
    free(d->validates);
    free(d->day);
    free(d->days);
    free(d->train);
    *d = (struct af_dataset){0};
}

static int clamp(int v)
{
    return v < 0 ? 0 : v < AF_FRAME_SIDE ? v : AF_FRAME_SIDE - 1;
}

void af_dataset_image(const struct af_dataset *d, size_t i, int dx, int dy, float *x)
{
    const uint16_t *q = d->q + i * AF_FRAME_PX;
    float low = d->low[i], step = d->step[i];

    if (!dx && !dy) {
        for (size_t p = 0; p < AF_FRAME_PX; p++)
            x[p] = low + step * (float)q[p];
        return;
    }
    for (int v = 0; v < AF_FRAME_SIDE; v++)
        for (int u = 0; u < AF_FRAME_SIDE; u++)
            *x++ = low + step * (float)q[clamp(v - dy) * AF_FRAME_SIDE + clamp(u - dx)];
}

double af_dataset_defocus_um(const struct af_dataset *d, size_t i)
{
    return d->labels.plane[i].defocus_um;
}

unsigned af_dataset_day(const struct af_dataset *d, size_t i)
{
    return d->day[d->labels.plane[i].file];
}
