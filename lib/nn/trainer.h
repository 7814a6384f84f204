/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the trainer: what forward.c, block.c and backward.c share. Not for others, see train.h.
 *
 * Every convolution keeps its raw output z, but for the expansions of large pictures: those are
 * made again where they are needed (block.c). A pass over one layer is split by images over the
 * crew; each thread sums its own statistics and weight gradients, which are then added in the
 * order of the threads.
 */
#ifndef AF_NN_TRAINER_H
#define AF_NN_TRAINER_H
#include "nn/train.h"

/* What the trainer holds of one convolution. */
struct af_nn_layer {
    size_t in, out;       // channels padded: of input and output
    size_t px_in, px_out; // pixels of an image
    /* An expansion that is not stored, or the depthwise layer that makes it. */
    bool fused;
    float *z;      // [batch][px_out][out] raw output
    float *y;      // the same, after batch norm and addition: projections only
    float *w, *wt; // packed for forward and backward; depthwise: [9][out]
    struct af_nn_norm norm;
    struct af_nn_denorm denorm;
    float *dgamma, *dbeta; // [out]
    size_t dw;             // place in a thread's block of weight gradients, floats
    /* Fused expansion: of its input sum x x' [cin][in], sum x [in]; of both G w [cin][cout]. */
    double *gram, *xsum, *gw;
};

/* What a thread has for itself. */
struct af_nn_corner {
    float *dw;             // [all layers] weight gradients, padded
    float *x, *dz, *ring;  // blocks of rows
    float *sum, *dot;      // [widest] of a block
    double *total, *along; // [widest] of all blocks
    float *gram;           // [moments] of a block of rows
    double *moments;       // [moments] of all blocks: gram, then sums
};

struct af_nn_trainer {
    struct af_nn_arch arch;
    const struct af_nn_kernels *k;
    struct af_nn_crew *crew;
    size_t batch, n; // planned; of this step
    struct af_nn_layer layer[AF_NN_NCONV];
    size_t widest, ndw;
    size_t nmoments;              // floats of the largest gram with its sums
    struct af_nn_corner *corner;  // [threads]
    const float **part;           // [threads] their dw
    float *pages, *arena;         // all numbers; arena begins a cache line
    float *patches;               // [batch][48 48][16] what Conv1 sees, where it is fused
    float *dy, *dy_next;          // gradients: by block outputs, and where sizes change,
    float *dmid, *dexp;           // by depthwise outputs, by expansions
    float *mix, *mix_packed;      // of a fused expansion: M and its constant, see block.c
    float *pooled, *dpooled;      // [batch][cfeature padded]
    const float *params, *moving; // of this step
    float *moved;                 // the same as moving, or NULL: they stay
    double momentum;
    float *grad;
    const float *x;            // images, or
    const float *const *cache; // what fill() wrote of each
    size_t at;                 // layer that is worked on
    int cut;                   // last frozen convolution; -1: none
    bool cut_norm;             // whether its batch norm trains
    int skip;                  // block output from below the cut that is added above it; -1: none
};

/* Images of a thread: [*from, *to). */
void af_nn_share(const struct af_nn_trainer *t, unsigned thread, size_t *from, size_t *to);

/* Sums of a block of rows in float, of all blocks in double, then of all threads. */
void af_nn_totals_clear(struct af_nn_corner *c, size_t cp);
void af_nn_sums_clear(struct af_nn_corner *c, size_t cp);
void af_nn_sums_add(struct af_nn_corner *c, size_t cp);
void af_nn_totals_merge(const struct af_nn_trainer *t, size_t c, double *total, double *along);

/* Rows of a block so that in and out fit a thread's scratch and its second cache. */
size_t af_nn_block_rows(const struct af_nn_layer *l);

/* Input rows of a pointwise layer i, as they enter it; scratch is used where they must be made. */
const float *af_nn_input_rows(const struct af_nn_trainer *t, int i, size_t row, size_t rows,
                              float *scratch);

/* Gradient by the output of layer i's batch norm, [n][px_out][out]: who holds it. */
float *af_nn_gradient_of(const struct af_nn_trainer *t, int i);

/* Batch norm of channel c of layer i from statistics of the batch; moves the moving ones. */
void af_nn_norm_settle(const struct af_nn_trainer *t, int i, size_t c, double mean,
                       double variance);
/* The whole batch norm of layer i from the totals, or from the moving statistics if it is frozen;
 * then the block's output if i ends one. */
void af_nn_forward_norm(struct af_nn_trainer *t, int i);
bool af_nn_norm_frozen(const struct af_nn_trainer *t, int i);

/* Layers from .. to-1 forward, the frozen ones on their moving statistics. */
void af_nn_forward(struct af_nn_trainer *t, int from, int to);
/* All gradients into t->grad, from what the forward pass left. */
void af_nn_backward(struct af_nn_trainer *t, const float *target, const float *predict);
/* Gradients of gamma and beta of channel c, and the way on to dz. */
void af_nn_denorm_set(const struct af_nn_trainer *t, int i, size_t c, double sum, double dot);

/*
 * block.c: an expansion, layer i, that is never stored, and the depthwise layer behind it. In
 * order: the expansion's batch norm and folded weights; depthwise output of images from .. to-1;
 * backward to the expansion; its gradients; what they add to the gradient by the block's input.
 */
void af_nn_block_expansion(struct af_nn_trainer *t, int i);
void af_nn_block_forward(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                         size_t to);
void af_nn_block_back(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                      size_t to);
void af_nn_block_settle(struct af_nn_trainer *t, int i);
void af_nn_block_input(const struct af_nn_trainer *t, int i, struct af_nn_corner *c, size_t from,
                       size_t to);

#endif
