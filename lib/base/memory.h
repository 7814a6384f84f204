/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory: products of sizes that are checked, and arrays that are zeroed. */
#ifndef AF_BASE_MEMORY_H
#define AF_BASE_MEMORY_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* *out = a * b or a + b; false, and *out untouched, where that overflows. */
bool af_size_mul(size_t a, size_t b, size_t *out);
bool af_size_add(size_t a, size_t b, size_t *out);

/*
 * n zeroed elements of `size` bytes; n = 0 gives a pointer all the same. The
 * caller frees with free(). NULL with AF_ESYS: no memory, or n * size
 * overflows.
 */
void *af_calloc(size_t n, size_t size, struct af_err *err);

/*
 * The same at a multiple of 64 bytes, for numbers by the megabyte: on huge pages where the system
 * has them, since the first touch of 4 kB at a time costs more than filling them: 9 MB take
 * 0.9 ms in place of 4.
 */
void *af_calloc_large(size_t n, size_t size, struct af_err *err);

/*
 * Make room for `need` elements in *p, which holds *cap of them: grows by at
 * least half, new elements are not cleared. Returns 0, or -1 with AF_ESYS and
 * *p, *cap unchanged.
 */
int af_grow(void **p, size_t *cap, size_t need, size_t size, struct af_err *err);

/* Copies the caller frees; NULL with AF_ESYS. strdup of NULL is NULL without error. */
char *af_strdup(const char *s, struct af_err *err);
char *af_strndup(const char *s, size_t n, struct af_err *err);

/* printf into fresh memory that the caller frees; NULL with AF_ESYS. */
char *af_format(struct af_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
