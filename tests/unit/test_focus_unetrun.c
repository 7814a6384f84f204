/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks, votes and tiles; a training that learns, and that stops and goes on. */
#include "focus/unetrun.h"

#include "base/random.h"
#include "focus/sure.h"
#include "focus/tile.h"
#include "image/stackwrite.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { W = 40, H = 24, NSLICES = 3, NSTACKS = 4, SIDE = 32 };

static const char *const stacks[NSTACKS] = {"s0.tif", "s1.tif", "s2.tif", "s3.tif"};
static const char *const masks[NSTACKS] = {"m0.tif", "m1.tif", "m2.tif", "m3.tif"};

static struct af_stack_writer *begin(const char *path)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *w;

    meta.nplanes = NSLICES;
    assert_int_equal(af_stack_writer_open(&w, path, &meta, NULL), 0);
    return w;
}

/* Stripes on the left or the right half of each slice, gray on the other; in focus is where
 * stripes are. Every fifth vote of a mask is a split one. */
static int write_stacks(void **state)
{
    const struct af_plane plane = AF_PLANE_UNKNOWN;
    struct af_image img = {0}, mask = {0};
    struct af_random r;

    (void)state;
    af_random_init(&r, 1, "stacks");
    assert_int_equal(af_image_resize(&img, W, H, AF_U8, NULL), 0);
    assert_int_equal(af_image_resize(&mask, W, H, AF_U8, NULL), 0);
    for (int s = 0; s < NSTACKS; s++) {
        struct af_stack_writer *a = begin(stacks[s]), *b = begin(masks[s]);

        for (int k = 0; k < NSLICES; k++) {
            for (size_t i = 0; i < (size_t)W * H; i++) {
                size_t x = i % W;
                bool sharp = (x < W / 2) == ((s + k) % 2);

                ((uint8_t *)img.data)[i] = (uint8_t)(100 + (sharp ? (x % 4 < 2 ? 40 : -40) : 0) +
                                                     4 * af_random_normal(&r));
                ((uint8_t *)mask.data)[i] = (uint8_t)(sharp ? 255 : i % 5 ? 0 : 85);
            }
            assert_int_equal(af_stack_writer_add(a, &img, &plane, NULL), 0);
            assert_int_equal(af_stack_writer_add(b, &mask, &plane, NULL), 0);
        }
        assert_int_equal(af_stack_writer_commit(a, NULL), 0);
        assert_int_equal(af_stack_writer_commit(b, NULL), 0);
    }
    af_image_release(&img);
    af_image_release(&mask);
    return 0;
}

static struct af_maskset_opts usual(void)
{
    return (struct af_maskset_opts){.stacks = stacks,
                                    .masks = masks,
                                    .nstacks = NSTACKS,
                                    .val_fraction = 0.25,
                                    .side = SIDE,
                                    .stride = 16,
                                    .sees = 1,
                                    .seed = 1};
}

static struct af_maskset read_set(const struct af_maskset_opts *o)
{
    struct af_maskset s;
    struct af_err err = {0};

    if (af_maskset_read(&s, o, &err))
        fail_msg("%s", err.text);
    return s;
}

/* ------------------------------------------------------------------ tiles */

static void whole_stacks_validate(void **state)
{
    struct af_maskset_opts o = usual();
    bool seen[NSTACKS] = {false};

    (void)state;
    for (o.seed = 0; o.seed < 12; o.seed++) {
        struct af_maskset s = read_set(&o);
        size_t val = s.slice[s.val[0].slice].stack;

        assert_int_equal(s.nvalidates, 1);
        assert_int_equal(s.nslices, NSTACKS * NSLICES);
        /* 40 px hold two tiles of 32 every 16, 24 px one; those that validate do not overlap more
         * than they must. */
        assert_int_equal(s.ntrain, (NSTACKS - 1) * NSLICES * 2);
        assert_int_equal(s.nval, NSLICES * 2);
        for (size_t i = 0; i < s.nval; i++)
            assert_int_equal(s.slice[s.val[i].slice].stack, val);
        for (size_t i = 0; i < s.ntrain; i++)
            assert_int_not_equal(s.slice[s.train[i].slice].stack, val);
        seen[val] = true;
        af_maskset_release(&s);
    }
    for (int i = 0; i < NSTACKS; i++)
        assert_true(seen[i]);
}

