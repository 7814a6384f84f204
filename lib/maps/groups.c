/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/groups.h"

#include "base/memory.h"
#include <stdlib.h>
#include <string.h>

/* Before column 0, so that blocks are aligned; one of them is the repeated border. */
enum { LEFT = 64 };

/* At most one cut in each group; the row's end is none for pairs, which end before it. */
static bool fits(const struct af_cuts *c, size_t reach)
{
    size_t last = SIZE_MAX;

    for (size_t i = 1; i <= c->n; i++) {
        const size_t group = c->at[i] / AF_SUM_GROUP;

        if (c->at[i] % AF_SUM_GROUP == 0 || (i == c->n && reach))
            continue;
        if (group == last)
            return false;
        last = group;
    }
    return true;
}

static int mark_cuts(struct af_groups *g, size_t reach, struct af_err *err)
{
    const struct af_cuts *c = &g->plan->x[reach];
    const size_t lanes = g->kernels->groups.lanes;
    bool any = false;

    if (!(g->slot[reach] = af_calloc(c->n + 1, sizeof(uint32_t), err)) ||
        !(g->before[reach] = af_calloc(g->nblocks, lanes * sizeof(int16_t), err)))
        return -1;
    for (size_t i = 1; i <= c->n; i++) {
        const uint32_t at = c->at[i], group = at / AF_SUM_GROUP;
        const bool inside = at % AF_SUM_GROUP && !(i == c->n && reach);

        g->slot[reach][i] = 2 * group + inside;
        for (size_t x = group * AF_SUM_GROUP; inside && x < at; x++)
            g->before[reach][x] = -1;
        any |= inside;
    }
    if (!any) {
        free(g->before[reach]);
        g->before[reach] = NULL;
    }
    return 0;
}

/* Rows from above a piece to two below the band that it ends in, at most. */
static size_t ring_rows(const struct af_plan *plan)
{
    const struct af_cuts *band = &plan->y[0];
    size_t most = 0;

    for (size_t d = 0; d < AF_NREACH; d++)
        for (size_t i = 0, k = 0; i < plan->y[d].n; i++) {
            while (band->at[k + 1] < plan->y[d].at[i + 1])
                k++;
            if (most < band->at[k + 1] + 3 - plan->y[d].at[i])
                most = band->at[k + 1] + 3 - plan->y[d].at[i];
        }
    return most;
}

int af_groups_init(struct af_groups *g, const struct af_plan *plan,
                   const struct af_sum_kernels *kernels, uint64_t theta, struct af_err *err)
{
    const size_t lanes = kernels->groups.lanes;
    size_t n;

    *g = (struct af_groups){.plan = plan, .kernels = kernels};
    if (!lanes)
        return 0;
    g->nblocks = (plan->w - 1) / lanes + 1;
    g->nring = ring_rows(plan);
    g->pitch = (LEFT + g->nblocks * lanes + 2 + 63) / 64 * 64;
    while (g->least < 256 && (uint64_t)(g->least * g->least) < theta)
        g->least++;
    for (size_t d = 0; d < AF_NREACH; d++) {
        g->fit[d] = fits(&plan->x[d], d);
        if (g->fit[d] && mark_cuts(g, d, err))
            return -1;
    }
    n = g->nblocks * (lanes / AF_SUM_GROUP) + 1;
    g->total = af_calloc(n, sizeof(*g->total), err);
    g->part = g->total ? af_calloc(n, sizeof(*g->part), err) : NULL;
    g->upto = g->part ? af_calloc(n, 2 * sizeof(*g->upto), err) : NULL;
    g->ring = g->upto ? af_calloc(g->nring, g->pitch, err) : NULL;
    g->row = g->ring ? af_calloc(plan->h + 3, sizeof(*g->row), err) : NULL;
    return g->row ? 0 : -1;
}

void af_groups_release(struct af_groups *g)
{
    for (size_t d = 0; d < AF_NREACH; d++)
        free(g->before[d]), free(g->slot[d]);
    free(g->upto);
    free(g->total);
    free(g->part);
    free(g->ring);
    free(g->row);
    *g = (struct af_groups){0};
}

void af_groups_fill(struct af_groups *g, const struct af_image *img, size_t end)
{
    const size_t w = img->w, h = img->h;

    for (; g->nrows < end + 2 && g->nrows < h; g->nrows++) {
        const uint8_t *from = af_image_row(img, g->nrows);
        uint8_t *to = g->ring + g->nrows % g->nring * g->pitch + LEFT;

        to[-1] = from[0];
        memcpy(to, from, w);
        memset(to + w, from[w - 1], g->pitch - LEFT - w);
        g->row[g->nrows + 1] = to;
    }
    g->row[0] = g->row[1];
    if (end == h) {
        g->row[h + 1] = g->row[h + 2] = g->row[h];
        g->nrows = 0;
    }
}

void af_groups_sum(struct af_groups *g, int sum, size_t from, size_t n, uint64_t *out,
                   const uint64_t *above)
{
    const size_t reach = af_sum_reach[sum].x;
    const struct af_cuts *c = &g->plan->x[reach];
    const struct af_sum_groups in = {g->row + from, n, g->nblocks, g->before[reach], g->least};
    const uint32_t *total = g->total, *part = g->part, *slot = g->slot[reach];
    const size_t ngroups = c->len / AF_SUM_GROUP + 1;
    uint64_t all = 0, *upto = g->upto;

    g->kernels->groups.sum[sum](g->total, in.before ? g->part : NULL, &in);
    for (size_t i = 0; in.before && i < ngroups; i++) {
        upto[2 * i] = all;
        upto[2 * i + 1] = all + part[i];
        all += total[i];
    }
    for (size_t i = 0; !in.before && i < ngroups; i++) {
        upto[2 * i] = all;
        all += total[i];
    }
    out[0] = above[0];
    for (size_t i = 1; i <= c->n; i++)
        out[i] = above[i] + upto[slot[i]];
}
