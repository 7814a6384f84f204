/* SPDX-License-Identifier: BSD-2-Clause */
/* The container: what is written is read again, and what is not as it should be is refused. */
#include "nn/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_MAX = 4096 };

/* A file of a header and nbytes of data, 0 1 2 ... as numbers; its length. */
static size_t make_file(uint8_t *file, const char *header, size_t nbytes)
{
    size_t n = strlen(header);

    memset(file, 0, 8);
    file[0] = (uint8_t)(n & 0xff);
    file[1] = (uint8_t)(n >> 8);
    memcpy(file + 8, header, n);
    for (size_t i = 0; i < nbytes; i += 4) {
        float v = (float)(i / 4);

        memcpy(file + 8 + n + i, &v, nbytes - i < 4 ? nbytes - i : 4);
    }
    return 8 + n + nbytes;
}

static int read_bytes(struct af_tensors *s, const uint8_t *file, size_t n, float *const *to,
                      struct af_err *err)
{
    FILE *fp = fmemopen((void *)(uintptr_t)file, n, "rb");
    int ret;

    assert_non_null(fp);
    ret = af_tensors_read_head(s, fp, "m", err);
    if (!ret && to)
        ret = af_tensors_read_data(s, fp, to, "m", err);
    fclose(fp);
    return ret;
}

/* Head and data, with room for up to three tensors of 16 numbers; everything is released. */
static int read_all(const uint8_t *file, size_t n, struct af_err *err)
{
    float room[3][16], *to[3] = {room[0], room[1], room[2]};
    struct af_tensors s;
    int ret = read_bytes(&s, file, n, to, err);

    af_tensors_release(&s);
    return ret;
}

#define TWO                                                                                        \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"                          \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]}}"
#define ONE(body) "{\"a\":{" body "}}"
#define SHAPE(s, from, to)                                                                         \
    ONE("\"dtype\":\"F32\",\"shape\":" s ",\"data_offsets\":[" from "," to "]")
#define PAIR(a0, a1, b0, b1)                                                                       \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" a0 "," a1 "]},"                   \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" b0 "," b1 "]}}"

static void tensors_are_read_in_the_order_of_their_data(void **state)
{
    static const char header[] =
        "{\"b\":{\"data_offsets\":[24,28],\"dtype\":\"F32\",\"shape\":[]},"
        "\"__metadata__\":{\"who\":\"\\u00b5 me\",\"a\":\"\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}   ";
    float a[6], b[1], *to[] = {a, b};
    uint8_t file[FILE_MAX];
    size_t n = make_file(file, header, 28);
    struct af_tensors s;
    struct af_err err = {0};
    char shape[AF_TENSOR_SHAPE];

    (void)state;
    assert_int_equal(read_bytes(&s, file, n, to, &err), 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.tensor[0].name, "a");
    assert_string_equal(s.tensor[1].name, "b");
    assert_string_equal(af_tensor_shape(&s.tensor[0], shape), "[2,3]");
    assert_string_equal(af_tensor_shape(&s.tensor[1], shape), "[]");
    assert_ptr_equal(af_tensors_find(&s, "b"), &s.tensor[1]);
    assert_null(af_tensors_find(&s, "c"));
    assert_string_equal(af_nn_notes_get(&s.notes, "who"), "\xc2\xb5 me");
    assert_string_equal(af_nn_notes_get(&s.notes, "a"), "");
    assert_null(af_nn_notes_get(&s.notes, "b"));
    for (int i = 0; i < 6; i++)
        assert_true(a[i] == (float)i);
    assert_true(b[0] == 6);
    af_tensors_release(&s);
}

