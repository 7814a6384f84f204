/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/notes.h"

#include "base/memory.h"
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void af_nn_notes_release(struct af_nn_notes *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->note[i].key);
        free(s->note[i].value);
    }
    free(s->note);
    *s = (struct af_nn_notes){.note = NULL};
}

static struct af_nn_note *find(const struct af_nn_notes *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->note[i].key, key) == 0)
            return &s->note[i];
    return NULL;
}

const char *af_nn_notes_get(const struct af_nn_notes *s, const char *key)
{
    const struct af_nn_note *n = find(s, key);

    return n ? n->value : NULL;
}

int af_nn_notes_add(struct af_nn_notes *s, const char *key, const char *value, struct af_err *err)
{
    struct af_nn_note n;

    if (af_grow((void **)&s->note, &s->cap, s->n + 1, sizeof(n), err))
        return -1;
    n.key = af_strdup(key, err);
    n.value = n.key ? af_strdup(value, err) : NULL;
    if (!n.value) {
        free(n.key);
        return -1;
    }
    s->note[s->n++] = n;
    return 0;
}

int af_nn_notes_set(struct af_nn_notes *s, const char *key, const char *value, struct af_err *err)
{
    struct af_nn_note *n = find(s, key);
    char *copy;

    if (!n)
        return af_nn_notes_add(s, key, value, err);
    if (!(copy = af_strdup(value, err)))
        return -1;
    free(n->value);
    n->value = copy;
    return 0;
}

void af_nn_notepad_put(struct af_nn_notepad *p, const char *key, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!p->ret)
        p->ret = af_nn_notes_set(p->notes, key, text, p->err);
}
