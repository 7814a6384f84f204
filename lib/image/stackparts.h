/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a stack, shared by stack.c and stack{file,tiff,join}.c only. */
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

/* Where a plane lies: a page of a TIFF file, or a PGM file's frame of that number and its offset.
 */
struct af_stack_place {
    size_t file, page;
    off_t offset;
    size_t index; // joined: of the plane in the stack that its file is by itself
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
    struct af_tiff *tiff; // the one file that is open, if it is TIFF
    FILE *fp;             // if it is PGM: the file or stream
    bool joined;          // of several files
    size_t held;          // which of `file` it is
    struct af_pgm_head head;
    unsigned bits;         // significant, by OME-XML or Micro-Manager; 0: not said
    struct af_image first; // PNG and BMP: plane 0, decoded when opened
};

/* printf to o.warn, where there is one. */
void af_stack_warn(const struct af_stack *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same of planes that are not there: -1 with AF_EDATA where the stack must be whole, else 0. */
int af_stack_lack(const struct af_stack *st, struct af_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Append a file or a plane. -1 with AF_ESYS, AF_EDATA (max_planes). *index may be NULL. */
int af_stack_add_file(struct af_stack *st, const char *path, enum af_file_format format,
                      size_t *index, struct af_err *err);
int af_stack_add_plane(struct af_stack *st, const struct af_plane *p, struct af_stack_place place,
                       struct af_err *err);

/* stdin for "-". *fp may be open on failure, too: af_stack_close_file() it, which accepts NULL. */
int af_stack_open_file(const char *path, FILE **fp, bool *regular, struct af_err *err);
void af_stack_close_file(FILE *fp);

/* The picture of a PNG or BMP file. */
int af_stack_read_single(struct af_stack *st, FILE *fp, const char *name,
                         enum af_file_format format, struct af_image *img, struct af_err *err);

/* Append the PGM frame whose header is at hand; the first one's size is the stack's. */
int af_stack_add_frame(struct af_stack *st, off_t at, struct af_err *err);

/* Open st->name, or the files of a joined stack: planes, places and info but for size and type. */
int af_stack_open_one(struct af_stack *st, struct af_err *err);
int af_stack_join(struct af_stack *st, const char *const *paths, size_t n, struct af_err *err);

/* z of plane i, just read or found, where the user says it; of all planes, and their order. */
int af_stack_given_z(struct af_stack *st, size_t i, struct af_err *err);
int af_stack_settle_z(struct af_stack *st, struct af_err *err);

/*
 * Find the planes of st->tiff, which is file 0, and of the files that it names, by its OME-XML,
 * ImageJ description or tags; sets planes, places and info but for name, size and type.
 */
int af_stack_from_tiff(struct af_stack *st, struct af_err *err);

#endif
