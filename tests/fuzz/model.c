/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model files. An input that begins with '{' is a header, and what follows its first newline the
 * data: what is read is written and read again, and must be the same. Any other is a list of edits
 * to the header of a whole model, each a place (2 bytes), a length to cut, a length to put in its
 * place, and that text.
 */
#include "nn/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_NUMBERS = 1 << 14, MAX_TENSORS = 64, HEADER_MAX = 1 << 16 };

/* A file in memory: the length, the header, the data. */
static FILE *open_file(uint8_t *file, size_t nheader, size_t ndata)
{
    FILE *fp;

    for (size_t i = 0; i < 8; i++)
        file[i] = (uint8_t)(nheader >> (8 * i) & 0xff);
    if (!(fp = fmemopen(file, 8 + nheader + ndata, "rb")))
        abort();
    return fp;
}

static void release(float **to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(to[i]);
}

static int read_tensors(struct af_tensors *s, FILE *fp, float **to)
{
    struct af_err err = {AF_OK, ""};
    size_t total = 0, i = 0;
    int ret;

    if (af_tensors_read_head(s, fp, "fuzz", &err)) {
        if (err.kind == AF_OK || s->tensor || s->notes.note)
            abort();
        return -1;
    }
    for (; i < s->n && i < MAX_TENSORS; i++) {
        if ((total += s->tensor[i].n) > MAX_NUMBERS)
            break;
        if (!(to[i] = malloc(s->tensor[i].n * sizeof(float))))
            abort();
    }
    ret = i < s->n || af_tensors_read_data(s, fp, to, "fuzz", &err) ? -1 : 0;
    if (ret) {
        release(to, i);
        af_tensors_release(s);
    }
    return ret;
}

static void write_and_read(const struct af_tensors *s, float **from)
{
    float *to[MAX_TENSORS];
    struct af_tensors t;
    struct af_err err = {AF_OK, ""};
    char *bytes = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&bytes, &n);

    if (!fp || af_tensors_write(s, fp, (const float *const *)from, &err) || fclose(fp) ||
        !(fp = fmemopen(bytes, n, "rb")) || read_tensors(&t, fp, to) || t.n != s->n ||
        t.notes.n != s->notes.n)
        abort();
    for (size_t i = 0; i < t.n; i++)
        if (strcmp(t.tensor[i].name, s->tensor[i].name) != 0 || t.tensor[i].n != s->tensor[i].n ||
            memcmp(to[i], from[i], t.tensor[i].n * sizeof(float)) != 0)
            abort();
    for (size_t i = 0; i < t.notes.n; i++)
        if (strcmp(t.notes.note[i].value, s->notes.note[i].value) != 0)
            abort();
    fclose(fp);
    free(bytes);
    release(to, t.n);
    af_tensors_release(&t);
}

static void try_container(const uint8_t *data, size_t n)
{
    const uint8_t *line = memchr(data, '\n', n);
    size_t nheader = line ? (size_t)(line - data) : n, ndata = line ? n - nheader - 1 : 0;
    uint8_t *file = malloc(8 + n);
    float *to[MAX_TENSORS];
    struct af_tensors s;
    FILE *fp;

    if (!file)
        abort();
    memcpy(file + 8, data, nheader);
    if (ndata)
        memcpy(file + 8 + nheader, line + 1, ndata);
    fp = open_file(file, nheader, ndata);
    if (!read_tensors(&s, fp, to)) {
        write_and_read(&s, to);
        release(to, s.n);
        af_tensors_release(&s);
    }
    fclose(fp);
    free(file);
}

/* The smallest model there is, whole, with room for a longer header before the data. */
static struct {
    uint8_t *file; // [8 + nheader + ndata]
    size_t nheader, ndata;
} base;

static void make_base(void)
{
    char path[] = "/tmp/fuzz-model.XXXXXX";
    struct af_nn_model m;
    struct af_err err;
    FILE *fp;
    long n;

    if (close(mkstemp(path)) || af_nn_model_init(&m, 0.3, &err))
        abort();
    af_nn_model_randomise(&m, 1);
    if (af_nn_notes_set(&m.about.notes, "days", "1", &err) || af_nn_model_write(&m, path, &err) ||
        !(fp = fopen(path, "rb")) || fseek(fp, 0, SEEK_END) || (n = ftell(fp)) < 8)
        abort();
    rewind(fp);
    if (!(base.file = malloc((size_t)n)) || fread(base.file, 1, (size_t)n, fp) != (size_t)n)
        abort();
    fclose(fp);
    unlink(path);
    base.ndata = (m.arch.nparams + m.arch.nmoving) * sizeof(float);
    base.nheader = (size_t)n - 8 - base.ndata;
    af_nn_model_release(&m);
}

/* The header of the base, edited; its length. */
static size_t edit(uint8_t *header, const uint8_t *data, size_t n)
{
    size_t nheader = base.nheader;

    memcpy(header, base.file + 8, nheader);
    while (n > 4) {
        size_t at = (data[0] | (size_t)data[1] << 8) % nheader, cut = data[2], put = data[3];

        cut = cut < nheader - at ? cut : nheader - at;
        put = put < n - 4 ? put : n - 4;
        if (nheader + put - cut > HEADER_MAX || nheader + put - cut == 0)
            break;
        memmove(header + at + put, header + at + cut, nheader - at - cut);
        memcpy(header + at, data + 4, put);
        nheader = nheader + put - cut;
        data += 4 + put;
        n -= 4 + put;
    }
    return nheader;
}

static void try_model(const uint8_t *data, size_t n)
{
    uint8_t *file;
    size_t nheader;
    struct af_nn_model m;
    struct af_err err = {AF_OK, ""};
    FILE *fp;

    if (!base.file)
        make_base();
    if (!(file = malloc(8 + HEADER_MAX + base.ndata)))
        abort();
    nheader = edit(file + 8, data, n);
    memcpy(file + 8 + nheader, base.file + 8 + base.nheader, base.ndata);
    fp = open_file(file, nheader, base.ndata);
    if (af_nn_model_read_stream(&m, fp, "fuzz", &err)) {
        if (err.kind == AF_OK || m.params || m.moving || m.about.notes.note)
            abort();
    } else {
        for (size_t i = 0; i < m.arch.nparams; i++)
            if (!isfinite(m.params[i]))
                abort();
        if (!(m.about.half_range_um > 0) || !isfinite(m.about.center_um))
            abort();
    }
    af_nn_model_release(&m);
    fclose(fp);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n && data[0] == '{')
        try_container(data, n);
    else
        try_model(data, n);
    return 0;
}
