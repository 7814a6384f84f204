/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures of a plate: the way over it, and a value for each well. */
#ifndef AF_CLI_PLATEPLOT_H
#define AF_CLI_PLATEPLOT_H
#include "base/err.h"
#include "plate/tour.h"

/*
 * Draw the way through the sites; with z_um the wells are coloured by it, those focused are ringed
 * and those tried in vain crossed out; up to 96 have their names. state: [n] by site, or NULL.
 * path: .png or .svg. Errors as af_plot_open and af_plot_commit.
 */
int af_plateplot_path(const char *path, const struct af_site *sites, size_t n,
                      const enum af_well_state *state, struct af_err *err);

#endif
