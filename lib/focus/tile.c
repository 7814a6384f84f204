/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/tile.h"

#include <math.h>

static const double TURN = 6.283185307179586;

/* rad/px along x and y, of a wave of that many px in any direction; the phase after them. */
static double draw_wave(double wave[3], double least_px, double most_px, struct af_random *r)
{
    double direction = TURN * af_random_uniform(r);
    double k = TURN / (least_px + (most_px - least_px) * af_random_uniform(r));

    wave[0] = k * cos(direction);
    wave[1] = k * sin(direction);
    wave[2] = TURN * af_random_uniform(r);
    return k;
}

void af_tile_draw(struct af_tile_change *c, bool deep, double noise, double slope,
                  struct af_random *r)
{
    double most = AF_SLICE_SCALE / 2;

    c->turn = (unsigned)af_random_below(r, deep ? 16 : 8);
    c->negative = af_random_below(r, 2);
    c->doublings = 2 * af_random_uniform(r) - 1;
    c->noise = AF_SLICE_SCALE * noise * pow(af_random_uniform(r), 2); // little noise more often
    c->seed = af_random_u64(r);
    c->height = slope * af_random_uniform(r) / draw_wave(c->wave, 48, 192, r);
    draw_wave(c->shade + 1, 12, 96, r);
    c->shade[0] = fmax(0, most * (2 * af_random_uniform(r) - 1));
}

/* --------------------------------------------------------------- the stack */

/* The slices of a tile's stack. */
struct column {
    const struct af_maskset *s;
    const struct af_tile *t;
    const struct af_tile_change *c;
    long first, last;
};

static struct column column_of(const struct af_maskset *s, const struct af_tile *t,
                               const struct af_tile_change *c)
{
    struct column col = {s, t, c, (long)t->slice, (long)t->slice};
    size_t stack = s->slice[t->slice].stack;

    while (col.first > 0 && s->slice[col.first - 1].stack == stack)
        col.first--;
    while (col.last + 1 < (long)s->nslices && s->slice[col.last + 1].stack == stack)
        col.last++;
    return col;
}

/* The slice that stands for the tile's at pixel (x, y) of the tile. */
static long slice_at(const struct column *col, size_t x, size_t y)
{
    const struct af_tile_change *c = col->c;

    if (c->height == 0)
        return (long)col->t->slice;
    return (long)col->t->slice +
           lround(c->height * sin(c->wave[0] * (double)x + c->wave[1] * (double)y + c->wave[2]));
}

static long within(long v, long first, long last)
{
    return v < first ? first : v > last ? last : v;
}

/* n pixels of row y from x on, all of them from around slice `middle`. */
static void fill_run(const struct column *col, long middle, size_t x, size_t y, size_t n,
                     float *out)
{
    const struct af_maskset *s = col->s;
    const long half = (long)(s->sees / 2), up = col->c->turn & 8 ? -1 : 1;

    for (long i = 0; i < (long)s->sees; i++) {
        long k = within(middle + up * (i - half), col->first, col->last);

        af_slice_fill(&s->slice[k].img, &s->slice[k].scale, (long)(col->t->x + x),
                      (long)(col->t->y + y), n, 1, out + i, s->sees);
    }
}

/* No number can be judged. */
static bool is_number(const struct af_image *img, size_t x, size_t y)
{
    double v = 0;

    if (af_sample_is_float(img->type))
        af_sample_to_f64((const char *)af_image_row(img, y) + x * af_sample_size(img->type),
                         img->type, 1, &v);
    return isfinite(v);
}

static void fill_label(const struct column *col, long middle, size_t x, size_t y, float *mask,
                       float *weight)
{
    const struct af_maskset_slice *slice = &col->s->slice[within(middle, col->first, col->last)];
    const struct af_image *img = &slice->img;
    size_t sx = col->t->x + x, sy = col->t->y + y;
    uint8_t vote =
        slice->vote[af_slice_mirror((long)sy, img->h) * img->w + af_slice_mirror((long)sx, img->w)];
    bool counts = middle >= col->first && middle <= col->last && sx < img->w && sy < img->h &&
                  is_number(img, sx, sy);

    *mask = af_vote_is_focus(vote);
    *weight = counts ? af_vote_weight(vote) : 0;
}

static void fill_row(const struct column *col, size_t y, float *x, float *mask, float *weight)
{
    size_t n = col->s->side, end;

    for (size_t from = 0; from < n; from = end) {
        long middle = slice_at(col, from, y);

        for (end = from; end < n && slice_at(col, end, y) == middle; end++)
            fill_label(col, middle, end, y, mask + end, weight + end);
        fill_run(col, middle, from, y, end - from, x + from * col->s->sees);
    }
}

/* -------------------------------------------------------------- the square */

static void swap(float *a, float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float was = a[i];

        a[i] = b[i];
        b[i] = was;
    }
}

/* Turn a square of pixels of c floats in place: transposed, mirrored left to right, top to bottom,
 * as the bits say. */
static void turn_square(float *v, size_t n, size_t c, unsigned turn)
{
    for (size_t y = 0; turn & 1 && y < n; y++)
        for (size_t x = 0; x < y; x++)
            swap(v + (y * n + x) * c, v + (x * n + y) * c, c);
    for (size_t y = 0; turn & 2 && y < n; y++)
        for (size_t x = 0; x < n / 2; x++)
            swap(v + (y * n + x) * c, v + (y * n + n - 1 - x) * c, c);
    for (size_t y = 0; turn & 4 && y < n / 2; y++)
        swap(v + y * n * c, v + (n - 1 - y) * n * c, n * c);
}

/* x: [side][side][sees] */
static void expose(const struct af_tile_change *c, float *x, size_t side, size_t sees)
{
    const float gain = (float)(c->negative ? -exp2(c->doublings) : exp2(c->doublings));
    const size_t n = side * side;
    struct af_random r;

    for (size_t i = 0; gain != 1 && i < n * sees; i++)
        x[i] *= gain;
    for (size_t i = 0; c->shade[0] > 0 && i < n; i++) {
        double phase = c->shade[1] * (double)(i % side) + c->shade[2] * (double)(i / side);

        for (size_t k = 0; k < sees; k++)
            x[i * sees + k] += (float)(c->shade[0] * sin(phase + c->shade[3]));
    }
    af_random_init(&r, c->seed, "noise");
    for (size_t i = 0; c->noise > 0 && i < n * sees; i++)
        x[i] += (float)(c->noise * af_random_normal(&r));
}

void af_tile_make(const struct af_maskset *s, const struct af_tile *t,
                  const struct af_tile_change *c, float *x, float *mask, float *weight)
{
    const struct column col = column_of(s, t, c);
    size_t n = s->side;

    for (size_t y = 0; y < n; y++)
        fill_row(&col, y, x + y * n * s->sees, mask + y * n, weight + y * n);
    turn_square(x, n, s->sees, c->turn);
    turn_square(mask, n, 1, c->turn);
    turn_square(weight, n, 1, c->turn);
    expose(c, x, n, s->sees);
}
