/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "focus/predict.h"
#include "focus/predictrun.h"
#include "image/pgm.h"
#include "nn/infer.h"
#include "nn/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double alpha = 0.35;

/* A model whose output is `constant`, or that of random weights if that is NaN. */
static void write_model(const char *path, double center_um, double half_range_um, double constant)
{
    struct af_nn_model m;

    assert_int_equal(af_nn_model_init(&m, alpha, NULL), 0);
    af_nn_model_randomise(&m, 1);
    for (size_t i = 0; i < m.arch.nmoving; i++) // so that not all fades away on the way
        m.moving[i] *= 0.05F;
    m.about.center_um = center_um;
    m.about.half_range_um = half_range_um;
    if (!isnan(constant)) {
        memset(m.params + m.arch.dense_kernel, 0, (size_t)m.arch.cfeature * sizeof(*m.params));
        m.params[m.arch.dense_bias] = (float)constant;
    }
    assert_int_equal(af_nn_model_write(&m, path, NULL), 0);
    af_nn_model_release(&m);
}

/* A line on noise, somewhere. */
static void expose(struct af_image *img, size_t w, size_t h, uint64_t seed)
{
    struct af_random r;
    uint8_t *p;

    af_random_init(&r, seed, "frame");
    assert_int_equal(af_image_resize(img, w, h, AF_U8, NULL), 0);
    p = img->data;
    for (size_t i = 0; i < w * h; i++) {
        double u = ((double)(i / w) - 0.5 * (double)h) / (2 + (double)(seed % 7));

        p[i] = (uint8_t)(20 + 5 * af_random_uniform(&r) + 150 * exp(-u * u / 2));
    }
}

static int open_one(struct af_predictor **p, struct af_predict_seat **s, const char *model,
                    const char *fine)
{
    return af_predictor_open(p, model, fine, NULL) || af_predict_seat_new(s, *p, NULL) ? -1 : 0;
}

static void prediction_is_center_and_half_range_times_output(void **state)
{
    struct af_predictor *p;
    struct af_predict_seat *s;
    struct af_nn_model m;
    struct af_nn_infer *infer;
    struct af_nn_bench *bench;
    struct af_image img = {0};
    const struct af_image *one = &img;
    struct af_prediction out;
    struct af_frame_facts facts;
    static float x[AF_FRAME_PX];
    float y;

    (void)state;
    write_model("random.safetensors", 3, 7, NAN);
    assert_int_equal(af_nn_model_read(&m, "random.safetensors", NULL), 0);
    assert_int_equal(af_nn_infer_new(&infer, &m.arch, m.params, m.moving, NULL, NULL), 0);
    assert_int_equal(af_nn_bench_new(&bench, infer, NULL), 0);
    assert_int_equal(open_one(&p, &s, "random.safetensors", NULL), 0);
    expose(&img, 160, 120, 1);
    assert_int_equal(af_frame_reduce(&img, x, &facts, NULL), 0);
    af_nn_infer_run(infer, bench, x, 1, &y, NULL);
    assert_true(fabsf(y) > 1e-6F); // the weights do something
    assert_int_equal(af_predict_run(p, s, &one, 1, &out, NULL), 0);
    assert_true(out.defocus_um == 3 + 7 * (double)y);
    assert_int_equal(out.trust, AF_TRUST_OK);
    assert_true(isnan(out.sigma_um));
    assert_string_equal(af_predictor_info(p, 0)->path, "random.safetensors");
    assert_null(af_predictor_info(p, 1));
    assert_false(af_predictor_info(p, 0)->trust);
    af_image_release(&img);
    af_predict_seat_free(s);
    af_predictor_close(p);
    af_nn_bench_free(bench);
    af_nn_infer_free(infer);
    af_nn_model_release(&m);
}

