/* SPDX-License-Identifier: BSD-2-Clause */
/* What estimates defocus from a frame's input: the network, or the look-up table, by one contract.
 */
#ifndef AF_FOCUS_ESTIMATOR_H
#define AF_FOCUS_ESTIMATOR_H
#include "nn/modelfile.h"

struct af_lut;
struct af_nn_model;
struct af_estimator;      // opaque: a model made ready; may be shared by threads
struct af_estimator_seat; // opaque: what one thread needs beside

/*
 * Read a model file of either arch. about: out, its notes, released by the caller in any
 * case. -1 with AF_ESYS or AF_EDATA.
 */
int af_estimator_open(struct af_estimator **e, struct af_nn_about *about, const char *path,
                      struct af_err *err);

/* The same of a model in memory, which stays the caller's: of the network it need not outlive this
 * call, of the table it must outlive e. -1 with AF_ESYS. */
int af_estimator_of_network(struct af_estimator **e, const struct af_nn_model *m,
                            struct af_err *err);
int af_estimator_of_lut(struct af_estimator **e, const struct af_lut *lut, struct af_err *err);

void af_estimator_free(struct af_estimator *e); // accepts NULL

size_t af_estimator_nfeature(const struct af_estimator *e);

/* "mobilenetv2, alpha 0.35, kernels: avx512" */
const char *af_estimator_words(const struct af_estimator *e);

/* -1 with AF_ESYS. */
int af_estimator_seat_new(struct af_estimator_seat **s, const struct af_estimator *e,
                          struct af_err *err);
void af_estimator_seat_free(struct af_estimator_seat *s); // accepts NULL

/*
 * x:       [n][96][96], as af_frame_reduce() makes them; n <= AF_ESTIMATOR_MOST
 * y:       out, [n]; defocus = center + half range * y
 * feature: out, [n][nfeature], none below 0: what the estimate was made from, for trust
 *
 * An image's result does not depend on its neighbours.
 */
enum { AF_ESTIMATOR_MOST = 8 };
void af_estimator_run(const struct af_estimator *e, struct af_estimator_seat *s, const float *x,
                      size_t n, float *y, float *feature);

#endif
