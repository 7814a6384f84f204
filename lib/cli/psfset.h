/* SPDX-License-Identifier: BSD-2-Clause */
/* What psf-eval has measured in all its files: what its pictures and its report are made of. */
#ifndef AF_CLI_PSFSET_H
#define AF_CLI_PSFSET_H
#include "plate/plate.h"
#include "psf/field.h"
#include "psf/pair.h"
#include "psf/psfrun.h"

struct af_optics {
    double na, wavelength_um, index; // NaN: not given
    double bead_um;
};

struct af_psffile {
    const char *name;        // borrowed
    char well[AF_WELL_NAME]; // empty: its name has none
    struct af_psfrun run;
    struct af_field field;
    struct af_psf_shift *shift; // [run.nbeads] or NULL
};

/* All-zero is the empty state. */
struct af_psfset {
    struct af_psffile *file;
    size_t n;
};

void af_psffile_release(struct af_psffile *f);
void af_psfset_release(struct af_psfset *s);

/*
 * The well that a file's name tells: the first piece between signs that is a letter A to P, or AA
 * to AF, and a number up to 48, as in run3_B07_beads.ome.tif; else empty.
 */
void af_well_of_file(const char *path, char well[AF_WELL_NAME]);

#endif
