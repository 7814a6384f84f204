/* SPDX-License-Identifier: BSD-2-Clause */
/* A camera frame as the network sees it, and the facts that this view forgets. */
#ifndef AF_FOCUS_FRAME_H
#define AF_FOCUS_FRAME_H
#include "image/image.h"

enum { AF_FRAME_SIDE = 96, AF_FRAME_PX = AF_FRAME_SIDE * AF_FRAME_SIDE };

/* Of the frame as it came: the norm below erases brightness, and trust asks for it. */
struct af_frame_facts {
    double min, max, mean; // counts
    double sum;            // counts, over the frame
    double saturated;      // share of the pixels at full scale, 0 to 1
    double norm;           // counts: L2 norm of the 96x96 averages; 0: a black frame
};

/*
 * The network's input:
 *
 *   x = 96 a / |a|_2,   a = area average of the whole frame to 96x96
 *
 * so that the r.m.s. of x is 1. a is what OpenCV calls INTER_AREA.
 *
 * x:     out, [96][96]; all zero for a black frame
 * facts: out
 *
 * Returns 0, also for a frame without content (af_frame_is_blank); -1 with AF_EDATA: a side
 * below 96 px, NaN or infinite pixels; AF_ESYS: memory.
 * Choice: small frames are refused. OpenCV would enlarge them, by interpolation and no longer by
 * area, and a network that has learnt frames knows nothing of such pictures.
 */
int af_frame_reduce(const struct af_image *img, float *x, struct af_frame_facts *facts,
                    struct af_err *err);

/* No picture at all: black, or the same count all over. */
bool af_frame_is_blank(const struct af_frame_facts *facts);

#endif
