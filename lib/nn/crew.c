/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/crew.h"

#include "base/memory.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SPINS = 2000 }; // a pause takes 20 to 40 ns

struct member {
    struct af_nn_crew *crew;
    unsigned t;
    pthread_t thread;
};

struct af_nn_crew {
    unsigned n, made;
    struct member *member; // [n], 0 is the caller
    void (*work)(void *ctx, unsigned t);
    void *ctx;
    atomic_uint round;   // pieces of work given out
    atomic_uint working; // members still at the present one
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t begin;
};

static void pause_briefly(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

static void wait_for_round(struct af_nn_crew *c, unsigned last)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&c->round, memory_order_acquire) != last)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&c->lock);
    while (atomic_load(&c->round) == last)
        pthread_cond_wait(&c->begin, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static void *live(void *arg)
{
    struct member *m = arg;
    struct af_nn_crew *c = m->crew;

    for (unsigned round = 0;; round++) {
        wait_for_round(c, round);
        if (c->stop)
            return NULL;
        c->work(c->ctx, m->t);
        atomic_fetch_sub_explicit(&c->working, 1, memory_order_release);
    }
}

static void give_out(struct af_nn_crew *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add_explicit(&c->round, 1, memory_order_release);
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
}

int af_nn_crew_new(struct af_nn_crew **out, unsigned n, struct af_err *err)
{
    struct af_nn_crew *c = af_calloc(1, sizeof(*c), err);
    int why;

    *out = NULL;
    if (!c || !(c->member = af_calloc(n, sizeof(*c->member), err))) {
        free(c);
        return -1;
    }
    c->n = n;
    c->made = 1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begin, NULL);
    for (; c->made < n; c->made++) {
        struct member *m = &c->member[c->made];

        *m = (struct member){.crew = c, .t = c->made};
        if ((why = pthread_create(&m->thread, NULL, live, m))) {
            errno = why;
            af_fail_errno(err, "no thread could be started");
            af_nn_crew_free(c);
            return -1;
        }
    }
    *out = c;
    return 0;
}

void af_nn_crew_free(struct af_nn_crew *c)
{
    if (!c)
        return;
    c->stop = true;
    give_out(c);
    for (unsigned t = 1; t < c->made; t++)
        pthread_join(c->member[t].thread, NULL);
    pthread_cond_destroy(&c->begin);
    pthread_mutex_destroy(&c->lock);
    free(c->member);
    free(c);
}

unsigned af_nn_crew_size(const struct af_nn_crew *c)
{
    return c->n;
}

void af_nn_crew_run(struct af_nn_crew *c, void (*work)(void *ctx, unsigned t), void *ctx)
{
    int spins = 0;

    c->work = work;
    c->ctx = ctx;
    if (c->n > 1) {
        atomic_store(&c->working, c->n - 1);
        give_out(c);
    }
    work(ctx, 0);
    /* Where more run than there are processors, the one that is waited for may need this one. */
    while (c->n > 1 && atomic_load_explicit(&c->working, memory_order_acquire) > 0)
        if (spins < SPINS) {
            spins++;
            pause_briefly();
        } else {
            sched_yield();
        }
}
