/* SPDX-License-Identifier: BSD-2-Clause */
/* Letters of 5 x 7 dots, for labels in pictures. */
#ifndef AF_IMAGE_FONT_H
#define AF_IMAGE_FONT_H
#include <stdint.h>

enum { AF_FONT_W = 5, AF_FONT_H = 7, AF_FONT_STEP = 6 }; // px; from letter to letter

/* Seven rows from the top, the left dot in bit 4. Printable ASCII; anything else is a box. */
const uint8_t *af_font_glyph(char c);

/* Rows that the letter lies lower than the others: 2 for those with a tail. */
int af_font_drop(char c);

#endif