static void named_stacks_validate(void **state)
{
    static const bool named[NSTACKS] = {false, true, false, true};
    struct af_maskset_opts o = usual();
    struct af_maskset s;

    (void)state;
    o.validates = named;
    s = read_set(&o);
    assert_int_equal(s.nvalidates, 2);
    for (size_t i = 0; i < s.nval; i++)
        assert_true(named[s.slice[s.val[i].slice].stack]);
    af_maskset_release(&s);
}

static void disagreement_lowers_the_weight(void **state)
{
    struct af_maskset_opts o = usual();
    struct af_maskset s = read_set(&o);
    float x[SIDE * SIDE], mask[SIDE * SIDE], weight[SIDE * SIDE];
    const struct af_tile_change plain = {0};
    const struct af_tile *t = &s.train[1]; // from x = 8 on, past the lower border

    (void)state;
    assert_int_equal(t->x, W - SIDE);
    af_tile_make(&s, t, &plain, x, mask, weight);
    for (size_t j = 0; j < SIDE; j++)
        for (size_t i = 0; i < SIDE; i++) {
            size_t at = j * SIDE + i, px = (size_t)j * W + t->x + i;

            if (j >= H) {
                assert_true(weight[at] == 0); // mirrored
                assert_true(x[at] == x[(2 * H - 1 - j) * SIDE + i]);
                continue;
            }
            assert_true(mask[at] == (s.slice[t->slice].vote[px] == 255));
            /* 85 of 255 is a third: |2/3 - 1|. */
            assert_true(
                fabs((double)weight[at] - (s.slice[t->slice].vote[px] == 85 ? 1.0 / 3 : 1)) < 1e-6);
        }
    af_maskset_release(&s);
}

static void a_square_has_eight_positions(void **state)
{
    struct af_maskset_opts o = usual();
    struct af_maskset s = read_set(&o);
    static float x[8][SIDE * SIDE], mask[SIDE * SIDE], weight[SIDE * SIDE];
    double want = 0;

    (void)state;
    for (unsigned k = 0; k < 8; k++) {
        double dot = 0;

        af_tile_make(&s, &s.train[0], &(struct af_tile_change){.turn = k}, x[k], mask, weight);
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
            dot += (double)(fabsf(x[k][i]) * (1 + mask[i]) * weight[i]);
        for (unsigned j = 0; j < k; j++)
            assert_memory_not_equal(x[j], x[k], sizeof(x[k]));
        if (k == 0)
            want = dot;
        assert_true(fabs(dot / want - 1) < 1e-9); // picture, mask and weight turn together
    }
    af_maskset_release(&s);
}

/* A shear takes picture and label of each pixel from the same slice. */
static void a_shear_moves_label_and_picture_together(void **state)
{
    static float x[SIDE * SIDE * 3], mask[SIDE * SIDE], weight[SIDE * SIDE];
    const struct af_tile_change wave = {.height = 1.4, .wave = {0.2, 0.1, 0.3}};
    struct af_maskset_opts o = usual();
    struct af_maskset s;
    int moved = 0;

    (void)state;
    o.sees = 3;
    s = read_set(&o);
    for (size_t t = 0; t < s.ntrain; t++) {
        const struct af_tile *tile = &s.train[t];
        long first = (long)(tile->slice / NSLICES * NSLICES);

        af_tile_make(&s, tile, &wave, x, mask, weight);
        for (size_t i = 0; i < (size_t)SIDE * H; i++) {
            double at = 0.2 * (double)(i % SIDE) + 0.1 * (double)(i / SIDE) + 0.3;
            long k = (long)tile->slice + lround(1.4 * sin(at));
            size_t px = i / SIDE * W + tile->x + i % SIDE;
            const struct af_maskset_slice *from;
            double v;

            moved += k != (long)tile->slice;
            if (k < first || k >= first + NSLICES) {
                assert_true(weight[i] == 0); // out of the stack
                continue;
            }
            from = &s.slice[k];
            v = ((uint8_t *)from->img.data)[px];
            assert_true(fabs((double)x[3 * i + 1] - 4 * (v - from->scale.mean) / from->scale.rms) <
                        1e-5);
            assert_true(mask[i] == (from->vote[px] == 255) && weight[i] > 0);
        }
    }
    assert_true(moved > 0);
    af_maskset_release(&s);
}

