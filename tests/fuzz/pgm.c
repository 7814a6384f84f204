/* SPDX-License-Identifier: BSD-2-Clause */
/* PGM frames; what is read is written and read again, and must be the same. */
#include "image/pgm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_PIXELS = 1 << 14, FRAMES = 8 };

static void write_and_read(const struct af_image *img, const struct af_plane *p)
{
    struct af_pgm_head head = {0};
    struct af_image again = {0};
    struct af_err err = {AF_OK, ""};
    char *text = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&text, &n);

    if (!fp || af_pgm_write(fp, img, p, &err) || fclose(fp) || !(fp = fmemopen(text, n, "r")))
        abort();
    if (af_pgm_read_head(fp, "again", MAX_PIXELS, &head, &err) != 1 ||
        af_pgm_read_body(fp, "again", &head, &again, &err))
        abort();
    if (again.w != img->w || again.h != img->h || again.bits != img->bits ||
        memcmp(again.data, img->data, img->w * img->h * af_sample_size(img->type)) != 0)
        abort();
    fclose(fp);
    free(text);
    af_image_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *fp = n ? fmemopen((void *)data, n, "r") : NULL;
    struct af_pgm_head head = {0};
    struct af_image img = {0};
    struct af_err err = {AF_OK, ""};

    if (!fp)
        return 0;
    for (int i = 0; i < FRAMES; i++) {
        if (af_pgm_read_head(fp, "fuzz", MAX_PIXELS, &head, &err) != 1 ||
            af_pgm_read_body(fp, "fuzz", &head, &img, &err))
            break;
        write_and_read(&img, &head.plane);
    }
    fclose(fp);
    af_image_release(&img);
    return 0;
}
