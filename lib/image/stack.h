/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stack of planes, from whatever file it lies in: OME-TIFF, TIFF of
 * Micro-Manager and ImageJ, plain TIFF, PNG, BMP, PGM, or a stream of PGM frames.
 * One plane is in memory at a time.
 */
#ifndef AF_IMAGE_STACK_H
#define AF_IMAGE_STACK_H
#include "image/image.h"
#include <math.h>

/* What is known of one plane; NaN where it is not. */
struct af_plane {
    double z_um, x_um, y_um; // stage readback, as the file says it
    double exposure_ms;
    double time_s;  // since the start of the stack
    size_t c, t, z; // place in the file's dimensions
};

#define AF_PLANE_UNKNOWN ((struct af_plane){NAN, NAN, NAN, NAN, NAN, 0, 0, 0})

/* How to read. All-zero is the default. */
struct af_stack_opts {
    size_t max_pixels; // of one plane; 0: AF_STACK_MAX_PIXELS
    size_t max_planes; // 0: AF_STACK_MAX_PLANES
    bool set_z;        // take z_um = z0_um + i * dz_um, whatever the file says
    double z0_um, dz_um;
    const char *z_name; // take z from the file's name: a pattern such as "k-%fmm" (image/zname.h);
                        // NULL: not
    bool join;          // the paths are the planes of one stack, in natural order of their names
    bool uniform;       // refuse planes whose size or type is not that of the first
    bool whole;         // refuse a stack that lacks planes; else it is warned of
    size_t series;  // which image of a file that has several, from 1; 0: the one that lies in the
                    // file given
    size_t channel; // keep planes of this channel only, counted from 1; 0: all
    size_t time;    // keep planes of this time only, counted from 1; 0: all
    enum af_colour colour;                     // what to take of colour PNG and TIFF
    void (*warn)(void *ctx, const char *text); // told of what is odd but readable; NULL: nobody
    void *warn_ctx;
};
#define AF_STACK_MAX_PIXELS ((size_t)1 << 28) // 16384 x 16384
#define AF_STACK_MAX_PLANES ((size_t)1 << 20)

/* Where z_um comes from; af_stack_z_source() names it for people. */
enum af_z_source {
    AF_Z_NONE,
    AF_Z_GIVEN,        // --z0, --dz
    AF_Z_NAME,         // names of the files
    AF_Z_POSITION,     // OME-XML PositionZ
    AF_Z_MICROMANAGER, // tag 51123
    AF_Z_PAGE,         // PageName, or a comment of a PGM frame
    AF_Z_SPACING,      // OME-XML PhysicalSizeZ times the index
    AF_Z_IMAGEJ,       // ImageJ's spacing times the index
};

struct af_stack; // opaque

/* What is true of the whole stack; borrowed from it until close. */
struct af_stack_info {
    const char *name;    // path, or "-": for messages and the `file` column
    size_t nplanes;      // SIZE_MAX where a stream has not ended yet
    size_t w, h;         // px, of the first plane
    enum af_sample type; // of the first plane
    unsigned bits;       // significant
    size_t nc, nt, nz;   // as the file says; 1 where it says nothing
    double px_um, py_um; // pixel size in the sample; NaN: unknown
    double dz_um;        // nominal step; NaN: unknown
    enum af_z_source z_source;
    const char *date;   // acquisition, ISO 8601 "2026-11-21T10:00:00", or NULL
    const char *format; // "OME-TIFF", "ImageJ TIFF", "PGM", ...
    size_t missing;     // planes that the file promises and that are not there
    bool seekable;      // af_stack_read works
    bool colour;        // the first plane is one part of a colour image
};

/*
 * Open one stack. npaths is 1, or more with o->join. "-" is stdin: TIFF, PNG or BMP are read
 * into memory, PGM is read frame by frame as it comes. o may be NULL.
 *
 * Returns 0, or -1 with *st NULL: AF_ESYS (cannot open, memory), AF_EDATA (what
 * is wrong with the file, colour included, or above a limit), AF_EUSAGE (no such series or
 * channel).
 */
int af_stack_open(struct af_stack **st, const char *const *paths, size_t npaths,
                  const struct af_stack_opts *o, struct af_err *err);
void af_stack_close(struct af_stack *st); // accepts NULL

const struct af_stack_info *af_stack_info(const struct af_stack *st);
const char *af_stack_z_source(enum af_z_source s);

/* Plane i < nplanes, borrowed until close; NULL where a stream has not come so far. */
const struct af_plane *af_stack_plane(const struct af_stack *st, size_t i);

/*
 * The file that plane i lies in, and its index in the stack that this file is by itself: what a
 * table calls it, so that a reader of the table finds it again. Borrowed until close.
 */
const char *af_stack_plane_file(const struct af_stack *st, size_t i, size_t *plane);

/* Read plane i into img (resized as needed). -1 with AF_EDATA, AF_ESYS; AF_EUSAGE where the stack
 * is a stream. */
int af_stack_read(struct af_stack *st, size_t i, struct af_image *img, struct af_err *err);

/* Read the next plane, from the first on. 1: a plane, its index in *i; 0: no more; -1 as
 * af_stack_read. Works on streams too. */
int af_stack_next(struct af_stack *st, struct af_image *img, size_t *i, struct af_err *err);

/* The file's OME-XML as it stands, or NULL; borrowed until close. */
const char *af_stack_ome(const struct af_stack *st);

#endif
