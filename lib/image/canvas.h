/* SPDX-License-Identifier: BSD-2-Clause */
/* A colour picture to draw on: boxes, labels, mapped gray values. What lies outside is cut off. */
#ifndef AF_IMAGE_CANVAS_H
#define AF_IMAGE_CANVAS_H
#include "base/err.h"
#include "image/colormap.h"
#include <stddef.h>
#include <stdint.h>

struct af_canvas {
    long w, h;     // px; signed, since boxes may begin outside
    uint8_t *rgb;  // [h][w][3]
};

/* How values become colours: lo is the map's begin, hi its end; lo < hi. */
struct af_scale {
    enum af_colormap map;
    double lo, hi;
};

/*
 * Set lo and hi to the smallest and largest of n values, `clip` percent of them left out
 * at either end; NaN and infinity do not count. Where all are equal hi is lo + 1 (lo + |lo| / 10^6
 * beyond a million), where there are none 0 to 1. -1 with AF_ESYS (memory).
 */
int af_scale_fit(struct af_scale *s, const float *v, size_t n, double clip, struct af_err *err);

/* A white canvas. -1 with AF_ESYS (memory), AF_EUSAGE (a side is 0 or over 100000 px). */
int af_canvas_init(struct af_canvas *c, size_t w, size_t h, struct af_err *err);
void af_canvas_release(struct af_canvas *c);

/* Colours are 0xrrggbb. */
void af_canvas_fill(struct af_canvas *c, long x, long y, long w, long h, uint32_t colour);

/* A line of 1 px around the box, outside it. */
void af_canvas_frame(struct af_canvas *c, long x, long y, long w, long h, uint32_t colour);

/*
 * Text from its upper left corner, each dot `size` px wide; the tails of gpqy hang two
 * dots below its height.
 */
void af_canvas_text(struct af_canvas *c, long x, long y, int size, uint32_t colour, const char *s);
long af_text_width(const char *s, int size); // px
long af_text_height(int size);               // px

/* Values [h][w], the first at x, y. */
void af_canvas_values(struct af_canvas *c, long x, long y, const float *v, size_t w, size_t h,
                      const struct af_scale *s);

/*
 * Colour bar, hi at the top, with numbers to its right; returns the width that bar and
 * numbers take.
 */
long af_canvas_bar(struct af_canvas *c, long x, long y, long h, int size, const struct af_scale *s);
long af_bar_width(long h, int size, const struct af_scale *s);

/* Bars lower than this have no room for numbers, px. */
long af_bar_least(int size);

/* The numbers that a scale from lo to hi is marked with: 1, 2 or 5 times a power of ten apart. */
struct af_ticks {
    double first, step;
    int n;
};
struct af_ticks af_ticks(double lo, double hi, int most); // at most `most`, at least one
double af_tick(const struct af_ticks *t, int i, char *text, size_t size); // tick i, also as text

#endif
