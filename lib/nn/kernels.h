/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hot loops of the network: a formula and the shapes for each.
 *
 * Activations are [row][c], a row being one pixel of one image in the order n, y, x.
 * Channels are padded to a multiple of 16 with zeros: `cp` below. Nothing here
 * allocates, fails, or knows what a layer is called.
 *
 * A convolution's output is kept raw, z. What follows it, batch norm and ReLU6,
 *
 *   a = min(max(z scale + shift, 0), 6)
 *
 * is applied when the next kernel loads z, and the sums for the batch statistics are taken where z
 * is written: passes over memory are what training costs, not arithmetic.
 *
 * One body, kernels.inc, is compiled for each width of vector; af_nn_kernels_best() picks by
 * what the processor has. tests/unit/test_nn_kernels.c compares each with its plain twin.
 */
#ifndef AF_NN_KERNELS_H
#define AF_NN_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AF_NN_LANE = 16, AF_NN_TILE = 32 };

static inline size_t af_nn_pad(size_t c)
{
    return (c + AF_NN_LANE - 1) / AF_NN_LANE * AF_NN_LANE;
}

/* What a batch norm is, seen from a kernel: [cp] each. */
struct af_nn_norm {
    float *scale, *shift; // a = z scale + shift
    float *mean, *invstd; // zhat = (z - mean) invstd
};

/* Gradient of the loss by z from that by the batch norm's output: dz = a db + b z + c, [cp] each.
 */
struct af_nn_denorm {
    float *a, *b, *c;
};

/*
 * An inverted residual block of large pictures is never stored whole: its expansion is six times
 * as wide as what enters it, and making a row of it again costs less than bringing it from memory.
 *
 * The expansion of one image with its batch norm folded in: a = relu6(x w + bias).
 */
struct af_nn_expand {
    const float *x; // [h h][ldx], k of them used
    size_t k, ldx;
    const float *w;    // packed [k][cp], times the batch norm's scale
    const float *bias; // [cp]
};

/* What comes back to the depthwise layer from the projection behind it, one image. */
struct af_nn_behind {
    const float *dz; // [ho ho][ldz], n of them used: by the projection's raw output
    size_t n, ldz;
    const float *wt;                   // packed [n][cp], transposed
    const float *z;                    // [ho ho][cp] the depthwise layer's raw output
    const struct af_nn_norm *norm;     // its batch norm
    const struct af_nn_denorm *denorm; // and the gradient of that
};

/* What the block's gradient is added to. */
struct af_nn_block_back {
    float *dw;  // [9][cp] of the depthwise filter
    float *dwe; // [k][cp] += x^T db, db being by the expansion's batch norm's output
    float *sum; // [cp] += db
    float *dx;  // [h h][kp] = db wb, or += where `onto`; NULL: not wanted
    const float
        *wb; // by chunks of 32 of cp: packed [32][kp], expansion's weights transposed, scaled
    size_t kp;
    bool onto;
};

/* A picture [h][width][ld], rows `row` floats apart; p is its pixel (0, 0), so that there may be a
 * border around it. */
struct af_nn_picture {
    float *p;
    size_t ld, row;
};
/* Floats of a picture that a convolution works on at a time: half a second cache. */
enum { AF_NN_STRIP = 96 * 1024 };

struct af_nn_adam_rate {
    float b1, b2, epsilon, rate;
};

struct af_nn_kernels {
    const char *name; // "avx512"

    /* out = relu6(z scale + shift), rows x cp */
    void (*activate)(float *out, const float *z, const float *scale, const float *shift,
                     size_t rows, size_t cp);

    /* out = z scale + shift + add; add may be NULL */
    void (*affine)(float *out, const float *z, const float *scale, const float *shift,
                   const float *add, size_t rows, size_t cp);

    /* pooled[c] = mean over rows of relu6(z scale + shift) */
    void (*pool)(float *pooled, const float *z, const float *scale, const float *shift, size_t rows,
                 size_t cp);

    /* Its backward: db[m][c] = 0 < z scale + shift < 6 ? d[c] : 0, with its sums. */
    void (*unpool)(float *db, const float *d, const float *z, const struct af_nn_norm *norm,
                   size_t rows, size_t cp, float *sum, float *dot);

    /* out = a db + b z + c */
    void (*denormalise)(float *out, const float *db, const float *z, const struct af_nn_denorm *d,
                        size_t rows, size_t cp);

    /*
     * z[m][n] = sum_k x[m][k] w[k][n]; sum[n] += z, sumsq[n] += z^2 (both NULL: not taken).
     * x: [rows][ldx], k of them used; w: packed by af_nn_pack(); z: [rows][np].
     */
    void (*pointwise)(float *z, const float *x, const float *w, size_t rows, size_t k, size_t ldx,
                      size_t np, float *sum, float *sumsq);

