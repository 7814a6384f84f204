/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernels of kernels.h for one width of vector. The file that includes this defines
 *
 *   VL    floats in a vector: 16, 8 or 4
 *   MR    rows of a register tile, 2 MR accumulators and three more must fit the registers
 *   vmax, vmin   of two vectors
 *   NAME  of the set
 */
#include "nn/kernels.h"

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
/* Tiles stay in registers only where their loops are unrolled. Sanitizers would take minutes over
 * that. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__)
#define UNROLL
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

enum { CHUNK = 32 }; // channels that a depthwise kernel holds at a time

INLINE vf load(const float *p)
{
    return *(const vf *)p;
}

INLINE void store(float *p, vf v)
{
    *(vf *)p = v;
}

INLINE vf relu6(vf v)
{
    return vmin(vmax(v, (vf){0}), (vf){0} + 6.0f);
}

/* v where 0 < pre < 6, else 0 */
INLINE vf mask6(vf v, vf pre)
{
    vi inside = (pre > (vf){0}) & (pre < (vf){0} + 6.0f);

    return (vf)((vi)v & inside);
}

INLINE void accumulate(float *p, vf v)
{
    store(p, load(p) + v);
}

/* ------------------------------------------------------ element by element */

static void activate(float *out, const float *z, const float *scale, const float *shift,
                     size_t rows, size_t cp)
{
    for (size_t m = 0; m < rows; m++)
        for (size_t c = 0; c < cp; c += VL)
            store(out + m * cp + c,
                  relu6(load(z + m * cp + c) * load(scale + c) + load(shift + c)));
}

static void affine(float *out, const float *z, const float *scale, const float *shift,
                   const float *add, size_t rows, size_t cp)
{
    for (size_t m = 0; m < rows; m++)
        for (size_t c = 0; c < cp; c += VL) {
            vf v = load(z + m * cp + c) * load(scale + c) + load(shift + c);

            if (add)
                v += load(add + m * cp + c);
            store(out + m * cp + c, v);
        }
}

static void denormalise(float *out, const float *db, const float *z, const struct af_nn_denorm *d,
                        size_t rows, size_t cp)
{
    for (size_t m = 0; m < rows; m++)
        for (size_t c = 0; c < cp; c += VL)
            store(out + m * cp + c, load(d->a + c) * load(db + m * cp + c) +
                                        load(d->b + c) * load(z + m * cp + c) + load(d->c + c));
}

/* ------------------------------------------------------- matrix products */

/* acc[i][j] = sum_k x[i][k] w[k][j]: a tile of mr rows and nv vectors held in registers. */
INLINE void product(vf acc[MR][2], int mr, int nv, const float *x, size_t ldx, const float *w,
                    size_t ldw, size_t k)
{
    UNROLL
    for (int i = 0; i < mr; i++)
        UNROLL
    for (int j = 0; j < nv; j++)
        acc[i][j] = (vf){0};
    for (size_t p = 0; p < k; p++) {
        vf b[2];

        UNROLL
        for (int j = 0; j < nv; j++)
            b[j] = load(w + p * ldw + (size_t)j * VL);
        UNROLL
        for (int i = 0; i < mr; i++) {
            float a = x[(size_t)i * ldx + p];

            UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] += a * b[j];
        }
    }
}

/* What is done with a tile when its sums are complete. */
enum finish { KEEP, BIAS, BACK };

struct epilogue {
    float *out; // [rows][ld]
    size_t ld;
    float *sum, *square;     // KEEP, BACK: per channel; square is dot for BACK
    const float *bias, *add; // BIAS
    bool relu6, onto;
    const float *zin; // BACK
    const struct af_nn_norm *norm;
};

INLINE void finish_keep(vf acc[MR][2], int mr, int j, size_t m, size_t n, const struct epilogue *e)
{
    vf sum = {0}, square = {0};

    UNROLL
    for (int i = 0; i < mr; i++) {
        store(e->out + (m + (size_t)i) * e->ld + n, acc[i][j]);
        sum += acc[i][j];
        square += acc[i][j] * acc[i][j];
    }
    if (e->sum) {
        accumulate(e->sum + n, sum);
        accumulate(e->square + n, square);
    }
}

