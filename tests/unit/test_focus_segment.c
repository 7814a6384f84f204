/* SPDX-License-Identifier: BSD-2-Clause */
/* Slices of any size and kind through a U-Net: no seams, no surprises. */
#include "focus/segment.h"

#include "base/random.h"
#include "nn/unet.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct af_unet_model model_of(const char *network)
{
    struct af_unet_model m;
    struct af_err err = {0};

    if (af_unet_model_init(&m, network, &err))
        fail_msg("%s", err.text);
    af_unet_randomise(&m.arch, m.params, 11);
    return m;
}

static struct af_image image_of(size_t w, size_t h, enum af_sample type, double gain)
{
    struct af_image img = {0};
    struct af_random r;

    assert_int_equal(af_image_resize(&img, w, h, type, NULL), 0);
    af_random_init(&r, 5, "image");
    for (size_t i = 0; i < w * h; i++) {
        double v = gain * (40 + 20 * sin((double)(i % w) / 7) + 10 * af_random_uniform(&r));

        if (type == AF_U8)
            ((uint8_t *)img.data)[i] = (uint8_t)v;
        else
            ((float *)img.data)[i] = (float)v;
    }
    return img;
}

/* Probabilities of one slice; the caller frees. */
static float *run_one(const struct af_unet_model *m, const struct af_image *img, unsigned threads,
                      size_t memory)
{
    float *p = calloc(img->w * img->h, sizeof(*p));
    struct af_segmenter *s;
    struct af_err err = {0};

    assert_non_null(p);
    for (size_t i = 0; i < img->w * img->h; i++)
        p[i] = -1; // nothing is left out
    if (af_segmenter_new(&s, m, threads, memory, false, &err) ||
        af_segmenter_run(s, &img, 1, (float *const[]){p}, &err))
        fail_msg("%s", err.text);
    af_segmenter_free(s);
    for (size_t i = 0; i < img->w * img->h; i++)
        assert_true(p[i] >= 0 && p[i] <= 1);
    return p;
}

static void tiles_are_the_whole_bit_by_bit(void **state)
{
    static const struct {
        size_t w, h;
    } size[] = {{333, 210}, {600, 97}, {101, 450}};
    struct af_unet_model m = model_of("unet-small");

    (void)state;
    for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        struct af_image img = image_of(size[i].w, size[i].h, AF_U8, 1);
        float *whole = run_one(&m, &img, 1, AF_SEGMENT_MEMORY);
        /* Tiles as small as they get, and some in between; shared by three threads. */
        float *small = run_one(&m, &img, 1, 1), *some = run_one(&m, &img, 3, (size_t)20 << 20);

        assert_memory_equal(small, whole, img.w * img.h * sizeof(float));
        assert_memory_equal(some, whole, img.w * img.h * sizeof(float));
        free(whole);
        free(small);
        free(some);
        af_image_release(&img);
    }
    af_unet_model_release(&m);
}

/* Its statistics are those of the slice, whatever memory and threads there are. */
static void a_network_that_normalises_sees_the_whole(void **state)
{
    struct af_unet_model m = model_of("unet-512");
    struct af_image img = image_of(200, 90, AF_U8, 1);
    float *whole = run_one(&m, &img, 1, AF_SEGMENT_MEMORY), *little = run_one(&m, &img, 3, 1);

    (void)state;
    assert_memory_equal(little, whole, img.w * img.h * sizeof(float));
    free(whole);
    free(little);
    af_image_release(&img);
    af_unet_model_release(&m);
}

