/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/mask.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels from..to-1 of row y, all alike; `up` leads to the run that stands for its area. */
struct af_areas_run {
    uint32_t y, from, to, up;
    uint64_t size; // px, of the area: at the run that stands for it
    bool border;   // the area reaches the border
};

void af_areas_release(struct af_areas *a)
{
    free(a->run);
    *a = (struct af_areas){0};
}

static uint32_t root(struct af_areas_run *r, uint32_t i)
{
    while (r[i].up != i)
        i = r[i].up = r[r[i].up].up;
    return i;
}

static void join(struct af_areas_run *r, uint32_t i, uint32_t j)
{
    uint32_t a = root(r, i), b = root(r, j);

    if (a == b)
        return;
    r[b].up = a;
    r[a].size += r[b].size;
    r[a].border |= r[b].border;
}

/* Runs of `value` in row y, behind the n there are. */
static int add_runs(struct af_areas *a, size_t *n, const struct af_image *mask, size_t y, int value,
                    struct af_err *err)
{
    const uint8_t *row = af_image_row(mask, y), *end = row + mask->w, *p = row;

    while (p < end && (p = memchr(p, value, (size_t)(end - p)))) {
        const uint8_t *to = memchr(p, AF_MASK_ON - value, (size_t)(end - p));
        const uint32_t i = (uint32_t)*n;

        to = to ? to : end;
        if (i == UINT32_MAX)
            return af_fail(err, AF_EDATA, "a mask of over 4294967294 runs");
        if (af_grow((void **)&a->run, &a->room, *n + 1, sizeof(*a->run), err))
            return -1;
        a->run[i] = (struct af_areas_run){
            (uint32_t)y, (uint32_t)(p - row), (uint32_t)(to - row),
            i,           (uint64_t)(to - p),  y == 0 || y + 1 == mask->h || p == row || to == end,
        };
        ++*n;
        p = to;
    }
    return 0;
}

/* Join the runs from..n-1 of a row with those above..from-1 of the row before. */
static void join_rows(struct af_areas_run *r, size_t above, size_t from, size_t n)
{
    for (size_t i = from; i < n; i++) {
        while (above < from && r[above].to < r[i].from)
            above++;
        for (size_t j = above; j < from && r[j].from <= r[i].to; j++)
            join(r, (uint32_t)i, (uint32_t)j);
    }
}

static int find_areas(struct af_areas *a, const struct af_image *mask, int value, size_t *n,
                      struct af_err *err)
{
    size_t above = 0, from = 0;

    *n = 0;
    for (size_t y = 0; y < mask->h; y++) {
        if (add_runs(a, n, mask, y, value, err))
            return -1;
        join_rows(a->run, above, from, *n);
        above = from;
        from = *n;
    }
    return 0;
}

static void paint(struct af_image *mask, const struct af_areas_run *r, int value)
{
    memset((uint8_t *)af_image_row(mask, r->y) + r->from, value, r->to - r->from);
}

int af_mask_fill(struct af_areas *a, struct af_image *mask, size_t most, struct af_err *err)
{
    size_t n;

    if (find_areas(a, mask, 0, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct af_areas_run *area = &a->run[root(a->run, (uint32_t)i)];

        if (!area->border && area->size <= most)
            paint(mask, &a->run[i], AF_MASK_ON);
    }
    return 0;
}

int af_mask_sweep(struct af_areas *a, struct af_image *mask, size_t least, struct af_err *err)
{
    size_t n;

    if (find_areas(a, mask, AF_MASK_ON, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (a->run[root(a->run, (uint32_t)i)].size < least)
            paint(mask, &a->run[i], 0);
    return 0;
}

int af_mask_match(struct af_mask_match *m, const struct af_image *mask,
                  const struct af_image *truth, struct af_err *err)
{
    double *row;

    *m = (struct af_mask_match){0};
    if (mask->w != truth->w || mask->h != truth->h)
        return af_fail(err, AF_EDATA, "a mask of %zux%zu px, the other is %zux%zu", mask->w,
                       mask->h, truth->w, truth->h);
    if (!(row = af_calloc(mask->w, 2 * sizeof(*row), err)))
        return -1;
    for (size_t y = 0; y < mask->h; y++) {
        af_image_row_f64(mask, y, row);
        af_image_row_f64(truth, y, row + mask->w);
        for (size_t x = 0; x < mask->w; x++) {
            const bool is = row[x] != 0, shall = row[mask->w + x] != 0;

            m->both += is && shall;
            m->only += is && !shall;
            m->missed += !is && shall;
        }
    }
    free(row);
    return 0;
}

double af_mask_iou(const struct af_mask_match *m)
{
    return (double)m->both / (double)(m->both + m->only + m->missed);
}

double af_mask_dice(const struct af_mask_match *m)
{
    return 2 * (double)m->both / (double)(2 * m->both + m->only + m->missed);
}

double af_mask_precision(const struct af_mask_match *m)
{
    return (double)m->both / (double)(m->both + m->only);
}

double af_mask_recall(const struct af_mask_match *m)
{
    return (double)m->both / (double)(m->both + m->missed);
}
