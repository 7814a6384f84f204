/* SPDX-License-Identifier: BSD-2-Clause */
/* Model files of any arch: the texts and checks they have in common around their tensors. */
#ifndef AF_NN_MODELFILE_H
#define AF_NN_MODELFILE_H
#include "nn/safetensors.h"

/*
 * A safetensors file of format aftools-model/1. Texts of its own, all optional: format, arch,
 * alpha, input, target_center_um, target_half_range_um; all others are notes. input is 96x96x1; of
 * arch unet it is not asked for, and written as "any x any x 1".
 */

/* What a model of any arch has beside its tensors. All-zero, with half range 1, is the empty state.
 */
struct af_nn_about {
    /* Of the target: defocus = center + half_range * output; not written where NaN. */
    double center_um, half_range_um;
    struct af_nn_notes notes;        // all other texts, in the order of the file
};

/* ---- reading: open, look at the arch, read, close ---- */

struct af_nn_modelfile {
    FILE *fp;         // stands before the data
    const char *name; // for messages; borrowed
    struct af_tensors head;
};

/*
 * Open and read the header; "-" is stdin. -1 with AF_ESYS, or AF_EDATA: no safetensors, another
 * format or input (nn/safetensors.h). Close in any case but after a failure.
 */
int af_nn_modelfile_open(struct af_nn_modelfile *f, const char *path, struct af_err *err);
void af_nn_modelfile_close(struct af_nn_modelfile *f);

/* The same of an open stream, which the caller closes; release f->head in place of a close. */
int af_nn_modelfile_begin(struct af_nn_modelfile *f, FILE *fp, const char *name,
                          struct af_err *err);

/* "mobilenetv2" where the file does not say. Borrowed. */
const char *af_nn_modelfile_arch(const struct af_nn_modelfile *f);

/* Target and notes. -1 with AF_EDATA (a number that is none, a half range not above 0), AF_ESYS;
 * the caller releases a->notes in any case. */
int af_nn_modelfile_about(const struct af_nn_modelfile *f, struct af_nn_about *a,
                          struct af_err *err);

/* *v from the text of a key; untouched where there is none. -1 with AF_EDATA. */
int af_nn_modelfile_real(const struct af_nn_modelfile *f, const char *key, double *v,
                         struct af_err *err);

/*
 * Read the data into to[i], where tensor `want`[i] of that name and shape belongs. The file
 * may have them in any order, but no others. -1 with AF_EDATA or AF_ESYS.
 */
int af_nn_modelfile_read(const struct af_nn_modelfile *f, const struct af_tensors *want,
                         float *const *to, struct af_err *err);

/* ---- writing ---- */

/*
 * Write whole or not at all ("-" is stdout); the same numbers and texts give the same bytes.
 * s:     in, the tensors, empty of notes
 * from:  [s->n] their numbers
 * alpha: of a network; NaN: none
 * -1 with AF_ESYS.
 */
int af_nn_modelfile_write(const char *path, const char *arch, double alpha,
                          const struct af_nn_about *a, struct af_tensors *s,
                          const float *const *from, struct af_err *err);

#endif
