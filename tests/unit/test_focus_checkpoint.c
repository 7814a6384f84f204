/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { NPARAMS = 37, NMOVING = 10, NEPOCHS = 5 };

/* A checkpoint and what its arrays lie in. */
struct held {
    struct af_checkpoint c;
    float params[4][NPARAMS], moving[2][NMOVING];
    struct af_epoch log[NEPOCHS];
};

static void set_up(struct held *h, float first)
{
    memset(h, 0, sizeof(*h));
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < NPARAMS; i++)
            h->params[k][i] = first + (float)(100 * k + i);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < NMOVING; i++)
            h->moving[k][i] = first - (float)(100 * k + i);
    h->c = (struct af_checkpoint){.setup = "batch 32\nlr 0.1\n",
                                  .machine = "threads 2\n",
                                  .nparams = NPARAMS,
                                  .nmoving = NMOVING,
                                  .params = h->params[0],
                                  .m = h->params[1],
                                  .v = h->params[2],
                                  .best_params = h->params[3],
                                  .moving = h->moving[0],
                                  .best_moving = h->moving[1],
                                  .log = h->log};
}

static void write_with_best(const char *path, uint64_t best_epoch)
{
    struct held h;

    set_up(&h, 1);
    h.c.step = 77;
    h.c.epoch = 3;
    h.c.done = 64;
    h.c.loss = 0.125;
    h.c.seconds = 9.5;
    h.c.best_epoch = best_epoch;
    h.c.best_loss = 0.25;
    for (size_t i = 0; i < 3; i++)
        h.log[i] = (struct af_epoch){i + 1, 0.5, 0.25, 7, 1e-4, 2, 30, i == 1};
    h.log[2].val_loss = NAN;
    assert_int_equal(af_checkpoint_write(&h.c, path, NULL), 0);
}

static void write_one(const char *path)
{
    write_with_best(path, 2);
}

static void what_was_written_is_read(void **state)
{
    struct held h, want;
    bool moved = true;

    (void)state;
    write_one("c");
    set_up(&h, 1000);
    set_up(&want, 1);
    assert_int_equal(af_checkpoint_read(&h.c, "c", NEPOCHS, &moved, NULL), 1);
    assert_false(moved);
    assert_memory_equal(h.params, want.params, sizeof(h.params));
    assert_memory_equal(h.moving, want.moving, sizeof(h.moving));
    assert_true(h.c.step == 77 && h.c.epoch == 3 && h.c.done == 64 && h.c.best_epoch == 2);
    assert_true(h.c.loss == 0.125 && h.c.seconds == 9.5 && h.c.best_loss == 0.25);
    assert_true(h.log[0].epoch == 1 && h.log[0].train_loss == 0.5 && h.log[0].val_loss == 0.25);
    assert_true(h.log[0].val_figure == 7 && h.log[0].lr == 1e-4 && h.log[0].seconds == 2);
    assert_true(h.log[0].images_per_s == 30 && !h.log[0].best && h.log[1].best);
    assert_true(isnan(h.log[2].val_loss));
}

static void no_file_is_no_error(void **state)
{
    struct held h;
    bool moved;

    (void)state;
    set_up(&h, 1);
    assert_int_equal(af_checkpoint_read(&h.c, "nowhere", NEPOCHS, &moved, NULL), 0);
}

static void another_machine_is_told(void **state)
{
    struct held h;
    bool moved = false;

    (void)state;
    write_one("c");
    set_up(&h, 1);
    h.c.machine = "threads 4\n";
    assert_int_equal(af_checkpoint_read(&h.c, "c", NEPOCHS, &moved, NULL), 1);
    assert_true(moved);
}

static void another_setup_is_refused_by_name(void **state)
{
    static const struct {
        const char *setup, *said;
    } other[] = {
        {"batch 16\nlr 0.1\n", "its batch 32, now batch 16"},
        {"batch 32\nlr 0.01\n", "its lr 0.1, now lr 0.01"},
        {"batch 32\n", "another set-up"},
        {"batch 32\nlr 0.1\nepochs 7\n", "another set-up"},
    };

    (void)state;
    write_one("c");
    for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
        struct af_err err = {0};
        struct held h;
        bool moved;

        set_up(&h, 1);
        h.c.setup = other[i].setup;
        assert_int_equal(af_checkpoint_read(&h.c, "c", NEPOCHS, &moved, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        if (!strstr(err.text, other[i].said))
            fail_msg("'%s' does not say '%s'", err.text, other[i].said);
    }
}

static void more_epochs_than_wanted_are_refused(void **state)
{
    struct af_err err = {0};
    struct held h;
    bool moved;

    (void)state;
    write_one("c");
    set_up(&h, 1);
    assert_int_equal(af_checkpoint_read(&h.c, "c", 2, &moved, &err), -1);
    assert_non_null(strstr(err.text, "3 epochs"));
}

/* Its row of the log would be behind the others. */
static void a_best_epoch_that_never_was_is_damage(void **state)
{
    struct af_err err = {0};
    struct held h;
    bool moved;

    (void)state;
    write_with_best("c", 4);
    set_up(&h, 1);
    assert_int_equal(af_checkpoint_read(&h.c, "c", NEPOCHS, &moved, &err), -1);
    assert_string_equal(err.text, "c: damaged, or no checkpoint");
}

static size_t load(const char *path, unsigned char *b, size_t cap)
{
    FILE *fp = fopen(path, "rb");
    size_t n;

    assert_non_null(fp);
    n = fread(b, 1, cap, fp);
    fclose(fp);
    assert_true(n < cap);
    return n;
}

static void store(const char *path, const unsigned char *b, size_t n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    assert_int_equal(fwrite(b, 1, n, fp), n);
    assert_int_equal(fclose(fp), 0);
}

static int read_again(const char *path, struct af_err *err)
{
    struct held h;
    bool moved;

    set_up(&h, 1);
    return af_checkpoint_read(&h.c, path, NEPOCHS, &moved, err);
}

static void every_damaged_byte_is_noticed(void **state)
{
    static unsigned char b[8192];
    size_t n;

    (void)state;
    write_one("c");
    n = load("c", b, sizeof(b));
    for (size_t i = 0; i < n; i++) {
        struct af_err err = {0};

        b[i] ^= 0x41;
        store("d", b, n);
        assert_int_equal(read_again("d", &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        b[i] ^= 0x41;
    }
}

static void every_cut_is_noticed(void **state)
{
    static unsigned char b[8192];
    size_t n;

    (void)state;
    write_one("c");
    n = load("c", b, sizeof(b));
    for (size_t i = 0; i < n; i += i < 200 ? 1 : 13) {
        store("d", b, i);
        assert_int_equal(read_again("d", NULL), -1);
    }
    store("d", b, n + 1); // and a byte too many
    assert_int_equal(read_again("d", NULL), -1);
}

static void a_folder_is_an_error(void **state)
{
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_again(".", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(no_file_is_no_error),
        cmocka_unit_test(another_machine_is_told),
        cmocka_unit_test(another_setup_is_refused_by_name),
        cmocka_unit_test(more_epochs_than_wanted_are_refused),
        cmocka_unit_test(a_best_epoch_that_never_was_is_damage),
        cmocka_unit_test(every_damaged_byte_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(a_folder_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
