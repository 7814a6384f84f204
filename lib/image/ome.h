/* SPDX-License-Identifier: BSD-2-Clause */
/* OME-XML, old and new, as far as stacks need it. */
#ifndef AF_IMAGE_OME_H
#define AF_IMAGE_OME_H
#include "image/stack.h"

/* Where planes lie: `count` planes from (c, t, z) on, in dimension order, from page `ifd` on. */
struct af_ome_block {
    size_t c, t, z, ifd, count; // count 0: as many as the file has
    char *file, *uuid;          // NULL: the file that the XML came from
};

struct af_ome_image {
    char *name, *date;          // date: ISO 8601
    size_t w, h, nc, nt, nz;    // px, planes
    unsigned bits;              // SignificantBits; 0: not said
    char order[6];              // "XYZCT"
    double px_um, py_um, dz_um; // NaN: not said
    bool colour;                // a channel has several samples per pixel
    bool has_z;                 // at least one PositionZ
    bool z_relative;            // PositionZ without a unit of length
    struct af_plane *plane;     // [nc * nt * nz], in dimension order; NaN where nothing is said
    struct af_ome_block *block;
    size_t nblocks;
};

struct af_ome {
    char *uuid;
    char *metadata_file; // the XML is a stub: the real one lies in this file
    struct af_ome_image *image;
    size_t nimages;
    struct af_ome_key {
        char *key, *value;
    } *key;                     // of all MapAnnotations
    size_t nkeys;
};

/* Does the text look like OME-XML? */
bool af_ome_is(const char *text);

/*
 * Parse n bytes. No network, no entities, no document type (AF_EDATA), at most
 * AF_OME_MAX bytes, at most max_planes planes in all images. `name` is for messages.
 * Schemas 2003-FC to 2016-06; units as written, OME's defaults where none is.
 * Returns 0, or -1 with AF_EDATA or AF_ESYS. Release in any case.
 */
int af_ome_parse(struct af_ome *ome, const char *xml, size_t n, const char *name, size_t max_planes,
                 struct af_err *err);
void af_ome_release(struct af_ome *ome);
#define AF_OME_MAX ((size_t)128 << 20)

/* Value of a key; NULL where there is none. */
const char *af_ome_value(const struct af_ome *ome, const char *key);

/* Index in dimension order of plane (c, t, z); nc * nt * nz where that is outside. */
size_t af_ome_index(const struct af_ome_image *im, size_t c, size_t t, size_t z);

/* The reverse: c, t, z of index i. */
void af_ome_place(const struct af_ome_image *im, size_t i, size_t *c, size_t *t, size_t *z);

#endif
