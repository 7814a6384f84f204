/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/micromanager.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number, or a text that is one: both are found in the wild. */
static bool number(const json_t *o, const char *key, double *out)
{
    const json_t *v = json_object_get(o, key);
    const char *s = json_string_value(v);
    char *end;
    double x;

    if (json_is_number(v))
        x = json_number_value(v);
    else if (!s || (x = strtod(s, &end), end == s || *end))
        return false;
    if (!isfinite(x))
        return false;
    *out = x;
    return true;
}

static void index_of(const json_t *o, const char *key, const char *other, size_t *out)
{
    double v;

    if ((number(o, key, &v) || number(o, other, &v)) && v >= 0 && v < 1e9)
        *out = (size_t)v;
}

static void number_of(const json_t *o, const char *key, const char *other, double *out)
{
    if (!number(o, key, out))
        number(o, other, out);
}

/* NDTiff's tag does not end in NUL: libtiff puts one over its last brace. */
static json_t *load(const char *text, size_t n)
{
    json_t *o = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, NULL);
    char *whole;

    if (o || n == 0 || text[0] != '{' || !(whole = malloc(n + 1)))
        return o;
    memcpy(whole, text, n);
    whole[n] = '}';
    o = json_loadb(whole, n + 1, JSON_DISABLE_EOF_CHECK, NULL);
    free(whole);
    return o;
}

bool af_micromanager_plane(const char *text, size_t n, struct af_plane *p, unsigned *bits)
{
    json_t *o = load(text, strnlen(text, n));
    const json_t *axes = o ? json_object_get(o, "Axes") : NULL;
    size_t depth = 0;

    *bits = 0;
    if (!o)
        return false;
    number_of(o, "ZPositionUm", "ZPosition_um_Intended", &p->z_um);
    number_of(o, "XPositionUm", "XPosition_um_Intended", &p->x_um);
    number_of(o, "YPositionUm", "YPosition_um_Intended", &p->y_um);
    number_of(o, "Exposure-ms", "Exposure", &p->exposure_ms);
    if (number(o, "ElapsedTime-ms", &p->time_s))
        p->time_s /= 1000;
    index_of(o, "SliceIndex", "Slice", &p->z);
    index_of(o, "ChannelIndex", "Channel", &p->c);
    index_of(o, "FrameIndex", "Frame", &p->t);
    index_of(axes, "z", "z", &p->z);
    index_of(axes, "channel", "channel", &p->c);
    index_of(axes, "time", "time", &p->t);
    index_of(o, "BitDepth", "BitDepth", &depth);
    *bits = depth <= 64 ? (unsigned)depth : 0;
    json_decref(o);
    return true;
}
