/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/sure.h"

#include "base/memory.h"
#include "maps/mask.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Distances are in thirds of a px: 3 to a neighbour, 4 across. */
enum { PX = 3, DIAGONAL = 4, FAR = 60000 };

struct scene {
    struct af_maskset_slice *slice;
    size_t n, w, h;
    struct af_image object; // 255: in focus somewhere, or enclosed by that
    float *height;          // [h][w] mean of the slices that are in focus; NaN: none is
    uint16_t *distance;     // [h][w]
};

static uint16_t nearer(uint16_t a, uint16_t from, int step)
{
    return from + step < a ? (uint16_t)(from + step) : a;
}

/* From 0 where it starts, [h][w] in place: two passes over rows. */
static void spread(uint16_t *d, size_t w, size_t h)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            uint16_t *at = d + y * w + x;

            *at = x > 0 ? nearer(*at, at[-1], PX) : *at;
            *at = y > 0 ? nearer(*at, *(at - w), PX) : *at;
            *at = y > 0 && x > 0 ? nearer(*at, *(at - w - 1), DIAGONAL) : *at;
            *at = y > 0 && x + 1 < w ? nearer(*at, *(at - w + 1), DIAGONAL) : *at;
        }
    for (size_t y = h; y-- > 0;)
        for (size_t x = w; x-- > 0;) {
            uint16_t *at = d + y * w + x;

            *at = x + 1 < w ? nearer(*at, at[1], PX) : *at;
            *at = y + 1 < h ? nearer(*at, at[w], PX) : *at;
            *at = y + 1 < h && x + 1 < w ? nearer(*at, at[w + 1], DIAGONAL) : *at;
            *at = y + 1 < h && x > 0 ? nearer(*at, at[w - 1], DIAGONAL) : *at;
        }
}

static int find_object(struct scene *s, struct af_err *err)
{
    struct af_areas areas = {0};
    uint8_t *object;
    int ret;

    if (af_image_resize(&s->object, s->w, s->h, AF_U8, err))
        return -1;
    object = s->object.data;
    for (size_t i = 0; i < s->w * s->h; i++) {
        size_t sum = 0, count = 0;

        for (size_t k = 0; k < s->n; k++)
            if (af_vote_is_focus(s->slice[k].vote[i])) {
                sum += k;
                count++;
            }
        object[i] = count ? AF_MASK_ON : 0;
        s->height[i] = count ? (float)sum / (float)count : NAN;
    }
    ret = af_mask_fill(&areas, &s->object, SIZE_MAX, err);
    af_areas_release(&areas);
    return ret;
}

/* Outside the object, its border, and its gaps. */
static void judge_object(struct scene *s, size_t window)
{
    const uint8_t *object = s->object.data;

    for (size_t i = 0; i < s->w * s->h; i++)
        s->distance[i] = object[i] ? FAR : 0;
    spread(s->distance, s->w, s->h);
    for (size_t i = 0; i < s->w * s->h; i++) {
        bool outside = s->distance[i] <= window, border = s->distance[i] <= 2 * window; // thirds
        bool gap = isnan(s->height[i]);

        for (size_t k = 0; k < s->n; k++) {
            uint8_t *vote = &s->slice[k].vote[i];
            bool next = af_vote_is_focus(*vote) || fabsf(s->height[i] - (float)k) <= 2;

            if (outside)
                *vote = 0;
            else if (gap || (next && border))
                *vote = AF_VOTE_UNSURE;
        }
    }
}

/* Start from both sides of the borders of a slice's mask. */
static void start_at_borders(struct scene *s, const uint8_t *vote)
{
    for (size_t i = 0; i < s->w * s->h; i++)
        s->distance[i] = FAR;
    for (size_t y = 0; y < s->h; y++)
        for (size_t x = 0; x < s->w; x++) {
            size_t at = y * s->w + x;
            bool focus = af_vote_is_focus(vote[at]);

            if (x > 0 && af_vote_is_focus(vote[at - 1]) != focus)
                s->distance[at] = s->distance[at - 1] = 0;
            if (y > 0 && af_vote_is_focus(vote[at - s->w]) != focus)
                s->distance[at] = s->distance[at - s->w] = 0;
        }
}

static void doubt_edges(struct scene *s, uint8_t *vote, size_t window)
{
    start_at_borders(s, vote);
    spread(s->distance, s->w, s->h);
    for (size_t i = 0; i < s->w * s->h; i++)
        if ((size_t)s->distance[i] + PX <= window) // the first is a pixel from the other side
            vote[i] = AF_VOTE_UNSURE;
}

int af_sure_votes(struct af_maskset_slice *slice, size_t n, size_t window, struct af_err *err)
{
    struct scene s = {.slice = slice, .n = n, .w = slice[0].img.w, .h = slice[0].img.h};
    int ret = -1;

    if (!(s.height = af_calloc(s.w, s.h * sizeof(*s.height), err)) ||
        !(s.distance = af_calloc(s.w, s.h * sizeof(*s.distance), err)) || find_object(&s, err))
        goto done;
    for (size_t k = 0; k < n; k++)
        doubt_edges(&s, slice[k].vote, window);
    judge_object(&s, window);
    ret = 0;
done:
    af_image_release(&s.object);
    free(s.height);
    free(s.distance);
    return ret;
}
