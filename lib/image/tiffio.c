/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/tiffio.h"

#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * No single allocation of libtiff's own is larger than this and what the file
 * itself has: it reads whole strips and tags, which lie in the file.
 */
#define ALLOC_FLOOR ((uint64_t)64 << 20)

int af_tiffio_from_file(struct af_tiffio *io, const char *path, struct af_err *err)
{
    struct stat st;

    *io = (struct af_tiffio){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (io->fd < 0 || fstat(io->fd, &st))
        return af_fail_errno(err, "%s", path);
    io->size = (uint64_t)st.st_size;
    return 0;
}

void af_tiffio_from_memory(struct af_tiffio *io, void *bytes, size_t n)
{
    *io = (struct af_tiffio){.fd = -1, .bytes = bytes, .room = n, .size = n};
}

void af_tiffio_from_fd(struct af_tiffio *io, int fd, uint64_t size)
{
    *io = (struct af_tiffio){.fd = fd, .size = size};
}

void af_tiffio_release(struct af_tiffio *io)
{
    if (io->fd >= 0)
        close(io->fd);
    free(io->bytes);
    *io = (struct af_tiffio){.fd = -1};
}

ssize_t af_tiffio_pread(struct af_tiffio *io, void *buf, size_t n, uint64_t offset)
{
    size_t done = 0;
    ssize_t got;

    if (io->fd < 0) {
        if (offset >= io->size)
            return 0;
        done = io->size - offset < n ? (size_t)(io->size - offset) : n;
        memcpy(buf, io->bytes + offset, done);
        return (ssize_t)done;
    }
    while (done < n) {
        got = pread(io->fd, (char *)buf + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int write_file(struct af_tiffio *io, const uint8_t *buf, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(io->fd, buf + done, n - done, (off_t)(offset + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        done += (size_t)put;
    }
    return 0;
}

static int write_memory(struct af_tiffio *io, const uint8_t *buf, size_t n, uint64_t offset)
{
    if (af_grow((void **)&io->bytes, &io->room, (size_t)offset + n, 1, NULL)) {
        errno = ENOMEM;
        return -1;
    }
    if (offset > io->size)
        memset(io->bytes + io->size, 0, (size_t)(offset - io->size));
    memcpy(io->bytes + offset, buf, n);
    return 0;
}

int af_tiffio_pwrite(struct af_tiffio *io, const void *buf, size_t n, uint64_t offset)
{
    if (io->fd >= 0 ? write_file(io, buf, n, offset) : write_memory(io, buf, n, offset))
        return -1;
    if (offset + n > io->size)
        io->size = offset + n;
    return 0;
}

/* ------------------------------------------- what libtiff calls back */

static tmsize_t do_read(thandle_t h, void *buf, tmsize_t n)
{
    struct af_tiffio *io = h;
    ssize_t got = af_tiffio_pread(io, buf, (size_t)n, io->pos);

    if (got < 0) {
        io->error_errno = errno;
        return 0;
    }
    io->pos += (uint64_t)got;
    return got;
}

static tmsize_t do_write(thandle_t h, void *buf, tmsize_t n)
{
    struct af_tiffio *io = h;

    if (n <= 0)
        return 0;
    if (!buf) { // what libtiff could not allocate before, it writes all the same
        io->error_errno = ENOMEM;
        return 0;
    }
    if (af_tiffio_pwrite(io, buf, (size_t)n, io->pos)) {
        io->error_errno = errno;
        return 0;
    }
    io->pos += (uint64_t)n;
    return n;
}

static toff_t do_seek(thandle_t h, toff_t offset, int whence)
{
    struct af_tiffio *io = h;
    uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? io->pos : io->size;

    if (offset > (uint64_t)INT64_MAX - base)
        return (toff_t)-1;
    return io->pos = base + offset;
}

static int do_close(thandle_t h)
{
    (void)h;
    return 0;
}

static toff_t do_size(thandle_t h)
{
    return ((struct af_tiffio *)h)->size;
}

static int no_map(thandle_t h, void **base, toff_t *size)
{
    (void)h;
    (void)base;
    (void)size;
    return 0;
}

static void no_unmap(thandle_t h, void *base, toff_t size)
{
    (void)h;
    (void)base;
    (void)size;
}

static int keep_error(TIFF *tif, void *user, const char *module, const char *fmt, va_list ap)
{
    struct af_tiffio *io = user;

    (void)module;
    /* Of a tag that it does not know libtiff says this as an error, and goes on. */
    if (strncmp(fmt, "Defined set_field_type", 22) == 0)
        return 1;
    if (!io->error[0]) {
        const char *name = tif ? TIFFFileName(tif) : ""; // NULL: no memory for it
        size_t n = strlen(name);

        vsnprintf(io->error, sizeof(io->error), fmt, ap);
        /* Some begin with the file's name, as ours do. */
        if (strncmp(io->error, name, n) == 0 && strncmp(io->error + n, ": ", 2) == 0)
            memmove(io->error, io->error + n + 2, strlen(io->error + n + 2) + 1);
    }
    /* libtiff ends sentences; our messages go on or end without a stop. */
    for (size_t n = strlen(io->error); n && (io->error[n - 1] == '.' || io->error[n - 1] == '\n');)
        io->error[--n] = '\0';
    return 1;
}

static int drop_warning(TIFF *tif, void *user, const char *module, const char *fmt, va_list ap)
{
    (void)tif;
    (void)user;
    (void)module;
    (void)fmt;
    (void)ap;
    return 1;
}

static TIFF *open_tiff(struct af_tiffio *io, const char *name, const char *mode)
{
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
    uint64_t most = ALLOC_FLOOR + io->size;
    TIFF *tif;

    if (!o) {
        io->error_errno = ENOMEM;
        return NULL;
    }
    TIFFOpenOptionsSetErrorHandlerExtR(o, keep_error, io);
    TIFFOpenOptionsSetWarningHandlerExtR(o, drop_warning, io);
    TIFFOpenOptionsSetMaxSingleMemAlloc(o, most > INT64_MAX ? INT64_MAX : (tmsize_t)most);
    tif = TIFFClientOpenExt(name, mode, io, do_read, do_write, do_seek, do_close, do_size, no_map,
                            no_unmap, o);
    TIFFOpenOptionsFree(o);
    return tif;
}

TIFF *af_tiffio_open_read(struct af_tiffio *io, const char *name)
{
    return open_tiff(io, name, "rm");
}

TIFF *af_tiffio_open_write(struct af_tiffio *io, const char *name, bool bigtiff)
{
    return open_tiff(io, name, bigtiff ? "w8" : "w");
}
