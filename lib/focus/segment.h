/* SPDX-License-Identifier: BSD-2-Clause */
/* A U-Net applied to slices of any size. */
#ifndef AF_FOCUS_SEGMENT_H
#define AF_FOCUS_SEGMENT_H
#include "focus/slice.h"
#include "nn/unetmodel.h"

struct af_segmenter; // opaque: packed weights, and activations of each thread

/* Bytes that the activations of all threads take together, unless a tile of the least size takes
 * more. */
#define AF_SEGMENT_MEMORY ((size_t)600 << 20)

/*
 * A slice is filled up to whole multiples of af_unet_multiple() by its mirror image. What does not
 * fit into memory at once is cut into tiles that overlap by af_unet_reach(), so that every
 * pixel is what it would be in one piece: there are no seams, and threads and memory do not
 * matter. A network that normalises needs the whole slice: as many are worked on at a time as
 * memory allows, one at least.
 *
 * m:        borrowed until free
 * nthreads: 0: one per processor
 * memory:   bytes, as AF_SEGMENT_MEMORY
 * average:  probabilities over the four mirror images, and where several slices are seen, over
 *           those with the stack upside down, too: nothing of that matters to focus, but to the
 *           network's mistakes it does. Takes 4 or 8 times as long.
 *
 * -1 with AF_ESYS.
 */
int af_segmenter_new(struct af_segmenter **s, const struct af_unet_model *m, unsigned nthreads,
                     size_t memory, bool average, struct af_err *err);
void af_segmenter_free(struct af_segmenter *s); // accepts NULL

/* Slices that are best given at a time: as many as there are threads. */
size_t af_segmenter_slices(const struct af_segmenter *s);

/* Slices that the network sees of each: odd, the one that is asked about in the middle. */
size_t af_segmenter_sees(const struct af_segmenter *s);

/*
 * n slices, 1..af_segmenter_slices(), with those around them:
 *
 * img: [n][sees], borrowed; at the ends of a stack its last slice stands for those missing
 * p:   out, p[i] is [h][w] of slice i, probability of being in focus; 0 where it has no number
 *
 * -1 with AF_EDATA (slices around one have another size), AF_ESYS.
 */
int af_segmenter_run(struct af_segmenter *s, const struct af_image *const *img, size_t n,
                     float *const *p, struct af_err *err);

#endif
