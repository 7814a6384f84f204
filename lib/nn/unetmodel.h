/* SPDX-License-Identifier: BSD-2-Clause */
/* A U-Net in a model file: its numbers and what made them. */
#ifndef AF_NN_UNETMODEL_H
#define AF_NN_UNETMODEL_H
#include "nn/modelfile.h"
#include "nn/unetarch.h"

/* All-zero is the empty state. */
struct af_unet_model {
    struct af_unet_arch arch;
    float *params; // [arch.nparams]
    struct af_nn_notes notes;
};

/* Zeroed numbers of the network of that name. -1 with AF_EUSAGE, AF_ESYS. */
int af_unet_model_init(struct af_unet_model *m, const char *network, struct af_err *err);
void af_unet_model_release(struct af_unet_model *m);

/*
 * Read a .safetensors file of format aftools-model/1, arch unet; tensors by their Keras names, in
 * any order. "-" is stdin. -1 with AF_ESYS, or AF_EDATA: what nn/safetensors.h and
 * nn/modelfile.h refuse, another arch, a network that is none. m is empty on failure.
 * Choice: without the text `network` it is the one with as many numbers.
 */
int af_unet_model_read(struct af_unet_model *m, const char *path, struct af_err *err);

/* The same of a file whose header has been read, to its end. */
int af_unet_model_read_file(struct af_unet_model *m, const struct af_nn_modelfile *f,
                            struct af_err *err);

/* Write whole or not at all ("-" is stdout); the same model gives the same bytes. -1 with AF_ESYS.
 */
int af_unet_model_write(const struct af_unet_model *m, const char *path, struct af_err *err);

#endif
