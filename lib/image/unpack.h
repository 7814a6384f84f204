/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of samples as they lie in files, of 1 to 64 bits, into rows as they lie in memory. */
#ifndef AF_IMAGE_UNPACK_H
#define AF_IMAGE_UNPACK_H
#include "image/image.h"

struct af_unpack {
    enum af_sample type; // in memory
    unsigned bits;       // in the file
    bool is_float;       // of 16 or 24 bits: widened to float
    bool invert;         // MinIsWhite: full scale minus value, for unsigned integers
    bool accumulate;     // undo horizontal differencing of integers, modulo 2^bits
    bool turned;         // integers of 24 bits: libtiff has turned the bytes of each round
};

/* Bytes in a row of n samples, which ends at a whole byte. */
size_t af_unpack_row_bytes(const struct af_unpack *u, size_t n);

/*
 * in: row as libtiff decodes it: samples of 8, 16, 32, 64 bits and float of 24 in the byte order of
 * this machine, all others packed from the highest bit down. out: n samples of u->type.
 *
 * Source: TIFF 6.0, tag Compression: 16 and 32 bits follow the order of the file, others are bytes.
 * Choice: integers of 24 bits are taken by that word, though libtiff turns them in files of the
 * other order; floats of 24 bits follow the file, as Adobe's own do.
 */
void af_unpack_row(const struct af_unpack *u, const uint8_t *in, size_t n, void *out);

/* Turn the bytes of n samples of `size` (1, 2, 4, 8) bytes round. */
void af_unpack_swap(void *data, size_t n, size_t size);

#endif
