/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the directory that libtiff holds: can its page be read as gray, and how? */
#ifndef AF_IMAGE_TIFFGRAY_H
#define AF_IMAGE_TIFFGRAY_H
#include <stdbool.h>
#include <stdint.h>
#include <tiffio.h>

#define AF_TIFFGRAY_COLOUR "colour, gray is needed"

/* Why it cannot, a constant; NULL: it can. imagej: ImageJ wrote the file. */
const char *af_tiffgray_refusal(TIFF *tif, bool imagej);

/* Does the page hold red, green and blue, as struct af_tiff_page says? */
bool af_tiffgray_is_colour(TIFF *tif);

/*
 * The Predictor that stands in the directory though its compression has none, which libtiff passes
 * over; PREDICTOR_NONE: there is none. A read that fails is left in struct af_tiffio.
 * Choice: such a page is taken as differenced, as its makers' own readers do.
 */
unsigned af_tiffgray_loose_predictor(TIFF *tif);

/*
 * The most bytes that one byte of compressed file can stand for. A header that promises
 * more is hostile or broken, and is refused before memory is taken.
 * Source: PackBits runs of 128 in 2; LZW strings up to 4096 in 12 bits; zlib's technical details,
 * 1032:1. Choice: 65536 for all others (fax, LZMA, ZSTD pack empty planes very tightly).
 */
uint64_t af_tiffgray_expansion(uint16_t compression);

/* PhotometricInterpretation; MinIsBlack where it is missing. */
uint16_t af_tiffgray_photometric(TIFF *tif);

#endif
