/* SPDX-License-Identifier: BSD-2-Clause */
/* All beads of a stack. */
#ifndef AF_PSF_PSFRUN_H
#define AF_PSF_PSFRUN_H
#include "image/stack.h"
#include "psf/measure.h"

struct af_psfrun_opts {
    struct af_stack_opts stack;
    struct af_psf_opts psf; // fwhm_um, fwhm_z_um NaN: 4 px, 3 planes; saturated is found
    double pixel_um;        // NaN: the file's
    unsigned nthreads;      // 0: one per processor
    bool from_middle;       // z counts from the middle of the stack
    bool keep_pictures;     // of each bead, for a montage
};

/* In expected widths: half a side of the box around a bead, and what must be free around it. */
#define AF_PSF_BOX 6.0
#define AF_PSF_APART 4.0     // to the next bead
#define AF_PSF_EDGE 2.0      // to the edge of the picture
#define AF_PSF_NEIGHBOUR 0.2 // share of its contrast that a next bead has

#define AF_PSF_WIDEST_PX                                                                           \
    80.0 // of an expected width: more is a slip of a unit, and boxes as the stack

struct af_psf_picture { // of one bead, in its brightest plane and in the cut through its centre
    size_t w, h, n;
    float *xy, *xz; // [h][w], [n][w]
};

/* All-zero is the empty state. */
struct af_psfrun {
    size_t w, h, nplanes;
    double px_um, py_um;
    double *z_um;        // [nplanes]
    struct af_psf *bead; // [nbeads], brightest first
    size_t nbeads;
    struct af_psf_picture *picture; // [nbeads] or NULL
};

/*
 * Two passes over the file: the first finds, the second cuts out and fits; what can be read only
 * once is held in memory. A bead's place is that of its pixel from the centre of the first one.
 *
 * -1 with AF_EDATA: fewer than 5 planes, z or pixel size not known, two planes at one z, values
 * that are no numbers; AF_ESYS. Release in any case.
 */
int af_psfrun(struct af_psfrun *r, const char *const *paths, size_t npaths,
              const struct af_psfrun_opts *o, struct af_err *err);
void af_psfrun_release(struct af_psfrun *r);

#endif
