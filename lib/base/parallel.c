/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __linux__
#define _GNU_SOURCE // sched_getaffinity
#include <sched.h>
#endif
#include "base/parallel.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

unsigned af_cpu_count(void)
{
    long n;

#ifdef __linux__
    cpu_set_t set;

    if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
#endif
    n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

/*
 * Items [delivered, begun) are under way, never more than nslots of them, so
 * slot i % nslots is free when item i begins.
 */
struct crew {
    pthread_mutex_t lock;
    pthread_cond_t room;  // an item was delivered, or it is time to stop
    pthread_cond_t ready; // an item was finished
    size_t n, nslots, begun, delivered;
    bool *finished;       // [nslots]
    bool stop;
    void (*work)(void *ctx, size_t i, size_t slot);
    void *ctx;
};

static void *worker(void *arg)
{
    struct crew *c = arg;
    size_t i;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->stop && c->begun < c->n && c->begun - c->delivered == c->nslots)
            pthread_cond_wait(&c->room, &c->lock);
        if (c->stop || c->begun == c->n)
            break;
        i = c->begun++;
        pthread_mutex_unlock(&c->lock);
        c->work(c->ctx, i, i % c->nslots);
        pthread_mutex_lock(&c->lock);
        c->finished[i % c->nslots] = true;
        pthread_cond_signal(&c->ready);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* The calling thread's part: deliver in order until the end or the first nonzero. */
static int deliver_all(struct crew *c, int (*deliver)(void *ctx, size_t i, size_t slot))
{
    int ret = 0;

    pthread_mutex_lock(&c->lock);
    while (!ret && c->delivered < c->n) {
        size_t i = c->delivered, slot = i % c->nslots;

        while (!c->finished[slot])
            pthread_cond_wait(&c->ready, &c->lock);
        c->finished[slot] = false;
        pthread_mutex_unlock(&c->lock);
        ret = deliver(c->ctx, i, slot);
        pthread_mutex_lock(&c->lock);
        c->delivered++;
        c->stop = ret != 0;
        pthread_cond_broadcast(&c->room);
    }
    pthread_mutex_unlock(&c->lock);
    return ret;
}

static int run_alone(size_t n, void (*work)(void *, size_t, size_t),
                     int (*deliver)(void *, size_t, size_t), void *ctx)
{
    int ret = 0;

    for (size_t i = 0; i < n && !ret; i++) {
        work(ctx, i, 0);
        ret = deliver(ctx, i, 0);
    }
    return ret;
}

int af_parallel_ordered(size_t n, unsigned nthreads, size_t nslots,
                        void (*work)(void *ctx, size_t i, size_t slot),
                        int (*deliver)(void *ctx, size_t i, size_t slot),
                        void *ctx, struct af_err *err)
{
    struct crew c = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER,
                     .ready = PTHREAD_COND_INITIALIZER, .n = n, .nslots = nslots,
                     .work = work, .ctx = ctx};
    pthread_t *thread;
    unsigned made = 0;
    int ret = -1, why = 0;

    assert(nslots);
    if (!nthreads)
        nthreads = af_cpu_count();
    if (nthreads > n)
        nthreads = (unsigned)n;
    if (nthreads <= 1 || nslots == 1)
        return run_alone(n, work, deliver, ctx);
    thread = af_calloc(nthreads, sizeof(*thread), err);
    c.finished = af_calloc(nslots, sizeof(*c.finished), err);
    if (!thread || !c.finished)
        goto done;
    while (made < nthreads && !(why = pthread_create(&thread[made], NULL, worker, &c)))
        made++;
    if (!made) {
        errno = why;
        af_fail_errno(err, "no thread could be started");
        goto done;
    }
    ret = deliver_all(&c, deliver); // fewer threads than wanted do as well
    while (made)
        pthread_join(thread[--made], NULL);
done:
    free(c.finished);
    free(thread);
    return ret;
}
