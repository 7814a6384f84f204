/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model files. An input that begins with '{' is a header, and what follows its first newline the
 * data: what is read is written and read again, and must be the same. Any other is a list of edits
 * to the header of a whole network, each a place (2 bytes), a length to cut, a length to put in its
 * place, and that text; after a 'U' of a U-Net. After a 'T' it is a look-up table that is edited,
 * its numbers first: how many of them, and of each its place (2 bytes) and its 4 bytes. A model
 * that can be read must know its trust or refuse it, a table must find a number for any frame, and
 * a U-Net that is written must be the one that was read.
 */
#include "focus/lut.h"
#include "focus/trust.h"
#include "nn/model.h"
#include "nn/unetmodel.h"

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

/* A whole model file, with room for a longer header before the data. */
struct base {
    uint8_t *file; // [8 + nheader + ndata]
    size_t nheader, ndata;
};

static void load_base(struct base *b, const char *path, size_t nnumbers)
{
    FILE *fp = fopen(path, "rb");
    long n;

    if (!fp || fseek(fp, 0, SEEK_END) || (n = ftell(fp)) < 8)
        abort();
    rewind(fp);
    if (!(b->file = malloc((size_t)n)) || fread(b->file, 1, (size_t)n, fp) != (size_t)n)
        abort();
    fclose(fp);
    unlink(path);
    b->ndata = nnumbers * sizeof(float);
    b->nheader = (size_t)n - 8 - b->ndata;
}

/* The smallest network there is. */
static void make_network(struct base *b)
{
    char path[] = "/tmp/fuzz-model.XXXXXX";
    struct af_nn_model m;
    struct af_err err;

    if (close(mkstemp(path)) || af_nn_model_init(&m, 0.3, &err))
        abort();
    af_nn_model_randomise(&m, 1);
    if (af_nn_notes_set(&m.about.notes, "days", "1", &err) || af_nn_model_write(&m, path, &err))
        abort();
    load_base(b, path, m.arch.nparams + m.arch.nmoving);
    af_nn_model_release(&m);
}

/* A table of three knots. */
static void make_table(struct base *b)
{
    char path[] = "/tmp/fuzz-table.XXXXXX";
    struct af_lut_frame frame[3];
    struct af_lut lut;
    struct af_err err;

    for (size_t i = 0; i < 3; i++) {
        frame[i].defocus_um = (double)i - 1;
        for (size_t d = 0; d < AF_METRICS; d++)
            frame[i].metric[d] = 1 + (double)(i * d);
    }
    if (close(mkstemp(path)) || af_lut_learn(&lut, frame, 3, 1, &err) ||
        af_lut_write(&lut, path, &err))
        abort();
    load_base(b, path, lut.nknots * (1 + AF_METRICS + AF_METRICS * AF_METRICS));
    af_lut_release(&lut);
}

/* The smallest U-Net there is. */
static void make_unet(struct base *b)
{
    char path[] = "/tmp/fuzz-unet.XXXXXX";
    struct af_unet_model m;
    struct af_err err;

    if (close(mkstemp(path)) || af_unet_model_init(&m, "unet-small", &err))
        abort();
    af_unet_randomise(&m.arch, m.params, 1);
    if (af_nn_notes_set(&m.notes, "val_iou", "0.9", &err) || af_unet_model_write(&m, path, &err))
        abort();
    load_base(b, path, m.arch.nparams);
    af_unet_model_release(&m);
}

