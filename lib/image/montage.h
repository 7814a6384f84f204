/* SPDX-License-Identifier: BSD-2-Clause */
/* Small pictures of the planes of a stack, side by side. */
#ifndef AF_IMAGE_MONTAGE_H
#define AF_IMAGE_MONTAGE_H
#include "image/canvas.h"
#include "image/image.h"
#include <stdbool.h>

/* The planes kept so far. All-zero, with `width` and `most` set, is empty. */
struct af_montage {
    size_t width;         // px, widest thumbnail; planes that are smaller stay as they are
    size_t most;          // thumbnails; beyond, every second is dropped, and of what follows too
    size_t w, h;          // px, of a thumbnail
    size_t plane_w, plane_h;
    size_t every, nseen;  // of the planes seen, every `every`-th is kept
    size_t n, room;
    float *values;        // [n][h][w]
    struct af_montage_label {
        size_t plane;
        double z_um;      // NaN: unknown
    } *label;             // [n]
};

/*
 * Show it the next plane. It is kept when its turn has come; when `most` are full the
 * pictures are thinned out, so that a stream of any length leaves between most/2 and
 * most, evenly spaced. -1 with AF_EDATA (a plane of another size), AF_ESYS.
 */
int af_montage_add(struct af_montage *m, const struct af_image *img, size_t plane, double z_um,
                   struct af_err *err);
void af_montage_release(struct af_montage *m);

/*
 * Columns that bring n cells of w x h closest to 4:3; of equal ones the one that leaves
 * fewer cells empty.
 */
size_t af_montage_columns(size_t n, size_t w, size_t h);

/*
 * Draw on canvas, which is made here and released by the caller.
 *
 * scale: with fixed, lo and hi as they are; otherwise they are fitted (af_scale_fit with
 * `clip`), to all pictures or, with each, to every single one
 *
 * -1 with AF_EDATA (no plane was added), AF_EUSAGE (too large), AF_ESYS.
 */
struct af_montage_style {
    const char *title;
    struct af_scale scale;
    bool fixed, each;
    double clip;          // percent
};
int af_montage_draw(const struct af_montage *m, const struct af_montage_style *style,
                    struct af_canvas *canvas, struct af_err *err);

/* `z -1.25 um`, or with mm `z 300 mm`; `plane 12` where z is not known. */
void af_plane_label(size_t plane, double z_um, bool mm, char *out, size_t size);

/* Lengths from here on are given in mm, um. */
#define AF_LABEL_MM 1e4

#endif
