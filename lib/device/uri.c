/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/uri.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Cut "a=1&b=2" into keys, in place. */
static int cut(struct af_uri *u, struct af_err *err)
{
    size_t n = 1;

    for (const char *s = u->query; *s; s++)
        n += *s == '&';
    if (!(u->keys = af_calloc(n, sizeof(*u->keys), err)))
        return -1;
    for (char *s = u->query, *next; s && *s; s = next) {
        char *equals;

        if ((next = strchr(s, '&')))
            *next++ = '\0';
        if (!(equals = strchr(s, '=')) || equals == s)
            return af_fail(err, AF_EUSAGE, "%s: '%s' is not KEY=VALUE", u->text, s);
        *equals = '\0';
        if (af_uri_get(u, s))
            return af_fail(err, AF_EUSAGE, "%s: %s is given twice", u->text, s);
        u->keys[u->nkeys++] = (struct af_uri_key){s, equals + 1};
    }
    return 0;
}

int af_uri_parse(struct af_uri *u, const char *text, struct af_err *err)
{
    size_t n = strcspn(text, ":"), path;

    *u = (struct af_uri){0};
    if (!text[n] || !n || strcspn(text, "/?") < n)
        return af_fail(err, AF_EUSAGE,
                       "'%.200s' does not name a device, as sim: or tango:/dev/ttyUSB0", text);
    path = strcspn(text + n + 1, "?");
    if (!(u->text = af_strdup(text, err)) || !(u->scheme = af_strndup(text, n, err)) ||
        !(u->path = af_strndup(text + n + 1, path, err)))
        return -1;
    u->rest = u->text + n + 1;
    if (!u->rest[path])
        return 0;
    if (!(u->query = af_strdup(u->rest + path + 1, err)))
        return -1;
    return cut(u, err);
}

void af_uri_release(struct af_uri *u)
{
    free(u->text);
    free(u->scheme);
    free(u->path);
    free(u->query);
    free(u->keys);
    *u = (struct af_uri){0};
}

const char *af_uri_get(const struct af_uri *u, const char *key)
{
    for (size_t i = 0; i < u->nkeys; i++)
        if (strcmp(u->keys[i].name, key) == 0)
            return u->keys[i].value;
    return NULL;
}

int af_uri_check(const struct af_uri *u, const char *known, struct af_err *err)
{
    for (size_t i = 0; i < u->nkeys; i++) {
        size_t n = strlen(u->keys[i].name);
        const char *s = known;

        while (*s && (strncmp(s, u->keys[i].name, n) || (s[n] != ' ' && s[n]))) {
            s += strcspn(s, " ");
            s += *s == ' ';
        }
        if (!*s)
            return af_fail(err, AF_EUSAGE, "%s: %s: knows no key '%s', only: %s", u->text,
                           u->scheme, u->keys[i].name, known);
    }
    return 0;
}
