/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stack and its heights become: a sharp image, sources, masked slices, a surface; as files.
 */
#ifndef AF_MAPS_FUSERUN_H
#define AF_MAPS_FUSERUN_H
#include "image/stack.h"
#include "maps/heightrun.h"

struct af_fuserun {
    const char *image;        // OME-TIFF, or PNG of 8 bits by its name; these may be NULL
    const char *source;       // the slice that each pixel comes from
    const char *masked;       // the slices, 0 where out of focus
    const char *surface;      // .ply, or .stl
    double most_err;          // slices, of a height that is valid
    double tolerance;         // slices, of `masked`: farthest from focus
    bool nearest;             // not mixed from the two slices around
    const char *const *paths; // [npaths] those of the stack, opened again for its colours
    size_t npaths;
    const struct af_stack_opts *so;
    int (*stopped)(void); // nonzero: AF_ESYS "interrupted"; NULL: never
};

/*
 * Read the slices of st, which is no stream, once, and once more for each colour, and write what
 * `run` names. A colour stack makes a colour image and gray ones of its luminance.
 *
 * h:    heights and nslices
 * z_um: [nslices]; NULL where it is not known: the surface is in slices then. A pixel without
 *       known size is 1 um wide in it
 *
 * -1 with AF_EDATA (slices of another size, no face in the surface), AF_EUSAGE (floats as PNG),
 * AF_ESYS; what was written before stays.
 */
int af_fuserun(const struct af_fuserun *run, struct af_stack *st, const struct af_heightrun *h,
               const double *z_um, struct af_err *err);

#endif
