/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unetspeed infer SIDE SLICES SECONDS: slices per second of the published U-Net on one thread.
 * unetspeed train THREADS BATCH SECONDS: pictures of 256x256 px per second: forward, losses,
 * backward, Adam.
 *
 * Medians over rounds of so many, for about that time. The numbers that go through do not matter.
 */
#include "base/memory.h"
#include "base/progress.h"
#include "nn/adam.h"
#include "nn/unettrain.h"
#include "signal/robust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 10000, TRAIN_SIDE = 256 };

struct rig {
    struct af_unet_arch a;
    struct af_unet_weights *w;
    struct af_unet_net *net;
    struct af_nn_crew *crew;
    struct af_unet_trainer *trainer;
    struct af_nn_adam adam;
    float *params, *grad, *x, *g, *p;
    size_t n;
};

static void die(const char *text)
{
    fprintf(stderr, "unetspeed: %s\n", text);
    exit(1);
}

static void make_data(struct rig *r, size_t px, struct af_err *err)
{
    if (!(r->params = af_calloc_large(r->a.nparams, 2 * sizeof(float), err)) ||
        !(r->x = af_calloc_large(px, 3 * sizeof(float), err)))
        die(err->text);
    r->grad = r->params + r->a.nparams;
    r->g = r->x + px;
    r->p = r->g + px;
    af_unet_randomise(&r->a, r->params, 1);
    for (size_t i = 0; i < px; i++) {
        r->x[i] = (float)(i * 2654435761u % 1000) * 1e-3f;
        r->g[i] = i * 2654435761u % 10 > 6;
    }
}

static void infer(struct rig *r)
{
    af_unet_weights_pack(r->w, r->params, 0, 1); // as a process does once
    for (size_t i = 0; i < r->n; i++)
        af_unet_forward(r->net, r->w, r->x, 0, r->p);
}

static void train(struct rig *r)
{
    struct af_unet_loss loss;

    af_unet_train_step(r->trainer, r->params, r->x, r->g, NULL, r->n, r->adam.step + 1, &loss, r->p,
                       r->grad);
    af_nn_adam_step(&r->adam, r->params, r->grad, 0, 1e-3, r->crew);
}

static double median_seconds(struct rig *r, void (*round)(struct rig *r), double limit)
{
    static double seconds[ROUNDS_MAX];
    double begin = af_now_s(), last = begin;
    size_t n = 0;

    while (n < 3 || (n < ROUNDS_MAX && last - begin < limit)) {
        double now;

        round(r);
        now = af_now_s();
        seconds[n++] = now - last;
        last = now;
    }
    return af_median(seconds, n);
}

int main(int argc, char **argv)
{
    static struct rig r;
    struct af_err err;
    bool trains = argc == 5 && strcmp(argv[1], "train") == 0;
    double seconds;

    if (argc != 5 || (!trains && strcmp(argv[1], "infer") != 0))
        die("infer SIDE SLICES SECONDS, or train THREADS BATCH SECONDS");
    r.n = (size_t)atoi(argv[3]);
    if (af_unet_arch_init(&r.a, "unet", &err))
        die(err.text);
    if (trains) {
        if (af_nn_crew_new(&r.crew, (unsigned)atoi(argv[2]), &err) ||
            af_unet_trainer_new(&r.trainer, &r.a, TRAIN_SIDE, TRAIN_SIDE, r.n, r.crew, NULL,
                                &err) ||
            af_nn_adam_init(&r.adam, r.a.nparams, &err))
            die(err.text);
        make_data(&r, r.n * TRAIN_SIDE * TRAIN_SIDE, &err);
        seconds = median_seconds(&r, train, atof(argv[4]));
    } else {
        size_t side = (size_t)atoi(argv[2]);

        if (af_unet_weights_new(&r.w, &r.a, false, NULL, &err) ||
            af_unet_net_new(&r.net, &r.a, side, side, false, &err))
            die(err.text);
        make_data(&r, side * side, &err);
        seconds = median_seconds(&r, infer, atof(argv[4]));
    }
    printf("%.2f\n", (double)r.n / seconds);
    return 0;
}
