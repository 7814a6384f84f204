/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/adam.h"

#include "base/memory.h"
#include "nn/kernels.h"
#include <math.h>
#include <stdlib.h>

static const float B1 = 0.9f, B2 = 0.999f, EPSILON = 1e-7f;

int af_nn_adam_init(struct af_nn_adam *a, size_t n, struct af_err *err)
{
    *a = (struct af_nn_adam){.n = n};
    a->m = af_calloc(n, sizeof(*a->m), err);
    a->v = a->m ? af_calloc(n, sizeof(*a->v), err) : NULL;
    if (a->v)
        return 0;
    af_nn_adam_release(a);
    return -1;
}

void af_nn_adam_release(struct af_nn_adam *a)
{
    free(a->m);
    free(a->v);
    *a = (struct af_nn_adam){0};
}

struct step {
    const struct af_nn_adam *a;
    float *w;
    const float *g;
    size_t from;
    unsigned threads;
    struct af_nn_adam_rate rate;
};

static void step_share(void *ctx, unsigned thread)
{
    const struct step *s = ctx;
    size_t n = s->a->n - s->from, at = s->from + n * thread / s->threads;
    size_t end = s->from + n * (thread + 1) / s->threads;

    af_nn_kernels_best()->adam(s->w + at, s->a->m + at, s->a->v + at, s->g + at, end - at,
                               &s->rate);
}

void af_nn_adam_step(struct af_nn_adam *a, float *w, const float *g, size_t from, double lr,
                     struct af_nn_crew *crew)
{
    double t = (double)++a->step;
    float rate = (float)(lr * sqrt(1 - pow((double)B2, t)) / (1 - pow((double)B1, t)));
    struct step s = {a, w, g, from, crew ? af_nn_crew_size(crew) : 1, {B1, B2, EPSILON, rate}};

    if (crew)
        af_nn_crew_run(crew, step_share, &s);
    else
        step_share(&s, 0);
}
