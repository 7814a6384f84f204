/* SPDX-License-Identifier: BSD-2-Clause */
/* One picture of a stack: a montage of its planes, one plane, their maximum, or a cut along z. */
#ifndef AF_IMAGE_VIEW_H
#define AF_IMAGE_VIEW_H
#include "image/canvas.h"
#include "image/stack.h"
#include <stdbool.h>

enum af_view_kind {
    AF_VIEW_MONTAGE, // up to 64 planes, evenly spaced; with `every` up to 4096
    AF_VIEW_PLANE,   // `first`, which is `last` too
    AF_VIEW_MAX,     // at each pixel the largest value
    AF_VIEW_XZ,      // row `at` of each plane, z upward
    AF_VIEW_YZ,      // column `at`
};

struct af_view {
    enum af_view_kind kind;
    size_t first, last;    // planes, both included; those that the stack has
    size_t every;          // plane to plane; 0: all, of a montage as many as fit
    size_t at;             // px
    struct af_scale scale; // lo and hi count where `fixed`; else they are fitted to what is shown
    bool fixed;
    bool each;     // of a montage: colours fitted to every picture by itself
    double clip;   // percent of the values beyond the colours at either end
    size_t width;  // px, the widest picture or thumbnail; 0: 800, or 160
    double aspect; // height of a step in z in pixels; 0: to scale, where the stack knows it
    size_t nfiles; // that make the stack: for the title
};

enum { AF_VIEW_TITLE = 256 };

/*
 * Read the planes of st, one in memory at a time, and draw. A stream is read to the end or to
 * `last`.
 *
 * title:  out, what is shown: "run3.ome.tif: plane 12, z -1.25 um"
 * canvas: made here, released by the caller
 *
 * -1 with AF_EUSAGE (no such plane, row or column; too large a picture), AF_EDATA (a plane that
 * cannot be read or of another size, no plane at all), AF_ESYS.
 */
int af_view_draw(const struct af_view *v, struct af_stack *st, char title[AF_VIEW_TITLE],
                 struct af_canvas *canvas, struct af_err *err);

#endif
