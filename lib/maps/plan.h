/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which windows a slice is looked at through, and where it must be cut so that a sum over any of
 * them is a sum over whole pieces.
 *
 * Windows of side w begin at 0, s, 2s, ... below the width and the height, and are clipped at the
 * right and at the bottom. A sum over pairs that reach d px belongs to their first pixels, which
 * for a window from a to b lie in a .. b - d: so cuts are kept for each reach. All windows and
 * strides share one set of cuts, and the pixels are passed over once.
 */
#ifndef AF_MAPS_PLAN_H
#define AF_MAPS_PLAN_H
#include "base/err.h"
#include "maps/measure.h"
#include <stddef.h>

/* Cuts of one axis: piece i is [at[i], at[i + 1]), at[0] = 0, at[n] = len. */
struct af_cuts {
    size_t n, len;
    uint32_t *at;    // [n + 1]
    uint32_t *index; // [len + 1]: of a position that is a cut, its number
};

/* One side of window and one stride. */
struct af_pair {
    uint32_t window, stride; // px
};

/* Pixels x0 to x1 - 1 of rows y0 to y1 - 1. */
struct af_box {
    size_t x0, x1, y0, y1;
};

struct af_plan {
    size_t w, h;
    struct af_box region; // can be scored as a window can
    size_t npairs;
    struct af_pair *pair;
    struct af_cuts x[AF_NREACH], y[AF_NREACH]; // by reach
    size_t cell; // px: greatest common divisor of all windows and strides
};

/* No piece is longer, so that 32 bits hold any sum over a piece of 8-bit pixels (kernels.h). */
enum { AF_PLAN_MOST = 32 };

/* Choice: a side above is refused; positions are 32 bits. */
enum { AF_PLAN_MAX_SIDE = 1 << 30 };

/*
 * All windows with all strides, for slices of w x h px, and a region of them; NULL: the whole
 * slice. -1 with AF_EUSAGE (no window, one of 0 px, a region that is empty or outside), AF_ESYS;
 * release in any case. All-zero is the empty state.
 */
int af_plan_init(struct af_plan *p, size_t w, size_t h, const struct af_box *region,
                 const uint32_t *windows, size_t nwindows, const uint32_t *strides,
                 size_t nstrides, struct af_err *err);
void af_plan_release(struct af_plan *p);

/* How many windows there are along a side of len px. */
size_t af_plan_count(size_t len, uint32_t stride);

/* The window of a pair that begins at x, y. */
struct af_box af_plan_box(const struct af_plan *p, size_t x, size_t y, uint32_t window);

/* End of the window that begins at `from`. */
size_t af_plan_end(size_t from, uint32_t window, size_t len);

/* Whole numbers from 1, "16,32,64", into *out, which the caller frees. -1 with AF_EUSAGE,
 * AF_ESYS. */
int af_plan_parse(const char *list, uint32_t **out, size_t *n, struct af_err *err);

#endif
