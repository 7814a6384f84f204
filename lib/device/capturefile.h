/* SPDX-License-Identifier: BSD-2-Clause */
/* Shots into an OME-TIFF stack, with what is known of camera and stage beside them. */
#ifndef AF_DEVICE_CAPTUREFILE_H
#define AF_DEVICE_CAPTUREFILE_H
#include "device/capture.h"
#include "image/stackwrite.h"

struct af_capture_file; // opaque

struct af_capture_notes {
    size_t nplanes;   // planned; 0: not known
    double pixel_um;  // in the sample; NaN: not known
    double dz_um;     // nominal step; 0: planes are no steps; NaN: what z says
    const char *dark; // file of the dark frame, or NULL; borrowed until commit
};

/*
 * Begin `path` ("-": stdout), as af_stack_writer_open(). Besides pixels and positions the file gets
 * pairs of key and value: camera, stage, z_before_um and z_after_um (a number for each plane),
 * frames_lost, frames_averaged, dark_frame, and whatever af_capture_file_note() adds.
 */
int af_capture_file_open(struct af_capture_file **f, const char *path, const struct af_rig *rig,
                         const struct af_capture_notes *notes, struct af_err *err);
int af_capture_file_add(struct af_capture_file *f, const struct af_shot *shot, struct af_err *err);

/* One more pair; key is borrowed until commit, value copied. */
int af_capture_file_note(struct af_capture_file *f, const char *key, const char *value,
                         struct af_err *err);

/* As af_stack_writer_commit(): f is freed in any case. */
int af_capture_file_commit(struct af_capture_file *f, struct af_err *err);
void af_capture_file_discard(struct af_capture_file *f); // accepts NULL

#endif
