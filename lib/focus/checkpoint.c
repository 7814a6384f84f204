/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/checkpoint.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/outfile.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * In the byte order of this machine: head, setup, machine, params, m, v, moving, best_params,
 * best_moving, log, and the hash of all that.
 */
struct head {
    char magic[16];
    uint64_t nsetup, nmachine, nparams, nmoving; // bytes, bytes, floats, floats
    uint64_t step, epoch, done, best_epoch;
    double loss, seconds, best_loss;
};

/* Of an epoch in the file; a struct without holes. */
struct entry {
    uint64_t epoch, best;
    double train_loss, val_loss, val_figure, lr, seconds, images_per_s;
};

static const char magic[16] = "af-checkpoint/1";
enum { TEXT_MAX = 1 << 16 };

/* One of the two, and the hash of what went through. */
struct stream {
    FILE *fp;
    uint64_t hash;
    bool writing, failed;
};

static void pass(struct stream *s, void *p, size_t n)
{
    if (s->failed || n == 0)
        return;
    if (s->writing)
        s->failed = fwrite(p, 1, n, s->fp) != n;
    else
        s->failed = fread(p, 1, n, s->fp) != n;
    s->hash = af_hash(s->hash, p, n);
}

static void pass_arrays(struct stream *s, const struct af_checkpoint *c)
{
    pass(s, c->params, c->nparams * sizeof(float));
    pass(s, c->m, c->nparams * sizeof(float));
    pass(s, c->v, c->nparams * sizeof(float));
    pass(s, c->moving, c->nmoving * sizeof(float));
    pass(s, c->best_params, c->nparams * sizeof(float));
    pass(s, c->best_moving, c->nmoving * sizeof(float));
}

static void pass_log(struct stream *s, struct af_epoch *log, size_t n)
{
    for (size_t i = 0; i < n && !s->failed; i++) {
        struct af_epoch *l = &log[i];
        struct entry e = {0};

        if (s->writing)
            e = (struct entry){l->epoch,       l->best, l->train_loss, l->val_loss,
                               l->val_figure, l->lr,   l->seconds,    l->images_per_s};
        pass(s, &e, sizeof(e));
        if (!s->writing)
            *l = (struct af_epoch){e.epoch, e.train_loss, e.val_loss,     e.val_figure,
                                   e.lr,    e.seconds,    e.images_per_s, e.best != 0};
    }
}

int af_checkpoint_write(const struct af_checkpoint *c, const char *path, struct af_err *err)
{
    struct head h = {.nsetup = strlen(c->setup),
                     .nmachine = strlen(c->machine),
                     .nparams = c->nparams,
                     .nmoving = c->nmoving,
                     .step = c->step,
                     .epoch = c->epoch,
                     .done = c->done,
                     .best_epoch = c->best_epoch,
                     .loss = c->loss,
                     .seconds = c->seconds,
                     .best_loss = c->best_loss};
    struct stream s = {.hash = AF_HASH_START, .writing = true};
    struct af_outfile f;
    uint64_t sum;

    if (af_outfile_open(&f, path, err))
        return -1;
    s.fp = f.fp;
    memcpy(h.magic, magic, sizeof(magic));
    pass(&s, &h, sizeof(h));
    pass(&s, (void *)c->setup, h.nsetup);
    pass(&s, (void *)c->machine, h.nmachine);
    pass_arrays(&s, c);
    pass_log(&s, c->log, c->epoch);
    sum = s.hash;
    pass(&s, &sum, sizeof(sum));
    return af_outfile_commit(&f, err); // tells of failed writes
}

/* The first line in which two setups differ; each text ends in a newline. */
static int refuse_setup(const char *path, const char *theirs, const char *ours, struct af_err *err)
{
    while (*theirs && *ours) {
        size_t n = strcspn(theirs, "\n"), m = strcspn(ours, "\n");

        if (n != m || memcmp(theirs, ours, n) != 0)
            return af_fail(err, AF_EDATA, "%s: made by another set-up: its %.*s, now %.*s", path,
                           (int)n, theirs, (int)m, ours);
        theirs += n + (theirs[n] != '\0');
        ours += m + (ours[m] != '\0');
    }
    return af_fail(err, AF_EDATA, "%s: made by another set-up", path);
}

static int read_text(struct stream *s, size_t n, char **text, struct af_err *err)
{
    if (!(*text = af_calloc(n + 1, 1, err)))
        return -1;
    pass(s, *text, n);
    return 0;
}

static int damaged(const char *path, struct af_err *err)
{
    return af_fail(err, AF_EDATA, "%s: damaged, or no checkpoint", path);
}

static int read_open(struct af_checkpoint *c, struct stream *s, const char *path, size_t max_epochs,
                     bool *moved, struct af_err *err)
{
    char *setup = NULL, *machine = NULL;
    struct head h = {{0}};
    uint64_t sum, stored = 0;
    int ret = -1;

    pass(s, &h, sizeof(h));
    if (s->failed || memcmp(h.magic, magic, sizeof(magic)) != 0 || h.nsetup > TEXT_MAX ||
        h.nmachine > TEXT_MAX) {
        damaged(path, err);
        goto done;
    }
    if (read_text(s, h.nsetup, &setup, err) || read_text(s, h.nmachine, &machine, err))
        goto done;
    if (!s->failed && strcmp(setup, c->setup) != 0) {
        refuse_setup(path, setup, c->setup, err);
        goto done;
    }
    if (s->failed || h.nparams != c->nparams || h.nmoving != c->nmoving) {
        damaged(path, err);
        goto done;
    }
    if (h.epoch > max_epochs) {
        af_fail(err, AF_EDATA, "%s: has %" PRIu64 " epochs, more than the %zu wanted", path,
                h.epoch, max_epochs);
        goto done;
    }
    pass_arrays(s, c);
    pass_log(s, c->log, h.epoch);
    sum = s->hash;
    pass(s, &stored, sizeof(stored));
    if (s->failed || sum != stored || getc(s->fp) != EOF || h.best_epoch > h.epoch) {
        damaged(path, err);
        goto done;
    }
    c->step = h.step;
    c->epoch = h.epoch;
    c->done = h.done;
    c->best_epoch = h.best_epoch;
    c->loss = h.loss;
    c->seconds = h.seconds;
    c->best_loss = h.best_loss;
    *moved = strcmp(machine, c->machine) != 0;
    ret = 1;
done:
    free(setup);
    free(machine);
    return ret;
}

int af_checkpoint_read(struct af_checkpoint *c, const char *path, size_t max_epochs, bool *moved,
                       struct af_err *err)
{
    struct stream s = {.fp = fopen(path, "rb"), .hash = AF_HASH_START};
    int ret;

    if (!s.fp)
        return errno == ENOENT ? 0 : af_fail_errno(err, "%s", path);
    ret = read_open(c, &s, path, max_epochs, moved, err);
    if (ret < 0 && ferror(s.fp))
        ret = af_fail(err, AF_ESYS, "%s: cannot be read", path);
    fclose(s.fp);
    return ret;
}
