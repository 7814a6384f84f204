/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/plan.h"

#include "base/memory.h"
#include "base/number.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t af_plan_count(size_t len, uint32_t stride)
{
    return (len - 1) / stride + 1;
}

size_t af_plan_end(size_t from, uint32_t window, size_t len)
{
    return len - from > window ? from + window : len;
}

struct af_box af_plan_box(const struct af_plan *p, size_t x, size_t y, uint32_t window)
{
    return (struct af_box){x, af_plan_end(x, window, p->w), y, af_plan_end(y, window, p->h)};
}

static size_t divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Where pairs that reach so far begin and end, from `from` to `to`. */
static void mark_ends(struct af_cuts *c, size_t from, size_t to, size_t reach)
{
    c->index[from] = 1;
    c->index[to - from > reach ? to - reach : from] = 1;
}

/* Marks stand in index until the cuts are numbered. */
static void mark(const struct af_plan *p, struct af_cuts *c, size_t reach)
{
    for (size_t i = 0; i < p->npairs; i++)
        for (size_t from = 0; from < c->len; from += p->pair[i].stride)
            mark_ends(c, from, af_plan_end(from, p->pair[i].window, c->len), reach);
    c->index[0] = c->index[c->len] = 1;
    for (size_t at = 0, last = 0; at <= c->len; at++)
        if (c->index[at] || at - last == AF_PLAN_MOST)
            c->index[last = at] = 1;
}

static int cut(const struct af_plan *p, struct af_cuts *c, size_t len, size_t from, size_t to,
               size_t reach, struct af_err *err)
{
    c->len = len;
    if (!(c->index = af_calloc(len + 1, sizeof(*c->index), err)))
        return -1;
    mark_ends(c, from, to, reach);
    mark(p, c, reach);
    for (size_t i = 0; i <= len; i++)
        c->n += c->index[i];
    if (!(c->at = af_calloc(c->n, sizeof(*c->at), err)))
        return -1;
    c->n = 0;
    for (size_t i = 0; i <= len; i++)
        if (c->index[i]) {
            c->index[i] = (uint32_t)c->n;
            c->at[c->n++] = (uint32_t)i;
        }
    c->n--;
    return 0;
}

int af_plan_init(struct af_plan *p, size_t w, size_t h, const struct af_box *region,
                 const uint32_t *windows, size_t nwindows, const uint32_t *strides, size_t nstrides,
                 struct af_err *err)
{
    const struct af_box r = region ? *region : (struct af_box){0, w, 0, h};

    *p = (struct af_plan){.w = w, .h = h, .region = r};
    if (!w || !h || w > AF_PLAN_MAX_SIDE || h > AF_PLAN_MAX_SIDE || !nwindows || !nstrides)
        return af_fail(err, AF_EUSAGE, "no windows over %zux%zu px", w, h);
    if (r.x0 >= r.x1 || r.x1 > w || r.y0 >= r.y1 || r.y1 > h)
        return af_fail(err, AF_EUSAGE, "the region %zu,%zu to %zu,%zu is not within %zux%zu px",
                       r.x0, r.y0, r.x1, r.y1, w, h);
    if (!(p->pair = af_calloc(nwindows * nstrides, sizeof(*p->pair), err)))
        return -1;
    for (size_t i = 0; i < nwindows; i++)
        for (size_t j = 0; j < nstrides; j++) {
            if (!windows[i] || !strides[j])
                return af_fail(err, AF_EUSAGE, "a window or a stride of 0 px");
            p->pair[p->npairs++] = (struct af_pair){windows[i], strides[j]};
            p->cell = divisor(divisor(p->cell, windows[i]), strides[j]);
        }
    for (size_t d = 0; d < AF_NREACH; d++)
        if (cut(p, &p->x[d], w, r.x0, r.x1, d, err) || cut(p, &p->y[d], h, r.y0, r.y1, d, err))
            return -1;
    return 0;
}

void af_plan_release(struct af_plan *p)
{
    for (size_t d = 0; d < AF_NREACH; d++) {
        free(p->x[d].at);
        free(p->x[d].index);
        free(p->y[d].at);
        free(p->y[d].index);
    }
    free(p->pair);
    *p = (struct af_plan){0};
}

int af_plan_parse(const char *list, uint32_t **out, size_t *n, struct af_err *err)
{
    size_t room = 0;
    uint32_t *v = NULL;

    *n = 0;
    for (const char *s = list;; s++) {
        size_t len = strcspn(s, ",");
        char text[16];
        int64_t px;

        snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : sizeof(text)), s);
        if (af_parse_int(text, &px, NULL) || len >= sizeof(text) || px < 1 ||
            px > AF_PLAN_MAX_SIDE) {
            free(v);
            return af_fail(err, AF_EUSAGE, "'%.*s' is not a number of pixels", (int)len, s);
        }
        if (af_grow((void **)&v, &room, *n + 1, sizeof(*v), err)) {
            free(v);
            return -1;
        }
        v[(*n)++] = (uint32_t)px;
        s += len;
        if (!*s)
            break;
    }
    *out = v;
    return 0;
}