/* Averaged over mirror images, a mirrored slice has the mirrored answer. */
static void an_average_does_not_know_left_from_right(void **state)
{
    enum { A = 64, B = 48 };
    struct af_unet_model m = model_of("unet-small");
    struct af_image img = image_of(A, B, AF_U8, 1), turned = image_of(A, B, AF_U8, 1);
    static float p[2][A * B];
    struct af_segmenter *s;

    (void)state;
    for (size_t y = 0; y < B; y++)
        for (size_t x = 0; x < A; x++)
            ((uint8_t *)turned.data)[(B - 1 - y) * A + A - 1 - x] =
                ((uint8_t *)img.data)[y * A + x];
    assert_int_equal(af_segmenter_new(&s, &m, 1, AF_SEGMENT_MEMORY, true, NULL), 0);
    for (int i = 0; i < 2; i++) {
        const struct af_image *one = i ? &turned : &img;

        assert_int_equal(af_segmenter_run(s, &one, 1, (float *const[]){p[i]}, NULL), 0);
    }
    for (size_t y = 0; y < B; y++)
        for (size_t x = 0; x < A; x++) // the order of four sums, and of the slice's own mean
            assert_true(fabs((double)p[0][y * A + x] - (double)p[1][(B - 1 - y) * A + A - 1 - x]) <
                        1e-5);
    af_segmenter_free(s);
    af_image_release(&img);
    af_image_release(&turned);
    af_unet_model_release(&m);
}

static void the_whole_is_the_network_on_the_slice(void **state)
{
    struct af_unet_model m = model_of("unet");
    struct af_image img = image_of(64, 48, AF_U8, 1);
    struct af_slice_scale scale;
    struct af_unet_weights *w;
    struct af_unet_net *net;
    float x[64 * 48], want[64 * 48], *p = run_one(&m, &img, 2, AF_SEGMENT_MEMORY);

    (void)state;
    assert_int_equal(af_unet_weights_new(&w, &m.arch, false, NULL, NULL), 0);
    assert_int_equal(af_unet_net_new(&net, &m.arch, 48, 64, false, NULL), 0);
    af_unet_weights_pack(w, m.params, 0, 1);
    af_slice_measure(&img, &scale);
    af_slice_fill(&img, &scale, 0, 0, 64, 48, x, 1);
    af_unet_forward(net, w, x, 0, want);
    assert_memory_equal(p, want, sizeof(want));
    free(p);
    af_unet_net_free(net);
    af_unet_weights_free(w);
    af_image_release(&img);
    af_unet_model_release(&m);
}

static void tiny_slices_are_filled_up(void **state)
{
    struct af_unet_model m = model_of("unet-small");

    (void)state;
    for (size_t w = 1; w < 20; w += 3) {
        struct af_image img = image_of(w, 20 - w, AF_U8, 1);

        free(run_one(&m, &img, 2, AF_SEGMENT_MEMORY));
        af_image_release(&img);
    }
    af_unet_model_release(&m);
}

static void brightness_does_not_matter(void **state)
{
    struct af_unet_model m = model_of("unet-small");
    struct af_image dim = image_of(48, 48, AF_F32, 1), bright = image_of(48, 48, AF_F32, 1024);
    float *a = run_one(&m, &dim, 1, AF_SEGMENT_MEMORY);
    float *b = run_one(&m, &bright, 1, AF_SEGMENT_MEMORY);

    (void)state;
    for (size_t i = 0; i < (size_t)48 * 48; i++)
        assert_true(fabs((double)a[i] - (double)b[i]) < 1e-5);
    free(a);
    free(b);
    af_image_release(&dim);
    af_image_release(&bright);
    af_unet_model_release(&m);
}

static void what_is_no_number_is_not_in_focus_and_does_not_spread(void **state)
{
    struct af_unet_model m = model_of("unet-small");
    struct af_image img = image_of(200, 64, AF_F32, 1);
    float *v = img.data, *whole = run_one(&m, &img, 1, AF_SEGMENT_MEMORY), *holed;

    (void)state;
    v[10] = NAN;
    v[30] = INFINITY;
    v[50] = -INFINITY;
    holed = run_one(&m, &img, 1, AF_SEGMENT_MEMORY);
    assert_true(holed[10] == 0 && holed[30] == 0 && holed[50] == 0);
    for (size_t x = 150; x < 200; x++) // far from there only the mean is a little different
        assert_true(fabs((double)holed[x] - (double)whole[x]) < 0.01);
    free(whole);
    free(holed);
    af_image_release(&img);
    af_unet_model_release(&m);
}

