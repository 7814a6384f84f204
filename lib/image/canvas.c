/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/canvas.h"
#include "base/memory.h"
#include "image/font.h"
#include "signal/robust.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 100000, BAR_W = 14, TICK = 4 }; // px
#define BLACK 0x000000u

static const double SPAN = 1e-6; // of a scale at the least, of its values

int af_scale_fit(struct af_scale *s, const float *v, size_t n, double clip, struct af_err *err)
{
    double *x = af_calloc(n, sizeof(*x), err);
    size_t nfinite = 0, cut;

    if (!x)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i]))
            x[nfinite++] = v[i];
    s->lo = 0;
    s->hi = 1;
    if (nfinite) {
        cut = (size_t)((double)(nfinite - 1) * clip / 100);
        af_select(x, nfinite, cut);
        s->lo = x[cut];
        af_select(x, nfinite, nfinite - 1 - cut);
        s->hi = x[nfinite - 1 - cut];
        if (!(s->hi > s->lo))
            s->hi = s->lo + fmax(1, SPAN * fabs(s->lo)); // 1 alone is lost in a float of 1e20
    }
    free(x);
    return 0;
}

static uint32_t colour_of(const struct af_scale *s, double v)
{
    uint8_t rgb[3];

    af_colormap_rgb(s->map, (v - s->lo) / (s->hi - s->lo), rgb);
    return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

int af_canvas_init(struct af_canvas *c, size_t w, size_t h, struct af_err *err)
{
    if (!w || !h || w > MAX_SIDE || h > MAX_SIDE)
        return af_fail(err, AF_EUSAGE, "a picture of %zux%zu px cannot be drawn", w, h);
    if (!(c->rgb = af_calloc(w * h, 3, err)))
        return -1;
    c->w = (long)w;
    c->h = (long)h;
    memset(c->rgb, 0xff, w * h * 3);
    return 0;
}

void af_canvas_release(struct af_canvas *c)
{
    free(c->rgb);
    *c = (struct af_canvas){0};
}

void af_canvas_fill(struct af_canvas *c, long x, long y, long w, long h, uint32_t colour)
{
    long x1 = x + w < c->w ? x + w : c->w, y1 = y + h < c->h ? y + h : c->h;

    for (long j = y < 0 ? 0 : y; j < y1; j++)
        for (long i = x < 0 ? 0 : x; i < x1; i++) {
            uint8_t *p = c->rgb + (j * c->w + i) * 3;
            p[0] = (uint8_t)(colour >> 16);
            p[1] = (uint8_t)(colour >> 8);
            p[2] = (uint8_t)colour;
        }
}

void af_canvas_frame(struct af_canvas *c, long x, long y, long w, long h, uint32_t colour)
{
    af_canvas_fill(c, x - 1, y - 1, w + 2, 1, colour);
    af_canvas_fill(c, x - 1, y + h, w + 2, 1, colour);
    af_canvas_fill(c, x - 1, y, 1, h, colour);
    af_canvas_fill(c, x + w, y, 1, h, colour);
}

/* A byte of UTF-8 behind the first of its letter: a letter that the font lacks is one box. */
static bool goes_on(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void af_canvas_text(struct af_canvas *c, long x, long y, int size, uint32_t colour, const char *s)
{
    for (; *s; s++) {
        if (goes_on(*s))
            continue;
        const uint8_t *glyph = af_font_glyph(*s);
        long top = y + af_font_drop(*s) * size;
        for (int row = 0; row < AF_FONT_H; row++)
            for (int col = 0; col < AF_FONT_W; col++)
                if (glyph[row] >> (AF_FONT_W - 1 - col) & 1)
                    af_canvas_fill(c, x + col * size, top + row * size, size, size, colour);
        x += AF_FONT_STEP * size;
    }
}

long af_text_width(const char *s, int size)
{
    long n = 0;

    for (; *s; s++)
        n += !goes_on(*s);
    return n ? (n * AF_FONT_STEP - (AF_FONT_STEP - AF_FONT_W)) * size : 0;
}

long af_text_height(int size)
{
    return (long)AF_FONT_H * size;
}

void af_canvas_values(struct af_canvas *c, long x, long y, const float *v, size_t w, size_t h,
                      const struct af_scale *s)
{
    for (size_t j = 0; j < h; j++)
        for (size_t i = 0; i < w; i++)
            af_canvas_fill(c, x + (long)i, y + (long)j, 1, 1, colour_of(s, v[j * w + i]));
}

struct af_ticks af_ticks(double lo, double hi, int most)
{
    static const double mantissa[] = {1, 2, 5, 10};
    double rough = (hi - lo) / (most > 1 ? most - 1 : 1), power = pow(10, floor(log10(rough)));
    struct af_ticks t = {0};

    if (!isfinite(hi - lo))
        return (struct af_ticks){lo, 0, 1};
    for (int i = 0; i < 4; i++) { // the smallest step that leaves few enough
        t.step = mantissa[i] * power;
        t.first = ceil(lo / t.step - 1e-9) * t.step;
        t.n = (int)floor((hi - t.first) / t.step + 1e-9) + 1;
        if (t.n <= most)
            break;
    }
    if (t.n < 1) // nothing round lies in between
        t = (struct af_ticks){lo, hi - lo, 1};
    return t;
}

double af_tick(const struct af_ticks *t, int i, char *text, size_t size)
{
    double v = t->first + i * t->step;

    if (fabs(v) < 1e-9 * t->step) // nothing but rounding
        v = 0;
    snprintf(text, size, "%.6g", v);
    return v;
}

static struct af_ticks bar_ticks(long h, int size, const struct af_scale *s)
{
    long most = h / (2 * af_text_height(size));

    return af_ticks(s->lo, s->hi, most < 1 ? 1 : most > 7 ? 7 : (int)most);
}

long af_bar_width(long h, int size, const struct af_scale *s)
{
    struct af_ticks t = bar_ticks(h, size, s);
    long widest = 0;
    char text[32];

    for (int i = 0; i < t.n; i++) {
        af_tick(&t, i, text, sizeof(text));
        if (af_text_width(text, size) > widest)
            widest = af_text_width(text, size);
    }
    return BAR_W + 2 * TICK + widest;
}

long af_bar_least(int size)
{
    return 6 * af_text_height(size);
}

long af_canvas_bar(struct af_canvas *c, long x, long y, long h, int size, const struct af_scale *s)
{
    struct af_ticks t = bar_ticks(h, size, s);
    char text[32];

    for (long j = 0; j < h; j++) {
        double down = h > 1 ? (double)j / (double)(h - 1) : 0;
        af_canvas_fill(c, x, y + j, BAR_W, 1, colour_of(s, s->hi - down * (s->hi - s->lo)));
    }
    af_canvas_frame(c, x, y, BAR_W, h, BLACK);
    for (int i = 0; i < t.n; i++) {
        double up = (af_tick(&t, i, text, sizeof(text)) - s->lo) / (s->hi - s->lo);
        long at = y + h - 1 - lround(up * (double)(h - 1)), top = at - af_text_height(size) / 2;
        af_canvas_fill(c, x + BAR_W, at, TICK, 1, BLACK);
        if (top > y + h - af_text_height(size))
            top = y + h - af_text_height(size);
        af_canvas_text(c, x + BAR_W + 2 * TICK, top < y ? y : top, size, BLACK, text);
    }
    return af_bar_width(h, size, s);
}
