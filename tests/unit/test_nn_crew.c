/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/crew.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { CREW_MAX = 4, ROUNDS = 4000 };

struct ledger {
    unsigned long done[CREW_MAX]; // pieces, by t
    pthread_t who[CREW_MAX];
    unsigned long strangers; // pieces done on another thread than the first
    unsigned long round;
};

static void enter(void *ctx, unsigned t)
{
    struct ledger *l = ctx;

    if (l->done[t]++ == 0)
        l->who[t] = pthread_self();
    else if (!pthread_equal(l->who[t], pthread_self()))
        __atomic_add_fetch(&l->strangers, 1, __ATOMIC_RELAXED);
}

/* Every member reads what the others wrote in the round before. */
static void add_all(void *ctx, unsigned t)
{
    unsigned long(*v)[CREW_MAX] = ctx, sum = 0;

    for (int i = 0; i < CREW_MAX; i++)
        sum += v[0][i];
    v[1][t] = sum % 1000003 + t;
}

static void each_thread_does_its_piece_once_a_round(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= CREW_MAX; n++) {
        struct af_nn_crew *crew;
        struct af_err err = {0};
        struct ledger l = {0};

        assert_int_equal(af_nn_crew_new(&crew, n, &err), 0);
        assert_int_equal(af_nn_crew_size(crew), n);
        for (unsigned long r = 1; r <= ROUNDS / n; r++) {
            af_nn_crew_run(crew, enter, &l);
            for (unsigned t = 0; t < CREW_MAX; t++)
                if (l.done[t] != (t < n ? r : 0))
                    fail_msg("round %lu of %u: thread %u has done %lu", r, n, t, l.done[t]);
        }
        assert_int_equal(l.strangers, 0);
        assert_true(pthread_equal(l.who[0], pthread_self()));
        for (unsigned t = 1; t < n; t++)
            assert_false(pthread_equal(l.who[t], pthread_self()));
        af_nn_crew_free(crew);
    }
}

static void what_a_round_wrote_the_next_one_reads(void **state)
{
    unsigned long v[2][CREW_MAX] = {{1, 2, 3, 4}}, w[2][CREW_MAX] = {{1, 2, 3, 4}};
    struct af_nn_crew *crew;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_nn_crew_new(&crew, CREW_MAX, &err), 0);
    for (int r = 0; r < ROUNDS / CREW_MAX; r++) {
        af_nn_crew_run(crew, add_all, v);
        memcpy(v[0], v[1], sizeof(v[0]));
        for (unsigned t = 0; t < CREW_MAX; t++)
            add_all(w, t);
        memcpy(w[0], w[1], sizeof(w[0]));
    }
    assert_memory_equal(v[0], w[0], sizeof(v[0]));
    af_nn_crew_free(crew);
}

/* Longer apart than a thread spins: all of them sleep in between. */
static void a_crew_that_has_fallen_asleep_wakes(void **state)
{
    const struct timespec nap = {.tv_nsec = 2000000};
    struct af_nn_crew *crew;
    struct af_err err = {0};
    struct ledger l = {0};

    (void)state;
    assert_int_equal(af_nn_crew_new(&crew, 3, &err), 0);
    for (int r = 0; r < 20; r++) {
        nanosleep(&nap, NULL);
        af_nn_crew_run(crew, enter, &l);
    }
    assert_int_equal(l.done[0] + l.done[1] + l.done[2], 60);
    nanosleep(&nap, NULL);
    af_nn_crew_free(crew);
}

static void a_crew_may_be_dismissed_before_it_worked(void **state)
{
    struct af_nn_crew *crew;
    struct af_err err = {0};

    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(af_nn_crew_new(&crew, 1 + (unsigned)i % CREW_MAX, &err), 0);
        af_nn_crew_free(crew);
    }
    af_nn_crew_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_does_its_piece_once_a_round),
        cmocka_unit_test(what_a_round_wrote_the_next_one_reads),
        cmocka_unit_test(a_crew_that_has_fallen_asleep_wakes),
        cmocka_unit_test(a_crew_may_be_dismissed_before_it_worked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
