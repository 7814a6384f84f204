/* SPDX-License-Identifier: BSD-2-Clause */
/* Masks: 0 and 255 for each pixel; their holes and specks, and how alike two of them are. */
#ifndef AF_MAPS_MASK_H
#define AF_MAPS_MASK_H
#include "image/image.h"

enum { AF_MASK_ON = 255 };

/*
 * Areas of a mask, found row by row from runs of equal pixels. Scratch; all-zero is empty, release
 * when done.
 */
struct af_areas {
    struct af_areas_run *run;
    size_t room;
};
void af_areas_release(struct af_areas *a);

/*
 * Fill the holes of at most `most` px: connected parts of 0, diagonals included, that do not reach
 * the border. SIZE_MAX: all. -1 with AF_ESYS.
 */
int af_mask_fill(struct af_areas *a, struct af_image *mask, size_t most, struct af_err *err);

/* Remove connected parts of 255, diagonals included, of less than `least` px. */
int af_mask_sweep(struct af_areas *a, struct af_image *mask, size_t least, struct af_err *err);

/* Pixels of a mask against those of another, taken as the truth. What is not 0 is on. */
struct af_mask_match {
    uint64_t both, only, missed; // px: in both, in the mask alone, in the truth alone
};

/* Count two planes of one size, any type. -1 with AF_EDATA, AF_ESYS. */
int af_mask_match(struct af_mask_match *m, const struct af_image *mask,
                  const struct af_image *truth, struct af_err *err);

/* NaN where nothing is to be found, nor was. */
double af_mask_iou(const struct af_mask_match *m);
double af_mask_dice(const struct af_mask_match *m);
double af_mask_precision(const struct af_mask_match *m);
double af_mask_recall(const struct af_mask_match *m);

#endif
