/* SPDX-License-Identifier: BSD-2-Clause */
/* Where along z each place of a stack is sharpest, found while its score maps go by. */
#ifndef AF_MAPS_DEPTH_H
#define AF_MAPS_DEPTH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is kept of the curve of each place: its extreme, the two scores beside it, the least on both
 * sides of it, and how much the curve jitters away from it. All-zero, with n and least set, is
 * empty.
 */
struct af_depth {
    size_t n;                     // places
    bool least;                   // look for the smallest score instead of the largest
    size_t nslices;               // so far
    struct af_depth_block *block; // of place i: [i / AF_DEPTH_BLOCK], there i % AF_DEPTH_BLOCK
};

enum { AF_DEPTH_BLOCK = 16 };
#define AF_DEPTH_EACH(type, name) type name[AF_DEPTH_BLOCK]

struct af_depth_block {
    /* Scores; least: with their sign turned. */
    AF_DEPTH_EACH(float, best);
    AF_DEPTH_EACH(float, before);
    AF_DEPTH_EACH(float, after);
    AF_DEPTH_EACH(float, left); // smallest before the best
    AF_DEPTH_EACH(float, right);
    AF_DEPTH_EACH(float, low); // smallest of all
    AF_DEPTH_EACH(float, one); // of the last slice
    AF_DEPTH_EACH(float, two); // of the one before

    /* Squared second differences. */
    AF_DEPTH_EACH(float, jitter); // sum of all
    AF_DEPTH_EACH(float, near);   // of those centred within 2 of the best
    AF_DEPTH_EACH(float, d2);     // centred on the slice before the last
    AF_DEPTH_EACH(uint32_t, njitter);
    AF_DEPTH_EACH(uint32_t, nnear);

    AF_DEPTH_EACH(uint32_t, at); // slice of the best
};

/* What a curve comes to. */
struct af_depth_fit {
    double depth;      // slices, from 0: vertex of the parabola through the best and its neighbours
    double var;        // its variance, slices^2; infinity: no extreme that counts
    double best;       // score there
    double prominence; // by how much it stands out from the less deep of its two sides
    double noise;      // variance of a score; NaN: too few slices to tell
};

/* n places; least: focus is where scores are smallest. -1 with AF_ESYS; release in any case. */
int af_depth_init(struct af_depth *d, size_t n, bool least, struct af_err *err);
void af_depth_release(struct af_depth *d);

/* Take the map of the next slice, [n]; what is NaN does not count. */
void af_depth_add(struct af_depth *d, const float *map);

/*
 * Source: the parabola through three points, its offset limited to half a slice, is what
 * shape-from-focus always does (Nayar and Nakagawa, IEEE PAMI 16 (1994) 824, with the logarithm).
 * Choice: the variance follows from the curve itself. Noise s of a score, independent from slice
 * to slice, makes second differences of variance 6 s^2 where the curve is flat, so their mean
 * square more than two slices from the best is 6 s^2 at most; the vertex (a - c) / 2p of the
 * parabola, p = 2b - a - c, then has variance s^2 (1/2 + 6 offset^2) / p^2. Fewer than 7 slices do
 * not tell their noise: as s counts a tenth of p.
 * Choice: an extreme that stands out by less than 8 s is none. The largest of n values of noise
 * stands out by some 4 s of 20, 6 s of 200; a slope, as of a lamp that fades, by less.
 */
struct af_depth_fit af_depth_fit(const struct af_depth *d, size_t i);

#endif
