/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of devices: SCHEME:PATH[?KEY=VALUE[&KEY=VALUE]...]. */
#ifndef AF_DEVICE_URI_H
#define AF_DEVICE_URI_H
#include "base/err.h"
#include <stddef.h>

/* All-zero is the empty state. */
struct af_uri {
    char *text;       // as it was given
    char *scheme;     // "tango"
    char *path;       // "/dev/ttyUSB0", may be ""
    const char *rest; // what follows "SCHEME:" in text
    size_t nkeys;
    struct af_uri_key {
        char *name, *value; // inside `query`
    } * keys;
    char *query;
};

/* AF_EUSAGE: no scheme, a key without value, a key twice; AF_ESYS: memory. Release in any case. */
int af_uri_parse(struct af_uri *u, const char *text, struct af_err *err);
void af_uri_release(struct af_uri *u);

/* Value of a key, or NULL. */
const char *af_uri_get(const struct af_uri *u, const char *key);

/* AF_EUSAGE where there is a key that is not in `known`, "x y z baud". */
int af_uri_check(const struct af_uri *u, const char *known, struct af_err *err);

#endif
