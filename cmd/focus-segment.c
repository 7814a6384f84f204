/* SPDX-License-Identifier: BSD-2-Clause */
/* focus-segment: which pixels of each slice are in focus, by a network that focus-train made. */
#include "base/memory.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/maskmatch.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "focus/segment.h"
#include "image/pgm.h"
#include "image/stackwrite.h"
#include "maps/mask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "focus-segment"

struct opts {
    const char *model, *output, *masked, *compare;
    double threshold;
    bool average, probability, stream, no_header, quiet;
    int64_t nthreads, memory; // memory: MiB
    struct af_stackopts stack;
    const char *const *paths;
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "average", AF_OPT_FLAG, offsetof(struct opts, average), NULL,
     "over mirror images: better, 4 or 8 times the time"},
    {0, "compare", AF_OPT_FILE, offsetof(struct opts, compare), "MASK",
     "print IoU, Dice, precision, recall against it"},
    {0, "masked", AF_OPT_FILE, offsetof(struct opts, masked), "FILE",
     "write the slices, black where out of focus"},
    {0, "memory", AF_OPT_INT, offsetof(struct opts, memory), "MIB",
     "that the network may take [600]", NULL, 1, 1e9},
    {'m', "model", AF_OPT_FILE, offsetof(struct opts, model), "FILE", "of focus-train; needed"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write the masks there, as OME-TIFF"},
    {0, "probability", AF_OPT_FLAG, offsetof(struct opts, probability), NULL,
     "write probabilities, 0 to 1, in place of masks"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress, no warnings"},
    {0, "stream", AF_OPT_FLAG, offsetof(struct opts, stream), NULL,
     "masks as PGM frames on stdout, as they come"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N",
     "slices or tiles at a time [processors]", NULL, 1, 1024},
    {0, "threshold", AF_OPT_REAL, offsetof(struct opts, threshold), "P",
     "in focus is what is more probable [0.5]", NULL, 0, 1},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "-m MODEL [STACK | --join FILE...]",
    "Mask what is in focus in each slice of a stack, by a trained network.",
    options,
};

static bool is_dash(const char *file)
{
    return file && strcmp(file, "-") == 0;
}

/* Outputs that are inputs, or the same; -1: none is. */
static int check_files(const struct opts *o)
{
    const char *const out[] = {o->output, o->masked};
    const char *const in[] = {o->model, o->compare};

    for (int i = 0; i < 2; i++) {
        if (!out[i])
            continue;
        if (af_stackopts_is_input(out[i], o->paths, o->npaths))
            return af_cli_usage(&tool, "'%s' is the stack itself", out[i]);
        for (int k = 0; k < 2; k++)
            if (in[k] && af_stackopts_is_input(out[i], &in[k], 1))
                return af_cli_usage(&tool, "'%s' is read, too", out[i]);
    }
    if (o->output && o->masked && !strcmp(o->output, o->masked))
        return af_cli_usage(&tool, "'%s' is written twice", o->output);
    return -1;
}

static int check_outputs(const struct opts *o)
{
    int onto = is_dash(o->output) + is_dash(o->masked) + o->stream + (o->compare != NULL);

    if (!o->output && !o->masked && !o->stream && !o->compare)
        return af_cli_usage(&tool, "one of --output, --masked, --stream or --compare is needed");
    if (onto > 1)
        return af_cli_usage(&tool, "standard output takes one of masks, slices and table");
    if (onto && !o->compare && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "images do not go onto a terminal; name a file with -o");
    if (o->probability && !o->output)
        return af_cli_usage(&tool, "--probability says what --output is: it needs that");
    return check_files(o);
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){
        .threshold = 0.5, .memory = AF_SEGMENT_MEMORY >> 20, .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (!o->model)
        return af_cli_usage(&tool, "--model is needed: what focus-train wrote");
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files are not one stack; --join makes them one", o->npaths);
    if (is_dash(o->model) && is_dash(o->paths[0]))
        return af_cli_usage(&tool, "standard input has either the model or the stack");
    return check_outputs(o);
}

/* Where the masks go. */
struct sink {
    const struct opts *o;
    struct af_stack *st;
    struct af_stack_writer *writer, *masked_writer;
    struct af_maskmatch match;
    struct af_image mask, other; // of the slice at hand; a scratch
    struct af_progress progress;
    size_t done;
};

static int add_plane(struct sink *k, struct af_stack_writer **w, const char *path,
                     const char *channel, size_t i, const struct af_image *img, struct af_err *err)
{
    const struct af_stack_info *in = af_stack_info(k->st);
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;

    meta.nplanes = in->nplanes == SIZE_MAX ? 0 : in->nplanes;
    meta.px_um = in->px_um;
    meta.py_um = in->py_um;
    meta.dz_um = in->dz_um;
    meta.date = in->date;
    meta.channel_name = channel;
    if (!*w && af_stack_writer_open(w, path, &meta, err))
        return -1;
    return af_stack_writer_add(*w, img, af_stack_plane(k->st, i), err);
}

/* Probabilities as they are, or the mask. */
static int put_output(struct sink *k, size_t i, const float *p, const struct af_image *img,
                      struct af_err *err)
{
    if (k->o->probability) {
        if (af_image_resize(&k->other, img->w, img->h, AF_F32, err))
            return -1;
        memcpy(k->other.data, p, img->w * img->h * sizeof(float));
    }
    return add_plane(k, &k->writer, k->o->output, k->o->probability ? "probability" : "mask", i,
                     k->o->probability ? &k->other : &k->mask, err);
}

static int put_masked(struct sink *k, size_t number, const struct af_image *img, struct af_err *err)
{
    size_t each = af_sample_size(img->type);
    const uint8_t *m = k->mask.data;

    if (af_image_resize(&k->other, img->w, img->h, img->type, err))
        return -1;
    k->other.bits = img->bits;
    for (size_t i = 0; i < img->w * img->h; i++)
        if (m[i])
            memcpy((char *)k->other.data + i * each, (const char *)img->data + i * each, each);
        else
            memset((char *)k->other.data + i * each, 0, each);
    return add_plane(k, &k->masked_writer, k->o->masked, "in focus", number, &k->other, err);
}

static int put(struct sink *k, size_t number, const float *p, const struct af_image *img,
               struct af_err *err)
{
    uint8_t *m;

    if (af_image_resize(&k->mask, img->w, img->h, AF_U8, err))
        return -1;
    m = k->mask.data;
    for (size_t i = 0; i < img->w * img->h; i++)
        m[i] = (double)p[i] > k->o->threshold ? AF_MASK_ON : 0;
    if ((k->o->output && put_output(k, number, p, img, err)) ||
        (k->o->masked && put_masked(k, number, img, err)) ||
        (k->o->stream && af_pgm_write(stdout, &k->mask, af_stack_plane(k->st, number), err)) ||
        (k->match.truth && af_maskmatch_plane(&k->match, number, &k->mask, err)))
        return -1;
    af_progress_step(&k->progress, ++k->done, NULL);
    return af_cli_stopped() ? af_fail(err, AF_ESYS, "interrupted") : 0;
}

/* The slices at hand: as many as are worked on at a time, and those that these see. */
struct window {
    size_t most, around; // at a time; seen on either side
    size_t room;         // most + 2 around: slice i lies in place i % room
    struct af_image *img;
    size_t *number; // of the plane
    float **p;      // [most]
    size_t *p_room;
    const struct af_image **seen; // [most][2 around + 1]
    size_t nread, next;           // slices read; the first that has no answer yet
    bool ended;
};

static int open_window(struct window *w, const struct sink *k, const struct af_segmenter *s,
                       struct af_err *err)
{
    const size_t sees = af_segmenter_sees(s);

    /* Those of a stream come one by one, so that none waits for more than it needs. */
    *w = (struct window){.most = af_stack_info(k->st)->seekable ? af_segmenter_slices(s) : 1,
                         .around = sees / 2};
    w->room = w->most + 2 * w->around;
    return (w->img = af_calloc(w->room, sizeof(*w->img), err)) &&
                   (w->number = af_calloc(w->room, sizeof(*w->number), err)) &&
                   (w->p = af_calloc(w->most, sizeof(float *), err)) &&
                   (w->p_room = af_calloc(w->most, sizeof(*w->p_room), err)) &&
                   (w->seen = af_calloc(w->most, sees * sizeof(const struct af_image *), err))
               ? 0
               : -1;
}

static void close_window(struct window *w)
{
    for (size_t i = 0; w->img && i < w->room; i++)
        af_image_release(&w->img[i]);
    for (size_t i = 0; w->p && i < w->most; i++)
        free(w->p[i]);
    free(w->img);
    free(w->number);
    free(w->p);
    free(w->p_room);
    free(w->seen);
}

/* Read on; *n: out, slices that have all they see, 0 at the end. */
static int move_window(struct window *w, struct af_stack *st, size_t *n, struct af_err *err)
{
    size_t ready;

    while (!w->ended && w->nread < w->next + w->most + w->around) {
        const size_t at = w->nread % w->room;
        const int got = af_stack_next(st, &w->img[at], &w->number[at], err);

        if (got < 0)
            return -1;
        w->ended = got == 0;
        w->nread += got == 1;
    }
    ready = w->ended ? w->nread - w->next : w->most;
    *n = ready < w->most ? ready : w->most;
    for (size_t i = 0; i < *n; i++) {
        const struct af_image *img = &w->img[(w->next + i) % w->room];

        for (size_t c = 0; c <= 2 * w->around; c++) {
            size_t at = w->next + i + c;

            at = at < w->around ? 0 : at - w->around;
            at = at < w->nread ? at : w->nread - 1;
            w->seen[i * (2 * w->around + 1) + c] = &w->img[at % w->room];
        }
        if (af_grow((void **)&w->p[i], &w->p_room[i], img->w * img->h, sizeof(float), err))
            return -1;
    }
    return 0;
}

static int segment_all(struct sink *k, struct af_segmenter *s, struct af_err *err)
{
    struct window w;
    size_t n = 1;
    int ret = -1;

    if (open_window(&w, k, s, err))
        goto done;
    while (n > 0) {
        if (move_window(&w, k->st, &n, err) || (n > 0 && af_segmenter_run(s, w.seen, n, w.p, err)))
            goto done;
        for (size_t i = 0; i < n; i++) {
            const size_t at = (w.next + i) % w.room;

            if (put(k, w.number[at], w.p[i], &w.img[at], err))
                goto done;
        }
        w.next += n;
    }
    ret = k->done ? 0 : af_fail(err, AF_EDATA, "%s: no slices", af_stack_info(k->st)->name);
done:
    close_window(&w);
    return ret;
}

static int finish(struct sink *k, struct af_err *err)
{
    struct af_stack_writer *w = k->writer, *m = k->masked_writer;

    if (k->match.truth)
        af_maskmatch_end(&k->match);
    k->writer = NULL;
    if (w && af_stack_writer_commit(w, err))
        return -1;
    k->masked_writer = NULL;
    return m ? af_stack_writer_commit(m, err) : 0;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o};
    struct af_segmenter *s = NULL;
    struct af_unet_model m = {.params = NULL};
    struct af_stack_opts so;
    size_t n;
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err))
        return -1;
    so.whole = true;
    if (af_unet_model_read(&m, o->model, err) ||
        af_stack_open(&k.st, o->paths, o->npaths, &so, err) ||
        af_segmenter_new(&s, &m, (unsigned)o->nthreads, (size_t)o->memory << 20, o->average, err) ||
        (o->compare && af_maskmatch_open(&k.match, o->compare, k.st, out, !o->no_header, &so, err)))
        goto done;
    n = af_stack_info(k.st)->nplanes;
    af_cli_catch_signals();
    af_progress_begin(&k.progress, o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG,
                      "slices", n == SIZE_MAX ? 0 : n);
    if (segment_all(&k, s, err))
        goto done;
    af_progress_end(&k.progress);
    ret = finish(&k, err);
done:
    af_progress_wipe(&k.progress);
    af_stack_writer_discard(k.writer, false);
    af_stack_writer_discard(k.masked_writer, false);
    af_image_release(&k.mask);
    af_image_release(&k.other);
    af_segmenter_free(s);
    af_maskmatch_release(&k.match);
    af_stack_close(k.st);
    af_unet_model_release(&m);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, stdout, &err);
    return af_cli_end(PROG, status, &err);
}
