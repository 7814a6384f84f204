/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dome.h"
#include "image/stackwrite.h"
#include "maps/heightrun.h"

static const uint32_t window[] = {10}, stride[] = {5}; // the tools' defaults

static void write_slices(const struct af_image *slice, size_t n)
{
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    const struct af_plane plane = AF_PLANE_UNKNOWN;
    struct af_stack_writer *w;

    assert_int_equal(af_stack_writer_open(&w, "s.ome.tif", &meta, NULL), 0);
    for (size_t k = 0; k < n; k++)
        assert_int_equal(af_stack_writer_add(w, &slice[k], &plane, NULL), 0);
    assert_int_equal(af_stack_writer_commit(w, NULL), 0);
}

static void run(struct af_heightrun *r)
{
    const struct af_heightrun_opts o = {.map = {.windows = window,
                                                .strides = stride,
                                                .nwindows = 1,
                                                .nstrides = 1,
                                                .measures = 1u << AF_SHARP_VARIANCE,
                                                .maps = true,
                                                .quiet_noise = true,
                                                .map = {AF_DEF_PAPER, AF_ACC_MEAN, AF_NORM_MEAN},
                                                .nthreads = 1}};
    const char *path = "s.ome.tif";
    struct af_stack *st;

    assert_int_equal(af_stack_open(&st, &path, 1, NULL, NULL), 0);
    assert_int_equal(af_heightrun_stack(st, &o, r, NULL), 0);
    af_stack_close(st);
}

/* Share within one slice and root mean square of the errors, and of those over their own estimate.
 */
struct quality {
    double rmse, within, pull;
};

static struct quality judge(const struct af_height *t, const float *truth)
{
    float *d = calloc(t->w, 2 * sizeof(*d));
    struct quality q = {0};
    double known = 0, n = (double)t->w * (double)t->h;

    for (size_t y = 0; y < t->h; y++) {
        af_height_row(t, y, d, d + t->w);
        for (size_t x = 0; x < t->w; x++) {
            const double e = d[x] - truth[y * t->w + x], err = d[t->w + x];

            q.rmse += e * e / n;
            q.within += (fabs(e) <= 1) / n;
            if (err <= AF_HEIGHT_MOST_ERR) {
                q.pull += e * e / (err * err);
                known++;
            }
        }
    }
    q.rmse = sqrt(q.rmse);
    q.pull = sqrt(q.pull / known);
    free(d);
    return q;
}

/* As demanded; and the standard errors are those that are made, to a factor of two. */
static void domes_are_told_to_a_third_of_a_slice(void **state)
{
    (void)state;
    for (int t = 0; t < 6; t++) {
        struct af_heightrun r;
        struct quality q;
        struct dome d;

        dome_make(&d, 320, 20, (enum dome_texture)(t % DOME_NTEXTURES), false, (uint64_t)t + 1);
        write_slices(d.slice, d.nslices);
        run(&r);
        q = judge(&r.height, d.height);
        print_message("# texture %d: rmse %.3f slices, %.2f %% within one, pull %.2f\n", t % 3,
                      q.rmse, 100 * q.within, q.pull);
        assert_false(r.least);
        assert_true(q.rmse <= 0.35);
        assert_true(q.within >= 0.97);
        assert_true(q.pull > 0.5 && q.pull < 2);
        af_heightrun_release(&r);
        dome_release(&d);
    }
}

/* A texture that fades towards a tilted plane of focus. */
static void least_contrast_is_found_to_be_focus(void **state)
{
    enum { SIDE = 120, SLICES = 15 };
    static float truth[SIDE * SIDE];
    struct af_image slice[SLICES] = {{0}};
    struct af_heightrun r;
    struct af_random random;
    struct quality q;
    double *texture;

    (void)state;
    af_random_init(&random, 3, "phase");
    texture = dome_texture(SIDE, DOME_WHITE, &random);
    for (size_t i = 0; i < SIDE * SIDE; i++)
        truth[i] = (float)(4 + 6. * (double)(i % SIDE) / SIDE);
    for (size_t k = 0; k < SLICES; k++) {
        assert_int_equal(af_image_resize(&slice[k], SIDE, SIDE, AF_U8, NULL), 0);
        for (size_t i = 0; i < SIDE * SIDE; i++)
            ((uint8_t *)slice[k].data)[i] =
                (uint8_t)(100 + (2 + 3 * fabs((double)k - truth[i])) * texture[i] / 2 +
                          1.5 * af_random_normal(&random));
    }
    write_slices(slice, SLICES);
    run(&r);
    q = judge(&r.height, truth);
    assert_true(r.least);
    assert_true(q.rmse <= 0.35 && q.within >= 0.97);
    af_heightrun_release(&r);
    for (size_t k = 0; k < SLICES; k++)
        af_image_release(&slice[k]);
    free(texture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domes_are_told_to_a_third_of_a_slice),
        cmocka_unit_test(least_contrast_is_found_to_be_focus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
