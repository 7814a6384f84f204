/* SPDX-License-Identifier: BSD-2-Clause */
/* Colours for gray values. */
#ifndef AF_IMAGE_COLORMAP_H
#define AF_IMAGE_COLORMAP_H
#include <stdint.h>

enum af_colormap { AF_MAP_GRAY, AF_MAP_VIRIDIS, AF_MAP_MAGMA, AF_MAP_COOLWARM };
#define AF_COLORMAP_NAMES "gray|viridis|magma|coolwarm" // in that order

/*
 * Red, green, blue of t, 0 to 1; beyond, the end's colour. NaN has a colour of its own,
 * that is in no map: 60, 0, 120.
 *
 * Source: viridis and magma of S. van der Walt and N. Smith (2015, CC0); coolwarm of K. Moreland,
 * "Diverging color maps for scientific visualization", 2009; both as Matplotlib 3.6 has them.
 * Choice: 33 points of each, joined by straight lines: at most 2 of 255 from the whole tables.
 */
void af_colormap_rgb(enum af_colormap map, double t, uint8_t rgb[3]);

#endif
