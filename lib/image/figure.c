/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/figure.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum { GAP = 10, MARGIN = 12, TICK = 5, BAR_H = 5 }; // px
#define BLACK 0x000000u

/* Where things lie in the picture, px; `dots` of the letters. */
struct layout {
    int dots;
    long left, top;   // corner of the values
    long below;       // room for scale bar and note
    long bar_h;       // colour bar: as high as the values, or as its numbers need
    long w, h;        // of the whole
};

double af_round_length(double most)
{
    double power = pow(10, floor(log10(most)));

    return (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1) * power;
}

/* A file may say 0, or less. */
static bool has_scale(const struct af_figure *f)
{
    return isnormal(f->um_per_px) && f->um_per_px > 0 && isfinite((double)f->w * f->um_per_px);
}

static struct af_ticks axis_ticks(const struct af_figure *f, int dots)
{
    long most = (long)f->h / (2 * af_text_height(dots));

    return af_ticks(f->bottom, f->top, most < 2 ? 2 : most > 9 ? 9 : (int)most);
}

static long axis_width(const struct af_figure *f, int dots)
{
    struct af_ticks t = axis_ticks(f, dots);
    long widest = af_text_width(f->axis, dots);
    char text[32];

    for (int i = 0; i < t.n; i++) {
        af_tick(&t, i, text, sizeof(text));
        if (af_text_width(text, dots) > widest)
            widest = af_text_width(text, dots);
    }
    return widest + 2 * TICK;
}

static struct layout lay_out(const struct af_figure *f)
{
    struct layout l = {.dots = f->w >= 360 ? 2 : 1};
    long line = af_text_height(l.dots);

    l.left = MARGIN + (f->axis ? axis_width(f, l.dots) : 0);
    l.top = MARGIN + line + GAP + (f->axis ? line + GAP : 0);
    l.below = has_scale(f) || f->note ? GAP + line : 0;
    l.bar_h = (long)f->h > af_bar_least(l.dots) ? (long)f->h : af_bar_least(l.dots);
    l.w = l.left + (long)f->w + GAP + af_bar_width(l.bar_h, l.dots, &f->scale) + MARGIN;
    if (l.w < af_text_width(f->title, l.dots) + 2 * MARGIN)
        l.w = af_text_width(f->title, l.dots) + 2 * MARGIN;
    l.h = (long)f->h + l.below > l.bar_h ? (long)f->h + l.below : l.bar_h;
    l.h += l.top + MARGIN;
    return l;
}

static void draw_axis(const struct af_figure *f, const struct layout *l, struct af_canvas *c)
{
    struct af_ticks t = axis_ticks(f, l->dots);
    long line = af_text_height(l->dots);
    char text[32];

    af_canvas_text(c, MARGIN, l->top - GAP - line, l->dots, BLACK, f->axis);
    for (int i = 0; i < t.n; i++) {
        double down = (f->top - af_tick(&t, i, text, sizeof(text))) / (f->top - f->bottom);
        long y = l->top + (long)floor(down * (double)f->h);
        af_canvas_fill(c, l->left - TICK, y, TICK, 1, BLACK);
        af_canvas_text(c, l->left - 2 * TICK - af_text_width(text, l->dots), y - line / 2, l->dots,
                       BLACK, text);
    }
}

/* Scale bar with its length, and the note behind it. */
static void draw_below(const struct af_figure *f, const struct layout *l, struct af_canvas *c)
{
    long x = l->left, y = l->top + (long)f->h + GAP, w;
    char text[32];
    double um;

    if (has_scale(f)) {
        um = af_round_length((double)f->w * f->um_per_px / 3);
        w = lround(um / f->um_per_px);
        snprintf(text, sizeof(text), um >= 1e4 ? "%g mm" : "%g um", um >= 1e4 ? um * 1e-3 : um);
        af_canvas_fill(c, x, y + (af_text_height(l->dots) - BAR_H) / 2, w, BAR_H, BLACK);
        af_canvas_text(c, x + w + GAP, y, l->dots, BLACK, text);
        x += w + 4 * GAP + af_text_width(text, l->dots);
    }
    if (f->note)
        af_canvas_text(c, x, y, l->dots, BLACK, f->note);
}

int af_figure_draw(const struct af_figure *f, struct af_canvas *canvas, struct af_err *err)
{
    struct layout l = lay_out(f);

    if (af_canvas_init(canvas, (size_t)l.w, (size_t)l.h, err))
        return -1;
    af_canvas_text(canvas, MARGIN, MARGIN, l.dots, BLACK, f->title);
    af_canvas_values(canvas, l.left, l.top, f->values, f->w, f->h, &f->scale);
    if (f->axis)
        draw_axis(f, &l, canvas);
    draw_below(f, &l, canvas);
    af_canvas_bar(canvas, l.left + (long)f->w + GAP, l.top, l.bar_h, l.dots, &f->scale);
    return 0;
}