static void neighbours_do_not_matter(void **state)
{
    struct af_predictor *p;
    struct af_predict_seat *s;
    struct af_image img[AF_PREDICT_MOST] = {{0}};
    const struct af_image *all[AF_PREDICT_MOST];
    struct af_prediction together[AF_PREDICT_MOST], alone;

    (void)state;
    write_model("random.safetensors", 0, 1, NAN);
    assert_int_equal(open_one(&p, &s, "random.safetensors", NULL), 0);
    for (size_t i = 0; i < AF_PREDICT_MOST; i++) {
        expose(&img[i], 100 + 30 * i, 97 + i, i);
        all[i] = &img[i];
    }
    expose(&img[3], 95, 120, 3); // no picture for the network
    memset(img[5].data, 0, img[5].w * img[5].h);
    assert_int_equal(af_predict_run(p, s, all, AF_PREDICT_MOST, together, NULL), 0);
    for (size_t i = 0; i < AF_PREDICT_MOST; i++) {
        assert_int_equal(af_predict_run(p, s, &all[i], 1, &alone, NULL), 0);
        assert_int_equal(alone.trust, together[i].trust);
        assert_true(alone.defocus_um == together[i].defocus_um ||
                    (isnan(alone.defocus_um) && isnan(together[i].defocus_um)));
    }
    assert_int_equal(together[2].trust, AF_TRUST_OK);
    assert_int_equal(together[3].trust, AF_TRUST_UNUSABLE);
    assert_int_equal(together[3].err.kind, AF_EDATA);
    assert_non_null(strstr(together[3].err.text, "95x120"));
    assert_true(isnan(together[3].defocus_um));
    assert_int_equal(together[5].trust, AF_TRUST_DARK);
    assert_true(isnan(together[5].defocus_um));
    for (size_t i = 0; i < AF_PREDICT_MOST; i++)
        af_image_release(&img[i]);
    af_predict_seat_free(s);
    af_predictor_close(p);
}

/* The long model says `coarse`, the short one, of 2 +/- 10 um, 2 + 10 * 0.25. */
static double two_steps(double coarse_um, bool *fine)
{
    struct af_predictor *p;
    struct af_predict_seat *s;
    struct af_image img = {0};
    const struct af_image *one = &img;
    struct af_prediction out;

    write_model("long.safetensors", 0, 100, coarse_um / 100);
    write_model("short.safetensors", 2, 10, 0.25);
    assert_int_equal(open_one(&p, &s, "long.safetensors", "short.safetensors"), 0);
    expose(&img, 120, 100, 1);
    assert_int_equal(af_predict_run(p, s, &one, 1, &out, NULL), 0);
    assert_string_equal(af_predictor_info(p, 1)->path, "short.safetensors");
    af_image_release(&img);
    af_predict_seat_free(s);
    af_predictor_close(p);
    *fine = out.fine;
    return out.defocus_um;
}

static void the_short_model_answers_within_its_range(void **state)
{
    static const double within[] = {-7.5, 0, 11.5}, beyond[] = {-60, -8.5, 12.5, 90};
    bool fine;

    (void)state;
    for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++) {
        assert_true(two_steps(within[i], &fine) == 4.5);
        assert_true(fine);
    }
    for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
        assert_true(fabs(two_steps(beyond[i], &fine) - beyond[i]) < 1e-5); // bias is float32
        assert_false(fine);
    }
}

static void bad_models_are_refused(void **state)
{
    struct af_nn_model m;
    struct af_predictor *p;
    struct af_err err = {AF_OK, ""};

    (void)state;
    assert_int_equal(af_predictor_open(&p, "nowhere.safetensors", NULL, &err), -1);
    assert_null(p);
    write_model("good.safetensors", 0, 1, 0);
    assert_int_equal(af_predictor_open(&p, "good.safetensors", "nowhere.safetensors", &err), -1);
    assert_null(p);
    assert_int_equal(af_nn_model_read(&m, "good.safetensors", NULL), 0);
    assert_int_equal(af_nn_notes_set(&m.about.notes, "trust_sigma_um", "1 2 x", NULL), 0);
    assert_int_equal(af_nn_model_write(&m, "bad.safetensors", NULL), 0);
    af_nn_model_release(&m);
    assert_int_equal(af_predictor_open(&p, "bad.safetensors", NULL, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_non_null(strstr(err.text, "bad.safetensors: trust_"));
    af_predictor_close(NULL);
}

/* ---------------------------------------------------------------- many of them */

struct seen {
    size_t n, nerrors, stop_at;
    char text[20000];
};

static int see(void *ctx, const struct af_predicted *f)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text);

    if (!f->prediction) {
        s->nerrors++;
        snprintf(s->text + used, sizeof(s->text) - used, "%zu: %s\n", f->stack, f->err.text);
        return 0;
    }
    snprintf(s->text + used, sizeof(s->text) - used, "%zu %s %zu %.9g %.9g\n", f->stack, f->file,
             f->plane, f->z_um, f->prediction->defocus_um);
    return ++s->n == s->stop_at ? 7 : 0;
}

