/* SPDX-License-Identifier: BSD-2-Clause */
/* Scores of a region over z: axial sensitivity of the focus measures, and which suits a stack. */
#ifndef AF_MAPS_CURVE_H
#define AF_MAPS_CURVE_H
#include "maps/depth.h"
#include "maps/measure.h"

/* A row for each slice. All-zero is empty. */
struct af_curve {
    size_t n, room;
    struct af_curve_row {
        size_t slice;
        double z_um; // NaN: unknown
        double score[AF_NSHARPS];
    } *row;
};
int af_curve_add(struct af_curve *c, const struct af_curve_row *row, struct af_err *err);
void af_curve_release(struct af_curve *c);

/* Slice of the largest score; 0 where there is none. */
size_t af_curve_peak(const struct af_curve *c, enum af_sharp m);

/*
 * |s(z) - s(z0)| / s(z0), z0 the slice `zero`: the paper's axial sensitivity (figure 1b). own: the
 * same over its largest value. Choice: the paper scales all measures by one number, which
 * compares their units.
 */
double af_curve_sensitivity(const struct af_curve *c, enum af_sharp m, size_t zero, size_t i,
                            bool own);

/* What the curve of a measure is like; of the region, but for known and err. */
struct af_curve_rank {
    enum af_sharp measure;
    double peak;         // slice, by a parabola; NaN: at an end
    double width;        // slices in which the score is above half between least and largest
    double unimodal;     // share of steps that go up before the peak and down behind it
    size_t false_maxima; // others that stand out by more than a twentieth of the range
    double noise;        // of a score, over the range (maps/depth.h)
    double known;        // share of places whose depth is known better than AF_HEIGHT_MOST_ERR
    double err;          // median standard error of depth of those, slices
};

/*
 * Judge a measure without knowing the truth. places: depths of the map's places; NULL: none, known
 * and err are NaN. -1 with AF_ESYS.
 */
int af_curve_judge(const struct af_curve *c, enum af_sharp m, const struct af_depth *places,
                   struct af_curve_rank *out, struct af_err *err);

/*
 * Best first: by the share of places known less the standard error in slices there, then by fewer
 * false maxima. Choice: a measure is there to tell depth, so what counts is in how many places it
 * does and how well; width and noise of the region's curve only say why.
 */
void af_curve_sort(struct af_curve_rank *r, size_t n);

#endif
