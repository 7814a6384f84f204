/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/montage.h"
#include "base/memory.h"
#include "image/area.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 8, MARGIN = 12 }; // px
#define BLACK 0x000000u

/* First plane: sizes. */
static int begin(struct af_montage *m, const struct af_image *img, struct af_err *err)
{
    m->plane_w = img->w;
    m->plane_h = img->h;
    m->w = img->w < m->width ? img->w : m->width;
    m->h = (size_t)lround((double)img->h * (double)m->w / (double)img->w);
    if (!m->h)
        m->h = 1;
    if (m->h > 4 * m->width) { // a tall strip: its height decides
        m->h = 4 * m->width;
        m->w = (size_t)lround((double)img->w * (double)m->h / (double)img->h);
        if (!m->w)
            m->w = 1;
    }
    m->every = 1;
    if (!(m->label = af_calloc(m->most, sizeof(*m->label), err)))
        return -1;
    return 0;
}

/* Keep every second, and from now on every second of those that would have been kept. */
static void thin_out(struct af_montage *m)
{
    size_t n = 0, size = m->w * m->h;

    for (size_t i = 0; i < m->n; i += 2, n++) {
        memmove(m->values + n * size, m->values + i * size, size * sizeof(*m->values));
        m->label[n] = m->label[i];
    }
    m->n = n;
    m->every *= 2;
}

int af_montage_add(struct af_montage *m, const struct af_image *img, size_t plane, double z_um,
                   struct af_err *err)
{
    size_t size;

    if (!m->label && begin(m, img, err))
        return -1;
    if (img->w != m->plane_w || img->h != m->plane_h)
        return af_fail(err, AF_EDATA, "plane %zu: %zux%zu px, the first is %zux%zu", plane, img->w,
                       img->h, m->plane_w, m->plane_h);
    if (m->nseen % m->every == 0 && m->n == m->most)
        thin_out(m);
    if (m->nseen++ % m->every)
        return 0;
    size = m->w * m->h;
    if (af_grow((void **)&m->values, &m->room, (m->n + 1) * size, sizeof(*m->values), err) ||
        af_area_average(img, m->w, m->h, m->values + m->n * size, err))
        return -1;
    m->label[m->n++] = (struct af_montage_label){plane, z_um};
    return 0;
}

void af_montage_release(struct af_montage *m)
{
    free(m->values);
    free(m->label);
    *m = (struct af_montage){0};
}

size_t af_montage_columns(size_t n, size_t w, size_t h)
{
    size_t best = 1, best_empty = 0;
    double best_off = INFINITY;

    for (size_t cols = 1; cols <= n; cols++) {
        size_t rows = (n + cols - 1) / cols, empty = rows * cols - n;
        double off = fabs(log((double)(cols * w) / (double)(rows * h) * 3 / 4));
        if (off < best_off - 1e-9 || (off < best_off + 1e-9 && empty < best_empty)) {
            best = cols;
            best_off = off;
            best_empty = empty;
        }
    }
    return best;
}

void af_plane_label(size_t plane, double z_um, bool mm, char *out, size_t size)
{
    double z = mm ? z_um * 1e-3 : z_um;

    if (!isfinite(z_um))
        snprintf(out, size, "plane %zu", plane);
    else
        snprintf(out, size, "z %.6g %s", fabs(z) < 1e-9 ? 0 : z, mm ? "mm" : "um");
}

/* One unit for all labels. */
static bool in_mm(const struct af_montage *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (fabs(m->label[i].z_um) >= AF_LABEL_MM)
            return true;
    return false;
}

/* Width of the widest label, px. */
static long label_width(const struct af_montage *m, bool mm, int dots)
{
    long widest = 0;
    char text[64];

    for (size_t i = 0; i < m->n; i++) {
        af_plane_label(m->label[i].plane, m->label[i].z_um, mm, text, sizeof(text));
        if (af_text_width(text, dots) > widest)
            widest = af_text_width(text, dots);
    }
    return widest;
}

/* Where things lie in the picture, px. */
struct layout {
    long cols, cell_w, cell_h; // cells without the gap between them
    long top, grid_w, grid_h;
    int label, title;          // dots of the letters
    bool mm;                   // labels
};

static struct layout lay_out(const struct af_montage *m, const char *title)
{
    struct layout l = {.mm = in_mm(m), .cell_w = (long)m->w};
    long rows, widest;

    l.label = label_width(m, l.mm, 2) <= l.cell_w ? 2 : 1;
    widest = label_width(m, l.mm, l.label);
    if (widest > l.cell_w) // narrow planes
        l.cell_w = widest;
    l.cell_h = (long)m->h + 4 + af_text_height(l.label);
    l.cols = (long)af_montage_columns(m->n, (size_t)(l.cell_w + GAP), (size_t)(l.cell_h + GAP));
    rows = ((long)m->n + l.cols - 1) / l.cols;
    l.grid_w = l.cols * (l.cell_w + GAP) - GAP;
    l.grid_h = rows * (l.cell_h + GAP) - GAP;
    l.title = af_text_width(title, 2) <= l.grid_w ? 2 : 1;
    l.top = MARGIN + af_text_height(l.title) + GAP;
    return l;
}

static int draw_cell(const struct af_montage *m, size_t i, const struct layout *l,
                     const struct af_montage_style *style, struct af_scale scale,
                     struct af_canvas *canvas, struct af_err *err)
{
    const float *values = m->values + i * m->w * m->h;
    long x = MARGIN + ((long)i % l->cols) * (l->cell_w + GAP);
    long y = l->top + ((long)i / l->cols) * (l->cell_h + GAP);
    char text[64];

    if (style->each && !style->fixed && af_scale_fit(&scale, values, m->w * m->h, style->clip, err))
        return -1;
    af_canvas_values(canvas, x, y, values, m->w, m->h, &scale);
    af_plane_label(m->label[i].plane, m->label[i].z_um, l->mm, text, sizeof(text));
    af_canvas_text(canvas, x, y + (long)m->h + 4, l->label, BLACK, text);
    return 0;
}

int af_montage_draw(const struct af_montage *m, const struct af_montage_style *style,
                    struct af_canvas *canvas, struct af_err *err)
{
    struct af_scale scale = style->scale;
    bool bar = style->fixed || !style->each;
    struct layout l;
    long w, h, bar_h;

    if (!m->n)
        return af_fail(err, AF_EDATA, "no plane to show");
    if (!style->fixed && af_scale_fit(&scale, m->values, m->n * m->w * m->h, style->clip, err))
        return -1;
    l = lay_out(m, style->title);
    bar_h = l.grid_h - 4 - af_text_height(l.label); // ends with the last row of pictures
    if (bar_h < af_bar_least(l.label))
        bar_h = af_bar_least(l.label);
    w = l.grid_w + (bar ? GAP + af_bar_width(bar_h, l.label, &scale) : 0);
    h = bar && bar_h > l.grid_h ? bar_h : l.grid_h;
    if (w < af_text_width(style->title, l.title))
        w = af_text_width(style->title, l.title);
    if (af_canvas_init(canvas, (size_t)(w + 2 * MARGIN), (size_t)(l.top + h + MARGIN), err))
        return -1;
    af_canvas_text(canvas, MARGIN, MARGIN, l.title, BLACK, style->title);
    for (size_t i = 0; i < m->n; i++)
        if (draw_cell(m, i, &l, style, scale, canvas, err)) {
            af_canvas_release(canvas);
            return -1;
        }
    if (bar)
        af_canvas_bar(canvas, MARGIN + l.grid_w + GAP, l.top, bar_h, l.label, &scale);
    return 0;
}
