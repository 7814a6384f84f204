/* SPDX-License-Identifier: BSD-2-Clause */
#include "nnvectors.h"

#include "child.h"

/* A model from memory. */
static int read_stream(struct af_nn_model *m, FILE *fp, const char *name, struct af_err *err)
{
    struct af_nn_modelfile f;
    int ret;

    *m = (struct af_nn_model){0};
    if (af_nn_modelfile_begin(&f, fp, name, err))
        return -1;
    ret = af_nn_model_read_file(m, &f, err);
    af_tensors_release(&f.head);
    return ret;
}

static struct af_nn_model model_of(double alpha, uint64_t seed)
{
    struct af_nn_model m;
    struct af_err err = {0};

    if (af_nn_model_init(&m, alpha, &err))
        fail_msg("%s", err.text);
    af_nn_model_randomise(&m, seed);
    return m;
}

static void write_model(const struct af_nn_model *m, const char *path)
{
    struct af_err err = {0};

    if (af_nn_model_write(m, path, &err))
        fail_msg("%s", err.text);
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

static void same_model(const struct af_nn_model *a, const struct af_nn_model *b)
{
    assert_true(a->arch.alpha == b->arch.alpha);
    assert_true(a->about.center_um == b->about.center_um);
    assert_true(a->about.half_range_um == b->about.half_range_um);
    assert_memory_equal(a->params, b->params, a->arch.nparams * sizeof(float));
    assert_memory_equal(a->moving, b->moving, a->arch.nmoving * sizeof(float));
    assert_int_equal(a->about.notes.n, b->about.notes.n);
    for (size_t i = 0; i < a->about.notes.n; i++) {
        assert_string_equal(a->about.notes.note[i].key, b->about.notes.note[i].key);
        assert_string_equal(a->about.notes.note[i].value, b->about.notes.note[i].value);
    }
}

/* ------------------------------------------------------------ round trips */

static void a_model_is_read_as_it_was_written(void **state)
{
    static const double alpha[] = {0.35, 1, 1.4, 0.3, 1.0 / 3};

    (void)state;
    for (size_t i = 0; i < sizeof(alpha) / sizeof(alpha[0]); i++) {
        struct af_nn_model m = model_of(alpha[i], i), back;
        struct af_err err = {0};

        m.about.center_um = -1.0 / 3 * (double)i;
        m.about.half_range_um = 0.1 + (double)i;
        assert_int_equal(af_nn_notes_set(&m.about.notes, "days", "1,2,3", &err), 0);
        assert_int_equal(af_nn_notes_set(&m.about.notes, "arbitrary", "\xc2\xb5 \"x\"\n", &err), 0);
        assert_int_equal(af_nn_notes_set(&m.about.notes, "days", "4", &err), 0);
        write_model(&m, "m.safetensors");
        if (af_nn_model_read(&back, "m.safetensors", &err))
            fail_msg("%s", err.text);
        same_model(&m, &back);
        assert_string_equal(af_nn_notes_get(&back.about.notes, "days"), "4");
        assert_null(af_nn_notes_get(&back.about.notes, "alpha"));
        af_nn_model_release(&back);
        af_nn_model_release(&m);
        assert_null(m.params);
    }
}

static void the_same_model_gives_the_same_bytes(void **state)
{
    struct af_nn_model m = model_of(0.35, 1), again;
    struct af_err err = {0};
    char *a, *b;
    size_t na, nb;

    (void)state;
    assert_int_equal(af_nn_notes_set(&m.about.notes, "seed", "1", &err), 0);
    write_model(&m, "a.safetensors");
    assert_int_equal(af_nn_model_read(&again, "a.safetensors", &err), 0);
    write_model(&again, "b.safetensors");
    a = slurp("a.safetensors", &na);
    b = slurp("b.safetensors", &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    free(a);
    free(b);
    af_nn_model_release(&again);
    af_nn_model_release(&m);
}

static int to_stdout(void *m)
{
    struct af_err err = {0};

    return af_nn_model_write(m, "-", &err) ? 1 : 0;
}

static int from_stdin(void *m)
{
    struct af_nn_model back;
    struct af_err err = {0};

    if (!freopen("piped", "rb", stdin) || af_nn_model_read(&back, "-", &err))
        return 1;
    same_model(m, &back);
    af_nn_model_release(&back);
    return 0;
}

static void a_dash_is_stdout_and_stdin(void **state)
{
    struct af_nn_model m = model_of(0.35, 3);

    (void)state;
    assert_int_equal(child_wait(to_stdout, &m, "piped"), 0);
    assert_int_equal(child_run(from_stdin, &m), 0);
    assert_int_not_equal(child_wait(to_stdout, &m, "/dev/full"), 0);
    af_nn_model_release(&m);
}

/* One line of tests/expect/tensors.py, from the layout in memory. */
static void line_of(char line[160], const char *layer, const char *what, const char *shape,
                    const float *v, size_t n)
{
    snprintf(line, 160, "%.40s/%.20s %.40s %d %d\n", layer, what, shape, (int)v[0], (int)v[n - 1]);
}

static void lines_of(char line[5][160], const struct af_nn_model *m, const struct af_nn_conv *c)
{
    size_t cout = (size_t)c->cout;
    char shape[40], vector[20];

    snprintf(vector, sizeof(vector), "%zu", cout);
    if (c->kind == AF_NN_DEPTHWISE)
        snprintf(shape, sizeof(shape), "3,3,%d,1", c->cout);
    else if (c->kind == AF_NN_FIRST)
        snprintf(shape, sizeof(shape), "3,3,1,%d", c->cout);
    else
        snprintf(shape, sizeof(shape), "1,1,%d,%d", c->cin, c->cout);
    line_of(line[0], c->name, c->kind == AF_NN_DEPTHWISE ? "depthwise_kernel" : "kernel", shape,
            m->params + c->kernel, c->nkernel);
    line_of(line[1], c->bn, "gamma", vector, m->params + c->gamma, cout);
    line_of(line[2], c->bn, "beta", vector, m->params + c->beta, cout);
    line_of(line[3], c->bn, "moving_mean", vector, m->moving + c->mean, cout);
    line_of(line[4], c->bn, "moving_variance", vector, m->moving + c->variance, cout);
}

static void numpy_reads_names_shapes_and_numbers(void **state)
{
    struct af_nn_model m = model_of(0.35, 1);
    const float *dense = m.params + m.arch.dense_kernel;
    char command[4200], got[160], want[5][160];
    FILE *fp;

    (void)state;
    if (system("/usr/bin/python3 -c 'import numpy' 2> /dev/null")) {
        af_nn_model_release(&m);
        print_message("# no numpy here\n");
        skip();
    }
    for (size_t i = 0; i < m.arch.nparams; i++)
        m.params[i] = (float)i;
    for (size_t i = 0; i < m.arch.nmoving; i++)
        m.moving[i] = (float)(1000000 + i);
    write_model(&m, "m.safetensors");
    snprintf(command, sizeof(command),
             "/usr/bin/python3 '%s/tests/expect/tensors.py' m.safetensors", getenv("SRC"));
    assert_non_null(fp = popen(command, "r"));
    for (int i = 0; i < AF_NN_NCONV; i++) {
        lines_of(want, &m, &m.arch.conv[i]);
        for (int k = 0; k < 5; k++) {
            assert_non_null(fgets(got, sizeof(got), fp));
            assert_string_equal(got, want[k]);
        }
    }
    line_of(want[0], "dense", "kernel", "1280,1", dense, 1280);
    line_of(want[1], "dense", "bias", "1", m.params + m.arch.dense_bias, 1);
    for (int k = 0; k < 2; k++) {
        assert_non_null(fgets(got, sizeof(got), fp));
        assert_string_equal(got, want[k]);
    }
    assert_null(fgets(got, sizeof(got), fp));
    assert_int_equal(pclose(fp), 0);
    af_nn_model_release(&m);
}

static void the_vectors_file_is_written_with_the_same_tensors(void **state)
{
    char path[4096], *a, *b;
    size_t na, nb, nparams = vectors.model.arch.nparams + vectors.model.arch.nmoving;

    (void)state;
    need_vectors();
    assert_true(vectors.model.about.center_um == 0 && vectors.model.about.half_range_um == 1);
    assert_true(open_vectors("weights", path));
    write_model(&vectors.model, "v.safetensors");
    a = slurp(path, &na);
    b = slurp("v.safetensors", &nb);
    assert_memory_equal(a + na - 4 * nparams, b + nb - 4 * nparams, 4 * nparams);
    free(a);
    free(b);
}

/* --------------------------------------------------------- fresh weights */

/* Uniform in +-limit: the largest of n is close to it, the mean square a third of its square. */
static void is_glorot(const float *w, size_t n, double fan_in, double fan_out)
{
    double limit = sqrt(6 / (fan_in + fan_out)), largest = 0, square = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)w[i]));
        square += (double)w[i] * (double)w[i];
        sum += (double)w[i];
    }
    assert_true(largest <= limit * (1 + 1e-6) && largest > limit * (1 - 20 / (double)n));
    /* Five standard errors. */
    assert_true(fabs(square / (double)n / (limit * limit / 3) - 1) < 5 * 0.9 / sqrt((double)n));
    assert_true(fabs(sum / (double)n) < 5 * limit / sqrt(3 * (double)n));
}

