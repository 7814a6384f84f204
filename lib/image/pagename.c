/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/pagename.h"

#include "base/number.h"
#include <math.h>
#include <stdio.h>
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

static void take_word(struct af_plane *p, const char *word)
{
    for (int i = 0; i < NFIELDS; i++) {
        size_t n = strlen(field[i].name);

        if (strncmp(word, field[i].name, n) == 0 && word[n] == '=')
            af_parse_real(word + n + 1, (double *)((char *)p + field[i].place), NULL); // or stays
    }
}

void af_pagename_parse(const char *text, struct af_plane *p)
{
    static const char blank[] = " \t\r\n";
    char word[64]; // longer than any that we write

    for (text += strspn(text, blank); *text; text += strspn(text, blank)) {
        size_t n = strcspn(text, blank);

        if (n < sizeof(word)) {
            memcpy(word, text, n);
            word[n] = '\0';
            take_word(p, word);
        }
        text += n;
    }
}