    /* Inference: y = x w + bias, then relu6 where asked, or plus add (may be NULL). */
    void (*pointwise_bias)(float *y, const float *x, const float *w, size_t rows, size_t k,
                           size_t ldx, size_t np, const float *bias, bool relu6, const float *add);

    /*
     * Gradient by the input, finished for the batch norm below:
     *   d[m][k] = sum_n dz[m][n] wt[n][k]
     *   relu6: db = 0 < zin scale + shift < 6 ? d : 0;  otherwise db = d, plus db's old value where
     *   `onto`;  sum[k] += db,  dot[k] += db zhat(zin)
     * bias, [kp], is added to d where not NULL. db NULL: sums only. dz: [rows][n of ldz]; wt:
     * packed [n][kp]; db, zin: [rows][kp].
     */
    void (*pointwise_back)(float *db, const float *dz, const float *wt, size_t rows, size_t n,
                           size_t ldz, size_t kp, const float *zin, const struct af_nn_norm *norm,
                           const float *bias, bool relu6, bool onto, float *sum, float *dot);

    /* dw[i][n] += sum_m x[m][i] dz[m][n]; x: [rows][ldx], k of them used; dw: [k][np] */
    void (*pointwise_weights)(float *dw, const float *x, const float *dz, size_t rows, size_t k,
                              size_t ldx, size_t np);

    /* gram[i][j] += sum_m x[m][i] x[m][j], [k][kp] with kp padded from k; sum[kp] += sum_m x */
    void (*moments)(float *gram, float *sum, const float *x, size_t rows, size_t k, size_t ldx);

    /*
     * One image, 3x3, one filter a channel: stride 1 with a border of zeros, or stride 2 with zeros
     * below and to the right (h even). zin: [h][h][cp] -> z: [ho][ho][cp]; w: [9][cp]; ring:
     * scratch of AF_NN_RING(h) floats. norm NULL: zin are activations already.
     */
    void (*depthwise)(float *z, const float *zin, const float *w, size_t h, size_t stride,
                      size_t cp, const struct af_nn_norm *norm, float *sum, float *sumsq,
                      float *ring);
    void (*depthwise_bias)(float *y, const float *x, const float *w, size_t h, size_t stride,
                           size_t cp, const float *bias, float *ring);

    /*
     * Backward of depthwise for one image: dz = denormalise(db_out, z); dw[9][cp] += ...; the
     * input's db masked and summed as in pointwise_back. ring: AF_NN_RING_BACK(h) floats.
     */
    void (*depthwise_back)(float *db_in, const float *db_out, const float *z,
                           const struct af_nn_denorm *d, const float *zin, const float *w, size_t h,
                           size_t stride, size_t cp, const struct af_nn_norm *norm, float *dw,
                           float *sum, float *dot, float *ring);

    /* depthwise of what an expansion makes, one image; ring: AF_NN_RING(h) floats */
    void (*expand_depthwise)(float *z, const struct af_nn_expand *e, const float *w, size_t h,
                             size_t stride, size_t cp, float *sum, float *sumsq, float *ring);

    /* Backward through a whole block but its projection, one image; w: the depthwise filter; ring:
     * AF_NN_RING_BLOCK(h) floats. */
    void (*block_back)(const struct af_nn_expand *e, const struct af_nn_behind *p,
                       const struct af_nn_block_back *b, const float *w, size_t h, size_t stride,
                       size_t cp, float *ring);

    /* The pixels under each filter of the first layer, x [h][h] -> [h/2 h/2][16], 9 of them used:
     * to a block, the first layer is an expansion of these. */
    void (*patches)(float *out, const float *x, size_t h);

    /* out[i] = sum over parts of part[p][offset + i], in their order */
    void (*sum_parts)(float *out, const float *const *part, size_t nparts, size_t offset, size_t n);

    /* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= rate m / (sqrt(v) + epsilon) */
    void (*adam)(float *w, float *m, float *v, const float *g, size_t n,
                 const struct af_nn_adam_rate *r);

    /*
     * 3x3 over all channels, for the U-Net:
     *   out[y][x][n] = relu(bias[n] + sum_ijc in[y+i-1][x+j-1][c] w[i][j][c][n])
     * in has a border of one pixel (zeros). w: packed from [9 cin][np].
     */
    void (*conv3)(const struct af_nn_picture *out, const struct af_nn_picture *in, const float *w,
                  const float *bias, size_t h, size_t width, size_t cin, size_t np);