/* Frames first .. first + n - 1 of 100x100 px at z = number; cut: bytes left out at the end. */
static void write_frames(const char *path, size_t first, size_t n, long cut)
{
    struct af_image img = {0};
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    for (size_t i = first; i < first + n; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;

        p.z_um = (double)i;
        expose(&img, 100, 100, i);
        assert_int_equal(af_pgm_write(fp, &img, &p, NULL), 0);
    }
    assert_int_equal(ftruncate(fileno(fp), ftell(fp) - cut), 0);
    fclose(fp);
    af_image_release(&img);
}

static int run(struct seen *s, const char *const *paths, size_t npaths, unsigned nthreads)
{
    struct af_predictrun_opts o = {.nthreads = nthreads};
    size_t stop_at = s->stop_at;
    struct af_predictor *p;
    int ret;

    *s = (struct seen){.stop_at = stop_at};
    assert_int_equal(af_predictor_open(&p, "random.safetensors", NULL, NULL), 0);
    ret = af_predictrun(p, paths, npaths, &o, see, s, NULL);
    af_predictor_close(p);
    return ret;
}

static void threads_change_neither_order_nor_numbers(void **state)
{
    static const char *const paths[] = {"a.pgm", "nowhere.pgm", "b.pgm", "c.pgm"};
    static struct seen one, many;

    (void)state;
    write_model("random.safetensors", 0, 1, NAN);
    write_frames("a.pgm", 0, 21, 0);
    write_frames("b.pgm", 30, 1, 0);
    write_frames("c.pgm", 40, 11, 0);
    assert_int_equal(run(&one, paths, 4, 1), 0);
    assert_int_equal(one.n, 33);
    assert_int_equal(one.nerrors, 1);
    assert_non_null(strstr(one.text, "\n0 a.pgm 20 20 "));
    assert_non_null(strstr(one.text, "\n1: nowhere.pgm: No such file"));
    assert_non_null(strstr(one.text, "\n3 c.pgm 10 50 "));
    for (unsigned nthreads = 2; nthreads < 6; nthreads++) {
        assert_int_equal(run(&many, paths, 4, nthreads), 0);
        assert_string_equal(many.text, one.text);
    }
}

static void nobody_goes_on_when_told_to_stop(void **state)
{
    static const char *const paths[] = {"a.pgm", "b.pgm"};
    static struct seen s;

    (void)state;
    write_model("random.safetensors", 0, 1, NAN);
    write_frames("a.pgm", 0, 10, 0);
    write_frames("b.pgm", 30, 10, 0);
    s.stop_at = 13;
    assert_int_equal(run(&s, paths, 2, 2), 7);
    assert_int_equal(s.n, 13);
}

static void a_stream_gives_what_its_file_gives(void **state)
{
    static const char *const paths[] = {"a.pgm"};
    static struct seen file, stream;
    struct af_predictor *p;

    (void)state;
    write_model("random.safetensors", 0, 1, NAN);
    write_frames("a.pgm", 0, 5, 0);
    assert_int_equal(run(&file, paths, 1, 1), 0);
    assert_int_equal(af_predictor_open(&p, "random.safetensors", NULL, NULL), 0);
    assert_int_equal(af_predictrun_stream(p, "a.pgm", 0, see, &stream, NULL), 0);
    assert_string_equal(stream.text, file.text);
    write_frames("a.pgm", 0, 5, 17);
    stream = (struct seen){.stop_at = 0};
    assert_int_equal(af_predictrun_stream(p, "a.pgm", 0, see, &stream, NULL), 0);
    assert_int_equal(stream.n, 4);
    assert_non_null(strstr(stream.text, "a.pgm: frame 4: "));
    assert_int_equal(af_predictrun_stream(p, "nowhere.pgm", 0, see, &stream, NULL), -1);
    af_predictor_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prediction_is_center_and_half_range_times_output),
        cmocka_unit_test(neighbours_do_not_matter),
        cmocka_unit_test(the_short_model_answers_within_its_range),
        cmocka_unit_test(bad_models_are_refused),
        cmocka_unit_test(threads_change_neither_order_nor_numbers),
        cmocka_unit_test(nobody_goes_on_when_told_to_stop),
        cmocka_unit_test(a_stream_gives_what_its_file_gives),
    };

    return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
