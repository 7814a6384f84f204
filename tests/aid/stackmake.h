/* SPDX-License-Identifier: BSD-2-Clause */
/* Write a stack whose planes are drawn one after another. */
#ifndef STACKMAKE_H
#define STACKMAKE_H
#include "image/stackwrite.h"

struct stackmake {
    struct af_stack_meta meta; // nplanes says how many are drawn
    size_t w, h;               // px
    enum af_sample type;
    unsigned bits; // 0: all of the type
    /* Draw plane i; p comes with all unknown but z, which is i. */
    void (*draw)(void *ctx, size_t i, struct af_image *img, struct af_plane *p);
    void *ctx;
};

static int stackmake(const struct stackmake *m, const char *path, struct af_err *err)
{
    struct af_stack_writer *w = NULL;
    struct af_image img = {0};
    int ret = -1;

    if (af_image_resize(&img, m->w, m->h, m->type, err) ||
        af_stack_writer_open(&w, path, &m->meta, err))
        goto done;
    if (m->bits)
        img.bits = m->bits;
    for (size_t i = 0; i < m->meta.nplanes; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;

        p.z = i;
        m->draw(m->ctx, i, &img, &p);
        if (af_stack_writer_add(w, &img, &p, err))
            goto done;
    }
    ret = af_stack_writer_commit(w, err);
    w = NULL;
done:
    af_stack_writer_discard(w, false);
    af_image_release(&img);
    return ret;
}

#endif
