/* SPDX-License-Identifier: BSD-2-Clause */
/* Score maps in a file: an OME-TIFF that says what slices they are maps of. */
#ifndef AF_MAPS_MAPFILE_H
#define AF_MAPS_MAPFILE_H
#include "image/stack.h"
#include "image/stackwrite.h"
#include <stdbool.h>

/* What is kept beside the maps, as keys of a MapAnnotation (aftools-formats(5)). */
struct af_mapfile_geometry {
    size_t w, h;    // px, of the slices
    size_t cell;    // px: a map is constant over cells of that side
    double overlap; // area of the smallest window over that of a cell, at least 1
};

/* Texts of the keys; all-zero is empty. */
struct af_mapfile_keys {
    struct af_keyvalue key[4];
    char text[4][32];
};
void af_mapfile_put(struct af_mapfile_keys *k, const struct af_mapfile_geometry *g);

/*
 * Geometry of the maps in st; a stack without the keys is taken for maps with a value per pixel.
 * -1 with AF_EDATA: keys that do not fit the planes, several channels.
 */
int af_mapfile_geometry(const struct af_stack *st, struct af_mapfile_geometry *g,
                        struct af_err *err);

/*
 * Map i, a value for each cell: out[(h - 1) / cell + 1][(w - 1) / cell + 1], whether the file has
 * cells or pixels. img is scratch. -1 as af_stack_read(), and AF_EDATA for a map of another size.
 */
int af_mapfile_read(struct af_stack *st, size_t i, const struct af_mapfile_geometry *g,
                    struct af_image *img, float *out, struct af_err *err);

#endif
