/* SPDX-License-Identifier: BSD-2-Clause */
#include "psf/find.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "signal/robust.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 64, SAMPLES = 1024, BANDS = 4 }; // bands: a thread

int af_psf_finder_init(struct af_psf_finder *f, size_t w, size_t h, double sigma_px,
                       unsigned nthreads, struct af_err *err)
{
    size_t n;
    double sum = 0;

    *f = (struct af_psf_finder){.w = w, .h = h, .sigma_px = sigma_px, .largest = -INFINITY};
    f->nthreads = nthreads ? nthreads : af_cpu_count();
    f->reach = (int)ceil(3 * sigma_px);
    if (!af_size_mul(w, h, &n))
        return af_fail(err, AF_ESYS, "%zux%zu px: too large", w, h);
    f->tap = af_calloc((size_t)f->reach + 1, sizeof *f->tap, err);
    f->peak = af_calloc(n, sizeof *f->peak, err);
    f->at = af_calloc(n, sizeof *f->at, err);
    if (!f->tap || !f->peak || !f->at) {
        af_psf_finder_release(f);
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        f->peak[i] = -INFINITY;
    for (int i = -f->reach; i <= f->reach; i++)
        sum += exp(-i * i / (2 * sigma_px * sigma_px));
    for (int i = 0; i <= f->reach; i++)
        f->tap[i] = (float)(exp(-i * i / (2 * sigma_px * sigma_px)) / sum);
    return 0;
}

void af_psf_finder_release(struct af_psf_finder *f)
{
    free(f->tap);
    free(f->peak);
    free(f->plane);
    free(f->at);
    *f = (struct af_psf_finder){0};
}

/* ---- one plane ---- */

/* Two rows added at a weight; the compiler makes vectors of it. */
static void add_rows(float *out, const float *a, const float *b, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += weight * (a[i] + b[i]);
}

static size_t clamp(long v, size_t n)
{
    return v < 0 ? 0 : v >= (long)n ? n - 1 : (size_t)v;
}

/* The same of counts as they are. */
static void add_counts(float *out, const uint16_t *a, const uint16_t *b, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += weight * (float)((int)a[i] + (int)b[i]);
}

/* Planes to smooth, in bands of rows. */
struct bands {
    struct af_psf_finder *f;
    const uint16_t *counts[AF_PSF_ATONCE]; // [h][w]; NULL: f->plane
    size_t nplanes;
    struct row *row; // [n]
    size_t n;
};

/* What a band needs. */
struct row {
    float *column;    // [w + 2 reach]
    float *out, *top; // [w]
    uint32_t *at;     // [w]
    uint16_t largest; // of its counts
};

/* Row y, smoothed along y, out[w]. */
static void smooth_down(const struct af_psf_finder *f, const uint16_t *counts, size_t y, float *out)
{

    memset(out, 0, f->w * sizeof *out);
    for (int k = 0; k <= f->reach; k++) {
        size_t up = clamp((long)y - k, f->h) * f->w, down = clamp((long)y + k, f->h) * f->w;
        float tap = k ? f->tap[k] : f->tap[0] / 2; // the middle row comes twice

        if (counts)
            add_counts(out, counts + up, counts + down, tap, f->w);
        else
            add_rows(out, f->plane + up, f->plane + down, tap, f->w);
    }
}

/* Row y, smoothed along y into column[reach .. reach + w), its ends repeated, then along x into
 * out. */
static void smooth_row(const struct af_psf_finder *f, const uint16_t *counts, size_t y,
                       float *column, float *out)
{
    float *mid = column + f->reach;

    smooth_down(f, counts, y, mid);
    for (int k = 1; k <= f->reach; k++) {
        mid[-k] = mid[0];
        mid[f->w - 1 + (size_t)k] = mid[f->w - 1];
    }
    for (size_t i = 0; i < f->w; i++)
        out[i] = f->tap[0] * mid[i];
    for (int k = 1; k <= f->reach; k++)
        add_rows(out, mid - k, mid + k, f->tap[k], f->w);
}

/* Plane numbers are as wide as counts, so that the compiler makes vectors of both. */
static void keep_brightest(float *restrict peak, uint32_t *restrict at, const float *restrict v,
                           uint32_t plane, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t more = -(uint32_t)(v[i] > peak[i]);

        peak[i] = v[i] > peak[i] ? v[i] : peak[i];
        at[i] = (plane & more) | (at[i] & ~more);
    }
}

static void merge(float *restrict peak, uint32_t *restrict at, const float *restrict v,
                  const uint32_t *restrict plane, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t more = -(uint32_t)(v[i] > peak[i]);

        peak[i] = v[i] > peak[i] ? v[i] : peak[i];
        at[i] = (plane[i] & more) | (at[i] & ~more);
    }
}

static uint16_t largest_of(const uint16_t *v, size_t n)
{
    uint16_t most = 0;

    for (size_t i = 0; i < n; i++)
        most = v[i] > most ? v[i] : most;
    return most;
}

/*
 * The brightest of all planes at hand, row by row, and only then of those before: what is kept of
 * every pixel passes through memory once, which takes longer than the sums.
 */
