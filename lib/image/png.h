/* SPDX-License-Identifier: BSD-2-Clause */
/* PNG: gray images in, gray or colour pictures out. */
#ifndef AF_IMAGE_PNG_H
#define AF_IMAGE_PNG_H
#include "image/image.h"
#include <stdio.h>

/*
 * Read one PNG from where fp stands; fp need not seek.
 *
 * Gray of 1, 2, 4, 8 bits becomes U8 and 16 bits U16, counts as they stand in the file and `bits`
 * the file's depth; interlaced too. Alpha is dropped. A palette of grays becomes U8.
 *
 * name:       for messages
 * max_pixels: largest w * h that is accepted
 *
 * Returns 0, or -1 with AF_EDATA ("NAME: colour PNG, gray is needed", damaged, cut short, over the
 * limit) or AF_ESYS (read error, memory). img may hold part of the picture after a failure.
 * Choice: sBIT, gamma and colour profiles are passed over: counts of a camera are linear.
 */
int af_png_read(FILE *fp, const char *name, size_t max_pixels, struct af_image *img,
                struct af_err *err);

/* The same, and of a colour PNG its `part`; *colour says whether it is one. */
int af_png_read_part(FILE *fp, const char *name, size_t max_pixels, enum af_colour part,
                     bool *colour, struct af_image *img, struct af_err *err);

/*
 * Write 8-bit pixels [h][w][channels], 1 channel gray or 3 red, green, blue; the same pixels
 * give the same bytes. comment (or NULL) is kept as the text "Comment", Latin-1.
 * Returns 0, or -1 with AF_ESYS (write error, memory) or AF_EUSAGE (a size that PNG cannot hold).
 */
int af_png_write(FILE *fp, const char *name, const uint8_t *pixels, size_t w, size_t h,
                 int channels, const char *comment, struct af_err *err);

/* The same into the file of that name, which appears whole or not at all (base/outfile.h). */
int af_png_save(const char *path, const uint8_t *pixels, size_t w, size_t h, int channels,
                const char *comment, struct af_err *err);

#endif
