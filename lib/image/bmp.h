/* SPDX-License-Identifier: BSD-2-Clause */
/* BMP: gray images of simple cameras. */
#ifndef AF_IMAGE_BMP_H
#define AF_IMAGE_BMP_H
#include "image/image.h"
#include <stdio.h>

/*
 * Read one BMP from where fp stands; fp need not seek.
 *
 * Uncompressed, 1, 4 or 8 bits a pixel with a palette of grays, rows from the
 * bottom or from the top. The gray levels of the palette become U8 with 8 bits.
 *
 * name:       for messages
 * max_pixels: largest w * h that is accepted
 *
 * Returns 0, or -1 with AF_EDATA ("NAME: colour BMP, gray is needed", compressed, damaged, cut
 * short, over the limit) or AF_ESYS (read error, memory). img may hold part of the picture after a
 * failure.
 */
int af_bmp_read(FILE *fp, const char *name, size_t max_pixels, struct af_image *img,
                struct af_err *err);

#endif