INLINE void finish_bias(vf acc[MR][2], int mr, int j, size_t m, size_t n, const struct epilogue *e)
{
    vf bias = load(e->bias + n);

    UNROLL
    for (int i = 0; i < mr; i++) {
        size_t at = (m + (size_t)i) * e->ld + n;
        vf v = acc[i][j] + bias;

        if (e->relu6)
            v = relu6(v);
        else if (e->add)
            v += load(e->add + at);
        store(e->out + at, v);
    }
}

INLINE void finish_back(vf acc[MR][2], int mr, int j, size_t m, size_t n, const struct epilogue *e)
{
    vf scale = load(e->norm->scale + n), shift = load(e->norm->shift + n);
    vf mean = load(e->norm->mean + n), invstd = load(e->norm->invstd + n);
    vf sum = {0}, dot = {0};

    UNROLL
    for (int i = 0; i < mr; i++) {
        size_t at = (m + (size_t)i) * e->ld + n;
        vf z = load(e->zin + at), db = acc[i][j];

        if (e->relu6)
            db = mask6(db, z * scale + shift);
        else if (e->onto)
            db += load(e->out + at);
        store(e->out + at, db);
        sum += db;
        dot += db * ((z - mean) * invstd);
    }
    accumulate(e->sum + n, sum);
    accumulate(e->square + n, dot);
}

INLINE void tile(enum finish how, int mr, int nv, const float *x, size_t ldx, const float *w,
                 size_t ldw, size_t k, size_t m, size_t n, const struct epilogue *e)
{
    vf acc[MR][2];

    product(acc, mr, nv, x + m * ldx, ldx, w, ldw, k);
    UNROLL
    for (int j = 0; j < nv; j++) {
        size_t nj = n + (size_t)j * VL;

        if (how == KEEP)
            finish_keep(acc, mr, j, m, nj, e);
        else if (how == BIAS)
            finish_bias(acc, mr, j, m, nj, e);
        else
            finish_back(acc, mr, j, m, nj, e);
    }
}

/* All rows of one or two vectors of columns: tiles of MR rows, then smaller ones. */
INLINE void column(enum finish how, int nv, const float *x, size_t ldx, const float *w, size_t ldw,
                   size_t rows, size_t k, size_t n, const struct epilogue *e)
{
    size_t m = 0;

    for (; m + MR <= rows; m += MR)
        tile(how, MR, nv, x, ldx, w, ldw, k, m, n, e);
    for (; m + MR / 2 <= rows; m += MR / 2)
        tile(how, MR / 2, nv, x, ldx, w, ldw, k, m, n, e);
    for (; m + 2 <= rows; m += 2)
        tile(how, 2, nv, x, ldx, w, ldw, k, m, n, e);
    for (; m < rows; m++)
        tile(how, 1, nv, x, ldx, w, ldw, k, m, n, e);
}

/* w is packed in tiles of AF_NN_TILE columns, the last one perhaps of AF_NN_LANE. */
INLINE void columns(enum finish how, const float *x, size_t ldx, const float *w, size_t rows,
                    size_t k, size_t np, const struct epilogue *e)
{
    for (size_t n = 0; n < np; n += AF_NN_TILE) {
        size_t width = np - n < AF_NN_TILE ? np - n : AF_NN_TILE, v = 0;

        for (; v + 2 * VL <= width; v += 2 * VL)
            column(how, 2, x, ldx, w + n * k + v, width, rows, k, n + v, e);
        for (; v < width; v += VL)
            column(how, 1, x, ldx, w + n * k + v, width, rows, k, n + v, e);
    }
}

static void pointwise(float *z, const float *x, const float *w, size_t rows, size_t k, size_t ldx,
                      size_t np, float *sum, float *sumsq)
{
    const struct epilogue e = {.out = z, .ld = np, .sum = sum, .square = sumsq};

    columns(KEEP, x, ldx, w, rows, k, np, &e);
}

