/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts that TIFF pages carry: ImageJ's, Micro-Manager's, and the page names that we write. */
#include "image/imagej.h"
#include "image/micromanager.h"
#include "image/pagename.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_imagej(const char *text)
{
    struct af_imagej ij;

    if (!af_imagej_parse(text, &ij) || !ij.images)
        return;
    if (!ij.nc || !ij.nz || !ij.nt || ij.nc > ij.images / ij.nz / ij.nt)
        abort();
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-6 * fabs(a) + 1e-9;
}

/* A name written and read says the same. */
static void check_pagename(const char *text)
{
    struct af_plane p = AF_PLANE_UNKNOWN, q = AF_PLANE_UNKNOWN;
    char again[AF_PAGENAME_SIZE];

    af_pagename_parse(text, &p);
    if (af_pagename_format(&p, again) >= sizeof again)
        abort();
    af_pagename_parse(again, &q);
    if (!same(p.z_um, q.z_um) || !same(p.x_um, q.x_um) || !same(p.y_um, q.y_um) ||
        !same(p.exposure_ms, q.exposure_ms) || !same(p.time_s, q.time_s))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct af_plane p = AF_PLANE_UNKNOWN;
    unsigned bits = 0;
    char *text = malloc(n + 1);

    if (!text)
        return 0;
    memcpy(text, data, n);
    text[n] = '\0';
    af_micromanager_plane((const char *)data, n, &p, &bits);
    check_imagej(text);
    check_pagename(text);
    free(text);
    return 0;
}