static void fresh_weights_are_glorot_uniform_by_the_fans_of_keras(void **state)
{
    struct af_nn_model m = model_of(1, 11), other = model_of(1, 12), same = model_of(1, 11);

    (void)state;
    for (int i = 0; i < AF_NN_NCONV; i++) {
        const struct af_nn_conv *c = &m.arch.conv[i];

        is_glorot(m.params + c->kernel, c->nkernel,
                  c->kind == AF_NN_POINTWISE ? c->cin : 9.0 * c->cin,
                  c->kind == AF_NN_POINTWISE   ? c->cout
                  : c->kind == AF_NN_DEPTHWISE ? 9
                                               : 9.0 * c->cout);
        for (size_t k = 0; k < (size_t)c->cout; k++)
            assert_true(m.params[c->gamma + k] == 1 && m.params[c->beta + k] == 0 &&
                        m.moving[c->mean + k] == 0 && m.moving[c->variance + k] == 1);
    }
    is_glorot(m.params + m.arch.dense_kernel, 1280, 1280, 1);
    assert_true(m.params[m.arch.dense_bias] == 0);
    assert_memory_equal(m.params, same.params, m.arch.nparams * sizeof(float));
    assert_memory_not_equal(m.params, other.params, m.arch.nparams * sizeof(float));
    af_nn_model_release(&same);
    af_nn_model_release(&other);
    af_nn_model_release(&m);
}

