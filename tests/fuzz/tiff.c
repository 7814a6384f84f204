/* SPDX-License-Identifier: BSD-2-Clause */
/* TIFF: the pages of one from memory, then the stack that they are, read, verified and copied. */
#define _GNU_SOURCE // memfd_create
#include "image/stackcopy.h"
#include "image/tiff.h"
#include "image/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_PIXELS = 1 << 16, MAX_PLANES = 256, READ_PLANES = 8 };

static void read_pages(const uint8_t *data, size_t n)
{
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_tiff *t;
    void *bytes = malloc(n ? n : 1);

    if (!bytes)
        return;
    memcpy(bytes, data, n);
    if (af_tiff_open_memory(&t, "fuzz", bytes, n, MAX_PIXELS, MAX_PLANES, &err)) {
        if (err.kind == AF_OK || t)
            abort();
        return;
    }
    for (size_t i = 0; i < af_tiff_npages(t) && i < READ_PLANES; i++)
        if (af_tiff_read(t, i, &img, &err) == 0 && img.w * img.h > MAX_PIXELS)
            abort();
    af_image_release(&img);
    af_tiff_close(t);
}

static void no_report(void *ctx, size_t plane, const char *problem, const char *detail)
{
    (void)ctx;
    (void)plane;
    (void)problem;
    (void)detail;
}

static int stop_soon(void *ctx, size_t done)
{
    (void)ctx;
    return done == READ_PLANES;
}

static void no_warning(void *ctx, const char *text)
{
    (void)ctx;
    if (strpbrk(text, "\n\033"))
        abort();
}

static void use_stack(const char *path, unsigned what)
{
    const struct af_stack_opts o = {
        .max_pixels = MAX_PIXELS, .max_planes = MAX_PLANES, .warn = no_warning};
    const struct af_stack_copy copy = {.pixel_um = NAN, .step = stop_soon};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    if (af_stack_open(&st, &path, 1, &o, &err)) {
        if (err.kind == AF_OK || st)
            abort();
        return;
    }
    if (what % 3 == 0)
        af_stack_verify(st, no_report, NULL, &err);
    else if (what % 3 == 1)
        af_stack_copy_ome(st, "/dev/null", &copy, &err);
    else
        af_stack_copy_pgm(st, "/dev/null", &copy, &err);
    af_stack_close(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char path[40];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    read_pages(data, n);
    if (ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n)
        abort();
    use_stack(path, n ? data[n - 1] : 0);
    return 0;
}
