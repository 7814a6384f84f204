/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/capturefile.h"

#include "base/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_KEYS = 16 };

/* A growing list of numbers, as text. */
struct numbers {
    char *text;
    size_t n, room;
};

struct af_capture_file {
    struct af_stack_writer *writer;
    struct af_keyvalue keys[MAX_KEYS]; // filled at commit, which is when they are read
    char *own[MAX_KEYS];               // values to be freed
    size_t nkeys;
    struct numbers before, after;
    uint64_t lost;
    unsigned average;
    char date[24];
};

static int append(struct numbers *l, double v, struct af_err *err)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%s%.4f", l->n ? " " : "", v);

    if (af_grow((void **)&l->text, &l->room, l->n + (size_t)n + 1, 1, err))
        return -1;
    memcpy(l->text + l->n, text, (size_t)n + 1);
    l->n += (size_t)n;
    return 0;
}

static void free_file(struct af_capture_file *f)
{
    for (size_t i = 0; i < f->nkeys; i++)
        free(f->own[i]);
    free(f->before.text);
    free(f->after.text);
    free(f);
}

int af_capture_file_note(struct af_capture_file *f, const char *key, const char *value,
                         struct af_err *err)
{
    char *copy = af_strdup(value, err);

    if (!copy)
        return -1;
    if (f->nkeys == MAX_KEYS) {
        free(copy);
        return af_fail(err, AF_EUSAGE, "more than %d notes", MAX_KEYS);
    }
    f->own[f->nkeys] = copy;
    f->keys[f->nkeys++] = (struct af_keyvalue){key, copy};
    return 0;
}

static int note_devices(struct af_capture_file *f, const struct af_rig *rig, const char *dark,
                        struct af_err *err)
{
    if (af_capture_file_note(f, "camera", af_camera_info(rig->camera)->uri, err) ||
        (rig->stage && af_capture_file_note(f, "stage", af_stage_uri(rig->stage), err)))
        return -1;
    return dark ? af_capture_file_note(f, "dark_frame", dark, err) : 0;
}

int af_capture_file_open(struct af_capture_file **out, const char *path, const struct af_rig *rig,
                         const struct af_capture_notes *notes, struct af_err *err)
{
    struct af_capture_file *f = af_calloc(1, sizeof(*f), err);
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    const char *epoch = getenv("SOURCE_DATE_EPOCH"); // who compares files says what time it is
    time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    struct tm utc;

    *out = NULL;
    if (!f)
        return -1;
    f->average = rig->average ? rig->average : 1;
    if (gmtime_r(&now, &utc))
        strftime(f->date, sizeof(f->date), "%Y-%m-%dT%H:%M:%SZ", &utc);
    meta.nplanes = notes->nplanes;
    meta.px_um = meta.py_um = notes->pixel_um;
    meta.dz_um = notes->dz_um;
    meta.date = f->date;
    meta.detector = af_camera_info(rig->camera)->model;
    meta.keys = f->keys;
    meta.nkeys = 0;
    if (note_devices(f, rig, notes->dark, err) ||
        af_stack_writer_open(&f->writer, path, &meta, err)) {
        free_file(f);
        return -1;
    }
    *out = f;
    return 0;
}

int af_capture_file_add(struct af_capture_file *f, const struct af_shot *shot, struct af_err *err)
{
    if (!isnan(shot->before_um) &&
        (append(&f->before, shot->before_um, err) || append(&f->after, shot->after_um, err)))
        return -1;
    f->lost += shot->lost;
    return af_stack_writer_add(f->writer, &shot->frame.image, &shot->plane, err);
}

static int note_count(struct af_capture_file *f, const char *key, uint64_t n, struct af_err *err)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    return af_capture_file_note(f, key, text, err);
}

int af_capture_file_commit(struct af_capture_file *f, struct af_err *err)
{
    int ret = -1;

    if (note_count(f, "frames_lost", f->lost, err) ||
        note_count(f, "frames_averaged", f->average, err) ||
        (f->before.text && (af_capture_file_note(f, "z_before_um", f->before.text, err) ||
                            af_capture_file_note(f, "z_after_um", f->after.text, err)))) {
        af_capture_file_discard(f);
        return -1;
    }
    af_stack_writer_set_keys(f->writer, f->keys, f->nkeys);
    ret = af_stack_writer_commit(f->writer, err);
    free_file(f);
    return ret;
}

void af_capture_file_discard(struct af_capture_file *f)
{
    if (!f)
        return;
    af_stack_writer_discard(f->writer, false);
    free_file(f);
}