static void slices_without_light_or_number_have_an_answer(void **state)
{
    static const float all[] = {0, 7, -3, FLT_MAX, FLT_MIN, NAN, INFINITY};
    struct af_unet_model m = model_of("unet-small");

    (void)state;
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        struct af_image img = image_of(40, 24, AF_F32, 1);
        float *p;

        for (size_t i = 0; i < (size_t)40 * 24; i++)
            ((float *)img.data)[i] = all[k];
        p = run_one(&m, &img, 1, AF_SEGMENT_MEMORY);
        if (!isfinite(all[k]))
            for (size_t i = 0; i < (size_t)40 * 24; i++)
                assert_true(p[i] == 0);
        free(p);
        af_image_release(&img);
    }
    af_unet_model_release(&m);
}

static void slices_of_several_sizes_go_together(void **state)
{
    struct af_unet_model m = model_of("unet-small");
    struct af_image img[3] = {image_of(50, 60, AF_U8, 1), image_of(300, 20, AF_U8, 1),
                              image_of(7, 90, AF_F32, 1)};
    float *p[3];
    struct af_segmenter *s;

    (void)state;
    assert_int_equal(af_segmenter_new(&s, &m, 3, AF_SEGMENT_MEMORY, false, NULL), 0);
    assert_int_equal(af_segmenter_slices(s), 3);
    for (int i = 0; i < 3; i++)
        assert_non_null(p[i] = calloc(img[i].w * img[i].h, sizeof(float)));
    assert_int_equal(af_segmenter_run(s,
                                      (const struct af_image *const[]){&img[0], &img[1], &img[2]},
                                      3, p, NULL),
                     0);
    for (int i = 0; i < 3; i++) {
        float *alone = run_one(&m, &img[i], 1, AF_SEGMENT_MEMORY);

        assert_memory_equal(alone, p[i], img[i].w * img[i].h * sizeof(float));
        free(alone);
        free(p[i]);
        af_image_release(&img[i]);
    }
    af_segmenter_free(s);
    af_unet_model_release(&m);
}

/* Of five slices a network that sees five gives an answer of its own. */
static void slices_around_are_seen(void **state)
{
    struct af_unet_model m = model_of("unet-z");
    struct af_image img = image_of(150, 90, AF_U8, 1), other = image_of(150, 90, AF_F32, 1),
                    odd = image_of(90, 150, AF_U8, 1);
    const struct af_image *seen[10] = {&img, &img, &img, &img, &img,
                                       &img, &img, &img, &img, &other};
    float *p[2] = {calloc(150 * 90, sizeof(float)), calloc(150 * 90, sizeof(float))};
    struct af_segmenter *s;
    struct af_err err = {0};

    (void)state;
    ((float *)other.data)[3] = 1000;
    assert_true(p[0] && p[1]);
    assert_int_equal(af_segmenter_new(&s, &m, 2, 1, false, &err), 0);
    assert_int_equal(af_segmenter_sees(s), 5);
    assert_int_equal(af_segmenter_run(s, seen, 2, p, &err), 0);
    assert_memory_not_equal(p[0], p[1], 150 * 90 * sizeof(float));
    seen[5] = &odd;
    assert_int_equal(af_segmenter_run(s, seen, 2, p, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_segmenter_free(s);
    free(p[0]);
    free(p[1]);
    af_image_release(&img);
    af_image_release(&other);
    af_image_release(&odd);
    af_unet_model_release(&m);
}

static void mirrors_repeat_the_border(void **state)
{
    static const size_t want[] = {2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1}; // from -4 on

    (void)state;
    for (long i = -4; i < 8; i++)
        assert_int_equal(af_slice_mirror(i, 3), want[i + 4]);
    assert_int_equal(af_slice_mirror(-5, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_the_whole_bit_by_bit),
        cmocka_unit_test(a_network_that_normalises_sees_the_whole),
        cmocka_unit_test(an_average_does_not_know_left_from_right),
        cmocka_unit_test(the_whole_is_the_network_on_the_slice),
        cmocka_unit_test(tiny_slices_are_filled_up),
        cmocka_unit_test(brightness_does_not_matter),
        cmocka_unit_test(what_is_no_number_is_not_in_focus_and_does_not_spread),
        cmocka_unit_test(slices_without_light_or_number_have_an_answer),
        cmocka_unit_test(slices_of_several_sizes_go_together),
        cmocka_unit_test(slices_around_are_seen),
        cmocka_unit_test(mirrors_repeat_the_border),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