/* The header of the base, edited; its length. */
static size_t edit(const struct base *b, uint8_t *header, const uint8_t *data, size_t n)
{
    size_t nheader = b->nheader;

    memcpy(header, b->file + 8, nheader);
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

/* The base with its header edited, from the stream that is returned; *file is freed after it. */
static FILE *open_edited(const struct base *b, const uint8_t *data, size_t n, uint8_t **file,
                         uint8_t **numbers)
{
    size_t nheader;

    if (!(*file = malloc(8 + HEADER_MAX + b->ndata)))
        abort();
    nheader = edit(b, *file + 8, data, n);
    *numbers = *file + 8 + nheader;
    memcpy(*numbers, b->file + 8 + b->nheader, b->ndata);
    return open_file(*file, nheader, b->ndata);
}

static void check_about(const struct af_nn_about *a)
{
    struct af_trust trust;
    struct af_err err = {AF_OK, ""};

    if (!(a->half_range_um > 0) || !isfinite(a->center_um))
        abort();
    if (af_trust_read(&trust, &a->notes, &err) && (err.kind == AF_OK || trust.known))
        abort();
}

static void try_network(const uint8_t *data, size_t n)
{
    static struct base base;
    uint8_t *file, *numbers;
    struct af_nn_modelfile f;
    struct af_nn_model m = {0};
    struct af_err err = {AF_OK, ""};
    FILE *fp;

    if (!base.file)
        make_network(&base);
    fp = open_edited(&base, data, n, &file, &numbers);
    if (af_nn_modelfile_begin(&f, fp, "fuzz", &err) || af_nn_model_read_file(&m, &f, &err)) {
        if (err.kind == AF_OK || m.params || m.moving || m.about.notes.note)
            abort();
    } else {
        for (size_t i = 0; i < m.arch.nparams; i++)
            if (!isfinite(m.params[i]))
                abort();
        check_about(&m.about);
    }
    af_tensors_release(&f.head);
    af_nn_model_release(&m);
    fclose(fp);
    free(file);
}

static void write_unet_and_read(const struct af_unet_model *m)
{
    static char path[] = "/tmp/fuzz-unet.XXXXXX";
    static bool named;
    struct af_unet_model again;
    struct af_err err;

    if (!named && close(mkstemp(path)))
        abort();
    named = true;
    if (af_unet_model_write(m, path, &err) || af_unet_model_read(&again, path, &err) ||
        strcmp(again.arch.name, m->arch.name) != 0 || again.notes.n != m->notes.n ||
        memcmp(again.params, m->params, m->arch.nparams * sizeof(float)) != 0)
        abort();
    unlink(path);
    af_unet_model_release(&again);
}

static void try_unet(const uint8_t *data, size_t n)
{
    static struct base base;
    uint8_t *file, *numbers;
    struct af_nn_modelfile f;
    struct af_unet_model m = {.params = NULL};
    struct af_err err = {AF_OK, ""};
    FILE *fp;

    if (!base.file)
        make_unet(&base);
    fp = open_edited(&base, data, n, &file, &numbers);
    if (af_nn_modelfile_begin(&f, fp, "fuzz", &err) || af_unet_model_read_file(&m, &f, &err)) {
        if (err.kind == AF_OK || m.params || m.notes.note)
            abort();
    } else {
        for (size_t i = 0; i < m.arch.nparams; i++)
            if (!isfinite(m.params[i]))
                abort();
        write_unet_and_read(&m);
    }
    af_tensors_release(&f.head);
    af_unet_model_release(&m);
    fclose(fp);
    free(file);
}

/* Any frame has an answer, a finite one. */
static void look_up(const struct af_lut *lut)
{
    static float x[AF_FRAME_PX], feature[AF_METRICS], y;
    struct af_lut_seat *s;

    x[77] = 60;
    x[4000] = 75;
    if (af_lut_seat_new(&s, NULL))
        abort();
    af_lut_run(lut, s, x, 1, &y, feature);
    if (!isfinite(y))
        abort();
    af_lut_seat_free(s);
}

static void try_table(const uint8_t *data, size_t n)
{
    static struct base base;
    size_t nchanges = n ? data[0] : 0;
    uint8_t *file, *numbers;
    const uint8_t *change = data + 1;
    struct af_nn_modelfile f;
    struct af_lut lut = {.target = NULL};
    struct af_err err = {AF_OK, ""};
    FILE *fp;

    if (!base.file)
        make_table(&base);
    nchanges = nchanges * 6 + 1 > n ? 0 : nchanges;
    fp = open_edited(&base, change + 6 * nchanges, n ? n - 1 - 6 * nchanges : 0, &file, &numbers);
    for (; nchanges; nchanges--, change += 6)
        memcpy(numbers + (change[0] | (size_t)change[1] << 8) % (base.ndata / 4) * 4, change + 2,
               4);
    if (af_nn_modelfile_begin(&f, fp, "fuzz", &err) || af_lut_read_file(&lut, &f, &err)) {
        if (err.kind == AF_OK || lut.target || lut.about.notes.note)
            abort();
    } else {
        check_about(&lut.about);
        look_up(&lut);
    }
    af_tensors_release(&f.head);
    af_lut_release(&lut);
    fclose(fp);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n && data[0] == '{')
        try_container(data, n);
    else if (n && data[0] == 'T')
        try_table(data + 1, n - 1);
    else if (n && data[0] == 'U')
        try_unet(data + 1, n - 1);
    else
        try_network(data, n);
    return 0;
}
