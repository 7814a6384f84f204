/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/safetensors.h"

#include "base/memory.h"
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define METADATA "__metadata__"

void af_tensors_release(struct af_tensors *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->tensor[i].name);
    free(s->tensor);
    af_nn_notes_release(&s->notes);
    *s = (struct af_tensors){0};
}

const struct af_tensor *af_tensors_find(const struct af_tensors *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->tensor[i].name, name) == 0)
            return &s->tensor[i];
    return NULL;
}

/* A new tensor at the end, with room and a name; NULL with AF_ESYS. */
static struct af_tensor *append(struct af_tensors *s, const char *name, struct af_err *err)
{
    struct af_tensor *t;

    if (af_grow((void **)&s->tensor, &s->tensor_cap, s->n + 1, sizeof(*t), err))
        return NULL;
    t = &s->tensor[s->n];
    *t = (struct af_tensor){.name = af_strdup(name, err), .n = 1};
    if (!t->name)
        return NULL;
    s->n++;
    return t;
}

int af_tensors_add(struct af_tensors *s, const char *name, size_t ndims, const size_t *dim,
                   struct af_err *err)
{
    struct af_tensor *t = append(s, name, err);

    if (!t)
        return -1;
    t->ndims = ndims;
    for (size_t i = 0; i < ndims; i++)
        t->n *= t->dim[i] = dim[i];
    if (s->n > 1)
        t->begin = t[-1].begin + t[-1].n * sizeof(float);
    return 0;
}

const char *af_tensor_shape(const struct af_tensor *t, char buf[AF_TENSOR_SHAPE])
{
    size_t at = 0;

    for (size_t i = 0; i < t->ndims; i++)
        at += (size_t)snprintf(buf + at, AF_TENSOR_SHAPE - at, "%c%zu", i ? ',' : '[', t->dim[i]);
    snprintf(buf + at, AF_TENSOR_SHAPE - at, "%s", at ? "]" : "[]");
    return buf;
}

/* --------------------------------------------------------------- reading */

/* A whole number of 0 to AF_TENSORS_DATA_MAX, so that sums of two fit any size_t. */
static bool whole(const json_t *v, size_t *out)
{
    json_int_t i = json_integer_value(v);

    if (!json_is_integer(v) || i < 0 || i > AF_TENSORS_DATA_MAX)
        return false;
    *out = (size_t)i;
    return true;
}

/* Shape and place of one tensor; NULL, or what is wrong. */
static const char *parse_tensor(struct af_tensor *t, const json_t *o)
{
    const json_t *shape = json_object_get(o, "shape"), *at = json_object_get(o, "data_offsets");
    const char *dtype = json_string_value(json_object_get(o, "dtype"));
    size_t end;

    if (!json_is_object(o) || json_object_size(o) != 3 || !dtype)
        return "not a dtype, a shape and data_offsets";
    if (strcmp(dtype, "F32") != 0)
        return "its dtype is not F32";
    if (!json_is_array(shape) || json_array_size(shape) > AF_TENSOR_DIMS)
        return "its shape is not up to 4 numbers";
    t->ndims = json_array_size(shape);
    for (size_t i = 0; i < t->ndims; i++)
        if (!whole(json_array_get(shape, i), &t->dim[i]) || !t->dim[i] ||
            !af_size_mul(t->n, t->dim[i], &t->n) || t->n > AF_TENSORS_DATA_MAX / sizeof(float))
            return "its shape is empty or too large";
    if (!json_is_array(at) || json_array_size(at) != 2 ||
        !whole(json_array_get(at, 0), &t->begin) || !whole(json_array_get(at, 1), &end))
        return "its data_offsets are not two places in up to 1 GiB";
    if (end < t->begin || end - t->begin != t->n * sizeof(float))
        return "its data_offsets and shape differ";
    return NULL;
}

