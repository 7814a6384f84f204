/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/adam.h"

#include "base/memory.h"
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

void af_nn_adam_step(struct af_nn_adam *a, float *w, const float *g, size_t from, double lr)
{
    double t = (double)++a->step;
    float rate = (float)(lr * sqrt(1 - pow((double)B2, t)) / (1 - pow((double)B1, t)));
    float *m = a->m, *v = a->v;

    for (size_t i = from; i < a->n; i++) {
        m[i] = B1 * m[i] + (1 - B1) * g[i];
        v[i] = B2 * v[i] + (1 - B2) * g[i] * g[i];
        w[i] -= rate * m[i] / (sqrtf(v[i]) + EPSILON);
    }
}
