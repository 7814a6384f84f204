/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nnspeed train|infer ALPHA THREADS BATCH SECONDS: images per second (median over rounds of a
 * batch), for about that time. The numbers that go through do not matter.
 */
#include "base/memory.h"
#include "base/progress.h"
#include "nn/adam.h"
#include "nn/infer.h"
#include "nn/model.h"
#include "nn/train.h"
#include "signal/robust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 100000 };

static void die(const char *text)
{
    fprintf(stderr, "nnspeed: %s\n", text);
    exit(1);
}

struct job {
    struct af_nn_model model;
    struct af_nn_crew *crew;
    struct af_nn_trainer *trainer;
    struct af_nn_adam adam;
    struct af_nn_infer *infer;
    struct af_nn_bench **bench; // [threads]
    size_t batch;
    float *x, *target, *predict, *grad;
};

static void infer_share(void *ctx, unsigned t)
{
    const struct job *j = ctx;
    size_t threads = af_nn_crew_size(j->crew), px = (size_t)AF_NN_SIDE * AF_NN_SIDE;
    size_t from = j->batch * t / threads, to = j->batch * (t + 1) / threads;

    if (to > from)
        af_nn_infer_run(j->infer, j->bench[t], j->x + from * px, to - from, j->predict + from,
                        NULL);
}

static void once(struct job *j, int train)
{
    if (!train) {
        af_nn_crew_run(j->crew, infer_share, j);
        return;
    }
    af_nn_train_step(j->trainer, j->model.params, j->model.moving, 0.999, j->x, j->target, j->batch,
                     j->predict, j->grad);
    af_nn_adam_step(&j->adam, j->model.params, j->grad, 0, 1e-4, j->crew);
}

static void set_up(struct job *j, double alpha, unsigned threads, int train)
{
    size_t px = j->batch * AF_NN_SIDE * AF_NN_SIDE;
    struct af_err err;

    if (af_nn_model_init(&j->model, alpha, &err) || af_nn_crew_new(&j->crew, threads, &err) ||
        !(j->x = af_calloc(px, sizeof(float), &err)) ||
        !(j->target = af_calloc(j->batch, sizeof(float), &err)) ||
        !(j->predict = af_calloc(j->batch, sizeof(float), &err)))
        die(err.text);
    af_nn_model_randomise(&j->model, 1);
    for (size_t i = 0; i < px; i++)
        j->x[i] = (float)(i * 2654435761u % 1000) * 1e-3f;
    if (train) {
        if (af_nn_trainer_new(&j->trainer, &j->model.arch, j->batch, j->crew, NULL, &err) ||
            af_nn_adam_init(&j->adam, j->model.arch.nparams, &err) ||
            !(j->grad = af_calloc(j->model.arch.nparams, sizeof(float), &err)))
            die(err.text);
        return;
    }
    if (!(j->bench = af_calloc(threads, sizeof(*j->bench), &err)) ||
        af_nn_infer_new(&j->infer, &j->model.arch, j->model.params, j->model.moving, NULL, &err))
        die(err.text);
    for (unsigned t = 0; t < threads; t++)
        if (af_nn_bench_new(&j->bench[t], j->infer, &err))
            die(err.text);
}

int main(int argc, char **argv)
{
    static double seconds[ROUNDS_MAX];
    struct job j = {.batch = 0};
    int train, n = 0;
    double begin, last, limit;

    if (argc != 6)
        die("nnspeed train|infer ALPHA THREADS BATCH SECONDS");
    train = strcmp(argv[1], "train") == 0;
    j.batch = (size_t)atoi(argv[4]);
    limit = atof(argv[5]);
    set_up(&j, atof(argv[2]), (unsigned)atoi(argv[3]), train);
    once(&j, train);
    begin = last = af_now_s();
    while (n < 3 || (n < ROUNDS_MAX && last - begin < limit)) {
        double now;

        once(&j, train);
        now = af_now_s();
        seconds[n++] = now - last;
        last = now;
    }
    printf("%.1f\n", (double)j.batch / af_median(seconds, (size_t)n));
    return 0;
}
