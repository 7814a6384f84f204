/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE // RTLD_NEXT
#include "base/parallel.h"
#include "base/random.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

enum { ITEMS = 300, SLOTS_MAX = 64, NOBODY = -1 };

/* AddressSanitizer shall return NULL as malloc does, not abort. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static int threads_left = INT_MAX; // threads that can still be made

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return threads_left-- > 0 ? real(thread, attr, start, arg) : EAGAIN;
}

struct job {
    size_t nslots, stop_at;
    atomic_int owner[SLOTS_MAX]; // item that holds the slot
    size_t result[SLOTS_MAX];
    atomic_int under_way, most, worked, wrong;
    int delivered;
    atomic_bool elsewhere;       // work ran on another thread than the caller's
    pthread_t caller;
};

static void work(void *ctx, size_t i, size_t slot)
{
    struct job *j = ctx;
    int now = atomic_fetch_add(&j->under_way, 1) + 1, most = atomic_load(&j->most);
    struct af_random r;
    struct timespec nap = {0};

    while (now > most && !atomic_compare_exchange_weak(&j->most, &most, now))
        ;
    if (slot >= j->nslots || atomic_exchange(&j->owner[slot], (int)i) != NOBODY)
        atomic_fetch_add(&j->wrong, 1);
    af_random_init(&r, i, "nap"); // so that items end in another order than they began
    nap.tv_nsec = (long)af_random_below(&r, 100000);
    nanosleep(&nap, NULL);
    j->result[slot] = i * i;
    atomic_fetch_add(&j->worked, 1);
    if (!pthread_equal(pthread_self(), j->caller))
        j->elsewhere = true;
}

static int deliver(void *ctx, size_t i, size_t slot)
{
    struct job *j = ctx;

    if ((size_t)j->delivered++ != i || j->result[slot] != i * i ||
        atomic_load(&j->owner[slot]) != (int)i || !pthread_equal(pthread_self(), j->caller))
        atomic_fetch_add(&j->wrong, 1);
    atomic_store(&j->owner[slot], NOBODY);
    atomic_fetch_sub(&j->under_way, 1);
    return i == j->stop_at ? 7 : 0;
}

static int run(struct job *j, size_t n, unsigned nthreads, size_t nslots, size_t stop_at)
{
    memset(j, 0, sizeof(*j));
    j->nslots = nslots;
    j->stop_at = stop_at;
    j->caller = pthread_self();
    for (int i = 0; i < SLOTS_MAX; i++)
        j->owner[i] = NOBODY;
    return af_parallel_ordered(n, nthreads, nslots, work, deliver, j, NULL);
}

static void items_are_delivered_in_order_and_bounded(void **state)
{
    static const unsigned threads[] = {0, 1, 2, 3, 8};
    static const size_t slots[] = {1, 2, 5, 16, SLOTS_MAX};
    struct job j;

    (void)state;
    for (size_t t = 0; t < 5; t++)
        for (size_t s = 0; s < 5; s++) {
            assert_int_equal(run(&j, ITEMS, threads[t], slots[s], SIZE_MAX), 0);
            assert_int_equal(j.wrong, 0);
            assert_int_equal(j.delivered, ITEMS);
            assert_int_equal(j.worked, ITEMS);
            assert_true((size_t)j.most <= slots[s]);
        }
}

static void one_thread_is_the_callers(void **state)
{
    struct job j;

    (void)state;
    run(&j, 20, 1, 8, SIZE_MAX);
    assert_false(j.elsewhere);
    run(&j, 20, 2, 8, SIZE_MAX);
    assert_true(j.elsewhere);
}

static void nothing_and_one_item_are_done_too(void **state)
{
    struct job j;

    (void)state;
    assert_int_equal(run(&j, 0, 4, 8, SIZE_MAX), 0);
    assert_int_equal(j.worked, 0);
    assert_int_equal(run(&j, 1, 4, 8, SIZE_MAX), 0);
    assert_int_equal(j.delivered, 1);
}

static void stopping_delivers_no_more(void **state)
{
    struct job j;

    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        assert_int_equal(run(&j, ITEMS, threads, 8, 10), 7);
        assert_int_equal(j.delivered, 11);
        assert_int_equal(j.wrong, 0);
        assert_true(j.worked <= 11 + 8);
    }
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct af_err err = {0};
    struct job j = {.caller = pthread_self()};

    (void)state;
    assert_int_equal(af_parallel_ordered(10, 2, SIZE_MAX / 2, work, deliver, &j, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(j.worked, 0);
}

static void fewer_threads_do_and_none_is_told(void **state)
{
    struct af_err err = {0};
    struct job j;

    (void)state;
    threads_left = 1;
    assert_int_equal(run(&j, ITEMS, 4, 8, SIZE_MAX), 0);
    assert_int_equal(j.delivered, ITEMS);
    threads_left = 0;
    assert_int_equal(af_parallel_ordered(10, 2, 4, work, deliver, &j, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "no thread could be started: Resource temporarily unavailable");
    assert_int_equal(j.delivered, ITEMS);
    threads_left = INT_MAX;
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(af_cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_delivered_in_order_and_bounded),
        cmocka_unit_test(one_thread_is_the_callers),
        cmocka_unit_test(nothing_and_one_item_are_done_too),
        cmocka_unit_test(stopping_delivers_no_more),
        cmocka_unit_test(memory_that_is_not_there_is_told),
        cmocka_unit_test(fewer_threads_do_and_none_is_told),
        cmocka_unit_test(there_is_a_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
