/* SPDX-License-Identifier: BSD-2-Clause */
/* Labelled frames in memory, as the network sees them, split into those that train and those that
 * validate. */
#ifndef AF_FOCUS_DATASET_H
#define AF_FOCUS_DATASET_H
#include "focus/frame.h"
#include "focus/labeltable.h"
#include <stdint.h>

/*
 * 16 bits a pixel: x = low + step q. The rounding, 8e-6 of an image's range, is far below
 * camera noise, and 240,000 images take 4.4 GB.
 */
struct af_dataset {
    struct af_labeltable labels;
    size_t n;                     // images, one for each labels.plane
    uint16_t *q;                  // [n][96][96]
    float *low, *step;            // [n]
    struct af_frame_facts *facts; // [n]
    bool *validates;              // [labels.nstacks]
    unsigned *day;                // [labels.nfiles] index into days
    const char **days;            // [ndays] sorted; borrowed from labels
    size_t ndays;
    size_t *train, *val; // [ntrain], [nval] images, blank ones left out; val == train + ntrain
    size_t ntrain, nval;
    double min_um, max_um; // defocus of the images that train
    uint64_t digest;       // of pixels, labels and split
};

struct af_dataset_opts {
    const char *const *tables; // label tables; "-" is stdin
    size_t ntables;
    const char *val;     // a table whose files validate, and then nothing else does; NULL: split
    double val_fraction; // of each day's stacks; 0: none validate
    uint64_t seed;       // of the split
    unsigned nthreads;   // 0: one per processor
    void (*warn)(void *ctx, const char *text);                                // NULL: nobody
    void (*progress)(void *ctx, size_t done, size_t total, const char *file); // NULL: nobody
    int (*stopped)(void); // nonzero: read no more; NULL: never
    void *ctx;
};

/*
 * Read the tables and every plane they label, each file opened once. Whole stacks validate:
 * of each day with two or more the fraction, rounded, but at least one and not all, drawn from
 * stream "split DAY" of the seed, so that a new day leaves the split of others alone.
 *
 * Warns of rows without a good label, of rows and images that occur twice (the same images on both
 * sides make validation lie), of blank frames, of frames of several sizes, and of data from one
 * day.
 *
 * Returns 0; 1: stopped; -1 with AF_EDATA (a table, a stack, a plane that is not there, nothing
 * left to train or to validate with) or AF_ESYS. Release in any case.
 */
int af_dataset_read(struct af_dataset *d, const struct af_dataset_opts *o, struct af_err *err);
void af_dataset_release(struct af_dataset *d);

/*
 * Image i, moved by dx and dy pixels (right and down, less than 96); what comes in from outside
 * repeats the edge. x: out, [96][96].
 */
void af_dataset_image(const struct af_dataset *d, size_t i, int dx, int dy, float *x);

/* Its label, um, and its day. */
double af_dataset_defocus_um(const struct af_dataset *d, size_t i);
unsigned af_dataset_day(const struct af_dataset *d, size_t i);

#endif
