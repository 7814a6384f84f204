/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/pagename.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t place;
} field[] = {
    {"z_um", offsetof(struct af_plane, z_um)},
    {"x_um", offsetof(struct af_plane, x_um)},
    {"y_um", offsetof(struct af_plane, y_um)},
    {"exposure_ms", offsetof(struct af_plane, exposure_ms)},
    {"time_s", offsetof(struct af_plane, time_s)},
};
enum { NFIELDS = sizeof(field) / sizeof(field[0]) };

size_t af_pagename_format(const struct af_plane *p, char text[AF_PAGENAME_SIZE])
{
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < NFIELDS; i++) {
        double v = *(const double *)((const char *)p + field[i].place);

        if (isfinite(v))
            n += (size_t)snprintf(text + n, AF_PAGENAME_SIZE - n, "%s%s=%.10g", n ? " " : "",
                                  field[i].name, v);
    }
    return n;
}

void af_pagename_parse(const char *text, struct af_plane *p)
{
    while (*text) {
        size_t word;

        text += strspn(text, " \t");
        word = strcspn(text, " \t\r\n");
        for (int i = 0; i < NFIELDS; i++) {
            size_t n = strlen(field[i].name);
            char *end;
            double v;

            if (word <= n + 1 || strncmp(text, field[i].name, n) != 0 || text[n] != '=')
                continue;
            v = strtod(text + n + 1, &end);
            if (end == text + word && isfinite(v))
                *(double *)((char *)p + field[i].place) = v;
        }
        text += word;
        text += strspn(text, "\r\n");
    }
}
