/* SPDX-License-Identifier: BSD-2-Clause */
/* Look-up table: the metrics of a frame against those of the frames whose defocus is known. */
#ifndef AF_FOCUS_LUT_H
#define AF_FOCUS_LUT_H
#include "focus/metrics.h"
#include "nn/modelfile.h"

/*
 * A curve of the logs of the metrics over defocus, and how frames scatter around it. A frame's
 * defocus is where the curve passes it most closely,
 *
 *   z = argmin_z |W(z) (m - c(z))|^2 - 2 log det W(z),
 *
 * c linear between the knots, W that of the nearest one. All metrics vote together, so
 * that the one that tells + from - (the centre, or the ratio of widths) resolves what those
 * that are even in z leave open, as far as it stands out of its scatter.
 *
 * Source: Lightley et al., doi:10.1111/jmi.13020, where a look-up table of image metrics is the
 * alternative to the network. Choice: the likelihood; scatter between days is part of it.
 */
struct af_lut {
    size_t nknots;
    float *target; // [nknots] ascending, (defocus - center) / half range
    float *metric; // [nknots][AF_METRICS] c: medians of the logs
    float *whiten; // [nknots][AF_METRICS][AF_METRICS] W, lower triangle, the rest 0
    struct af_nn_about about;
};

enum {
    AF_LUT_KNOTS = 512, // at most
    AF_LUT_NEAR = 256,  // frames around a knot that tell of the scatter there, where there are
};

/* One frame to learn from. */
struct af_lut_frame {
    double defocus_um, metric[AF_METRICS];
};

/*
 * frame:  [n] to learn from, comes out sorted by defocus; at least two of different defocus
 * nstack: stacks that they are of: a knot takes about one frame from each
 * -1 with AF_ESYS; release in any case.
 */
int af_lut_learn(struct af_lut *lut, struct af_lut_frame *frame, size_t n, size_t nstacks,
                 struct af_err *err);
void af_lut_release(struct af_lut *lut);

/*
 * Model files of arch `lut` (nn/modelfile.h): tensors lut/target, lut/metric and lut/whiten. -1
 * with AF_ESYS or AF_EDATA; the table is empty on failure.
 */
int af_lut_read_file(struct af_lut *lut, const struct af_nn_modelfile *f, struct af_err *err);
int af_lut_write(const struct af_lut *lut, const char *path, struct af_err *err);

struct af_lut_seat; // opaque: what a thread needs
int af_lut_seat_new(struct af_lut_seat **s, struct af_err *err);
void af_lut_seat_free(struct af_lut_seat *s); // accepts NULL

/* x: [n][96][96]; y: out, [n]; feature: out, [n][AF_METRICS], the metrics. */
void af_lut_run(const struct af_lut *lut, struct af_lut_seat *s, const float *x, size_t n, float *y,
                float *feature);

#endif
