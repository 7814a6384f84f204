/* SPDX-License-Identifier: BSD-2-Clause */
/* What libtiff reads from and writes to: a file, or a piece of memory that stands for a pipe. */
#ifndef AF_IMAGE_TIFFIO_H
#define AF_IMAGE_TIFFIO_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <tiffio.h>

/*
 * All-zero with fd -1 is the empty state. libtiff's complaints of one
 * operation are kept here (the first), not printed; warnings are dropped.
 */
struct af_tiffio {
    int fd;             // -1: memory
    uint8_t *bytes;     // memory, owned
    size_t room;        // bytes allocated there
    uint64_t size, pos; // of file or memory
    char error[256];    // libtiff's first error since it was last emptied
    int error_errno;    // of the read or write that failed; 0: none
};

/* For reading; -1 with AF_ESYS. */
int af_tiffio_from_file(struct af_tiffio *io, const char *path, struct af_err *err);
void af_tiffio_from_memory(struct af_tiffio *io, void *bytes, size_t n); // takes bytes over
void af_tiffio_from_fd(struct af_tiffio *io, int fd, uint64_t size);     // takes fd over
void af_tiffio_release(struct af_tiffio *io);

/*
 * Choice: no memory map, since a file that is cut while it is read would end
 * the process, and since mapped pages count as memory held.
 * NULL where libtiff refuses: io->error, io->error_errno say why. TIFFClose()
 * the handle before af_tiffio_release().
 */
TIFF *af_tiffio_open_read(struct af_tiffio *io, const char *name);
TIFF *af_tiffio_open_write(struct af_tiffio *io, const char *name, bool bigtiff);

/* Read n bytes at `offset`, past libtiff: the bytes got (less only at the end), or -1 with errno.
 */
ssize_t af_tiffio_pread(struct af_tiffio *io, void *buf, size_t n, uint64_t offset);

/* Write n bytes at `offset`, past libtiff. 0, or -1 with errno. */
int af_tiffio_pwrite(struct af_tiffio *io, const void *buf, size_t n, uint64_t offset);

#endif
