/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE // madvise
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool af_size_mul(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool af_size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

void *af_calloc(size_t n, size_t size, struct af_err *err)
{
    void *p = calloc(n ? n : 1, size ? size : 1);

    if (!p)
        af_fail(err, AF_ESYS, "out of memory: %zu x %zu bytes", n, size);
    return p;
}

void *af_calloc_large(size_t n, size_t size, struct af_err *err)
{
    const size_t huge = (size_t)2 << 20;
    size_t bytes;
    void *p = NULL;

    if (!af_size_mul(n, size, &bytes) ||
        posix_memalign(&p, bytes < huge ? 64 : huge, bytes + !bytes)) {
        af_fail(err, AF_ESYS, "out of memory: %zu x %zu bytes", n, size);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (bytes >= huge)
        madvise(p, bytes, MADV_HUGEPAGE); // where it is refused, pages are small
#endif
    return memset(p, 0, bytes);
}

int af_grow(void **p, size_t *cap, size_t need, size_t size, struct af_err *err)
{
    size_t more = *cap + *cap / 2, bytes;
    void *q;

    if (need <= *cap)
        return 0;
    if (more < need)
        more = need;
    if (!af_size_mul(more, size, &bytes) || !(q = realloc(*p, bytes)))
        return af_fail(err, AF_ESYS, "out of memory: %zu x %zu bytes", more, size);
    *p = q;
    *cap = more;
    return 0;
}

char *af_strndup(const char *s, size_t n, struct af_err *err)
{
    char *d = af_calloc(n + 1, 1, err);

    if (d)
        memcpy(d, s, n);
    return d;
}

char *af_strdup(const char *s, struct af_err *err)
{
    return s ? af_strndup(s, strlen(s), err) : NULL;
}

char *af_format(struct af_err *err, const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !(s = af_calloc((size_t)n + 1, 1, err)))
        return NULL;
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}
