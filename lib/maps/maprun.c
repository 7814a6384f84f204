/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/maprun.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "maps/noise.h"
#include "maps/sumfile.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* What one slice needs from its reading until it is taken. */
struct slot {
    bool ready; // the tables are made
    bool end;   // there was no more slice
    size_t plane;
    struct af_image img;
    struct af_sums sums;
    struct af_entropy entropy;
    struct af_scoremap map;
    double *maps[AF_NSHARPS];
    struct af_mapped out;
    struct af_err err;
};

struct run {
    struct af_stack *st;
    const struct af_maprun_opts *o;
    struct af_plan plan;
    struct af_sumfile keep, kept; // opened where they are asked for
    struct slot *slot;
    size_t nslots;
    pthread_mutex_t lock;
    pthread_cond_t turned;
    size_t turn; // slice that is read next
    bool over;   // the stack has ended or failed: nobody waits for a slice
    int (*take)(void *ctx, const struct af_mapped *m, struct af_err *err);
    void *ctx;
    struct af_err *err;
};

/* The mean of a slice, too, comes from its sums. */
static unsigned wanted(const struct af_maprun_opts *o)
{
    return af_sharp_sums(o->measures, o->map.def) | 1u << AF_SUM_F;
}

/* By the first slice: a stream does not tell its size before. */
static int make_plan(struct run *r, size_t w, size_t h, struct af_err *err)
{
    const struct af_maprun_opts *o = r->o;

    if (af_plan_init(&r->plan, w, h, o->region, o->windows, o->nwindows, o->strides, o->nstrides,
                     err))
        return -1;
    return o->kept ? af_sumfile_fit(&r->kept, &r->plan, wanted(o), o->theta, err) : 0;
}

static int make_slot(struct run *r, struct slot *s, struct af_err *err)
{
    const struct af_maprun_opts *o = r->o;
    const size_t nx = r->plan.x[0].n, ny = r->plan.y[0].n;

    if (af_sums_init(&s->sums, &r->plan, wanted(o), o->theta, o->kernels, err) ||
        af_scoremap_init(&s->map, &r->plan, &o->map, err) ||
        (o->measures >> AF_SHARP_ENTROPY & 1 && af_entropy_init(&s->entropy, &r->plan, err)))
        return -1;
    for (int m = 0; o->maps && m < AF_NSHARPS; m++)
        if (o->measures >> m & 1 && !(s->maps[m] = af_calloc(nx, ny * sizeof(double), err)))
            return -1;
    s->ready = true;
    return 0;
}

static void release_slot(struct slot *s)
{
    for (int m = 0; m < AF_NSHARPS; m++)
        free(s->maps[m]);
    af_scoremap_release(&s->map);
    af_entropy_release(&s->entropy);
    af_sums_release(&s->sums);
    af_image_release(&s->img);
}

/* The next slice itself, or that there is one, of which sums were kept. */
static int next_slice(struct run *r, struct slot *s)
{
    const struct af_stack_info *info = af_stack_info(r->st);
    int got =
        r->o->kept ? r->turn < info->nplanes : af_stack_next(r->st, &s->img, &s->plane, &s->err);

    if (r->o->kept)
        s->plane = r->turn;
    if (got > 0 && !r->plan.pair &&
        make_plan(r, r->o->kept ? info->w : s->img.w, r->o->kept ? info->h : s->img.h, &s->err))
        return -1;
    return got;
}

/* Slices are read in turn: a stream has no other order. 1, 0 at the end, -1. */
static int read_slice(struct run *r, struct slot *s, size_t i)
{
    int got = 0;

    pthread_mutex_lock(&r->lock);
    while (r->turn != i && !r->over)
        pthread_cond_wait(&r->turned, &r->lock);
    if (!r->over) {
        got = next_slice(r, s);
        r->over = got <= 0;
        r->turn++;
        pthread_cond_broadcast(&r->turned);
    }
    pthread_mutex_unlock(&r->lock);
    return got;
}

/* From pixels, or from what was kept of them. */
static int sum_slice(struct run *r, struct slot *s)
{
    const struct af_maprun_opts *o = r->o;
    struct af_err why = {AF_OK, ""};
    double *sigma = &s->out.sigma;

    if (o->kept) {
        if (af_sumfile_take(&r->kept, s->plane, &s->sums, sigma, &s->err))
            return -1;
        if (o->quiet_noise && isnan(*sigma))
            return af_fail(&s->err, AF_EUSAGE, "%s: kept without --noise-floor on", o->kept);
        *sigma = o->quiet_noise ? *sigma : 0;
        return 0;
    }
    if (af_sums_compute(&s->sums, &s->img, &why))
        return af_fail(&s->err, why.kind, "%s: slice %zu: %s", af_stack_info(r->st)->name, s->plane,
                       why.text);
    return (o->measures >> AF_SHARP_ENTROPY & 1 &&
            af_entropy_take(&s->entropy, &s->img, &s->err)) ||
                   (o->quiet_noise && af_noise_sigma(&s->img, sigma, &s->err))
               ? -1
               : 0;
}

