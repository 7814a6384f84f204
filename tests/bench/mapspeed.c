/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapspeed WHAT THREADS ROUNDS: ms for 20 slices of 1040 x 1392 px, 8 bits, in memory; the best
 * round, by the clock and by the processors' time, which others on the machine disturb less. WHAT:
 *
 *   read     add the bytes up, eight at a time
 *   std      std at cells of 16 px, window 64, strides 16 to 128
 *   eight    all measures but entropy and variance, the square of std; the same windows
 *   all      entropy, too
 *   strides  std at full resolution, window 64, the published 15 strides, 8 to 36
 */
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "maps/scoremap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { W = 1392, H = 1040, SLICES = 20, MOST = 16 };

struct bench {
    struct af_image slice[SLICES];
    struct af_plan plan;
    unsigned measures;
    bool full;
    struct worker {
        struct af_sums sums;
        struct af_entropy entropy;
        struct af_scoremap map;
        struct af_image img;
        double *out;
    } worker[MOST];
    uint64_t sum; // so that reading is not left out
};

static void check(int bad, const struct af_err *err)
{
    if (bad) {
        fprintf(stderr, "mapspeed: %s\n", err->text);
        exit(1);
    }
}

/* Noise over a slow texture: all bins of a histogram are in use. */
static void fill(struct bench *b)
{
    struct af_err err;
    struct af_random r;

    af_random_init(&r, 1, "mapspeed");
    for (size_t i = 0; i < SLICES; i++) {
        uint8_t *p;

        check(af_image_resize(&b->slice[i], W, H, AF_U8, &err), &err);
        p = b->slice[i].data;
        for (size_t k = 0; k < W * H; k++)
            p[k] = (uint8_t)(128 + 60 * sin((double)(k % W) / 9) + af_random_normal(&r) * 20);
    }
}

static void set_up(struct bench *b, const char *what, unsigned n)
{
    static const uint32_t window[] = {64}, few[] = {16, 32, 64, 128};
    static const uint32_t many[] = {8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36};
    const struct af_scoremap_opts o = {AF_DEF_PAPER, AF_ACC_SUM, AF_NORM_NONE};
    struct af_err err;

    b->full = !strcmp(what, "strides");
    b->measures = !strcmp(what, "eight")
                      ? AF_SHARP_ALL & ~(1u << AF_SHARP_ENTROPY | 1u << AF_SHARP_VARIANCE)
                  : !strcmp(what, "all") ? AF_SHARP_ALL
                                         : 1u << AF_SHARP_STD;
    check(b->full ? af_plan_init(&b->plan, W, H, NULL, window, 1, many, 15, &err)
                  : af_plan_init(&b->plan, W, H, NULL, window, 1, few, 4, &err),
          &err);
    for (unsigned i = 0; i < n; i++) {
        struct worker *k = &b->worker[i];

        check(af_sums_init(&k->sums, &b->plan, af_sharp_sums(b->measures, AF_DEF_PAPER), 0, NULL,
                           &err) ||
                  af_scoremap_init(&k->map, &b->plan, &o, &err) ||
                  af_entropy_init(&k->entropy, &b->plan, &err),
              &err);
        k->out = calloc(b->plan.x[0].n * b->plan.y[0].n, sizeof(double));
    }
}

static void work(void *ctx, size_t i, size_t slot)
{
    struct bench *b = ctx;
    struct worker *k = &b->worker[slot];
    struct af_err err;

    check(af_sums_compute(&k->sums, &b->slice[i], &err), &err);
    if (b->measures >> AF_SHARP_ENTROPY & 1)
        check(af_entropy_take(&k->entropy, &b->slice[i], &err), &err);
    for (int m = 0; m < AF_NSHARPS; m++)
        if (b->measures >> m & 1) {
            af_scoremap_make(&k->map, &k->sums, &k->entropy, (enum af_sharp)m, 0, 0, k->out);
            check(af_scoremap_image(&b->plan, k->out, b->full ? 1 : 16, AF_F32, &k->img, &err),
                  &err);
        }
}

static int deliver(void *ctx, size_t i, size_t slot)
{
    (void)ctx, (void)i, (void)slot;
    return 0;
}

static void read_bytes(struct bench *b)
{
    for (size_t i = 0; i < SLICES; i++) {
        const uint64_t *p = b->slice[i].data;
        uint64_t sum = 0;

        for (size_t k = 0; k < W * H / 8; k++)
            sum += p[k];
        b->sum += sum;
    }
}

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    static struct bench b;
    unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    int rounds = argc > 3 ? atoi(argv[3]) : 9;
    double best = INFINITY, best_cpu = INFINITY;
    bool reading;

    if (argc < 2 || threads < 1 || threads >= MOST) {
        fprintf(stderr, "Usage: mapspeed WHAT [THREADS [ROUNDS]]\n");
        return 2;
    }
    reading = !strcmp(argv[1], "read");
    fill(&b);
    if (!reading)
        set_up(&b, argv[1], threads + 1);
    for (int i = 0; i < rounds; i++) {
        double start = af_now_s(), start_cpu = cpu_s();
        struct af_err err;

        if (reading)
            read_bytes(&b);
        else
            check(af_parallel_ordered(SLICES, threads, threads > 1 ? threads + 1 : 1, work, deliver,
                                      &b, &err),
                  &err);
        best = fmin(best, af_now_s() - start);
        best_cpu = fmin(best_cpu, cpu_s() - start_cpu);
    }
    printf("%.2f %.2f\n", best * 1e3, best_cpu * 1e3);
    return b.sum == 1;
}
