/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a prediction can be trusted, and how far: learnt from frames whose defocus is known. */
#ifndef AF_FOCUS_TRUST_H
#define AF_FOCUS_TRUST_H
#include "focus/frame.h"
#include "nn/model.h"

/* One frame and what the network said of it; pointers are borrowed. */
struct af_trust_frame {
    double defocus_um;                  // as predicted
    const struct af_frame_facts *facts; // of the frame as it came
    const float *input;                 // [96][96], what af_frame_reduce() made of it
    const float *feature;               // [nfeature], what entered the dense layer
};

/* ---- after training: new, add each validation frame, finish, write, free ---- */

struct af_trust_fit; // opaque; some 300 bytes a frame

/* nfeature: cfeature of the network. -1 with AF_ESYS. */
int af_trust_fit_new(struct af_trust_fit **fit, size_t nfeature, struct af_err *err);
void af_trust_fit_free(struct af_trust_fit *fit); // accepts NULL

/*
 * A frame that took no part in training. true_um: its defocus; day: any number that frames of
 * one day share, so that what changes from day to day is known. -1 with AF_ESYS.
 */
int af_trust_fit_add(struct af_trust_fit *fit, const struct af_trust_frame *frame, double true_um,
                     unsigned day, struct af_err *err);

enum {
    AF_TRUST_KNOTS = 24, // along the predicted defocus
    AF_TRUST_DIMS = 48,  // of the signature of a frame
    AF_TRUST_MIN = 64,   // frames needed
};

/* What is kept in the model. All-zero: nothing is known, all frames are trusted. */
struct af_trust {
    bool known;
    double from_um, to_um;         // defocus the network was trained on
    double min_max, max_saturated; // limits: brightest pixel, counts; share at full scale
    double min_sum, max_sum;       // counts
    size_t nknots;
    double at_um[AF_TRUST_KNOTS], sigma_um[AF_TRUST_KNOTS];
    float centre[AF_TRUST_KNOTS][AF_TRUST_DIMS]; // of the signatures, at the knots
    float whiten[AF_TRUST_DIMS][AF_TRUST_DIMS];  // lower triangle
    double limit;                                // of the distance
};

/*
 * from_um, to_um: the range of the labels the network was trained on. trust: out. -1 with
 * AF_ENOFOCUS (fewer than AF_TRUST_MIN frames: the model is then written without) or AF_ESYS.
 */
int af_trust_fit_finish(struct af_trust_fit *fit, double from_um, double to_um,
                        struct af_trust *trust, struct af_err *err);

/* Into the notes of a model, keys `trust_...`. -1 with AF_ESYS. */
int af_trust_write(const struct af_trust *trust, struct af_nn_model *m, struct af_err *err);

/* ---- predicting ---- */

/* From the notes; a model without any gives the empty state. -1 with AF_EDATA: damaged notes. */
int af_trust_read(struct af_trust *trust, const struct af_nn_model *m, struct af_err *err);

/* What there is to say of one prediction. */
struct af_judgement {
    double sigma_um;    // standard error; NaN: unknown, or not trusted
    const char *reason; // "ok", or why not; never NULL
};

void af_trust_judge(const struct af_trust *trust, const struct af_trust_frame *frame,
                    size_t nfeature, struct af_judgement *j);

#endif