static void pointwise_bias(float *y, const float *x, const float *w, size_t rows, size_t k,
                           size_t ldx, size_t np, const float *bias, bool relu, const float *add)
{
    const struct epilogue e = {.out = y, .ld = np, .bias = bias, .add = add, .relu6 = relu};

    columns(BIAS, x, ldx, w, rows, k, np, &e);
}

static void pointwise_back(float *db, const float *dz, const float *wt, size_t rows, size_t n,
                           size_t ldz, size_t kp, const float *zin, const struct af_nn_norm *norm,
                           bool relu, bool onto, float *sum, float *dot)
{
    const struct epilogue e = {.out = db,
                               .ld = kp,
                               .sum = sum,
                               .square = dot,
                               .relu6 = relu,
                               .onto = onto,
                               .zin = zin,
                               .norm = norm};

    columns(BACK, dz, ldz, wt, rows, n, kp, &e);
}

/* A tile of dw, kr channels in and nv vectors out: outer products of rows. */
INLINE void outer(int kr, int nv, float *dw, const float *x, const float *dz, size_t rows,
                  size_t kp, size_t np)
{
    vf acc[MR][2];

    UNROLL
    for (int i = 0; i < kr; i++)
        UNROLL
    for (int j = 0; j < nv; j++)
        acc[i][j] = load(dw + (size_t)i * np + (size_t)j * VL);
    for (size_t m = 0; m < rows; m++) {
        vf d[2];

        UNROLL
        for (int j = 0; j < nv; j++)
            d[j] = load(dz + m * np + (size_t)j * VL);
        UNROLL
        for (int i = 0; i < kr; i++) {
            float a = x[m * kp + (size_t)i];

            UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] += a * d[j];
        }
    }
    UNROLL
    for (int i = 0; i < kr; i++)
        UNROLL
    for (int j = 0; j < nv; j++)
        store(dw + (size_t)i * np + (size_t)j * VL, acc[i][j]);
}

INLINE void outer_column(int nv, float *dw, const float *x, const float *dz, size_t rows, size_t kp,
                         size_t np)
{
    size_t k = 0;

    for (; k + MR <= kp; k += MR)
        outer(MR, nv, dw + k * np, x + k, dz, rows, kp, np);
    for (; k + 4 <= kp; k += 4)
        outer(4, nv, dw + k * np, x + k, dz, rows, kp, np);
    for (; k < kp; k++)
        outer(1, nv, dw + k * np, x + k, dz, rows, kp, np);
}

static void pointwise_weights(float *dw, const float *x, const float *dz, size_t rows, size_t kp,
                              size_t np)
{
    size_t n = 0;

    for (; n + 2 * VL <= np; n += 2 * VL)
        outer_column(2, dw + n, x, dz + n, rows, kp, np);
    for (; n < np; n += VL)
        outer_column(1, dw + n, x, dz + n, rows, kp, np);
}

/* ------------------------------------------------------------- depthwise */

/* Where a row of pixels comes from, and through which map it enters. */
struct source {
    const float *z, *db;           // db: with denorm only
    const struct af_nn_norm *norm; // activation; NULL with denorm NULL: as it stands
    const struct af_nn_denorm *denorm;
};

INLINE vf source_value(const struct source *s, size_t at, size_t c)
{
    vf z = load(s->z + at + c);

    if (s->denorm)
        return load(s->denorm->a + c) * load(s->db + at + c) + load(s->denorm->b + c) * z +
               load(s->denorm->c + c);
    if (s->norm)
        return relu6(z * load(s->norm->scale + c) + load(s->norm->shift + c));
    return z;
}

/*
 * A depthwise kernel takes CHUNK channels at a time and holds the rows it needs in a ring, so that
 * each is mapped once and found in the first cache. Row y, -1 .. h, lies at ring_row(), its pixel
 * x at (x + 1) * CHUNK; pixels -1 and h are zero, and so are rows -1 and h.
 */
enum { RING = 4 };

INLINE float *ring_row(float *ring, size_t side, size_t y)
{
    return ring + (y + 1) % RING * side * CHUNK;
}

INLINE void ring_zero(float *ring, size_t side, size_t y)
{
    memset(ring_row(ring, side, y), 0, side * CHUNK * sizeof(float));
}

