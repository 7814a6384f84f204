/* SPDX-License-Identifier: BSD-2-Clause */
/* Named float32 arrays in one file, with texts about them: the safetensors container. */
#ifndef AF_NN_SAFETENSORS_H
#define AF_NN_SAFETENSORS_H
#include "nn/notes.h"
#include <stddef.h>
#include <stdio.h>

/*
 * 8 bytes: length N of the header, little-endian; N bytes of JSON, which may end in blanks; the
 * data.
 *
 *   {"__metadata__": {"key": "text", ...},
 *    "Conv1/kernel": {"dtype": "F32", "shape": [3,3,1,32], "data_offsets": [0,1152]}, ...}
 *
 * Offsets are bytes from the end of the header, and cover the data without holes or overlaps.
 * Numbers are little-endian, the last dimension runs fastest.
 * Source: https://github.com/huggingface/safetensors, format.
 * Choice: only F32, at most AF_TENSOR_DIMS dimensions, no empty tensor, no NaN, no infinity.
 */
enum {
    AF_TENSOR_DIMS = 4,
    AF_TENSORS_HEADER_MAX = 1 << 20, // bytes; jansson takes some 50 times that
    AF_TENSORS_DATA_MAX = 1 << 30,   // bytes
};

struct af_tensor {
    char *name;
    size_t ndims, dim[AF_TENSOR_DIMS];
    size_t n;     // numbers
    size_t begin; // bytes into the data
};

/* What a file holds, without the numbers. All-zero is the empty state. */
struct af_tensors {
    struct af_tensor *tensor; // in the order of the data
    size_t n, tensor_cap;
    struct af_nn_notes notes; // the texts of __metadata__
};

void af_tensors_release(struct af_tensors *s);

/* The tensor of that name, or NULL. */
const struct af_tensor *af_tensors_find(const struct af_tensors *s, const char *name);

/* One more tensor behind the others (its name is copied). -1 with AF_ESYS. */
int af_tensors_add(struct af_tensors *s, const char *name, size_t ndims, const size_t *dim,
                   struct af_err *err);

/* "[3,3,1,32]"; returns buf. */
enum { AF_TENSOR_SHAPE = 96 };
const char *af_tensor_shape(const struct af_tensor *t, char buf[AF_TENSOR_SHAPE]);

/*
 * Read the header, and check it whole; fp stands before the data then. `name` is for messages. s is
 * empty on failure. -1 with AF_EDATA or AF_ESYS. Nothing is allocated for the data.
 */
int af_tensors_read_head(struct af_tensors *s, FILE *fp, const char *name, struct af_err *err);

/* Read tensor i into to[i], [tensor[i].n], for all i; then the file must end. -1 as above. */
int af_tensors_read_data(const struct af_tensors *s, FILE *fp, float *const *to, const char *name,
                         struct af_err *err);

/*
 * Write tensor i from from[i]. The same tensors and texts give the same bytes; the header is padded
 * with blanks to a multiple of 8 bytes. Bytes of a text that are no UTF-8 become '?'. fp's own
 * errors stay in fp; -1 with AF_ESYS (memory), or AF_EDATA where a reader would refuse the header.
 */
int af_tensors_write(const struct af_tensors *s, FILE *fp, const float *const *from,
                     struct af_err *err);

#endif
