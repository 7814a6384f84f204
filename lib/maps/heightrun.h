/* SPDX-License-Identifier: BSD-2-Clause */
/* Height maps from stacks, from score maps, and from files that were written before. */
#ifndef AF_MAPS_HEIGHTRUN_H
#define AF_MAPS_HEIGHTRUN_H
#include "maps/height.h"
#include "maps/maprun.h"

/* How focus looks: AF_CONTRAST_AUTO finds out. */
enum af_contrast { AF_CONTRAST_AUTO, AF_CONTRAST_MOST, AF_CONTRAST_LEAST };

struct af_heightrun_opts {
    struct af_maprun_opts map; // one measure
    enum af_contrast contrast;
    size_t probe_x, probe_y;   // px, of the profile
    bool probe;
    int (*step)(void *ctx, size_t done); // after each slice; nonzero stops: AF_ESYS "interrupted"
    void *step_ctx;
};

struct af_heightrun {
    struct af_height height;
    size_t nslices;
    bool least;              // focus is where scores are smallest
    double prominence[2];    // of the largest and of the smallest scores, summed over places
    struct af_probe {
        double value, score;
    } *probe;                // [nslices] of the probed pixel
    size_t probe_room;
};
void af_heightrun_release(struct af_heightrun *r);

/*
 * Score the slices of st and fit heights. Bright-field objects that shift phase can have their
 * least contrast in focus. Choice: they are told by how far extremes stand out, on both sides, over
 * all places: where that is more for the smallest scores than for the largest, focus is the
 * smallest. Curves with two maxima and a valley between them, in a stack that reaches far beyond
 * both, cannot be told from two layers: contrast says it then.
 *
 * -1 as af_maprun().
 */
int af_heightrun_stack(struct af_stack *st, const struct af_heightrun_opts *o,
                       struct af_heightrun *r, struct af_err *err);

/* The same from score maps (maps/mapfile.h); `map` and the probe are not used. */
int af_heightrun_maps(struct af_stack *maps, const struct af_heightrun_opts *o,
                      struct af_heightrun *r, struct af_err *err);

/*
 * Heights as a file has them, one plane per channel: height, its error, known (0 or 1), and depth
 * in slices. z_um: [nslices], NULL where it is not known: height and error are in slices then.
 */
int af_heightfile_write(const char *path, const struct af_height *t, double most_err,
                        const double *z_um, size_t nslices, double px_um, double py_um,
                        struct af_err *err);
int af_heightfile_read(struct af_stack *st, struct af_height *t, struct af_err *err);

/* z of a depth between slices, and what a slice is there, um. */
double af_height_z(const double *z_um, size_t n, double depth);
double af_height_dz(const double *z_um, size_t n, double depth);

#endif
