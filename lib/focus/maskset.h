/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks with what is in focus in them, in memory, as tiles that train or validate a U-Net. */
#ifndef AF_FOCUS_MASKSET_H
#define AF_FOCUS_MASKSET_H
#include "focus/slice.h"
#include "focus/weaklabels.h"
#include "image/stack.h"
#include <stdlib.h>

/* Shares of voices; those of a half say nothing and do not count. */
enum { AF_VOTE_UNSURE = 127, AF_VOTE_ALL = 255 };

static inline bool af_vote_is_focus(uint8_t vote)
{
    return vote > AF_VOTE_ALL / 2;
}

/* |2 share - 1|, how far voices agree. */
static inline float af_vote_weight(uint8_t vote)
{
    int more = abs(2 * vote - AF_VOTE_ALL);

    return more > 1 ? (float)more / AF_VOTE_ALL : 0;
}

struct af_maskset_slice {
    struct af_image img; // as it was read
    struct af_slice_scale scale;
    uint8_t *vote; // [h][w] share of the voices for "in focus"
    size_t stack;
};

/* A square of a slice; what lies beyond the slice is mirrored. */
struct af_tile {
    size_t slice, x, y; // px, of its first pixel
};

struct af_maskset {
    size_t nstacks, nslices, nvalidates; // nvalidates: stacks
    struct af_maskset_slice *slice;      // [nslices]
    size_t slices_room;
    size_t side;                 // px, of a tile
    size_t sees;                 // slices, odd
    struct af_tile *train, *val; // [ntrain], [nval]
    size_t ntrain, nval;
    uint64_t digest; // of pixels, votes and split
};

struct af_maskset_opts {
    const char *const *stacks; // paths
    const char *const *masks;  // [nstacks] paths of their masks; NULL: taught
    size_t nstacks;
    const bool *validates;                 // [nstacks] which do; NULL: a share of them
    double val_fraction;                   // that share; 0: none
    const struct af_weaklabel_opts *teach; // where masks is NULL
    struct af_stack_opts stack;
    size_t side, stride; // px, of tiles and from tile to tile
    size_t sees;         // slices that the network takes: odd
    uint64_t seed;       // of the split
    void (*progress)(void *ctx, size_t done, size_t total, const char *file); // NULL: nobody
    int (*stopped)(void);                                                     // NULL: never
    void *ctx;
};

/*
 * Read all. The split is by stack, never by slice: neighbours are nearly the same picture. A mask's
 * file has a plane for each slice; what is not 0 in it is in focus, or with 8 bits its share of
 * 255. Where a rule teaches, what it cannot be sure of does not count (focus/sure.h). Tiles that
 * validate do not overlap but at the far borders.
 *
 * Returns 0; 1: stopped; -1 with AF_EDATA (a stack, its mask, nothing left to train or to validate
 * with), AF_EUSAGE (a stream) or AF_ESYS. Release in any case.
 */
int af_maskset_read(struct af_maskset *s, const struct af_maskset_opts *o, struct af_err *err);
void af_maskset_release(struct af_maskset *s);

#endif
