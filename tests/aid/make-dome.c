/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-dome STACK MASK TEXTURE SEED SIDE SLICES [bare]: a dome of tests/unit/dome.h as a stack, and
 * the truth as masks: within one slice of focus. TEXTURE: 0 white, 1 spots, 2 cells.
 */
#include "../unit/dome.h"
#include "image/stackwrite.h"

#include <stdio.h>
#include <string.h>

static int write_stack(const char *path, const struct dome *d, bool masks, struct af_err *err)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_plane plane = AF_PLANE_UNKNOWN;
    struct af_image mask = {0};
    struct af_stack_writer *w;
    int bad = 0;

    meta.nplanes = d->nslices;
    meta.px_um = meta.py_um = 0.5;
    if (af_stack_writer_open(&w, path, &meta, err))
        return -1;
    bad = af_image_resize(&mask, d->side, d->side, AF_U8, err);
    for (size_t k = 0; k < d->nslices && !bad; k++) {
        for (size_t i = 0; i < d->side * d->side; i++)
            ((uint8_t *)mask.data)[i] =
                (!d->bare || d->inside[i]) && fabs(d->height[i] - (double)k) <= 1 ? 255 : 0;
        plane.z_um = 2 * (double)k;
        bad = af_stack_writer_add(w, masks ? &mask : &d->slice[k], &plane, err);
    }
    af_image_release(&mask);
    if (!bad)
        return af_stack_writer_commit(w, err);
    af_stack_writer_discard(w, false);
    return -1;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct dome d;

    if (argc < 7) {
        fprintf(stderr, "Usage: make-dome STACK MASK TEXTURE SEED SIDE SLICES [bare]\n");
        return 2;
    }
    dome_make(&d, strtoul(argv[5], NULL, 10), strtoul(argv[6], NULL, 10),
              (enum dome_texture)atoi(argv[3]), argc > 7, strtoul(argv[4], NULL, 10));
    if (write_stack(argv[1], &d, false, &err) || write_stack(argv[2], &d, true, &err)) {
        fprintf(stderr, "make-dome: %s\n", err.text);
        return 1;
    }
    dome_release(&d);
    return 0;
}