/* Row y of a [h][h][cp] picture, channels c0 .. c0 + width - 1; zeros where y is h or more (also
 * -1). */
INLINE void ring_fill(float *ring, size_t side, const struct source *s, size_t y, size_t h,
                      size_t cp, size_t c0, size_t width)
{
    float *row = ring_row(ring, side, y) + CHUNK;

    if (y >= h) {
        ring_zero(ring, side, y);
        return;
    }
    for (size_t c = 0; c < width; c += VL) {
        store(row - CHUNK + c, (vf){0});
        for (size_t x = 0; x < h; x++)
            store(row + x * CHUNK + c, source_value(s, (y * h + x) * cp, c0 + c));
        store(row + h * CHUNK + c, (vf){0});
    }
}

/* The three rows under a filter, from row y on. */
struct rows {
    const float *at[3];
};

INLINE struct rows ring_rows(float *ring, size_t side, size_t y, size_t c)
{
    struct rows r;

    for (size_t k = 0; k < 3; k++)
        r.at[k] = ring_row(ring, side, y + k) + c;
    return r;
}

INLINE void load_nine(vf w[9], const float *from, size_t cp)
{
    UNROLL
    for (int t = 0; t < 9; t++)
        w[t] = load(from + (size_t)t * cp);
}

/* Sum over the filter whose corner is pixel x of the rows (x counts from -1 as 0). */
INLINE vf nine(const struct rows *r, size_t x, const vf w[9])
{
    vf acc = {0};

    UNROLL
    for (int t = 0; t < 9; t++)
        acc += load(r->at[t / 3] + (x + (size_t)(t % 3)) * CHUNK) * w[t];
    return acc;
}

/* Forward; bias NULL: raw output and its sums, else relu6(. + bias). */
INLINE void depthwise_any(float *out, const struct source *s, const float *w, size_t h,
                          size_t stride, size_t cp, const float *bias, float *sum, float *sumsq,
                          float *ring)
{
    /* The filter's corner for output 0: row and pixel -1, or with stride 2 the picture's own. */
    size_t side = h + 2, ho = h / stride, corner = stride == 1 ? (size_t)-1 : 0;

    for (size_t c0 = 0; c0 < cp; c0 += CHUNK) {
        size_t width = cp - c0 < CHUNK ? cp - c0 : CHUNK, filled = corner;

        for (size_t y = 0; y < ho; y++) {
            for (; filled != y * stride + corner + 3; filled++)
                ring_fill(ring, side, s, filled, h, cp, c0, width);
            for (size_t c = 0; c < width; c += VL) {
                const struct rows r = ring_rows(ring, side, y * stride + corner, c);
                vf k[9], total = {0}, square = {0}, b = bias ? load(bias + c0 + c) : (vf){0};

                load_nine(k, w + c0 + c, cp);
                for (size_t x = 0; x < ho; x++) {
                    vf v = nine(&r, x * stride + (stride == 2), k);

                    if (bias)
                        v = relu6(v + b);
                    store(out + (y * ho + x) * cp + c0 + c, v);
                    total += v;
                    square += v * v;
                }
                if (sum) {
                    accumulate(sum + c0 + c, total);
                    accumulate(sumsq + c0 + c, square);
                }
            }
        }
    }
}

static void depthwise(float *z, const float *zin, const float *w, size_t h, size_t stride,
                      size_t cp, const struct af_nn_norm *norm, float *sum, float *sumsq,
                      float *ring)
{
    const struct source s = {.z = zin, .norm = norm};

    if (stride == 1)
        depthwise_any(z, &s, w, h, 1, cp, NULL, sum, sumsq, ring);
    else
        depthwise_any(z, &s, w, h, 2, cp, NULL, sum, sumsq, ring);
}

static void depthwise_bias(float *y, const float *x, const float *w, size_t h, size_t stride,
                           size_t cp, const float *bias, float *ring)
{
    const struct source s = {.z = x};

    if (stride == 1)
        depthwise_any(y, &s, w, h, 1, cp, bias, NULL, NULL, ring);
    else
        depthwise_any(y, &s, w, h, 2, cp, bias, NULL, NULL, ring);
}

