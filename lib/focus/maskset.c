/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/maskset.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "focus/sure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The stack at hand. */
struct reader {
    struct af_maskset *s;
    const struct af_maskset_opts *o;
    size_t first; // its first slice
    const char *name, *mask_name;
};

/* --------------------------------------------------------------- reading */

static int keep_slice(void *ctx, size_t i, const struct af_image *img, struct af_err *err)
{
    struct reader *r = ctx;
    struct af_maskset *s = r->s;
    struct af_maskset_slice *to;

    (void)i;
    if (r->o->stopped && r->o->stopped())
        return af_fail(err, AF_ESYS, "interrupted");
    if (af_grow((void **)&s->slice, &s->slices_room, s->nslices + 1, sizeof(*s->slice), err))
        return -1;
    to = &s->slice[s->nslices];
    *to = (struct af_maskset_slice){.stack = s->nstacks};
    if (af_image_resize(&to->img, img->w, img->h, img->type, err))
        return -1;
    s->nslices++; // its memory is released from here on
    to->img.bits = img->bits;
    memcpy(to->img.data, img->data, img->w * img->h * af_sample_size(img->type));
    af_slice_measure(img, &to->scale);
    to->vote = af_calloc(img->w, img->h, err);
    return to->vote ? 0 : -1;
}

/* Count a voice. */
static int add_voice(void *ctx, size_t i, const struct af_image *mask, struct af_err *err)
{
    struct reader *r = ctx;
    uint8_t *vote = r->s->slice[r->first + i].vote;
    const uint8_t *m = mask->data;

    (void)err;
    for (size_t k = 0; k < mask->w * mask->h; k++)
        vote[k] += m[k] != 0;
    return 0;
}

static int teach(struct reader *r, struct af_stack *st, struct af_err *err)
{
    const struct af_weaklabel_sink sink = {keep_slice, add_voice, r};
    unsigned voices = 0;

    if (af_weaklabel(st, r->o->teach, &sink, err))
        return -1;
    for (int m = 0; m < AF_NSHARPS; m++)
        voices += r->o->teach->measures >> m & 1;
    for (size_t i = r->first; i < r->s->nslices; i++) {
        struct af_maskset_slice *s = &r->s->slice[i];

        for (size_t k = 0; k < s->img.w * s->img.h; k++)
            s->vote[k] = (uint8_t)(s->vote[k] * AF_VOTE_ALL / voices);
    }
    return af_sure_votes(r->s->slice + r->first, r->s->nslices - r->first,
                         af_weaklabel_window(r->o->teach), err);
}

/* Votes of one slice from the plane of a mask. */
static int take_mask(struct reader *r, size_t i, const struct af_image *mask, struct af_err *err)
{
    struct af_maskset_slice *s = &r->s->slice[r->first + i];
    double *v;

    if (mask->w != s->img.w || mask->h != s->img.h)
        return af_fail(err, AF_EDATA, "%s: plane %zu: %zux%zu px, the slice has %zux%zu",
                       r->mask_name, i, mask->w, mask->h, s->img.w, s->img.h);
    if (!(v = af_calloc(mask->w, sizeof(*v), err)))
        return -1;
    for (size_t y = 0; y < mask->h; y++) {
        af_image_row_f64(mask, y, v);
        for (size_t x = 0; x < mask->w; x++)
            s->vote[y * mask->w + x] = mask->type == AF_U8 ? (uint8_t)v[x]
                                       : v[x] != 0         ? AF_VOTE_ALL
                                                           : 0;
    }
    free(v);
    return 0;
}

static int read_mask(struct reader *r, const char *path, struct af_err *err)
{
    const struct af_stack_opts plain = {.whole = true,
                                        .max_pixels = r->o->stack.max_pixels,
                                        .warn = r->o->stack.warn,
                                        .warn_ctx = r->o->stack.warn_ctx};
    struct af_stack *st;
    struct af_image img = {0};
    size_t n = r->s->nslices - r->first, i;
    int ret = -1;

    r->mask_name = path;
    if (af_stack_open(&st, &path, 1, &plain, err))
        return -1;
    if (af_stack_info(st)->nplanes != n) {
        af_fail(err, AF_EDATA, "%s: %zu planes are needed, as many as %s has slices", path, n,
                r->name);
        goto done;
    }
    for (size_t k = 0; k < n; k++)
        if (af_stack_next(st, &img, &i, err) != 1 || take_mask(r, k, &img, err))
            goto done;
    ret = 0;
done:
    af_image_release(&img);
    af_stack_close(st);
    return ret;
}

static int keep_all(struct reader *r, struct af_stack *st, struct af_err *err)
{
    struct af_image img = {0};
    size_t i;
    int got;

    while ((got = af_stack_next(st, &img, &i, err)) == 1)
        if (keep_slice(r, i, &img, err)) {
            got = -1;
            break;
        }
    af_image_release(&img);
    return got;
}

