/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a stack, shared by stack.c and stacktiff.c only. */
#ifndef AF_IMAGE_STACKPARTS_H
#define AF_IMAGE_STACKPARTS_H
#include "image/pgm.h"
#include "image/stack.h"
#include "image/tiff.h"
#include <stdio.h>

enum af_file_format { AF_FILE_TIFF, AF_FILE_PNG, AF_FILE_BMP, AF_FILE_PGM };

/* A file that planes lie in. */
struct af_stack_file {
    char *path;
    enum af_file_format format;
};

/* Where a plane lies: a page of a TIFF file, or a frame's offset in a PGM file. */
struct af_stack_place {
    size_t file, page;
    off_t offset;
};

struct af_stack {
    struct af_stack_info info;
    struct af_stack_opts o;
    char *name, *date, *ome;
    struct af_stack_file *file;
    size_t nfiles, files_room;
    struct af_plane *plane;       // [info.nplanes, or those of the stream so far]
    struct af_stack_place *place; // the same
    size_t nplanes, planes_room, places_room;
    size_t next;          // plane that af_stack_next() gives
    struct af_tiff *tiff; // the one TIFF file that is open
    size_t tiff_file;     // which of `file` it is
    FILE *fp;             // PGM: the file or stream
    struct af_pgm_head head;
    unsigned bits;         // significant, by OME-XML or Micro-Manager; 0: not said
    struct af_image first; // PNG and BMP: plane 0, decoded when opened
};

/* printf to o.warn, where there is one. */
void af_stack_warn(const struct af_stack *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append a file or a plane. -1 with AF_ESYS, AF_EDATA (max_planes). *index may be NULL. */
int af_stack_add_file(struct af_stack *st, const char *path, enum af_file_format format,
                      size_t *index, struct af_err *err);
int af_stack_add_plane(struct af_stack *st, const struct af_plane *p, struct af_stack_place place,
                       struct af_err *err);

/*
 * Find the planes of st->tiff, which is file 0, and of the files that it names, by its OME-XML,
 * ImageJ description or tags; sets planes, places and info but for name, size and type.
 */
int af_stack_from_tiff(struct af_stack *st, struct af_err *err);

#endif
