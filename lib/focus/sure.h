/* SPDX-License-Identifier: BSD-2-Clause */
/* What weak labels are sure of. */
#ifndef AF_FOCUS_SURE_H
#define AF_FOCUS_SURE_H
#include "focus/maskset.h"

/*
 * A measure looks at windows, and says of a pixel what holds in the window. What is wrong for that
 * is put right where it can be, and becomes AF_VOTE_UNSURE where not. The object is what is in
 * focus anywhere and what it encloses; by votes,
 *
 *   it is made smaller by a third of a window, and nothing is in focus outside;
 *   within a third of a window of the border of a slice's mask, and of that of the smaller object
 *   in the slices that are in focus there and the next on both sides, no vote is sure;
 *   nor is any on what the object encloses and no slice is in focus of.
 *
 * slice:  [n] of a stack, of one size; votes are changed
 * window: px, the smallest side
 *
 * Choice: a window that reaches an edge of brightness finds contrast, so objects come out half a
 * window too large: by 2.5 to 3 px with windows of 6 px, on 21 domes, rough and tilted surfaces of
 * 256 px whose truth is known. A third, and another in doubt, leave the true border in the middle
 * of that. Their masks agree with the truth to an IoU of 0.84, what is left, 0.97 of the pixels, to
 * 0.96. Doubting a whole window at the border leaves better votes (0.98) but says nothing of where
 * objects end: networks make them 3 px too large. Thirds of masks: halves would drop most of a
 * slope of 0.3 slices/px.
 *
 * -1 with AF_ESYS.
 */
int af_sure_votes(struct af_maskset_slice *slice, size_t n, size_t window, struct af_err *err);

#endif
