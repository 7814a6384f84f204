/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/sites.h"

#include "base/memory.h"
#include "base/number.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

/* A well on its way into the order. */
struct place {
    int line, along; // row and column, or column and row
    size_t index;
};

static int by_line(const void *a, const void *b)
{
    const struct place *v = a, *w = b;

    return v->line != w->line ? (v->line > w->line) - (v->line < w->line)
                              : (v->along > w->along) - (v->along < w->along);
}

/* Lines one after the other; a snake runs every second one backwards. */
static void put_lines(struct place *w, size_t n, bool snake, size_t *indices)
{
    bool backwards = false;

    qsort(w, n, sizeof *w, by_line);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && w[end].line == w[i].line; end++)
            ;
        for (size_t k = i; k < end; k++)
            indices[k] = w[backwards ? i + end - 1 - k : k].index;
        backwards = snake && !backwards;
    }
}

/* Along the four sides of the box of what is left, until nothing is. at: [rows][cols] index + 1. */
static void put_spiral(const size_t *at, int rows, int cols, size_t *indices)
{
    int top = 0, left = 0, bottom = rows - 1, right = cols - 1;
    size_t n = 0;

#define VISIT(r, c)                                                                                \
    if (at[(size_t)(r) * (size_t)cols + (size_t)(c)])                                              \
    indices[n++] = at[(size_t)(r) * (size_t)cols + (size_t)(c)] - 1
    while (top <= bottom && left <= right) {
        for (int c = left; c <= right; c++)
            VISIT(top, c);
        top++;
        for (int r = top; r <= bottom; r++)
            VISIT(r, right);
        right--;
        for (int c = right; c >= left && top <= bottom; c--)
            VISIT(bottom, c);
        bottom--;
        for (int r = bottom; r >= top && left <= right; r--)
            VISIT(r, left);
        left++;
    }
#undef VISIT
}

static int order_spiral(const struct place *w, size_t n, size_t *indices, struct af_err *err)
{
    int low[2] = {w[0].line, w[0].along}, high[2] = {w[0].line, w[0].along};
    size_t rows, cols, *at;

    for (size_t i = 1; i < n; i++) {
        low[0] = w[i].line < low[0] ? w[i].line : low[0];
        high[0] = w[i].line > high[0] ? w[i].line : high[0];
        low[1] = w[i].along < low[1] ? w[i].along : low[1];
        high[1] = w[i].along > high[1] ? w[i].along : high[1];
    }
    rows = (size_t)(high[0] - low[0]) + 1;
    cols = (size_t)(high[1] - low[1]) + 1;
    if (!(at = af_calloc(rows * cols, sizeof *at, err)))
        return -1;
    for (size_t i = 0; i < n; i++)
        at[(size_t)(w[i].line - low[0]) * cols + (size_t)(w[i].along - low[1])] = w[i].index + 1;
    put_spiral(at, (int)rows, (int)cols, indices);
    free(at);
    return 0;
}

/* Choice: greedy, the first of equally near ones; no better tour is sought. */
static void put_nearest(const struct af_plate *p, struct place *w, size_t n, size_t *indices)
{
    for (size_t k = 0, best = 0; k < n; k++) {
        const struct af_well *here;
        double nearest = INFINITY;

        indices[k] = w[best].index;
        here = &p->well[w[best].index];
        memmove(w + best, w + best + 1, (n - k - best - 1) * sizeof *w);
        for (size_t i = 0; i < n - k - 1; i++) {
            const struct af_well *there = &p->well[w[i].index];
            double d = hypot(there->x_um - here->x_um, there->y_um - here->y_um);

            if (d < nearest * (1 - 1e-12)) {
                nearest = d;
                best = i;
            }
        }
    }
}

static bool has_rows(const struct af_plate *p, const bool *chosen)
{
    for (size_t i = 0; i < p->n; i++)
        if (chosen[i] && p->well[i].row < 0)
            return false;
    return true;
}