static void smooth_band(void *ctx, size_t band, size_t slot)
{
    const struct bands *b = ctx;
    struct af_psf_finder *f = b->f;
    struct row *r = &b->row[slot];
    size_t from = band * f->h / b->n, to = (band + 1) * f->h / b->n, w = f->w;

    for (size_t k = 0; k < b->nplanes && b->counts[k]; k++) {
        uint16_t most = largest_of(b->counts[k] + from * w, (to - from) * w);

        r->largest = most > r->largest ? most : r->largest;
    }
    for (size_t y = from; y < to; y++) {
        smooth_row(f, b->counts[0], y, r->column, r->top);
        for (size_t i = 0; i < w; i++)
            r->at[i] = (uint32_t)f->nplanes;
        for (size_t k = 1; k < b->nplanes; k++) {
            smooth_row(f, b->counts[k], y, r->column, r->out);
            keep_brightest(r->top, r->at, r->out, (uint32_t)(f->nplanes + k), w);
        }
        merge(f->peak + y * w, f->at + y * w, r->top, r->at, w);
    }
}

static int next_band(void *ctx, size_t band, size_t slot)
{
    (void)ctx;
    (void)band;
    (void)slot;
    return 0;
}

/* The plane as float, and its largest count. Sum times 0 is 0 unless a value is no number. */
static int take_plane(struct af_psf_finder *f, const struct af_image *img, struct af_err *err)
{
    size_t n = f->w * f->h;
    float largest = -INFINITY, poison = 0;
    double *row = af_calloc(f->w, sizeof *row, err);

    if (!row || (!f->plane && !(f->plane = af_calloc(n, sizeof *f->plane, err)))) {
        free(row);
        return -1;
    }
    for (size_t y = 0; y < f->h; y++) {
        af_image_row_f64(img, y, row);
        for (size_t x = 0; x < f->w; x++)
            f->plane[y * f->w + x] = (float)row[x];
    }
    free(row);
    for (size_t i = 0; i < n; i++) {
        largest = f->plane[i] > largest ? f->plane[i] : largest;
        poison += 0 * f->plane[i];
    }
    if (isnan(poison))
        return af_fail(err, AF_EDATA, "plane %zu: values that are no numbers", f->nplanes);
    f->largest = fmax(f->largest, largest);
    return 0;
}

static int make_row(struct row *r, const struct af_psf_finder *f, struct af_err *err)
{
    size_t n = f->w + 2 * (size_t)f->reach;

    r->column = af_calloc(n + 2 * f->w, sizeof *r->column, err);
    r->at = af_calloc(f->w, sizeof *r->at, err);
    if (!r->column || !r->at)
        return -1;
    r->out = r->column + n;
    r->top = r->out + f->w;
    return 0;
}

/* Planes of 16 bits, or one that take_plane() has taken. */
static int add_planes(struct af_psf_finder *f, struct bands *b, struct af_err *err)
{
    int ret = -1;

    b->f = f;
    b->n = BANDS * f->nthreads;
    if (!(b->row = af_calloc(b->n, sizeof *b->row, err)))
        return -1;
    for (size_t i = 0; i < b->n; i++)
        if (make_row(&b->row[i], f, err))
            goto done;
    /* A slot for each band: nobody waits for another's. */
    if ((ret = af_parallel_ordered(b->n, f->nthreads, b->n, smooth_band, next_band, b, err)))
        goto done;
    for (size_t i = 0; i < b->n && b->counts[0]; i++)
        f->largest = fmax(f->largest, (double)b->row[i].largest);
    f->nplanes += b->nplanes;
done:
    for (size_t i = 0; i < b->n; i++) {
        free(b->row[i].column);
        free(b->row[i].at);
    }
    free(b->row);
    return ret;
}

int af_psf_finder_add(struct af_psf_finder *f, const struct af_image *img, size_t n,
                      struct af_err *err)
{
    struct bands b = {.nplanes = 0};

    assert(n <= AF_PSF_ATONCE);
    for (size_t i = 0; i < n; i++) {
        if (img[i].w != f->w || img[i].h != f->h)
            return af_fail(err, AF_EDATA, "plane %zu: %zux%zu px, the first is %zux%zu",
                           f->nplanes + i, img[i].w, img[i].h, f->w, f->h);
        if (img[i].type == AF_U16)
            b.counts[b.nplanes++] = img[i].data;
    }
    if (b.nplanes == n)
        return n ? add_planes(f, &b, err) : 0;
    for (size_t i = 0; i < n; i++) {
        b = (struct bands){.nplanes = 1};
        if (take_plane(f, &img[i], err) || add_planes(f, &b, err))
            return -1;
    }
    return 0;
}

/* ---- spots ---- */

struct tile {
    double level, noise;
};

static struct tile look_at(const struct af_psf_finder *f, size_t x0, size_t y0, double *scratch)
{
    size_t x1 = x0 + TILE < f->w ? x0 + TILE : f->w, y1 = y0 + TILE < f->h ? y0 + TILE : f->h;
    size_t every = (x1 - x0) * (y1 - y0) / SAMPLES + 1, n = 0;
    struct tile t;

