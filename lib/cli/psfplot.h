/* SPDX-License-Identifier: BSD-2-Clause */
/* Plots of measured beads, .png or .svg, by gnuplot. Errors as af_plot_open and af_plot_commit. */
#ifndef AF_CLI_PSFPLOT_H
#define AF_CLI_PSFPLOT_H
#include "base/err.h"
#include "cli/psfset.h"

/*
 * Mean z of each well, less the mean of all: as Figure S4 of Lightley et al. Wells without a bead
 * are rings, those of plates up to 96 have their number. depth_um: depth of field, which the
 * colours span at least; NaN: not known. AF_EDATA: no well is known.
 */
int af_psfplot_plate(const char *path, const struct af_psfset *s, double depth_um,
                     struct af_err *err);

/*
 * How z of the files, or of one file's beads, is spread about its mean: as their Figure S5; the
 * depth of field is a band.
 */
int af_psfplot_histogram(const char *path, const struct af_psfset *s, double depth_um,
                         struct af_err *err);

/* z, lateral and axial width of every bead over the field, all files. */
int af_psfplot_field(const char *path, const struct af_psfset *s, struct af_err *err);

#endif
