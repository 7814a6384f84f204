/* SPDX-License-Identifier: BSD-2-Clause */
/* U-Nets in files: round trips, and files that are none. */
#include "nn/unetmodel.h"

#include "nn/model.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct af_unet_model model_of(const char *network)
{
    struct af_unet_model m;
    struct af_err err = {0};

    if (af_unet_model_init(&m, network, &err))
        fail_msg("%s", err.text);
    af_unet_randomise(&m.arch, m.params, 4);
    return m;
}

/* The bytes of a file, which the caller frees. */
static char *slurp(const char *path, size_t *n)
{
    FILE *fp = fopen(path, "rb");
    char *bytes;

    assert_non_null(fp);
    fseek(fp, 0, SEEK_END);
    *n = (size_t)ftell(fp);
    rewind(fp);
    assert_non_null(bytes = malloc(*n));
    assert_int_equal(fread(bytes, 1, *n, fp), *n);
    fclose(fp);
    return bytes;
}

static void write_bytes(const char *path, const char *bytes, size_t n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    assert_int_equal(fwrite(bytes, 1, n, fp), n);
    assert_int_equal(fclose(fp), 0);
}

static void a_network_is_read_as_it_was_written(void **state)
{
    static const char *const network[] = {"unet", "unet-small", "unet-z"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct af_unet_model m = model_of(network[i]), back;
        struct af_err err = {0};

        assert_int_equal(af_nn_notes_set(&m.notes, "val_iou", "0.9", &err), 0);
        assert_int_equal(af_unet_model_write(&m, "m.safetensors", &err), 0);
        if (af_unet_model_read(&back, "m.safetensors", &err))
            fail_msg("%s", err.text);
        assert_string_equal(back.arch.name, network[i]);
        assert_memory_equal(back.params, m.params, m.arch.nparams * sizeof(float));
        assert_int_equal(back.notes.n, 1);
        assert_string_equal(af_nn_notes_get(&back.notes, "val_iou"), "0.9");
        af_unet_model_release(&back);
        af_unet_model_release(&m);
        assert_null(m.params);
    }
}

/* Layouts of Keras, as design section 4 has them. */
static void tensors_have_keras_names_and_shapes(void **state)
{
    static const struct {
        const char *name, *shape;
    } some[] = {{"conv2d/kernel", "[3,3,1,16]"},
                {"conv2d/bias", "[16]"},
                {"conv2d_9/kernel", "[3,3,256,256]"},
                {"conv2d_transpose/kernel", "[2,2,128,256]"},
                {"conv2d_transpose_3/bias", "[16]"},
                {"conv2d_18/kernel", "[1,1,16,1]"}};
    struct af_unet_model m = model_of("unet");
    struct af_nn_modelfile f;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_unet_model_write(&m, "m.safetensors", &err), 0);
    assert_int_equal(af_nn_modelfile_open(&f, "m.safetensors", &err), 0);
    assert_int_equal(f.head.n, 46);
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        const struct af_tensor *t = af_tensors_find(&f.head, some[i].name);
        char buf[AF_TENSOR_SHAPE];

        assert_non_null(t);
        assert_string_equal(af_tensor_shape(t, buf), some[i].shape);
    }
    assert_string_equal(af_nn_notes_get(&f.head.notes, "arch"), "unet");
    assert_string_equal(af_nn_notes_get(&f.head.notes, "network"), "unet");
    assert_null(af_nn_notes_get(&f.head.notes, "target_center_um"));
    af_nn_modelfile_close(&f);
    af_unet_model_release(&m);
}