static void noise_has_its_spread_and_is_the_same_again(void **state)
{
    static float plain[SIDE * SIDE], a[SIDE * SIDE], b[SIDE * SIDE], m[SIDE * SIDE], w[SIDE * SIDE];
    const struct af_tile_change none = {0}, noise = {.noise = 0.5, .seed = 7};
    struct af_maskset_opts o = usual();
    struct af_maskset s = read_set(&o);
    double square = 0;

    (void)state;
    af_tile_make(&s, &s.train[0], &none, plain, m, w);
    af_tile_make(&s, &s.train[0], &noise, a, m, w);
    af_tile_make(&s, &s.train[0], &noise, b, m, w);
    assert_memory_equal(a, b, sizeof(a));
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
        square += pow((double)(a[i] - plain[i]), 2) / (SIDE * SIDE);
    assert_true(fabs(sqrt(square) / 0.5 - 1) < 0.1); // five standard errors of 1024 draws
    af_maskset_release(&s);
}

/* A disc of radius 30 that is in focus in slice 1, with a gap in it. */
static void an_object_is_made_smaller_and_its_border_and_gaps_are_not_sure(void **state)
{
    enum { N = 80, WINDOW = 9 };
    struct af_maskset_slice slice[4] = {{.stack = 0}};

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(af_image_resize(&slice[k].img, N, N, AF_U8, NULL), 0);
        assert_non_null(slice[k].vote = calloc(N, N));
        for (size_t i = 0; i < N * N; i++) {
            double r = hypot((double)(i % N) - 40, (double)(i / N) - 40);

            slice[k].vote[i] = k == 1 && r < 30 && r > 2 ? AF_VOTE_ALL : 0;
        }
    }
    assert_int_equal(af_sure_votes(slice, 4, WINDOW, NULL), 0);
    for (size_t i = 0; i < N * N; i++) {
        double r = hypot((double)(i % N) - 40, (double)(i / N) - 40);

        /* Distances are counted to pixels, by steps, along rows and across: 1 px of 6 either way.
         */
        if (r < 1 || (r > 25 && r < 26))
            assert_int_equal(slice[1].vote[i], AF_VOTE_UNSURE);
        if (r > 6 && r < 22.5)
            assert_int_equal(slice[1].vote[i], AF_VOTE_ALL);
        if (r > 28)
            assert_int_equal(slice[1].vote[i], 0); // surely not in focus
        if ((r > 6 && r < 22.5) || r > 28)
            assert_int_equal(slice[2].vote[i], 0);
    }
    assert_true(af_vote_weight(AF_VOTE_UNSURE) == 0 && af_vote_weight(AF_VOTE_ALL) == 1);
    for (size_t k = 0; k < 4; k++) {
        af_image_release(&slice[k].img);
        free(slice[k].vote);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    static const bool all[NSTACKS] = {true, true, true, true};
    static const char *const swapped[] = {"m0.tif", "none.tif", "m2.tif", "m3.tif"};
    struct af_maskset_opts o = usual();
    struct af_maskset s;
    struct af_err err = {0};

    (void)state;
    o.nstacks = 1;
    assert_int_equal(af_maskset_read(&s, &o, &err), -1);
    assert_non_null(strstr(err.text, "one stack cannot both train and validate"));
    af_maskset_release(&s);
    o.val_fraction = 0;
    assert_int_equal(af_maskset_read(&s, &o, &err), 0);
    assert_int_equal(s.nval, 0);
    af_maskset_release(&s);
    o = usual();
    o.validates = all;
    assert_int_equal(af_maskset_read(&s, &o, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_maskset_release(&s);
    o = usual();
    o.masks = swapped;
    assert_int_equal(af_maskset_read(&s, &o, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    af_maskset_release(&s);
}

/* -------------------------------------------------------------------- runs */

static int batches; // until is_time() says so

static int is_time(void)
{
    return batches-- <= 0;
}

static struct af_unetrun_opts few(void)
{
    return (struct af_unetrun_opts){
        .epochs = 3, .batch = 4, .lr = 1e-3, .seed = 1, .nthreads = 2, .checkpoint = "c"};
}

static struct af_unet_model fresh(void)
{
    struct af_unet_model m;

    assert_int_equal(af_unet_model_init(&m, "unet-small", NULL), 0);
    af_unet_randomise(&m.arch, m.params, 1);
    return m;
}

static void stripes_are_learnt(void **state)
{
    struct af_maskset_opts from = usual();
    struct af_maskset s = read_set(&from);
    struct af_unetrun_opts o = few();
    struct af_unetrun_result result;
    struct af_unet_model m = fresh();

    (void)state;
    o.epochs = 25;
    o.checkpoint = NULL;
    assert_int_equal(af_unetrun(&s, &m, &o, &result, NULL), 0);
    assert_int_equal(result.end, AF_TRAINRUN_DONE);
    assert_true(result.best_epoch > 0 && result.val_iou > 0.85);
    af_unet_model_release(&m);
    af_maskset_release(&s);
}

static void a_run_that_was_stopped_ends_in_the_same_bytes(void **state)
{
    struct af_maskset_opts from = usual();
    struct af_maskset s = read_set(&from);
    struct af_unetrun_opts o = few();
    struct af_unetrun_result whole, result;
    struct af_unet_model want = fresh();

    (void)state;
    unlink("c");
    assert_int_equal(af_unetrun(&s, &want, &o, &whole, NULL), 0);
    for (int first = 1; first < 15; first += 4) {
        struct af_unet_model m = fresh();

        unlink("c");
        o.to.stopped = is_time;
        batches = first;
        assert_int_equal(af_unetrun(&s, &m, &o, &result, NULL), 0);
        assert_int_equal(result.end, AF_TRAINRUN_STOPPED);
        af_unet_model_release(&m);
        m = fresh();
        o.to.stopped = NULL;
        o.resume = true;
        assert_int_equal(af_unetrun(&s, &m, &o, &result, NULL), 0);
        assert_memory_equal(m.params, want.params, m.arch.nparams * sizeof(float));
        assert_true(result.best_epoch == whole.best_epoch && result.val_iou == whole.val_iou);
        o.resume = false;
        af_unet_model_release(&m);
    }
    af_unet_model_release(&want);
    af_maskset_release(&s);
}

static void a_checkpoint_of_other_data_is_refused(void **state)
{
    struct af_maskset_opts from = usual();
    struct af_maskset s = read_set(&from);
    struct af_unetrun_opts o = few();
    struct af_unetrun_result result;
    struct af_unet_model m = fresh();
    struct af_err err = {0};

    (void)state;
    o.epochs = 1;
    unlink("c");
    assert_int_equal(af_unetrun(&s, &m, &o, &result, NULL), 0);
    af_maskset_release(&s);
    from.stride = 8;
    from.seed = 2;
    s = read_set(&from);
    af_unet_model_release(&m);
    m = fresh();
    o.resume = true;
    assert_int_equal(af_unetrun(&s, &m, &o, &result, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_non_null(strstr(err.text, "made by another set-up: its "));
    af_unet_model_release(&m);
    af_maskset_release(&s);
}

static void patience_ends_a_run_that_learns_nothing(void **state)
{
    struct af_maskset_opts from = usual();
    struct af_maskset s = read_set(&from);
    struct af_unetrun_opts o = few();
    struct af_unetrun_result result;
    struct af_unet_model m = fresh();

    (void)state;
    o.epochs = 50;
    o.lr = 1e-12;
    o.patience = 2;
    o.checkpoint = NULL;
    assert_int_equal(af_unetrun(&s, &m, &o, &result, NULL), 0);
    assert_int_equal(result.epochs, result.best_epoch + 2);
    af_unet_model_release(&m);
    af_maskset_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_stacks_validate),
        cmocka_unit_test(named_stacks_validate),
        cmocka_unit_test(disagreement_lowers_the_weight),
        cmocka_unit_test(a_square_has_eight_positions),
        cmocka_unit_test(a_shear_moves_label_and_picture_together),
        cmocka_unit_test(noise_has_its_spread_and_is_the_same_again),
        cmocka_unit_test(an_object_is_made_smaller_and_its_border_and_gaps_are_not_sure),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(stripes_are_learnt),
        cmocka_unit_test(a_run_that_was_stopped_ends_in_the_same_bytes),
        cmocka_unit_test(a_checkpoint_of_other_data_is_refused),
        cmocka_unit_test(patience_ends_a_run_that_learns_nothing),
    };

    return cmocka_run_group_tests(tests, write_stacks, NULL);
}
