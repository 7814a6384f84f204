/* SPDX-License-Identifier: BSD-2-Clause */
/* One TIFF file: its pages, as gray planes. What the pages mean together is image/stack.h. */
#ifndef AF_IMAGE_TIFF_H
#define AF_IMAGE_TIFF_H
#include "image/stack.h"

/* What a page's directory says. */
struct af_tiff_page {
    uint64_t ifd;        // where its directory lies in the file, bytes
    uint64_t raw;        // where its samples lie, if they are one uncompressed run; 0: they are not
    size_t w, h;         // px
    enum af_sample type; // in memory, after widening
    unsigned bits;       // in the file
    bool reduced;        // a thumbnail or a mask of another page
    unsigned extra;      // samples of a pixel behind the gray one, alpha and the like: left out
    bool micromanager;   // plane came from Micro-Manager's tag 51123
    unsigned depth;      // significant bits by that tag; 0: not said
    struct af_plane plane; // from tag 51123 or from the PageName that we write; NaN otherwise
    bool colour;           // red, green and blue of 8 or 16 bits, side by side
    const char *refuse;    // why it cannot be read as gray, a constant; NULL: it can
};

struct af_tiff; // opaque

/*
 * Open a file: by path; or from memory (`bytes`, `n`, from malloc: taken over, freed on
 * failure too). `name` is for messages. Reads all directories, no samples.
 *
 * Limits: max_pixels of a page, max_pages in all; a page that needs more bytes
 * than a file of this length can hold under its compression is refused.
 * -1 with AF_ESYS, or AF_EDATA: no TIFF, no page. Pages after a damaged
 * directory are lost: af_tiff_damage() says so.
 */
int af_tiff_open(struct af_tiff **t, const char *path, size_t max_pixels, size_t max_pages,
                 struct af_err *err);
int af_tiff_open_memory(struct af_tiff **t, const char *name, void *bytes, size_t n,
                        size_t max_pixels, size_t max_pages, struct af_err *err);
void af_tiff_close(struct af_tiff *t); // accepts NULL

/* All borrowed until close. */
size_t af_tiff_npages(const struct af_tiff *t);
const struct af_tiff_page *af_tiff_page(const struct af_tiff *t, size_t i);
const char *af_tiff_description(const struct af_tiff *t); // ImageDescription of page 0, or NULL
const char *af_tiff_date(const struct af_tiff *t);        // of page 0, ISO 8601, or NULL
const char *
af_tiff_damage(const struct af_tiff *t); // what cut the chain of directories short, or NULL
double af_tiff_pixel_um(const struct af_tiff *t); // from XResolution and ResolutionUnit; NaN: none

/* Read colour pages as that part of them, AF_COLOUR_REFUSED as they are refused from the start. */
void af_tiff_take(struct af_tiff *t, enum af_colour part);

/*
 * ImageJ writes stacks over 4 GB as one page with n planes behind it: make n pages of the one.
 * -1 with AF_EDATA where the file is too short or its samples are no plain run.
 */
int af_tiff_unroll(struct af_tiff *t, size_t n, struct af_err *err);

/*
 * Read page i. Integers of 1 to 64 bits, half, 24-bit float, float, double; MinIsWhite is
 * turned to MinIsBlack; img->bits is that of the file. -1 with AF_EDATA or AF_ESYS.
 */
int af_tiff_read(struct af_tiff *t, size_t i, struct af_image *img, struct af_err *err);

#endif
