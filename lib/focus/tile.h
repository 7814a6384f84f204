/* SPDX-License-Identifier: BSD-2-Clause */
/* Tiles of stacks as a U-Net learns them: turned, sheared, flatter or harder, noisier. */
#ifndef AF_FOCUS_TILE_H
#define AF_FOCUS_TILE_H
#include "base/random.h"
#include "focus/maskset.h"

/* How a tile is changed; all-zero: not at all. */
struct af_tile_change {
    unsigned turn;    // position of a square, 0 .. 7; 8 more: the stack upside down
    bool negative;    // dark is bright
    double doublings; // of its contrast
    double shade[4];  // wave of light: its height in units of x, rad/px along x and y, phase
    double noise;     // standard deviation of what is added, in units of x
    uint64_t seed;    // of the noise
    /* The slice that stands for slice k at (x, y) is k + height sin(wave . (x, y, 1)). */
    double height;  // slices
    double wave[3]; // rad/px along x and y, phase
};

/*
 * Draw one: any position, contrasts of 1/2 to 2 of either sign, noise up to `noise` of a slice's
 * r.m.s. brightness, slopes up to `slope` slices/px in waves of 48 to 192 px, and as often as not
 * waves of light of 12 to 96 px, the same in all slices, up to half the brightness high.
 *
 * Choice: rules are right on calm, bright stacks with gentle slopes, and wrong on others. A shear
 * by whole slices makes steep surfaces of gentle ones with every pixel's own blur, and of the mask
 * what the rule would have said had it been able to; noise makes dark stacks of bright ones. So the
 * network learns, from where its teacher is right, what holds where it is not. Structures so
 * coarse that they look the same in all slices say nothing of focus.
 */
void af_tile_draw(struct af_tile_change *c, bool deep, double noise, double slope,
                  struct af_random *r);

/*
 * x: out, [side][side][sees], the slices around in their order, the last one of the stack for those
 * that are missing; mask, weight: out, [side][side], by the votes (focus/maskset.h). The weight is
 * 0 beyond the slice, where the slice has no number, and where a shear leads out of the stack.
 */
void af_tile_make(const struct af_maskset *s, const struct af_tile *t,
                  const struct af_tile_change *c, float *x, float *mask, float *weight);

#endif