/* dw[t] += sum over a row of outputs of a[t / 3][stride x + t % 3] dz[x]; d: dz's pixel 0 */
INLINE void depthwise_weights(float *dw, size_t cp, const struct rows *a, const float *d, size_t ho,
                              size_t stride)
{
    vf acc[9];

    load_nine(acc, dw, cp);
    for (size_t x = 0; x < ho; x++) {
        vf v = load(d + x * CHUNK);

        UNROLL
        for (int t = 0; t < 9; t++)
            acc[t] +=
                load(a->at[t / 3] + (x * stride + (stride == 2) + (size_t)(t % 3)) * CHUNK) * v;
    }
    UNROLL
    for (int t = 0; t < 9; t++)
        store(dw + (size_t)t * cp, acc[t]);
}

/*
 * Gradient at input pixel (y, x). d: rows of dz from y - 1 on (stride 1), or y / 2 - 1 and
 * y / 2 (stride 2). Filter row ky meets input row y from output row (y - ky) / 2, where that is
 * whole.
 */
INLINE vf depthwise_input(const struct rows *d, size_t y, size_t x, size_t stride, const vf w[9])
{
    vf acc = {0};

    if (stride == 1) {
        UNROLL
        for (int t = 0; t < 9; t++)
            acc += load(d->at[2 - t / 3] + (x + (size_t)(2 - t % 3)) * CHUNK) * w[t];
        return acc;
    }
    for (size_t ky = y % 2; ky < 3; ky += 2)
        for (size_t kx = x % 2; kx < 3; kx += 2)
            acc += load(d->at[1 - ky / 2] + (x / 2 + 1 - kx / 2) * CHUNK) * w[3 * ky + kx];
    return acc;
}

/* What backward needs of one picture. */
struct back {
    float *db_in;
    const struct source *a, *d;
    const float *w;
    size_t h, cp;
    float *dw, *sum, *dot;
};

/* Input row y, one vector of channels: gradient, mask, sums. */
INLINE void back_row(const struct back *b, const struct rows *d, size_t y, size_t c, size_t stride,
                     const vf w[9])
{
    const struct af_nn_norm *norm = b->a->norm;
    vf scale = load(norm->scale + c), shift = load(norm->shift + c);
    vf mean = load(norm->mean + c), invstd = load(norm->invstd + c);
    vf total = {0}, along = {0};

    for (size_t x = 0; x < b->h; x++) {
        size_t at = (y * b->h + x) * b->cp + c;
        vf z = load(b->a->z + at);
        vf v = mask6(depthwise_input(d, y, x, stride, w), z * scale + shift);

        store(b->db_in + at, v);
        total += v;
        along += v * ((z - mean) * invstd);
    }
    accumulate(b->sum + c, total);
    accumulate(b->dot + c, along);
}

/*
 * Output row by output row: with dz rows y - 1, y, y + 1 at hand, the input rows under it (one, or
 * two with stride 2) have all they need.
 */
INLINE void depthwise_back_any(const struct back *b, size_t stride, float *ring)
{
    size_t h = b->h, side = h + 2, ho = h / stride, side_d = ho + 2;
    size_t corner = stride == 1 ? (size_t)-1 : 0;
    float *dz = ring + RING * side * CHUNK;

    for (size_t c0 = 0; c0 < b->cp; c0 += CHUNK) {
        size_t width = b->cp - c0 < CHUNK ? b->cp - c0 : CHUNK, filled = corner;
        size_t ahead = (size_t)-1; // rows of dz

        for (size_t y = 0; y < ho; y++) {
            for (; filled != y * stride + corner + 3; filled++)
                ring_fill(ring, side, b->a, filled, h, b->cp, c0, width);
            for (; ahead != y + 2; ahead++)
                ring_fill(dz, side_d, b->d, ahead, ho, b->cp, c0, width);
            for (size_t c = 0; c < width; c += VL) {
                const struct rows a = ring_rows(ring, side, y * stride + corner, c);
                const struct rows d = ring_rows(dz, side_d, y - 1, c);
                vf k[9];

                depthwise_weights(b->dw + c0 + c, b->cp, &a, d.at[1] + CHUNK, ho, stride);
                load_nine(k, b->w + c0 + c, b->cp);
                for (size_t i = 0; i < stride; i++)
                    back_row(b, &d, y * stride + i, c0 + c, stride, k);
            }
        }
    }
}

