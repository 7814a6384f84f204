/* SPDX-License-Identifier: BSD-2-Clause */
/* PGM: frames of a camera one after another, in a file or as they come through a pipe. */
#ifndef AF_IMAGE_PGM_H
#define AF_IMAGE_PGM_H
#include "image/stack.h"
#include <stdio.h>

/*
 * What stands before the pixels of one frame. All-zero before the first: nheads counts on, so that
 * messages name the frame.
 */
struct af_pgm_head {
    size_t w, h;           // px
    unsigned maxval;       // 1 .. 65535
    bool plain;            // P2: numbers as text
    struct af_plane plane; // from comments; NaN where they say nothing
    size_t nheads;         // frames begun so far; the one at hand is frame nheads - 1
};

/* Significant bits of counts up to maxval: 4095 gives 12. */
unsigned af_pgm_bits(unsigned maxval);

/*
 * Read the header of the next frame: binary P5 or plain P2, blanks before it are passed over.
 * Comments such as `# z_um=12.345 x_um=0 y_um=0 exposure_ms=10 time_s=0.25` fill head->plane;
 * other words in comments are passed over.
 *
 * Returns 1; 0 at a clean end; -1 with AF_EDATA ("NAME: frame 7: ..."; over max_pixels too)
 * or AF_ESYS (read error).
 */
int af_pgm_read_head(FILE *fp, const char *name, size_t max_pixels, struct af_pgm_head *head,
                     struct af_err *err);

/*
 * Read the pixels behind the header, U8 or (maxval over 255) U16, counts as they stand, `bits`
 * those of maxval: 4095 gives 12. Nothing behind the last byte of a P5 frame is asked
 * for, so that a live pipe delivers each frame when it is whole.
 *
 * Returns 0, or -1 with AF_EDATA (cut short, a count over maxval) or AF_ESYS (read error, memory).
 */
int af_pgm_read_body(FILE *fp, const char *name, const struct af_pgm_head *head,
                     struct af_image *img, struct af_err *err);

/*
 * Write a frame as P5, maxval 2^bits - 1, what is known of the plane (p may be
 * NULL) in a comment (image/pagename.h), and flush it.
 * Returns 0, or -1 with AF_EDATA (not unsigned counts of at most 16 bits) or AF_ESYS.
 */
int af_pgm_write(FILE *fp, const struct af_image *img, const struct af_plane *p,
                 struct af_err *err);

#endif
