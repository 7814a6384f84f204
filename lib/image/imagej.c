/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/imagej.h"

#include "base/memory.h"
#include "base/number.h"
#include <math.h>
#include <string.h>

/* Copy of the value of `key=` at the start of a line; false where there is none. */
static bool value(const char *text, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == '=') {
            size_t len = strcspn(line + n + 1, "\r\n");

            if (len >= size)
                return false;
            memcpy(out, line + n + 1, len);
            out[len] = '\0';
            return true;
        }
    }
    return false;
}

static size_t count(const char *text, const char *key, size_t otherwise)
{
    char s[64];
    double v;

    if (!value(text, key, s, sizeof(s)) || af_parse_real(s, &v, NULL) || v < 1 || v > 1e9)
        return otherwise;
    return (size_t)v;
}

bool af_imagej_parse(const char *text, struct af_imagej *ij)
{
    char unit[64], spacing[64];
    size_t n;

    *ij = (struct af_imagej){.spacing_um = NAN, .unit_um = NAN};
    if (!text || strncmp(text, "ImageJ=", 7) != 0)
        return false;
    ij->images = count(text, "images", 0);
    ij->nc = count(text, "channels", 1);
    ij->nt = count(text, "frames", 1);
    ij->nz = count(text, "slices", 1);
    if (!af_size_mul(ij->nc, ij->nt, &n) || !af_size_mul(n, ij->nz, &n) || n > ij->images) {
        ij->nc = ij->nt = 1;
        ij->nz = ij->images ? ij->images : 1;
    }
    if (value(text, "unit", unit, sizeof(unit))) {
        /* Java writes the micro sign as an escape; people write the word. */
        if (strcmp(unit, "\\u00B5m") == 0 || strncmp(unit, "micron", 6) == 0)
            strcpy(unit, "um");
        ij->unit_um = af_unit_um(unit);
        if (ij->unit_um == 0)
            ij->unit_um = NAN;
    }
    if (value(text, "spacing", spacing, sizeof(spacing)) &&
        af_parse_real(spacing, &ij->spacing_um, NULL) == 0)
        ij->spacing_um *= ij->unit_um;
    return true;
}
