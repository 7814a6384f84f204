/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file says of itself: texts by their keys, in the order they were set. */
#ifndef AF_NN_NOTES_H
#define AF_NN_NOTES_H
#include "base/err.h"
#include <stddef.h>

struct af_nn_note {
    char *key, *value;
};

/* All-zero is the empty state. */
struct af_nn_notes {
    struct af_nn_note *note; // [n]
    size_t n, cap;
};

void af_nn_notes_release(struct af_nn_notes *s);

/* The text of that key, or NULL. */
const char *af_nn_notes_get(const struct af_nn_notes *s, const char *key);

/* Add a text, or replace that of the key (both copied). -1 with AF_ESYS. */
int af_nn_notes_set(struct af_nn_notes *s, const char *key, const char *value, struct af_err *err);

/* Add a text whose key is known to be new: no search. -1 with AF_ESYS. */
int af_nn_notes_add(struct af_nn_notes *s, const char *key, const char *value, struct af_err *err);

/*
 * Set one after another, by printf, until one fails: then `ret` is -1, *err says why, and nothing
 * more is done. Texts are cut at 511 bytes.
 */
struct af_nn_notepad {
    struct af_nn_notes *notes;
    struct af_err *err;
    int ret;
};
void af_nn_notepad_put(struct af_nn_notepad *p, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
