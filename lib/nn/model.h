/* SPDX-License-Identifier: BSD-2-Clause */
/* A model file: the network's numbers and what made them. */
#ifndef AF_NN_MODEL_H
#define AF_NN_MODEL_H
#include "nn/arch.h"
#include "nn/modelfile.h"
#include <stdint.h>
#include <stdio.h>

/* All-zero is the empty state. */
struct af_nn_model {
    struct af_nn_arch arch;
    float *params; // [arch.nparams]
    float *moving; // [arch.nmoving]
    struct af_nn_about about;
};

/* Zeroed numbers for a width alpha; center 0, half range 1. -1 with AF_EUSAGE, AF_ESYS. */
int af_nn_model_init(struct af_nn_model *m, double alpha, struct af_err *err);
void af_nn_model_release(struct af_nn_model *m);

/*
 * Fresh weights: kernels glorot uniform, limit sqrt(6 / (fan in + fan out)) with Keras's fans (a
 * depthwise kernel [3,3,c,1] has 9c and 9), gamma 1, beta 0, mean 0, variance 1, bias 0;
 * from stream "weights" of the seed.
 */
void af_nn_model_randomise(struct af_nn_model *m, uint64_t seed);

/*
 * Read a .safetensors file of format aftools-model/1, arch mobilenetv2; tensors by
 * their Keras names, in any order. "-" is stdin. -1 with AF_ESYS, or AF_EDATA: a header that
 * is too large, no JSON, overlapping or out-of-range offsets, a tensor missing, of the wrong
 * shape or type, NaN or infinite numbers, a variance below 0, another arch or input. m is empty on
 * failure.
 * Missing optional keys: center 0, half range 1. Choice: all keys are optional; without
 * alpha it is a width of Keras (0.35 to 1.4), or else a multiple of 0.05, that has as many numbers.
 */
int af_nn_model_read(struct af_nn_model *m, const char *path, struct af_err *err);

/* The same of a file whose header has been read, to its end. */
int af_nn_model_read_file(struct af_nn_model *m, const struct af_nn_modelfile *f,
                          struct af_err *err);

/* Write whole or not at all ("-" is stdout); the same model gives the same bytes. -1 with AF_ESYS.
 */
int af_nn_model_write(const struct af_nn_model *m, const char *path, struct af_err *err);

#endif
