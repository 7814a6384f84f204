/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a plane, as one line of text: `z_um=-1.25 x_um=0 y_um=0 exposure_ms=10
 * time_s=3.2`. Written into the PageName of every TIFF page, so that a stack whose writer died has
 * its z, and into the comments of PGM frames.
 */
#ifndef AF_IMAGE_PAGENAME_H
#define AF_IMAGE_PAGENAME_H
#include "image/stack.h"

#define AF_PAGENAME_SIZE 160

/* Known fields only, in the order above; returns the length, 0 where nothing is known. */
size_t af_pagename_format(const struct af_plane *p, char text[AF_PAGENAME_SIZE]);

/* Take the fields that the text has; others of *p stay. Unknown words are passed, and numbers that
 * are none. */
void af_pagename_parse(const char *text, struct af_plane *p);

#endif
