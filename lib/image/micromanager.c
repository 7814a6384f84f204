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

bool af_micromanager_plane(const char *text, size_t n, struct af_plane *p)
{
    json_t *o;
    bool found;

    n = strnlen(text, n);
    o = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, NULL);
    if (!o)
        return false;
    found = number(o, "ZPositionUm", &p->z_um);
    number(o, "XPositionUm", &p->x_um);
    number(o, "YPositionUm", &p->y_um);
    if (!number(o, "Exposure-ms", &p->exposure_ms))
        number(o, "Exposure", &p->exposure_ms);
    if (number(o, "ElapsedTime-ms", &p->time_s))
        p->time_s /= 1000;
    index_of(o, "SliceIndex", "Slice", &p->z);
    index_of(o, "ChannelIndex", "Channel", &p->c);
    index_of(o, "FrameIndex", "Frame", &p->t);
    json_decref(o);
    return found;
}
