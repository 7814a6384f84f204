/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/schedule.h"

#include "base/random.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *const af_schedule_name[] = {"constant", "cosine"};

double af_schedule_rate(enum af_schedule s, double lr, uint64_t epoch, size_t epochs)
{
    const double pi = 3.14159265358979323846;

    return s == AF_CONSTANT ? lr : lr / 2 * (1 + cos(pi * (double)epoch / (double)epochs));
}

void af_schedule_order(size_t *order, size_t n, uint64_t seed, const char *what, uint64_t number)
{
    struct af_random random;
    char name[64];

    snprintf(name, sizeof(name), "%s %" PRIu64, what, number);
    af_random_init(&random, seed, name);
    for (size_t i = 0; i < n; i++) {
        size_t j = af_random_below(&random, i + 1);

        order[i] = order[j];
        order[j] = i;
    }
}

int af_schedule_resume(struct af_checkpoint *c, const char *path, size_t epochs,
                       const struct af_trainrun_audience *a, struct af_err *err)
{
    bool moved = false;
    int got = af_checkpoint_read(c, path, epochs, &moved, err);

    if (got < 0)
        return -1;
    if (moved && a->warn)
        a->warn(a->ctx, "other threads, processor or version than before: the result will "
                        "differ in its last digits");
    if (!got && a->warn)
        a->warn(a->ctx, "there is no checkpoint, training begins anew");
    for (size_t i = 0; i < c->epoch && a->each; i++)
        a->each(a->ctx, &c->log[i]);
    return 0;
}