    for (size_t i = 0; i < (x1 - x0) * (y1 - y0); i += every)
        scratch[n++] = (double)f->peak[(y0 + i / (x1 - x0)) * f->w + x0 + i % (x1 - x0)];
    t.level = af_median(scratch, n);
    t.noise = af_mad_sigma(scratch, n);
    return t;
}

/* Medians of the tile and its neighbours, so that one full of beads is judged by those around. */
static struct tile around(const struct tile *t, size_t nx, size_t ny, size_t x, size_t y)
{
    double level[9], noise[9];
    size_t n = 0;

    for (size_t v = y ? y - 1 : 0; v <= y + 1 && v < ny; v++)
        for (size_t u = x ? x - 1 : 0; u <= x + 1 && u < nx; u++) {
            level[n] = t[v * nx + u].level;
            noise[n++] = t[v * nx + u].noise;
        }
    return (struct tile){fmin(t[y * nx + x].level, af_median(level, n)),
                         fmin(t[y * nx + x].noise, af_median(noise, n))};
}

/* Is the pixel the first largest of the disk around it? */
static bool is_summit(const struct af_psf_finder *f, size_t x, size_t y, double radius)
{
    float v = f->peak[y * f->w + x];
    long r = (long)radius;

    for (long dy = -r; dy <= r; dy++)
        for (long dx = -r; dx <= r; dx++) {
            long u = (long)x + dx, w = (long)y + dy;

            if (u < 0 || w < 0 || u >= (long)f->w || w >= (long)f->h ||
                (double)(dx * dx + dy * dy) > radius * radius)
                continue;
            float other = f->peak[(size_t)w * f->w + (size_t)u];
            if (other > v || (other == v && (dy < 0 || (dy == 0 && dx < 0))))
                return false;
        }
    return true;
}

static int by_contrast(const void *a, const void *b)
{
    const struct af_psf_spot *s = a, *t = b;

    if (s->contrast != t->contrast)
        return s->contrast < t->contrast ? 1 : -1;
    return s->y != t->y ? (s->y > t->y) - (s->y < t->y) : (s->x > t->x) - (s->x < t->x);
}

/* Brighter than the two pixels beside it: few pixels pass, and only they are looked at closely. */
static bool may_be(const struct af_psf_finder *f, size_t x, size_t y)
{
    const float *p = f->peak + y * f->w + x;

    return (x == 0 || p[0] > p[-1]) && (x + 1 == f->w || p[0] >= p[1]);
}

static int scan(const struct af_psf_finder *f, const struct tile *tiles, size_t nx, size_t ny,
                double radius_px, struct af_psf_spot **spots, size_t *n, struct af_err *err)
{
    /* Repeated pixels at the edge make its noise larger; less than half of a bead is seen there. */
    size_t margin = (size_t)ceil(f->sigma_px), x1 = f->w - margin, y1 = f->h - margin;
    double least = 1e-6 * fmax(fabs(f->largest), 1e-30); // noise-free pictures have rounding
    size_t room = 0;

    if (f->w <= 2 * margin || f->h <= 2 * margin)
        return 0;
    for (size_t ty = 0; ty < ny; ty++)
        for (size_t tx = 0; tx < nx; tx++) {
            struct tile t = around(tiles, nx, ny, tx, ty);
            double floor = t.level + AF_PSF_THRESHOLD * fmax(t.noise, least);

            for (size_t y = ty * TILE > margin ? ty * TILE : margin; y < (ty + 1) * TILE && y < y1;
                 y++)
                for (size_t x = tx * TILE > margin ? tx * TILE : margin;
                     x < (tx + 1) * TILE && x < x1; x++) {
                    double v = (double)f->peak[y * f->w + x];

                    if (v <= floor || !may_be(f, x, y) || !is_summit(f, x, y, radius_px))
                        continue;
                    if (af_grow((void **)spots, &room, *n + 1, sizeof **spots, err))
                        return -1;
                    (*spots)[(*n)++] = (struct af_psf_spot){x, y, f->at[y * f->w + x], v - t.level};
                }
        }
    return 0;
}

int af_psf_finder_spots(const struct af_psf_finder *f, double radius_px, struct af_psf_spot **spots,
                        size_t *n, struct af_err *err)
{
    size_t nx = (f->w + TILE - 1) / TILE, ny = (f->h + TILE - 1) / TILE;
    struct tile *tiles = af_calloc(nx * ny, sizeof *tiles, err);
    double *scratch = af_calloc(2 * SAMPLES, sizeof *scratch, err);
    int ret = -1;

    *spots = NULL;
    *n = 0;
    if (!tiles || !scratch)
        goto done;
    for (size_t i = 0; i < nx * ny; i++)
        tiles[i] = look_at(f, i % nx * TILE, i / nx * TILE, scratch);
    if (scan(f, tiles, nx, ny, radius_px, spots, n, err)) {
        free(*spots);
        *spots = NULL;
        *n = 0;
        goto done;
    }
    if (*n)
        qsort(*spots, *n, sizeof **spots, by_contrast);
    ret = 0;
done:
    free(tiles);
    free(scratch);
    return ret;
}