/* ----------------------------------------------------------- hostile files */

static char *base; // a model file
static size_t nbase;

static int make_base(void **state)
{
    struct af_nn_model m = model_of(0.35, 1);

    write_model(&m, "base.safetensors");
    af_nn_model_release(&m);
    base = slurp("base.safetensors", &nbase);
    return load_vectors(state);
}

static int free_base(void **state)
{
    free(base);
    return free_vectors(state);
}

/* Read the base with the first `from` of its header replaced by `to`, and `more` bytes of data. */
static int read_edited(const char *from, const char *to, size_t more, struct af_nn_model *m,
                       struct af_err *err)
{
    size_t n = (uint8_t)base[0] | (size_t)(uint8_t)base[1] << 8, cut = strlen(from);
    size_t put = strlen(to), total = nbase - cut + put + more;
    char *file = calloc(total, 1), *at;
    FILE *fp;
    int ret;

    assert_true((uint8_t)base[2] == 0);
    for (at = base + 8; memcmp(at, from, cut) != 0; at++)
        assert_true(at + cut < base + 8 + n);
    memcpy(file, base, (size_t)(at - base));
    memcpy(file + (at - base), to, put);
    memcpy(file + (at - base) + put, at + cut, nbase - (size_t)(at - base) - cut);
    n += put - cut;
    file[0] = (char)(n & 0xff);
    file[1] = (char)(n >> 8);
    assert_non_null(fp = fmemopen(file, total, "rb"));
    ret = read_stream(m, fp, "m", err);
    fclose(fp);
    free(file);
    return ret;
}