    /*
     * Gradient by its input, dz being by the sum before ReLU and with a border of zeros:
     *   d[y][x][c] = sum_ijn dz[y-i+1][x-j+1][n] w[i][j][c][n];   dx = mask > 0 ? gain d : 0
     * mask: what the layer below put out; NULL: dx = d. wt: packed from [9 cout][kp], taps in the
     * order of their opposites.
     */
    void (*conv3_back)(const struct af_nn_picture *dx, const struct af_nn_picture *dz,
                       const float *wt, size_t h, size_t width, size_t cout, size_t kp,
                       const struct af_nn_picture *mask, float gain);

    /* dw[9][cin][np] += sum_yx in[y+i-1][x+j-1][c] dz[y][x][n];  db[n] += sum_yx dz */
    void (*conv3_weights)(float *dw, float *db, const struct af_nn_picture *in,
                          const struct af_nn_picture *dz, size_t h, size_t width, size_t cin,
                          size_t np);

    /*
     * Transposed 2x2 with stride 2, without activation; h, width of the small picture:
     *   out[2y+i][2x+j][n] = bias[n] + sum_c in[y][x][c] w[i][j][c][n]
     * w: four times packed [cin][np]; wt: four times packed [cout][kp]. back is masked as above.
     */
    void (*up2)(const struct af_nn_picture *out, const struct af_nn_picture *in, const float *w,
                const float *bias, size_t h, size_t width, size_t cin, size_t np);
    void (*up2_back)(const struct af_nn_picture *dx, const struct af_nn_picture *du,
                     const float *wt, size_t h, size_t width, size_t cout, size_t kp,
                     const struct af_nn_picture *mask);
    void (*up2_weights)(float *dw, float *db, const struct af_nn_picture *in,
                        const struct af_nn_picture *du, size_t h, size_t width, size_t cin,
                        size_t np);

    /*
     * out[y][x] = the largest of in[2y..2y+1][2x..2x+1]; h, width of out.
     * back: what came round (dskip, [2h][2 width]) plus what came through, to the first of the
     * largest; relu: 0 where in is 0, for that is where it was closed.
     */
    void (*pool2)(const struct af_nn_picture *out, const struct af_nn_picture *in, size_t h,
                  size_t width, size_t cp);
    void (*pool2_back)(const struct af_nn_picture *dz, const struct af_nn_picture *dskip,
                       const struct af_nn_picture *dpool, const struct af_nn_picture *in, size_t h,
                       size_t width, size_t cp, bool relu);

    /* p = keep ? gain p : 0, keep by a hash of key and place, with probability 1 - drop; gain is
     * 1 / (1 - drop). The same key gives the same picture on any processor. */
    void (*dropout)(const struct af_nn_picture *p, size_t h, size_t width, size_t cp, uint32_t key,
                    double drop);

    /* First layer, one image: x [96][96] -> z [48][48][cp], stride 2, zeros below and right; w:
     * [9][cp]. */
    void (*first)(float *z, const float *x, const float *w, size_t h, size_t cp, float *sum,
                  float *sumsq);
    void (*first_bias)(float *y, const float *x, const float *w, size_t h, size_t cp,
                       const float *bias);
};
/* Scratch of the depthwise kernels, floats: rows of 32 channels. */
#define AF_NN_RING(h) (4 * ((h) + 2) * 32)
#define AF_NN_RING_BACK(h) (2 * AF_NN_RING(h))
/* Gradients of so many pixels are held before they go through the expansion's products. */
enum { AF_NN_HELD = 144 };
#define AF_NN_RING_BLOCK(h) (2 * AF_NN_RING(h) + (AF_NN_HELD + 2 * (h)) * 32)

/* Pack w[k][n] (n given, leading dimension ldw) for pointwise: tiles of 32 channels, the last 16
 * or 32. */
void af_nn_pack(float *packed, const float *w, size_t k, size_t n, size_t ldw);

/* Pack the transpose: packed as if w were [n][k]. */
void af_nn_pack_transposed(float *packed, const float *w, size_t k, size_t n, size_t ldw);

/* A thread's share of the same: rows from .. to-1 of w, or tiles first, first + step, ... */
void af_nn_pack_rows(float *packed, const float *w, size_t k, size_t n, size_t ldw, size_t from,
                     size_t to);
void af_nn_pack_transposed_tiles(float *packed, const float *w, size_t k, size_t n, size_t ldw,
                                 size_t first, size_t step);

/* The fastest set for this processor, or the one named; NULL where there is none. */
const struct af_nn_kernels *af_nn_kernels_best(void);
const struct af_nn_kernels *af_nn_kernels_named(const char *name);

#endif
