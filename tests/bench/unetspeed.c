/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unetspeed SIDE SLICES SECONDS: slices per second of the published U-Net on one thread (median
 * over rounds of so many slices), for about that time. The numbers that go through do not matter.
 */
#include "base/memory.h"
#include "base/progress.h"
#include "nn/unet.h"
#include "signal/robust.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS_MAX = 10000 };

static void die(const char *text)
{
    fprintf(stderr, "unetspeed: %s\n", text);
    exit(1);
}

int main(int argc, char **argv)
{
    static double seconds[ROUNDS_MAX];
    struct af_unet_arch a;
    struct af_unet_weights *w;
    struct af_unet_net *net;
    struct af_err err;
    float *params, *x, *p;
    size_t side, slices;
    double begin, last, limit;
    int n = 0;

    if (argc != 4)
        die("unetspeed SIDE SLICES SECONDS");
    side = (size_t)atoi(argv[1]);
    slices = (size_t)atoi(argv[2]);
    limit = atof(argv[3]);
    if (af_unet_arch_init(&a, "unet", &err) || af_unet_weights_new(&w, &a, false, NULL, &err) ||
        af_unet_net_new(&net, &a, side, side, &err) ||
        !(params = af_calloc(a.nparams, sizeof(float), &err)) ||
        !(x = af_calloc(side * side, 2 * sizeof(float), &err)))
        die(err.text);
    p = x + side * side;
    af_unet_randomise(&a, params, 1);
    for (size_t i = 0; i < side * side; i++)
        x[i] = (float)(i * 2654435761u % 1000) * 1e-3f;
    begin = last = af_now_s();
    while (n < 3 || (n < ROUNDS_MAX && last - begin < limit)) {
        double now;

        af_unet_weights_pack(w, params, 0, 1); // as a process does once
        for (size_t i = 0; i < slices; i++)
            af_unet_forward(net, w, x, 0, p);
        now = af_now_s();
        seconds[n++] = now - last;
        last = now;
    }
    printf("%.2f\n", (double)slices / af_median(seconds, (size_t)n));
    return 0;
}
