/* SPDX-License-Identifier: BSD-2-Clause */
/* Instrument files and URIs: what is accepted is whole and in range. */
#define _GNU_SOURCE // memfd_create
#include "device/instrument.h"
#include "device/uri.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct af_axis_conf *a)
{
    bool some = !isnan(a->min_um) || !isnan(a->max_um) || !isnan(a->max_step_um) ||
                !isnan(a->max_travel_um);

    if (some != af_axis_has_limits(a) || (some && !(a->min_um < a->max_um)) ||
        abs(a->direction) != 1 || a->readings < 2 || !(a->tolerance_um > 0) ||
        !(a->speed_um_s > 0) || !(a->timeout_ms > 0) || !(a->backlash_um >= 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct af_instrument in;
    struct af_err err = {AF_OK, ""};
    struct af_uri u;
    char path[40], text[200];
    int fd = memfd_create("conf", 0);

    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (af_instrument_read(&in, path, &err) == 0)
        for (int i = 0; i < AF_NAXES; i++)
            check(&in.axis[i]);
    else if (err.kind == AF_OK)
        abort();
    af_instrument_release(&in);
    close(fd);
    snprintf(text, sizeof(text), "%.*s", (int)(n < 199 ? n : 199), (const char *)data);
    if (af_uri_parse(&u, text, &err) == 0)
        af_uri_check(&u, "x y z", &err);
    af_uri_release(&u);
    return 0;
}
