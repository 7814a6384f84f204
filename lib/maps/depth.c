/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/depth.h"

#include "base/memory.h"
#include "maps/kernels.h"
#include <math.h>
#include <stdlib.h>

enum { SIGNIFICANT = 8 };

int af_depth_init(struct af_depth *d, size_t n, bool least, struct af_err *err)
{
    const size_t nblocks = (n + AF_DEPTH_BLOCK - 1) / AF_DEPTH_BLOCK;

    *d = (struct af_depth){.n = n, .least = least};
    if (!(d->block = af_calloc(nblocks, sizeof(*d->block), err)))
        return -1;
    for (size_t i = 0; i < nblocks * AF_DEPTH_BLOCK; i++) {
        struct af_depth_block *b = &d->block[i / AF_DEPTH_BLOCK];
        const size_t k = i % AF_DEPTH_BLOCK;

        b->best[k] = -INFINITY;
        b->low[k] = INFINITY;
        b->one[k] = b->two[k] = NAN;
    }
    return 0;
}

void af_depth_release(struct af_depth *d)
{
    free(d->block);
    *d = (struct af_depth){0};
}

void af_depth_add(struct af_depth *d, const float *map)
{
    af_sum_kernels_best()->follow(d->block, map, d->n, (uint32_t)d->nslices++, d->least);
}

struct af_depth_fit af_depth_fit(const struct af_depth *d, size_t i)
{
    const struct af_depth_block *b = &d->block[i / AF_DEPTH_BLOCK];
    const size_t k = i % AF_DEPTH_BLOCK;
    const double best = b->best[k], before = b->before[k], after = b->after[k];
    const double top = 2. * best - before - after; // NaN at the ends of the stack
    const uint32_t n = b->njitter[k] - b->nnear[k];
    double noise = n < 2 ? NAN : fmax(0, (double)b->jitter[k] - b->near[k]) / n / 6, off;
    struct af_depth_fit f = {b->at[k], INFINITY, d->least ? -best : best, 0, noise};

    if (isinf(best)) { // no score at all
        f.depth = f.best = NAN;
        return f;
    }
    f.prominence = fmax(0, b->best[k] - fmaxf(b->left[k], b->right[k]));
    if (isinf(f.prominence) || b->at[k] == 0)
        f.prominence = 0;
    if (!(top > 0) || f.prominence * f.prominence < SIGNIFICANT * SIGNIFICANT * noise)
        return f;
    if (isnan(noise))
        noise = top * top / 100;
    off = fmin(fmax((after - before) / (2 * top), -0.5), 0.5);
    f.depth += off;
    f.var = noise * (0.5 + 6 * off * off) / (top * top);
    return f;
}
