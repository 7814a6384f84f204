/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts a file shorter and shorter and reads what is left of its stack.
 *
 *   truncated SOURCE FILE [STEP]
 *
 * FILE holds the planes of SOURCE, or the first of them. It is copied to cut.tif, which is then cut
 * to every STEP-th length; without STEP it is only looked at. Whatever is read must be the first
 * planes of SOURCE, equal in pixels and z, and never more of them than before the cut; only of the
 * last plane z may be lost. Prints what went wrong, and the lengths at which planes were lost.
 */
#include "image/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
    size_t n;
    struct af_image *plane;
    double *z_um;
};

static void die(const char *what, const struct af_err *err)
{
    fprintf(stderr, "truncated: %s %s\n", what, err ? err->text : "");
    exit(2);
}

static void load(struct source *s, const char *path)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;
    size_t i;

    if (af_stack_open(&st, &path, 1, NULL, &err))
        die("source", &err);
    s->n = af_stack_info(st)->nplanes;
    s->plane = calloc(s->n, sizeof *s->plane);
    s->z_um = calloc(s->n, sizeof *s->z_um);
    if (!s->plane || !s->z_um)
        die("memory", NULL);
    for (i = 0; i < s->n; i++) {
        if (af_stack_read(st, i, &s->plane[i], &err))
            die("source", &err);
        s->z_um[i] = af_stack_plane(st, i)->z_um;
    }
    af_stack_close(st);
}

static void release(struct source *s)
{
    for (size_t i = 0; i < s->n; i++)
        af_image_release(&s->plane[i]);
    free(s->plane);
    free(s->z_um);
}

/* Planes that can be read, from the first on; -1 where one is not that of the source. */
static long readable(const struct source *s, const char *path)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;
    struct af_image img = {0};
    bool no_z = false;
    size_t i;
    long n = 0;

    if (af_stack_open(&st, &path, 1, NULL, &err))
        return err.kind == AF_EDATA ? 0 : -1;
    while (n >= 0 && !no_z && af_stack_next(st, &img, &i, &err) == 1) {
        size_t row = img.w * af_sample_size(img.type);
        double z_um = af_stack_plane(st, i)->z_um;
        bool same = i < s->n && i == (size_t)n && img.w == s->plane[i].w &&
                    img.h == s->plane[i].h && img.type == s->plane[i].type &&
                    (isnan(z_um) || z_um == s->z_um[i]) &&
                    memcmp(img.data, s->plane[i].data, row * img.h) == 0;

        n = same ? n + 1 : -1;
        no_z = isnan(z_um);
    }
    if (no_z && af_stack_next(st, &img, &i, &err) == 1)
        n = -1;
    if (n >= 0 && err.kind != AF_OK && err.kind != AF_EDATA)
        n = -1;
    af_image_release(&img);
    af_stack_close(st);
    return n;
}

static long copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char buf[65536];
    long size = 0;
    size_t n;

    if (!in || !out)
        die(from, NULL);
    while ((n = fread(buf, 1, sizeof buf, in)) > 0) {
        fwrite(buf, 1, n, out);
        size += (long)n;
    }
    fclose(in);
    if (fclose(out))
        die(to, NULL);
    return size;
}

int main(int argc, char **argv)
{
    struct source s = {0};
    long size, step = argc == 4 ? atol(argv[3]) : 0, most, wrong = 0;

    if (argc != 3 && step < 1)
        return 2;
    load(&s, argv[1]);
    size = copy_file(argv[2], "cut.tif");
    most = readable(&s, "cut.tif");
    printf("%ld bytes: %ld planes\n", size, most);
    for (long length = size - 1; step && length >= 0; length -= step) {
        long n;

        if (truncate("cut.tif", length))
            die("cut.tif", NULL);
        n = readable(&s, "cut.tif");
        if (n < 0 || n > most) {
            printf("%ld bytes: %s\n", length,
                   n < 0 ? "not the planes of the source" : "more planes");
            wrong++;
        } else if (n < most) {
            printf("%ld bytes: %ld planes\n", length, n);
            most = n;
        }
    }
    unlink("cut.tif");
    release(&s);
    return wrong || most < 0 || (step && most > 0) ? 1 : 0;
}