static void what_is_written_is_read_again(void **state)
{
    static const size_t dim[] = {2, 3, 1, 1};
    static const float x[] = {1.5f, -2, 0, 1e-42f, -0.0f, 3e38f}, y[] = {7};
    const float *from[] = {x, y};
    float a[6], b[1], *to[] = {a, b};
    struct af_tensors s = {0}, t;
    struct af_err err = {0};
    char *bytes = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&bytes, &n);

    (void)state;
    assert_int_equal(af_tensors_add(&s, "x", 4, dim, &err), 0);
    assert_int_equal(af_tensors_add(&s, "y/\"\xc3\xbc", 1, dim + 2, &err), 0);
    assert_int_equal(af_nn_notes_add(&s.notes, "k", "tab\t \"quoted\" \xc2\xb5", &err), 0);
    assert_int_equal(af_nn_notes_add(&s.notes, "latin", "5 \xb5m", &err), 0);
    assert_int_equal(af_tensors_write(&s, fp, from, &err), 0);
    assert_int_equal(fclose(fp), 0);
    assert_int_equal((uint8_t)bytes[0] % 8, 0); // the data begin at a multiple of 8
    if (read_bytes(&t, (uint8_t *)bytes, n, to, &err))
        fail_msg("%s", err.text);
    assert_string_equal(t.tensor[1].name, "y/\"\xc3\xbc");
    assert_memory_equal(t.tensor[0].dim, dim, sizeof(dim));
    assert_string_equal(af_nn_notes_get(&t.notes, "k"), "tab\t \"quoted\" \xc2\xb5");
    assert_string_equal(af_nn_notes_get(&t.notes, "latin"), "5 ?m");
    assert_memory_equal(a, x, sizeof(x));
    assert_memory_equal(b, y, sizeof(y));
    af_tensors_release(&t);
    af_tensors_release(&s);
    free(bytes);
}

/* Cases of the safetensors project's own tests and of its audit, and each field in turn. */
static void hostile_headers_are_refused_in_one_line(void **state)
{
    static const struct {
        const char *header;
        size_t nbytes;
        const char *say;
    } c[] = {
        {"", 0, "a header of 0 bytes"},
        {"x", 0, "a header of 1 bytes"},
        {"{}", 0, "no tensor"},
        {"[]", 0, "no JSON object"},
        {" {}", 0, "no JSON object"},
        {"{\"a\":", 0, "header: "},
        {TWO "x", 28, "header: "},
        {"{\"a\":\xff}", 0, "header: "},
        {"{\"a\\u0000\":1}", 0, "header: "},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "header: duplicate"},
        {"{\"a\":1}", 0, "a: not a dtype"},
        {ONE(""), 0, "a: not a dtype"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1]"), 4, "a: not a dtype"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1"), 4,
         "a: not a dtype"},
        {ONE("\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]"), 4, "a: not a dtype"},
        {ONE("\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]"), 4, "dtype is not F32"},
        {ONE("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "dtype is not F32"},
        {SHAPE("1", "0", "4"), 4, "shape is not"},
        {SHAPE("[1,1,1,1,1]", "0", "4"), 4, "shape is not"},
        {SHAPE("[0]", "0", "0"), 0, "shape is empty"},
        {SHAPE("[-1]", "0", "4"), 4, "shape is empty"},
        {SHAPE("[1.0]", "0", "4"), 4, "shape is empty"},
        {SHAPE("[\"1\"]", "0", "4"), 4, "shape is empty"},
        {SHAPE("[268435457]", "0", "4"), 4, "shape is empty or too large"},
        {SHAPE("[65536,65536,65536,65536]", "0", "0"), 0, "shape is empty or too large"},
        {SHAPE("[9223372036854775807,2]", "0", "4"), 4, "shape is empty or too large"},
        {SHAPE("[99999999999999999999]", "0", "4"), 4, "header: "},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":4"), 4, "data_offsets are not"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 4, "data_offsets are not"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]"), 4,
         "data_offsets are not"},
        {SHAPE("[1]", "-4", "0"), 4, "data_offsets are not"},
        {SHAPE("[1]", "0", "4.0"), 4, "data_offsets are not"},
        {SHAPE("[1]", "9223372036854775804", "9223372036854775807"), 4, "data_offsets are not"},
        {SHAPE("[1]", "4", "0"), 4, "data_offsets and shape differ"},
        {SHAPE("[1]", "0", "5"), 5, "data_offsets and shape differ"},
        {SHAPE("[2]", "0", "4"), 4, "data_offsets and shape differ"},
        {SHAPE("[1]", "4", "8"), 8, "lie behind a hole"},
        {PAIR("0", "8", "0", "8"), 16, "overlap"},
        {PAIR("0", "8", "4", "12"), 16, "overlap"},
        {PAIR("0", "8", "12", "20"), 20, "lie behind a hole"},
        {SHAPE("[268435456]", "0", "1073741824"), 4, NULL}, // a large tensor, and no data
        {"{\"__metadata__\":{\"a\":1}}", 0, "a is not a text"},
        {"{\"__metadata__\":[]}", 0, "not an object"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate"},
        {"{\"__metadata__\":{\"a\":\"1\"}}", 0, "no tensor"},
    };
    uint8_t file[FILE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        struct af_err err = {0};
        struct af_tensors s;
        size_t n = make_file(file, c[i].header, c[i].nbytes);
        int ret = read_bytes(&s, file, n, NULL, &err);

        if (!c[i].say) {
            assert_int_equal(ret, 0);
            af_tensors_release(&s);
            continue;
        }
        if (ret != -1 || err.kind != AF_EDATA || strncmp(err.text, "m: ", 3) != 0 ||
            !strstr(err.text, c[i].say) || strchr(err.text, '\n'))
            fail_msg("%s: says '%s', not '%s'", c[i].header, err.text, c[i].say);
        assert_int_equal(s.n, 0);
        assert_null(s.tensor);
    }
}

