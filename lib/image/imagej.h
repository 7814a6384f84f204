/* SPDX-License-Identifier: BSD-2-Clause */
/* What ImageJ writes into the ImageDescription of its stacks. */
#ifndef AF_IMAGE_IMAGEJ_H
#define AF_IMAGE_IMAGEJ_H
#include <stdbool.h>
#include <stddef.h>

/* Planes lie in the order channel, slice, frame, the first fastest. */
struct af_imagej {
    size_t images, nc, nz, nt; // images = 0: not said; else nc * nz * nt <= images
    double spacing_um;         // NaN: not said
    double unit_um;            // micrometres in its unit of length; NaN: none
};

/* False where the text is not ImageJ's. Source: ImageJ's FileInfo and TiffEncoder, description
 * string. */
bool af_imagej_parse(const char *description, struct af_imagej *ij);

#endif
