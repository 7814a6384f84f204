/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-dome STACK MASK TEXTURE SEED SIDE SLICES [bare]: a dome of tests/unit/dome.h as a stack, and
 * the truth as masks: within one slice of focus. TEXTURE: 0 white, 1 spots, 2 cells.
 */
#include "../unit/dome.h"
#include "stackmake.h"

#include <stdio.h>
#include <string.h>

static void put_slice(void *ctx, size_t k, struct af_image *img, struct af_plane *plane)
{
    const struct dome *d = ctx;

    plane->z_um = 2 * (double)k;
    memcpy(img->data, d->slice[k].data, d->side * d->side);
}

static void put_truth(void *ctx, size_t k, struct af_image *img, struct af_plane *plane)
{
    const struct dome *d = ctx;

    plane->z_um = 2 * (double)k;
    for (size_t i = 0; i < d->side * d->side; i++)
        ((uint8_t *)img->data)[i] =
            (!d->bare || d->inside[i]) && fabs(d->height[i] - (double)k) <= 1 ? 255 : 0;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN, .type = AF_U8, .draw = put_slice};
    struct dome d;
    int bad;

    if (argc < 7) {
        fprintf(stderr, "Usage: make-dome STACK MASK TEXTURE SEED SIDE SLICES [bare]\n");
        return 2;
    }
    dome_make(&d, strtoul(argv[5], NULL, 10), strtoul(argv[6], NULL, 10),
              (enum dome_texture)atoi(argv[3]), argc > 7, strtoul(argv[4], NULL, 10));
    m.meta.nplanes = d.nslices;
    m.meta.px_um = m.meta.py_um = 0.5;
    m.w = m.h = d.side;
    m.ctx = &d;
    bad = stackmake(&m, argv[1], &err);
    m.draw = put_truth;
    if (bad || stackmake(&m, argv[2], &err)) {
        fprintf(stderr, "make-dome: %s\n", err.text);
        return 1;
    }
    dome_release(&d);
    return 0;
}
