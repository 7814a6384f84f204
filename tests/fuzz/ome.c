/* SPDX-License-Identifier: BSD-2-Clause */
/* OME-XML from bytes. */
#include "image/ome.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Index and place are each other's reverse. */
static void check_order(const struct af_ome_image *im)
{
    size_t planes = im->nc * im->nt * im->nz;

    for (size_t i = 0; i < planes; i++) {
        size_t c, t, z;

        af_ome_place(im, i, &c, &t, &z);
        if (af_ome_index(im, c, t, z) != i)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct af_err err = {AF_OK, ""};
    struct af_ome ome;

    if (af_ome_parse(&ome, (const char *)data, n, "fuzz", 1024, &err)) {
        if (err.kind == AF_OK)
            abort();
    } else {
        for (size_t i = 0; i < ome.nimages; i++)
            check_order(&ome.image[i]);
    }
    af_ome_release(&ome);
    return 0;
}