static int parse_metadata(struct af_tensors *s, json_t *o, const char *name, struct af_err *err)
{
    const char *key;
    json_t *v;

    if (!json_is_object(o))
        return af_fail(err, AF_EDATA, "%s: " METADATA " is not an object", name);
    json_object_foreach(o, key, v)
    {
        if (!json_is_string(v))
            return af_fail(err, AF_EDATA, "%s: " METADATA ": %.80s is not a text", name, key);
        if (af_nn_notes_add(&s->notes, key, json_string_value(v), err))
            return -1;
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    size_t x = ((const struct af_tensor *)a)->begin, y = ((const struct af_tensor *)b)->begin;

    return (x > y) - (x < y);
}

/* In the order of the data, which they must cover exactly. */
static int order(struct af_tensors *s, const char *name, struct af_err *err)
{
    size_t end = 0;

    if (!s->n)
        return af_fail(err, AF_EDATA, "%s: no tensor in it", name);
    qsort(s->tensor, s->n, sizeof(*s->tensor), by_place);
    for (size_t i = 0; i < s->n; i++) {
        const struct af_tensor *t = &s->tensor[i];

        if (t->begin != end)
            return af_fail(err, AF_EDATA, "%s: %.80s: its data %s", name, t->name,
                           t->begin < end ? "overlap another's" : "lie behind a hole");
        end += t->n * sizeof(float);
        if (end > AF_TENSORS_DATA_MAX)
            return af_fail(err, AF_EDATA, "%s: more than 1 GiB of data", name);
    }
    return 0;
}

static int parse(struct af_tensors *s, json_t *root, const char *name, struct af_err *err)
{
    const char *key, *wrong;
    json_t *v;

    json_object_foreach(root, key, v)
    {
        struct af_tensor *t;

        if (strcmp(key, METADATA) == 0) {
            if (parse_metadata(s, v, name, err))
                return -1;
            continue;
        }
        if (!(t = append(s, key, err)))
            return -1;
        if ((wrong = parse_tensor(t, v)))
            return af_fail(err, AF_EDATA, "%s: %.80s: %s", name, key, wrong);
    }
    return order(s, name, err);
}

/* Read n bytes; -1 with AF_ESYS, or AF_EDATA where the file ends in `what`. */
static int get(FILE *fp, void *to, size_t n, const char *name, const char *what, struct af_err *err)
{
    if (fread(to, 1, n, fp) == n)
        return 0;
    if (ferror(fp))
        return af_fail_errno(err, "%s", name);
    return af_fail(err, AF_EDATA, "%s: the file ends within %.80s", name, what);
}

/* The header as text of *n bytes, which the caller frees. */
static int get_header(FILE *fp, char **text, size_t *n, const char *name, struct af_err *err)
{
    uint8_t b[8];
    uint64_t v = 0;

    if (get(fp, b, sizeof(b), name, "the length of its header", err))
        return -1;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | b[i];
    if (v < 2 || v > AF_TENSORS_HEADER_MAX)
        return af_fail(err, AF_EDATA, "%s: not safetensors: a header of %llu bytes", name,
                       (unsigned long long)v);
    *n = (size_t)v;
    if (!(*text = af_calloc(*n, 1, err)) || get(fp, *text, *n, name, "its header", err))
        return -1;
    if (**text != '{')
        return af_fail(err, AF_EDATA, "%s: not safetensors: no JSON object at its start", name);
    return 0;
}

int af_tensors_read_head(struct af_tensors *s, FILE *fp, const char *name, struct af_err *err)
{
    char *text = NULL;
    json_t *root = NULL;
    json_error_t e;
    size_t n = 0;
    int ret = -1;

    *s = (struct af_tensors){0};
    if (get_header(fp, &text, &n, name, err))
        goto done;
    if (!(root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e))) {
        if (json_error_code(&e) == json_error_out_of_memory)
            af_fail(err, AF_ESYS, "%s: out of memory for its header", name);
        else
            af_fail(err, AF_EDATA, "%s: header: %s", name, e.text);
        goto done;
    }
    ret = parse(s, root, name, err);
done:
    json_decref(root);
    free(text);
    if (ret)
        af_tensors_release(s);
    return ret;
}

/* Little-endian bytes to numbers, in place. */
static void decode(float *v, size_t n)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    for (size_t i = 0; i < n; i++) {
        uint8_t b[4];
        uint32_t u;

        memcpy(b, &v[i], 4);
        u = (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
        memcpy(&v[i], &u, 4);
    }
#else
    (void)v;
    (void)n;
#endif
}

/* No NaN, no infinity: none has an exponent of ones. In blocks that become vectors. */
static bool all_finite(const float *v, size_t n)
{
    enum { BLOCK = 16 };
    const uint32_t ones = 0x7f800000;
    uint32_t u[BLOCK], bad[BLOCK] = {0}, any = 0;

    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;

        if (m < BLOCK)
            memset(u, 0, sizeof(u));
        memcpy(u, v + i, m * sizeof(*u));
        for (size_t k = 0; k < BLOCK; k++)
            bad[k] |= (u[k] & ones) == ones;
    }
    for (size_t k = 0; k < BLOCK; k++)
        any |= bad[k];
    return !any;
}

