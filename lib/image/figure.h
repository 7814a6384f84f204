/* SPDX-License-Identifier: BSD-2-Clause */
/* One picture with its title, colour bar, scale bar and z axis. */
#ifndef AF_IMAGE_FIGURE_H
#define AF_IMAGE_FIGURE_H
#include "image/canvas.h"

struct af_figure {
    const char *title;
    const float *values;    // [h][w], as large as they are drawn
    size_t w, h;            // px
    struct af_scale scale;
    double um_per_px;       // along x; NaN, or not above 0: no scale bar
    const char *axis;       // "z um", "plane"; NULL: no axis
    double bottom, top;     // of the axis
    const char *note;       // below the picture; NULL: none
};

/* canvas is made here and released by the caller. -1 with AF_EUSAGE (too large), AF_ESYS. */
int af_figure_draw(const struct af_figure *f, struct af_canvas *canvas, struct af_err *err);

/* A round length, 1, 2 or 5 times a power of ten, that is at most `most`; both um. */
double af_round_length(double most);

#endif