static void lengths_of_the_header_are_limited_before_anything_is_taken(void **state)
{
    static const uint8_t head[][8] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0, 0, 0, 0, 0, 0, 0, 0x80},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {1, 0, 0x10, 0, 0, 0, 0, 0},
        {0, 0, 0, 0, 1, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        uint8_t file[16] = "........{}";
        struct af_err err = {0};

        memcpy(file, head[i], 8);
        assert_int_equal(read_all(file, 10, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "not safetensors: a header of"));
    }
}

static void a_file_that_ends_early_is_refused_wherever_it_ends(void **state)
{
    uint8_t file[FILE_MAX];
    size_t n = make_file(file, TWO, 28);
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_all(file, n, &err), 0);
    for (size_t i = 1; i < n; i++) {
        assert_int_equal(read_all(file, i, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "the file ends within"));
    }
}

static void bytes_behind_the_data_are_refused(void **state)
{
    uint8_t file[FILE_MAX];
    size_t n = make_file(file, TWO, 29);
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_all(file, n, &err), -1);
    assert_string_equal(err.text, "m: bytes behind the last tensor");
}

static void numbers_that_are_none_are_refused(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    uint8_t file[FILE_MAX];
    size_t n = make_file(file, TWO, 28);

    (void)state;
    for (size_t at = 0; at < 7; at++)
        for (int i = 0; i < 3; i++) {
            struct af_err err = {0};
            uint8_t keep[4];

            memcpy(keep, file + n - 28 + 4 * at, 4);
            memcpy(file + n - 28 + 4 * at, &bad[i], 4);
            assert_int_equal(read_all(file, n, &err), -1);
            assert_int_equal(err.kind, AF_EDATA);
            assert_string_equal(err.text, at < 6 ? "m: a: a number is NaN or infinite"
                                                 : "m: b: a number is NaN or infinite");
            memcpy(file + n - 28 + 4 * at, keep, 4);
        }
}

/* Nesting must not use up the stack, nor a long name the message. */
static void deep_and_long_headers_are_refused(void **state)
{
    enum { DEEP = 1 << 19 };
    uint8_t *file = malloc(DEEP + 16);
    struct af_err err = {0};

    (void)state;
    assert_non_null(file);
    memset(file, '[', DEEP + 16);
    memcpy(file, "\0\0\x08\0\0\0\0\0{\"a\":", 13);
    assert_int_equal(read_all(file, DEEP + 8, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    memset(file + 9, 'n', DEEP);
    file[9] = file[DEEP + 4] = '"';
    memcpy(file + DEEP + 5, ":1}", 3);
    assert_int_equal(read_all(file, DEEP + 8, &err), -1);
    assert_non_null(strstr(err.text, "nnn: not a dtype"));
    free(file);
}

static void a_header_too_long_to_be_read_is_not_written(void **state)
{
    static const size_t one = 1;
    static const float x = 1;
    const float *from = &x;
    char *text = malloc(AF_TENSORS_HEADER_MAX + 1), *bytes = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&bytes, &n);
    struct af_tensors s = {0};
    struct af_err err = {0};

    (void)state;
    memset(text, 'x', AF_TENSORS_HEADER_MAX);
    text[AF_TENSORS_HEADER_MAX] = '\0';
    assert_int_equal(af_tensors_add(&s, "x", 1, &one, &err), 0);
    assert_int_equal(af_nn_notes_add(&s.notes, "k", text, &err), 0);
    assert_int_equal(af_tensors_write(&s, fp, &from, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    fclose(fp);
    assert_int_equal(n, 0);
    af_tensors_release(&s);
    free(bytes);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_read_in_the_order_of_their_data),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(hostile_headers_are_refused_in_one_line),
        cmocka_unit_test(lengths_of_the_header_are_limited_before_anything_is_taken),
        cmocka_unit_test(a_file_that_ends_early_is_refused_wherever_it_ends),
        cmocka_unit_test(bytes_behind_the_data_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(deep_and_long_headers_are_refused),
        cmocka_unit_test(a_header_too_long_to_be_read_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
