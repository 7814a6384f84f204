/* SPDX-License-Identifier: BSD-2-Clause */
/* Write a stack as OME-TIFF, plane by plane. */
#ifndef AF_IMAGE_STACKWRITE_H
#define AF_IMAGE_STACKWRITE_H
#include "image/stack.h"

/* Own key-value pairs, kept in a MapAnnotation. */
struct af_keyvalue {
    const char *key, *value;
};

/*
 * What is written besides pixels. NULL and NaN: not known, not written; begin with
 * AF_STACK_META_UNKNOWN. All strings are borrowed until commit or discard.
 */
struct af_stack_meta {
    size_t nplanes; // planned; 0: unknown. Decides classic or BigTIFF and the provisional OME-XML
    double px_um, py_um; // pixel size in the sample
    double dz_um;        // nominal step, sign ignored
    const char *date; // acquisition, "2026-11-21T10:00:00" (base/date.h); not written if it is none
    const char *image_name, *stage_label, *channel_name;
    const char *const *channels; // [nchannels] names: planes come channel by channel, then z by z
    size_t nchannels;            // 0: one, called channel_name
    const char *objective;       // model
    double magnification, na;
    const char *immersion; // "Oil", "Air", ... as OME-XML spells it
    const char *detector;  // camera model
    const char *laser;     // model; with wavelength_nm
    double wavelength_nm;
    double temperature_c;
    bool bigtiff; // even where the estimate fits in 3.9 GB
    const struct af_keyvalue *keys;
    size_t nkeys;
};
#define AF_STACK_META_UNKNOWN                                                                      \
    ((struct af_stack_meta){.px_um = NAN,                                                          \
                            .py_um = NAN,                                                          \
                            .dz_um = NAN,                                                          \
                            .magnification = NAN,                                                  \
                            .na = NAN,                                                             \
                            .wavelength_nm = NAN,                                                  \
                            .temperature_c = NAN})

struct af_stack_writer; // opaque

/*
 * Begin `path`. Planes are appended to `path.part`, which is a readable
 * stack after each plane: a process that is killed leaves the old `path` and a
 * readable `path.part`. "-" is stdout: the whole stack is held in memory and written at the end.
 * -1 with AF_ESYS;
 * AF_EBUSY where another process is writing path.part. What a killed process
 * left there is begun anew.
 */
int af_stack_writer_open(struct af_stack_writer **w, const char *path,
                         const struct af_stack_meta *meta, struct af_err *err);

/*
 * Would a writer of `out` begin anew what lies at `path`, the out.part that a killed one has left?
 * Who reads a stack to write another asks this first. 1 or 0; -1 with AF_ESYS (memory).
 */
int af_stack_writer_takes(const char *out, const char *path, struct af_err *err);

/* Append a plane; all have the size, type and bits of the first. -1 with AF_ESYS (disk full),
 * AF_EDATA (size differs). */
int af_stack_writer_add(struct af_stack_writer *w, const struct af_image *img,
                        const struct af_plane *p, struct af_err *err);

/* Key-value pairs known only at the end, in place of meta's; borrowed until commit or discard. */
void af_stack_writer_set_keys(struct af_stack_writer *w, const struct af_keyvalue *keys, size_t n);

/* Put the final OME-XML in, fsync, rename path.part to path. w is freed in any case; on failure the
 * old path stands. */
int af_stack_writer_commit(struct af_stack_writer *w, struct af_err *err);

/* Give up: path.part is removed (keep: left as it is, readable). Accepts NULL. */
void af_stack_writer_discard(struct af_stack_writer *w, bool keep);

#endif
