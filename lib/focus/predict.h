/* SPDX-License-Identifier: BSD-2-Clause */
/* From camera frames to micrometres of defocus, by one model or by a coarse and a fine one. */
#ifndef AF_FOCUS_PREDICT_H
#define AF_FOCUS_PREDICT_H
#include "focus/trust.h"

struct af_predictor;    // opaque: models made ready; may be shared by threads
struct af_predict_seat; // opaque: what one thread needs beside

enum { AF_PREDICT_MOST = 8 }; // frames that a call takes

/*
 * model: path of a model file. fine: NULL, or the model of a shorter range, which answers
 * where the first one's prediction lies within that range (the two-step rule).
 * -1 with AF_ESYS or AF_EDATA (the file, or its notes of trust).
 */
int af_predictor_open(struct af_predictor **p, const char *model, const char *fine,
                      struct af_err *err);
void af_predictor_close(struct af_predictor *p); // accepts NULL

/* What there is to know of a model; borrowed until close. */
struct af_predictor_info {
    const char *path;
    const char *words; // "mobilenetv2, alpha 0.35, kernels: avx512"
    double center_um, half_range_um;
    bool trust; // whether it can tell what it does not know
};
/* which: 0, or 1 for the fine model; NULL where there is none. */
const struct af_predictor_info *af_predictor_info(const struct af_predictor *p, int which);

/* -1 with AF_ESYS. */
int af_predict_seat_new(struct af_predict_seat **s, const struct af_predictor *p,
                        struct af_err *err);
void af_predict_seat_free(struct af_predict_seat *s); // accepts NULL

struct af_prediction {
    double defocus_um; // center + half range * output; NaN unless trusted
    double sigma_um;   // its standard error; NaN: unknown
    enum af_trust_reason trust;
    bool fine;         // the fine model has answered
    struct af_err err; // why a frame is unusable
};

/*
 * Predict n <= AF_PREDICT_MOST frames, one thread to a seat. A frame's answer does not depend on
 * its neighbours.
 * Choice: where the fine model says `range`, the coarse one's answer stands: it was at
 * the edge. Any other doubt of the fine model is the answer.
 */
int af_predict_run(const struct af_predictor *p, struct af_predict_seat *s,
                   const struct af_image *const *frame, size_t n, struct af_prediction *out,
                   struct af_err *err);

#endif