int af_tensors_read_data(const struct af_tensors *s, FILE *fp, float *const *to, const char *name,
                         struct af_err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct af_tensor *t = &s->tensor[i];

        if (get(fp, to[i], t->n * sizeof(float), name, t->name, err))
            return -1;
        decode(to[i], t->n);
        if (!all_finite(to[i], t->n))
            return af_fail(err, AF_EDATA, "%s: %.80s: a number is NaN or infinite", name, t->name);
    }
    if (getc(fp) != EOF)
        return af_fail(err, AF_EDATA, "%s: bytes behind the last tensor", name);
    return ferror(fp) ? af_fail_errno(err, "%s", name) : 0;
}

/* --------------------------------------------------------------- writing */

/* A text for JSON; one that is no UTF-8 loses what is not ASCII. NULL: no memory. */
static json_t *json_text(const char *value)
{
    json_error_t e;
    json_t *v = json_pack_ex(&e, 0, "s", value);
    char *ascii;

    if (v || json_error_code(&e) != json_error_invalid_utf8 || !(ascii = af_strdup(value, NULL)))
        return v;
    for (char *p = ascii; *p; p++)
        if ((unsigned char)*p > 0x7f)
            *p = '?';
    v = json_string(ascii);
    free(ascii);
    return v;
}

static json_t *json_tensor(const struct af_tensor *t)
{
    json_t *shape = json_array();

    for (size_t i = 0; i < t->ndims; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)t->dim[i]))) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)t->begin, (json_int_t)(t->begin + t->n * sizeof(float)));
}

/* As text, or NULL: no memory. json_dumps() loses a key, and does not say so, where its buffer
 * cannot grow: jansson 2.14. */
static char *dump(const json_t *root)
{
    size_t n = json_dumpb(root, NULL, 0, JSON_COMPACT);
    char *text = n ? af_calloc(n + 1, 1, NULL) : NULL;

    if (text && json_dumpb(root, text, n, JSON_COMPACT) != n) {
        free(text);
        return NULL;
    }
    return text;
}

/* The header as text, or NULL: no memory. */
static char *format_header(const struct af_tensors *s)
{
    json_t *root = json_object(), *meta = json_object();
    bool bad = json_object_set(root, METADATA, meta) != 0;
    char *text;

    for (size_t i = 0; i < s->notes.n && !bad; i++)
        bad = json_object_set_new(meta, s->notes.note[i].key, json_text(s->notes.note[i].value));
    for (size_t i = 0; i < s->n && !bad; i++)
        bad = json_object_set_new(root, s->tensor[i].name, json_tensor(&s->tensor[i])) != 0;
    text = bad ? NULL : dump(root);
    json_decref(meta);
    json_decref(root);
    return text;
}

/* The lowest nbytes of v, little-endian. */
static void encode(uint8_t *b, uint64_t v, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++, v >>= 8)
        b[i] = (uint8_t)(v & 0xff);
}

static void put(FILE *fp, const float *v, size_t n)
{
    uint8_t b[4 * 1024] = {0};

    for (size_t i = 0, k; i < n; i += k) {
        k = n - i < sizeof(b) / 4 ? n - i : sizeof(b) / 4;
        for (size_t j = 0; j < k; j++) {
            uint32_t u;

            memcpy(&u, &v[i + j], 4);
            encode(b + 4 * j, u, 4);
        }
        fwrite(b, 4, k, fp);
    }
}

int af_tensors_write(const struct af_tensors *s, FILE *fp, const float *const *from,
                     struct af_err *err)
{
    char *text = format_header(s);
    uint8_t b[8];
    size_t n, padded;

    if (!text)
        return af_fail(err, AF_ESYS, "out of memory: a header of %zu tensors", s->n);
    n = strlen(text);
    padded = (n + 7) / 8 * 8;
    if (padded > AF_TENSORS_HEADER_MAX) {
        free(text);
        return af_fail(err, AF_EDATA, "a header of %zu bytes: its texts are too long", n);
    }
    encode(b, padded, sizeof(b));
    fwrite(b, 1, sizeof(b), fp);
    fprintf(fp, "%s%*s", text, (int)(padded - n), "");
    free(text);
    for (size_t i = 0; i < s->n; i++)
        put(fp, from[i], s->tensor[i].n);
    return 0;
}
