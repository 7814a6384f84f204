/* SPDX-License-Identifier: BSD-2-Clause */
/* One plane of gray values. */
#ifndef AF_IMAGE_IMAGE_H
#define AF_IMAGE_IMAGE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How a value is stored in memory, in the byte order of this machine. Files with other
 * depths are widened: 1..8 bits to U8, 9..16 to U16, 17..32 to U32, 33..64 to
 * U64 (signed alike), half and 24-bit float to F32.
 */
enum af_sample {
    AF_U8,
    AF_U16,
    AF_U32,
    AF_U64,
    AF_I8,
    AF_I16,
    AF_I32,
    AF_I64,
    AF_F32,
    AF_F64,
    AF_NSAMPLES
};

/*
 * x to the right, y down, pixel centres at whole numbers; row y begins at
 * data + y * w * af_sample_size(type), no padding. All-zero is the empty state.
 */
struct af_image {
    size_t w, h; // px
    enum af_sample type;
    unsigned bits; // significant bits, 1..64: 12 for a 12-bit camera in U16
    void *data;    // [h][w]
    size_t room;   // bytes allocated at data
};

/* What of a colour image becomes the plane; gray images are read as they are. */
enum af_colour {
    AF_COLOUR_REFUSED, // colour is an error
    AF_COLOUR_LUMA,    // (299 R + 587 G + 114 B) / 1000, rounded: Rec. ITU-R BT.601
    AF_COLOUR_RED,
    AF_COLOUR_GREEN,
    AF_COLOUR_BLUE,
};

size_t af_sample_size(enum af_sample type);      // bytes
const char *af_sample_name(enum af_sample type); // "uint16": as OME-XML writes it
unsigned af_sample_bits(enum af_sample type);    // 8 .. 64
bool af_sample_is_float(enum af_sample type);
bool af_sample_is_signed(enum af_sample type); // of integers

/* Smallest type of the given signedness that holds `bits` (1..64). */
enum af_sample af_sample_for_bits(unsigned bits, bool is_signed);

/*
 * Give img the size and type (bits: all of the type's); keeps its memory where that is large
 * enough, content undefined. Returns 0, or -1 with AF_EUSAGE (w or h is 0) or AF_ESYS (overflow,
 * memory) and img unchanged.
 */
int af_image_resize(struct af_image *img, size_t w, size_t h, enum af_sample type,
                    struct af_err *err);
void af_image_release(struct af_image *img);

/* n pixels of `samples` >= 3 samples each, U8 or U16, into n of one; out may be in. */
void af_colour_pick(const void *in, size_t n, size_t samples, enum af_sample type,
                    enum af_colour part, void *out);

/* Row y: w samples, borrowed, writable where the image is. */
void *af_image_row(const struct af_image *img, size_t y);

/* Row y, or n values from any array of samples, as double. 64-bit integers are rounded. */
void af_image_row_f64(const struct af_image *img, size_t y, double *out);
void af_sample_to_f64(const void *in, enum af_sample type, size_t n, double *out);

/* Count at full scale: 2^bits - 1 (signed: 2^(bits-1) - 1), or NaN for float, which has none. */
double af_image_full_scale(const struct af_image *img);

/*
 * What a look at a plane tells. NaN values are left out of min, max, mean and counted.
 * saturated: values at or above full scale (0 for float); mean summed exactly for integers up to 32
 * bits.
 */
struct af_image_stats {
    double min, max, mean;
    size_t saturated, nan; // px
};
void af_image_measure(const struct af_image *img, struct af_image_stats *s);

#endif