/* Write the tensors of m with other texts or another tensor, and read that. */
static int read_changed(const struct af_unet_model *m, const char *arch, const char *network,
                        bool cut, float first, struct af_err *err)
{
    struct af_nn_about about = {.center_um = NAN, .half_range_um = NAN};
    struct af_tensors s = {0};
    const float *from[2 * AF_UNET_NCONV_MAX];
    struct af_unet_model back;
    int n = m->arch.nconv - cut, ret;
    float was = m->params[0];

    if (network)
        assert_int_equal(af_nn_notes_add(&about.notes, "network", network, err), 0);
    for (int i = 0; i < n; i++) {
        const struct af_unet_conv *c = &m->arch.conv[i];
        size_t side = c->kind == AF_UNET_3X3 ? 3 : c->kind == AF_UNET_UP ? 2 : 1;
        bool up = c->kind == AF_UNET_UP;
        const size_t dim[4] = {side, side, up ? c->cout : c->cin, up ? c->cin : c->cout};
        char name[64];

        snprintf(name, sizeof(name), "%s/kernel", c->name);
        assert_int_equal(af_tensors_add(&s, name, 4, dim, err), 0);
        snprintf(name, sizeof(name), "%s/bias", c->name);
        assert_int_equal(af_tensors_add(&s, name, 1, &c->cout, err), 0);
        from[2 * i] = m->params + c->kernel;
        from[2 * i + 1] = m->params + c->bias;
    }
    m->params[0] = first;
    assert_int_equal(af_nn_modelfile_write("c.safetensors", arch, NAN, &about, &s, from, err), 0);
    m->params[0] = was;
    af_tensors_release(&s);
    af_nn_notes_release(&about.notes);
    ret = af_unet_model_read(&back, "c.safetensors", err);
    if (ret)
        assert_null(back.params);
    af_unet_model_release(&back);
    return ret;
}

static void a_network_without_a_name_is_known_by_its_tensors(void **state)
{
    struct af_unet_model m = model_of("unet-small");
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_changed(&m, "unet", NULL, false, 1, &err), 0);
    assert_int_equal(read_changed(&m, "unet", NULL, true, 1, &err), -1);
    assert_non_null(strstr(err.text, "no network is named, and none has 481728 numbers"));
    af_unet_model_release(&m);
}

static void what_is_no_unet_is_refused_and_why(void **state)
{
    struct af_unet_model m = model_of("unet-small");
    static const struct {
        const char *arch, *network;
        bool cut;
        float first;
        const char *why;
    } bad[] = {
        {"lut", "unet-small", false, 1, "its arch is 'lut', not unet"},
        {"mobilenetv2", "unet-small", false, 1, "its arch is 'mobilenetv2', not unet"},
        {"unet", "unet-1024", false, 1, "no network is called 'unet-1024'"},
        {"unet", "unet", false, 1, "not [3,3,128,256]"},
        {"unet", "unet-small", true, 1, "no tensor conv2d_14/kernel"},
        {"unet", "unet-small", false, NAN, "conv2d/kernel"},
        {"unet", "unet-small", false, INFINITY, "conv2d/kernel"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct af_err err = {0};

        assert_int_equal(
            read_changed(&m, bad[i].arch, bad[i].network, bad[i].cut, bad[i].first, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        if (!strstr(err.text, bad[i].why))
            fail_msg("'%s', not '%s'", err.text, bad[i].why);
    }
    af_unet_model_release(&m);
}

static void a_model_of_laser_frames_is_refused(void **state)
{
    struct af_nn_model laser;
    struct af_unet_model m;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_nn_model_init(&laser, 0.35, &err), 0);
    assert_int_equal(af_nn_model_write(&laser, "l.safetensors", &err), 0);
    assert_int_equal(af_unet_model_read(&m, "l.safetensors", &err), -1);
    assert_non_null(strstr(err.text, "its arch is 'mobilenetv2', not unet"));
    af_nn_model_release(&laser);
}

/* Cut anywhere, or a byte turned: refused or read, never more. */
static void damage_is_refused_or_harmless(void **state)
{
    struct af_unet_model m = model_of("unet-small"), back;
    struct af_err err = {0};
    size_t n;
    char *bytes;

    (void)state;
    assert_int_equal(af_unet_model_write(&m, "m.safetensors", &err), 0);
    bytes = slurp("m.safetensors", &n);
    for (size_t cut = 0; cut < n; cut += cut < 4000 ? 97 : 100003) {
        write_bytes("d.safetensors", bytes, cut);
        assert_int_equal(af_unet_model_read(&back, "d.safetensors", &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
    }
    for (size_t at = 0; at < 4000; at += 61) {
        bytes[at] ^= 0x20;
        write_bytes("d.safetensors", bytes, n);
        if (!af_unet_model_read(&back, "d.safetensors", &err))
            af_unet_model_release(&back);
        bytes[at] ^= 0x20;
    }
    free(bytes);
    af_unet_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_read_as_it_was_written),
        cmocka_unit_test(tensors_have_keras_names_and_shapes),
        cmocka_unit_test(a_network_without_a_name_is_known_by_its_tensors),
        cmocka_unit_test(what_is_no_unet_is_refused_and_why),
        cmocka_unit_test(a_model_of_laser_frames_is_refused),
        cmocka_unit_test(damage_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