static void models_that_are_none_are_refused_in_one_line(void **state)
{
    static const struct {
        const char *from, *to, *say;
        size_t more;
    } c[] = {
        {"\"mobilenetv2\"", "\"unet\"", "its arch is 'unet', not mobilenetv2", 0},
        {"\"mobilenetv2\"", "\"lut\"", "its arch is 'lut', not mobilenetv2", 0},
        {"aftools-model/1", "aftools-model/2", "its format is 'aftools-model/2'", 0},
        {"96x96x1", "96x96x3", "its input is '96x96x3', not 96x96x1", 0},
        {"\"alpha\":\"0.35\"", "\"alpha\":\"wide\"", "alpha: 'wide' is not a number", 0},
        {"\"alpha\":\"0.35\"", "\"alpha\":\"nan\"", "alpha: 'nan' is not a number", 0},
        {"\"alpha\":\"0.35\"", "\"alpha\":\"20\"", "alpha 20 is not in 0.3 to 2", 0},
        {"\"alpha\":\"0.35\"", "\"alpha\":\"1\"", "Conv1/kernel is [3,3,1,16], not [3,3,1,32]", 0},
        {"\"alpha\":\"0.35\"", "\"alpha\":0.35", "alpha is not a text", 0},
        {"center_um\":\"0\"", "center_um\":\"inf\"", "target_center_um: 'inf' is not a number", 0},
        {"range_um\":\"1\"", "range_um\":\"0\"", "target_half_range_um: 0 is not above 0", 0},
        {"range_um\":\"1\"", "range_um\":\"-1\"", "target_half_range_um: -1 is not above 0", 0},
        {"Conv1/kernel", "Conv2/kernel", "no tensor Conv1/kernel", 0},
        {"dense/bias", "dense/bios", "no tensor dense/bias", 0},
        {"bn_Conv1/beta", "bn_Conv1/gamma", "header: duplicate", 0},
        {"[3,3,1,16]", "[3,3,16,1]", "Conv1/kernel is [3,3,16,1], not [3,3,1,16]", 0},
        {"[3,3,1,16]", "[9,16]", "Conv1/kernel is [9,16], not [3,3,1,16]", 0},
        {"\"shape\":[16]", "\"shape\":[16,1]", "bn_Conv1/gamma is [16,1], not [16]", 0},
        {"[576,640]", "[0,64]", "overlap", 0},
        {"[576,640]", "[640,576]", "bn_Conv1/gamma: its data_offsets and shape differ", 0},
        {"[0,576]", "[4,580]", "lie behind a hole", 0},
        {"\"F32\"", "\"F64\"", "Conv1/kernel: its dtype is not F32", 0},
        {"[1644800,1644804]}",
         "[1644800,1644804]},\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1644804,"
         "1644808]}",
         "tensor x is none of mobilenetv2", 4},
        {"{\"__metadata__\"", "{\"__metadata__\":{},\"__metadata__\"", "header: duplicate", 0},
        {"Conv1/kernel\":", "Conv1/kernel\":{},\"y\":", "Conv1/kernel: not a dtype", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        struct af_nn_model m;
        struct af_err err = {0};

        if (read_edited(c[i].from, c[i].to, c[i].more, &m, &err) != -1 || err.kind != AF_EDATA ||
            strncmp(err.text, "m: ", 3) != 0 || !strstr(err.text, c[i].say))
            fail_msg("%s: says '%s', not '%s'", c[i].to, err.text, c[i].say);
        assert_null(m.params);
        assert_null(m.about.notes.note);
    }
}

static void keys_that_are_missing_have_defaults(void **state)
{
    static const char *const gone[] = {"\"format\":\"aftools-model/1\",",
                                       "\"arch\":\"mobilenetv2\",",
                                       "\"alpha\":\"0.35\",",
                                       "\"input\":\"96x96x1\",",
                                       "\"target_center_um\":\"0\",",
                                       ",\"target_half_range_um\":\"1\""};

    (void)state;
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        struct af_nn_model m;
        struct af_err err = {0};

        if (read_edited(gone[i], "", 0, &m, &err))
            fail_msg("without %s: %s", gone[i], err.text);
        assert_true(m.arch.alpha == 0.35);
        assert_true(m.about.center_um == 0 && m.about.half_range_um == 1);
        af_nn_model_release(&m);
    }
}