static void depthwise_back(float *db_in, const float *db_out, const float *z,
                           const struct af_nn_denorm *denorm, const float *zin, const float *w,
                           size_t h, size_t stride, size_t cp, const struct af_nn_norm *norm,
                           float *dw, float *sum, float *dot, float *ring)
{
    const struct source a = {.z = zin, .norm = norm};
    const struct source d = {.z = z, .db = db_out, .denorm = denorm};
    const struct back b = {.db_in = db_in,
                           .a = &a,
                           .d = &d,
                           .w = w,
                           .h = h,
                           .cp = cp,
                           .dw = dw,
                           .sum = sum,
                           .dot = dot};

    if (stride == 1)
        depthwise_back_any(&b, 1, ring);
    else
        depthwise_back_any(&b, 2, ring);
}

/* ----------------------------------------------------------- first layer */

/* Input pixel under tap t of output (y, x), stride 2; zero below and to the right. */
INLINE float under(const float *x, size_t h, size_t y, size_t xo, int t)
{
    size_t yi = 2 * y + (size_t)(t / 3), xi = 2 * xo + (size_t)(t % 3);

    return yi < h && xi < h ? x[yi * h + xi] : 0;
}

INLINE void first_any(float *out, const float *x, const float *w, size_t h, size_t cp,
                      const float *bias, float *sum, float *sumsq)
{
    size_t ho = h / 2;

    for (size_t c = 0; c < cp; c += VL) {
        vf k[9], total = {0}, square = {0};

        load_nine(k, w + c, cp);
        for (size_t y = 0; y < ho; y++)
            for (size_t xo = 0; xo < ho; xo++) {
                vf v = {0};

                UNROLL
                for (int t = 0; t < 9; t++)
                    v += under(x, h, y, xo, t) * k[t];
                if (bias)
                    v = relu6(v + load(bias + c));
                store(out + (y * ho + xo) * cp + c, v);
                total += v;
                square += v * v;
            }
        if (sum) {
            accumulate(sum + c, total);
            accumulate(sumsq + c, square);
        }
    }
}

static void first(float *z, const float *x, const float *w, size_t h, size_t cp, float *sum,
                  float *sumsq)
{
    first_any(z, x, w, h, cp, NULL, sum, sumsq);
}

static void first_bias(float *y, const float *x, const float *w, size_t h, size_t cp,
                       const float *bias)
{
    first_any(y, x, w, h, cp, bias, NULL, NULL);
}

static void first_weights(float *dw, const float *x, const float *db, const float *z,
                          const struct af_nn_denorm *d, size_t h, size_t cp)
{
    const struct source s = {.z = z, .db = db, .denorm = d};
    size_t ho = h / 2;

    for (size_t c = 0; c < cp; c += VL) {
        vf acc[9];

        load_nine(acc, dw + c, cp);
        for (size_t y = 0; y < ho; y++)
            for (size_t xo = 0; xo < ho; xo++) {
                vf v = source_value(&s, (y * ho + xo) * cp, c);

                UNROLL
                for (int t = 0; t < 9; t++)
                    acc[t] += under(x, h, y, xo, t) * v;
            }
        UNROLL
        for (int t = 0; t < 9; t++)
            store(dw + (size_t)t * cp + c, acc[t]);
    }
}

const struct af_nn_kernels SET = {
    .name = NAME,
    .activate = activate,
    .affine = affine,
    .denormalise = denormalise,
    .pointwise = pointwise,
    .pointwise_bias = pointwise_bias,
    .pointwise_back = pointwise_back,
    .pointwise_weights = pointwise_weights,
    .depthwise = depthwise,
    .depthwise_bias = depthwise_bias,
    .depthwise_back = depthwise_back,
    .first = first,
    .first_bias = first_bias,
    .first_weights = first_weights,
};