static int read_stack(struct reader *r, size_t i, struct af_err *err)
{
    struct af_stack *st;
    int ret = -1;

    r->first = r->s->nslices;
    r->name = r->o->stacks[i];
    if (af_stack_open(&st, &r->o->stacks[i], 1, &r->o->stack, err))
        return -1;
    if (!af_stack_info(st)->seekable)
        af_fail(err, AF_EUSAGE, "%s: a stream cannot be trained on; keep it in a file", r->name);
    else if (!r->o->masks)
        ret = teach(r, st, err);
    else if (!keep_all(r, st, err))
        ret = read_mask(r, r->o->masks[i], err);
    af_stack_close(st);
    if (!ret && r->s->nslices == r->first)
        ret = af_fail(err, AF_EDATA, "%s: no slices", r->name);
    return ret;
}

/* ----------------------------------------------------------------- tiles */

/* Places along a side: 0, stride, ... and the last that ends with the slice. */
static size_t places(size_t len, size_t side, size_t stride)
{
    return len <= side ? 1 : (len - side + stride - 1) / stride + 1;
}

static size_t place(size_t i, size_t len, size_t side, size_t stride)
{
    return len <= side || i * stride + side <= len ? i * stride : len - side;
}

/* Add the tiles of a slice, or count them where to is NULL. */
static size_t cut(const struct af_maskset *s, size_t slice, size_t stride, struct af_tile *to)
{
    const struct af_image *img = &s->slice[slice].img;
    size_t nx = places(img->w, s->side, stride), ny = places(img->h, s->side, stride);

    for (size_t i = 0; to && i < nx * ny; i++)
        to[i] = (struct af_tile){slice, place(i % nx, img->w, s->side, stride),
                                 place(i / nx, img->h, s->side, stride)};
    return nx * ny;
}

static int cut_all(struct af_maskset *s, const struct af_maskset_opts *o, const bool *validates,
                   struct af_err *err)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t ntrain = 0, nval = 0;

        for (size_t i = 0; i < s->nslices; i++) {
            if (validates[s->slice[i].stack])
                nval += cut(s, i, s->side, pass ? s->val + nval : NULL);
            else
                ntrain += cut(s, i, o->stride, pass ? s->train + ntrain : NULL);
        }
        s->ntrain = ntrain;
        s->nval = nval;
        if (!pass && (!(s->train = af_calloc(ntrain, sizeof(*s->train), err)) ||
                      !(s->val = af_calloc(nval, sizeof(*s->val), err))))
            return -1;
    }
    return 0;
}

/* ----------------------------------------------------------------- split */

/* Which stacks validate: those named, or so many drawn from the seed. */
static int split(const struct af_maskset *s, const struct af_maskset_opts *o, bool *validates,
                 struct af_err *err)
{
    size_t n = (size_t)(o->val_fraction * (double)s->nstacks + 0.5), named = 0;
    struct af_random r;

    for (size_t i = 0; o->validates && i < s->nstacks; i++)
        named += validates[i] = o->validates[i];
    if (o->validates && named == s->nstacks)
        return af_fail(err, AF_EDATA, "all stacks validate, none is left to train with");
    if (o->validates || o->val_fraction == 0)
        return 0;
    if (s->nstacks < 2)
        return af_fail(err, AF_EDATA,
                       "one stack cannot both train and validate: add another, or "
                       "set the share that validates to 0");
    n = n < 1 ? 1 : n > s->nstacks - 1 ? s->nstacks - 1 : n;
    af_random_init(&r, o->seed, "split");
    while (n > 0) {
        size_t i = (size_t)af_random_below(&r, s->nstacks);

        n -= !validates[i];
        validates[i] = true;
    }
    return 0;
}

static void digest(struct af_maskset *s, const bool *validates)
{
    uint64_t h = af_hash(AF_HASH_START, validates, s->nstacks * sizeof(*validates));

    for (size_t i = 0; i < s->nslices; i++) {
        const struct af_maskset_slice *one = &s->slice[i];
        const uint64_t what[] = {one->stack, one->img.w, one->img.h, one->img.type};
        size_t n = one->img.w * one->img.h;

        h = af_hash(h, what, sizeof(what));
        h = af_hash(h, one->img.data, n * af_sample_size(one->img.type));
        h = af_hash(h, one->vote, n);
    }
    s->digest = h;
}

int af_maskset_read(struct af_maskset *s, const struct af_maskset_opts *o, struct af_err *err)
{
    struct reader r = {.s = s, .o = o};
    bool *validates = NULL;
    int ret = -1;

    *s = (struct af_maskset){.side = o->side, .sees = o->sees};
    for (size_t i = 0; i < o->nstacks; i++) {
        if (read_stack(&r, i, err)) {
            ret = o->stopped && o->stopped() ? 1 : -1;
            goto done;
        }
        s->nstacks++;
        if (o->progress)
            o->progress(o->ctx, i + 1, o->nstacks, o->stacks[i]);
    }
    if (!(validates = af_calloc(s->nstacks, sizeof(*validates), err)) ||
        split(s, o, validates, err) || cut_all(s, o, validates, err))
        goto done;
    for (size_t i = 0; i < s->nstacks; i++)
        s->nvalidates += validates[i];
    digest(s, validates);
    ret = 0;
done:
    free(validates);
    return ret;
}

void af_maskset_release(struct af_maskset *s)
{
    for (size_t i = 0; i < s->nslices; i++) {
        af_image_release(&s->slice[i].img);
        free(s->slice[i].vote);
    }
    free(s->slice);
    free(s->train);
    free(s->val);
    *s = (struct af_maskset){0};
}