static int score_slice(struct run *r, struct slot *s)
{
    const struct af_maprun_opts *o = r->o;
    const struct af_box region = r->plan.region;
    struct af_mapped *out = &s->out;

    *out = (struct af_mapped){.plane = s->plane, .img = &s->img, .plan = &r->plan};
    if (sum_slice(r, s))
        return -1;
    out->mean = af_sums_mean(&s->sums, (struct af_box){0, r->plan.w, 0, r->plan.h});
    for (int m = 0; m < AF_NSHARPS; m++) {
        if (!(o->measures >> m & 1))
            continue;
        out->region[m] = m == AF_SHARP_ENTROPY
                             ? af_entropy_of(&s->entropy, region)
                             : af_sums_score(&s->sums, (enum af_sharp)m, o->map.def, region);
        out->map[m] = s->maps[m];
        if (o->maps)
            af_scoremap_make(&s->map, &s->sums, &s->entropy, (enum af_sharp)m, out->mean,
                             out->sigma, s->maps[m]);
    }
    return 0;
}

static void work(void *ctx, size_t i, size_t slot)
{
    struct run *r = ctx;
    struct slot *s = &r->slot[slot];
    int got;

    s->err.kind = AF_OK;
    s->end = false;
    got = read_slice(r, s, i);
    s->end = got == 0;
    if (got <= 0)
        return;
    if (!s->ready && make_slot(r, s, &s->err))
        return;
    score_slice(r, s);
}

static int open_kept(struct run *r, const struct af_stack_info *info, struct af_err *err)
{
    if (af_sumfile_open(&r->kept, r->o->kept, err))
        return -1;
    if (r->kept.nslices != info->nplanes)
        return af_fail(err, AF_EDATA, "%s: sums of %zu slices, %s has %zu", r->o->kept,
                       r->kept.nslices, info->name, info->nplanes);
    return 0;
}

static int keep_slice(struct run *r, const struct slot *s)
{
    const unsigned bits = s->img.type == AF_U8 ? 8 : 16;

    if (!r->keep.path && af_sumfile_create(&r->keep, r->o->keep, &s->sums, bits, r->err))
        return -1;
    return af_sumfile_add(&r->keep, &s->sums, r->o->quiet_noise ? s->out.sigma : NAN, r->err);
}

static int deliver(void *ctx, size_t i, size_t slot)
{
    struct run *r = ctx;
    struct slot *s = &r->slot[slot];

    (void)i;
    if (s->err.kind != AF_OK)
        return af_fail(r->err, s->err.kind, "%s", s->err.text);
    if (s->end)
        return 1;
    if (r->o->keep && keep_slice(r, s))
        return -1;
    return r->take(r->ctx, &s->out, r->err) ? -1 : 0;
}

int af_maprun(struct af_stack *st, const struct af_maprun_opts *o,
              int (*take)(void *ctx, const struct af_mapped *m, struct af_err *err), void *ctx,
              struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(st);
    unsigned n = o->nthreads ? o->nthreads : af_cpu_count();
    struct run r = {.st = st,
                    .o = o,
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .turned = PTHREAD_COND_INITIALIZER,
                    .take = take,
                    .ctx = ctx,
                    .err = err};
    int ret = 0;

    if (info->nplanes == 0)
        return af_fail(err, AF_EDATA, "%s: no slices", info->name);
    if (n > info->nplanes)
        n = (unsigned)info->nplanes;
    r.nslots = n > 1 ? n + 1 : 1;
    if ((o->kept && open_kept(&r, info, err)) ||
        !(r.slot = af_calloc(r.nslots, sizeof(*r.slot), err)) ||
        af_parallel_ordered(info->nplanes, n, r.nslots, work, deliver, &r, err) < 0 ||
        (r.keep.path && af_sumfile_commit(&r.keep, err)))
        ret = -1;
    for (size_t i = 0; r.slot && i < r.nslots; i++)
        release_slot(&r.slot[i]);
    free(r.slot);
    af_sumfile_release(&r.keep);
    af_sumfile_release(&r.kept);
    af_plan_release(&r.plan);
    return ret;
}
