/* SPDX-License-Identifier: BSD-2-Clause */
/* The OME-XML of a stack that we write: schema 2016-06, ASCII. */
#ifndef AF_IMAGE_OMEWRITE_H
#define AF_IMAGE_OMEWRITE_H
#include "image/stackwrite.h"

/*
 * OME-XML for n planes of img's size, type and bits (its pixels are not looked at). planes: [n]
 * what is known of each, or NULL: provisional, no Plane elements. The string is the caller's; NULL
 * with AF_ESYS, or AF_EDATA: OME has no such sample type (64-bit integers).
 *
 * Source: rules 1 to 11 of the OME-TIFF specification as collected in ome/rules.md.
 * Choice: positions carry ten digits, more than the schema's 32-bit float keeps.
 */
char *af_ome_write(const struct af_stack_meta *meta, const struct af_image *img,
                   const struct af_plane *planes, size_t n, struct af_err *err);

#endif