int af_wells_order(const struct af_plate *p, const bool *chosen, enum af_order order,
                   size_t *indices, size_t *n, struct af_err *err)
{
    bool by_column = order == AF_ORDER_VERTICAL || order == AF_ORDER_COLUMNS;
    struct place *w;
    size_t count = 0;
    int ret = 0;

    *n = 0;
    if (order != AF_ORDER_NEAREST && order != AF_ORDER_LISTED && !has_rows(p, chosen))
        return af_fail(err, AF_EUSAGE,
                       "positions without rows and columns have no such order: "
                       "listed or nearest");
    if (!(w = af_calloc(p->n, sizeof *w, err)))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        if (chosen[i])
            w[count++] = (struct place){by_column ? p->well[i].col : p->well[i].row,
                                        by_column ? p->well[i].row : p->well[i].col, i};
    if (!count)
        ;
    else if (order == AF_ORDER_SPIRAL)
        ret = order_spiral(w, count, indices, err);
    else if (order == AF_ORDER_NEAREST)
        put_nearest(p, w, count, indices);
    else if (order == AF_ORDER_LISTED)
        for (size_t i = 0; i < count; i++)
            indices[i] = w[i].index;
    else
        put_lines(w, count, order == AF_ORDER_HORIZONTAL || order == AF_ORDER_VERTICAL, indices);
    free(w);
    *n = ret ? 0 : count;
    return ret;
}

/* ---- fields ---- */

int af_fields_parse(struct af_fields *f, const char *text, struct af_err *err)
{
    char first[16];
    size_t len = strcspn(text, "x");
    int64_t a = 0, b = 1;

    if (len < sizeof first) {
        memcpy(first, text, len);
        first[len] = '\0';
    }
    if (len >= sizeof first || af_parse_int(first, &a, NULL) ||
        (text[len] && af_parse_int(text + len + 1, &b, NULL)) || a < 1 || b < 1 ||
        a > AF_FIELDS_MAX || b > AF_FIELDS_MAX || a * b > AF_FIELDS_MAX)
        return af_fail(err, AF_EUSAGE, "'%s' is not a number of fields like 9 or 3x2, up to %d",
                       text, AF_FIELDS_MAX);
    f->cols = text[len] ? (int)a : 0;
    f->rows = text[len] ? (int)b : (int)a;
    return 0;
}

int af_fields_count(const struct af_fields *f)
{
    return f->cols ? f->cols * f->rows : f->rows;
}

/* Square spiral: right 1, down 1, left 2, up 2, right 3, ... */
static void spiral(int i, int *x, int *y)
{
    static const int step[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

    *x = *y = 0;
    for (int side = 0; i > 0; side++)
        for (int k = 0; k < side / 2 + 1 && i > 0; k++, i--) {
            *x += step[side % 4][0];
            *y += step[side % 4][1];
        }
}

void af_fields_place(const struct af_fields *f, int i, double *dx_um, double *dy_um)
{
    int x, y;

    if (f->cols) {
        y = i / f->cols;
        x = y % 2 ? f->cols - 1 - i % f->cols : i % f->cols;
        *dx_um = (x - (f->cols - 1) / 2.0) * f->step_x_um;
        *dy_um = (y - (f->rows - 1) / 2.0) * f->step_y_um;
    } else {
        spiral(i, &x, &y);
        *dx_um = x * f->step_x_um;
        *dy_um = y * f->step_y_um;
    }
}

void af_fields_reach(const struct af_fields *f, double w_um, double h_um, double *x_um,
                     double *y_um)
{
    double dx, dy;

    *x_um = *y_um = 0;
    for (int i = 0; i < af_fields_count(f); i++) {
        af_fields_place(f, i, &dx, &dy);
        *x_um = fmax(*x_um, fabs(dx) + w_um / 2);
        *y_um = fmax(*y_um, fabs(dy) + h_um / 2);
    }
}

/* ---- travel ---- */

/* One axis over d from rest to rest, by a trapeze of speed over time, or a triangle. */
static double axis_time_s(double d, const struct af_pace *p)
{
    double v = p->speed_um_s, a = p->acceleration_um_s2;

    if (d <= 0)
        return 0;
    return d * a < v * v ? 2 * sqrt(d / a) : d / v + v / a;
}

struct af_travel af_sites_travel(const struct af_site *s, size_t n, const struct af_pace *pace)
{
    struct af_travel t = {0, 0};

    for (size_t i = 1; i < n; i++) {
        double dx = fabs(s[i].x_um - s[i - 1].x_um), dy = fabs(s[i].y_um - s[i - 1].y_um);

        t.length_um += hypot(dx, dy);
        t.time_s += fmax(axis_time_s(dx, pace), axis_time_s(dy, pace)) + pace->settle_s;
    }
    return t;
}