static void without_alpha_the_count_of_numbers_tells_the_width(void **state)
{
    static const double alpha[] = {0.3, 0.5, 0.75, 1, 1.3, 1.4, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(alpha) / sizeof(alpha[0]); i++) {
        struct af_nn_model m = model_of(alpha[i], 1), back;
        struct af_err err = {0};
        size_t n;
        char *file, *at;
        FILE *fp;

        write_model(&m, "m.safetensors");
        file = slurp("m.safetensors", &n);
        assert_non_null(at = strstr(file + 8, "\"alpha\""));
        memcpy(at, "\"bravo\"", 7);
        assert_non_null(fp = fmemopen(file, n, "rb"));
        if (read_stream(&back, fp, "m", &err))
            fail_msg("%s", err.text);
        assert_int_equal(back.arch.nparams, m.arch.nparams);
        assert_memory_equal(back.params, m.params, m.arch.nparams * sizeof(float));
        fclose(fp);
        free(file);
        af_nn_model_release(&back);
        af_nn_model_release(&m);
    }
}

static void a_width_that_none_has_is_refused(void **state)
{
    static const size_t one = 1;
    static const float x = 1;
    const float *from = &x;
    struct af_tensors s = {0};
    struct af_nn_model m;
    struct af_err err = {0};
    FILE *fp = fopen("tiny.safetensors", "wb");

    (void)state;
    assert_int_equal(af_tensors_add(&s, "Conv1/kernel", 1, &one, &err), 0);
    assert_int_equal(af_tensors_write(&s, fp, &from, &err), 0);
    fclose(fp);
    af_tensors_release(&s);
    assert_int_equal(af_nn_model_read(&m, "tiny.safetensors", &err), -1);
    assert_string_equal(err.text,
                        "tiny.safetensors: no alpha is given, and no usual one has 1 numbers");
}

static void a_variance_below_zero_is_refused(void **state)
{
    struct af_nn_model m = model_of(0.35, 1), back;
    struct af_err err = {0};

    (void)state;
    m.moving[m.arch.conv[7].variance + 3] = -1e-9f;
    write_model(&m, "m.safetensors");
    assert_int_equal(af_nn_model_read(&back, "m.safetensors", &err), -1);
    assert_string_equal(err.text, "m.safetensors: block_2_depthwise_BN/moving_variance: below 0");
    m.moving[m.arch.conv[7].variance + 3] = 0;
    m.params[5] = NAN;
    write_model(&m, "m.safetensors");
    assert_int_equal(af_nn_model_read(&back, "m.safetensors", &err), -1);
    assert_string_equal(err.text, "m.safetensors: Conv1/kernel: a number is NaN or infinite");
    af_nn_model_release(&m);
}

/* Cut anywhere in the header, and at places in the data. */
static void a_model_that_was_cut_off_is_refused(void **state)
{
    struct af_nn_model m;

    (void)state;
    for (size_t n = 1; n < nbase; n += n < 30000 ? 611 : 99991) {
        struct af_err err = {0};
        FILE *fp = fmemopen(base, n, "rb");

        assert_int_equal(read_stream(&m, fp, "m", &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "the file ends within"));
        fclose(fp);
    }
}

static void files_that_cannot_be_read_or_written_are_named(void **state)
{
    struct af_nn_model m = model_of(0.35, 1), back;
    struct af_err err = {0};

    (void)state;
    assert_int_equal(af_nn_model_read(&back, "absent", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "absent: No such file or directory");
    assert_int_equal(af_nn_model_read(&back, "/", &err), -1);
    assert_string_equal(err.text, "/: Is a directory");
    assert_int_equal(af_nn_model_write(&m, "absent/m", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_int_equal(af_nn_model_write(&m, "/dev/full", &err), -1);
    assert_string_equal(err.text, "/dev/full: No space left on device");
    af_nn_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_read_as_it_was_written),
        cmocka_unit_test(the_same_model_gives_the_same_bytes),
        cmocka_unit_test(a_dash_is_stdout_and_stdin),
        cmocka_unit_test(numpy_reads_names_shapes_and_numbers),
        cmocka_unit_test(the_vectors_file_is_written_with_the_same_tensors),
        cmocka_unit_test(fresh_weights_are_glorot_uniform_by_the_fans_of_keras),
        cmocka_unit_test(models_that_are_none_are_refused_in_one_line),
        cmocka_unit_test(keys_that_are_missing_have_defaults),
        cmocka_unit_test(without_alpha_the_count_of_numbers_tells_the_width),
        cmocka_unit_test(a_width_that_none_has_is_refused),
        cmocka_unit_test(a_variance_below_zero_is_refused),
        cmocka_unit_test(a_model_that_was_cut_off_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_or_written_are_named),
    };

    return cmocka_run_group_tests(tests, make_base, free_base);
}
