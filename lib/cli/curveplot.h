/* SPDX-License-Identifier: BSD-2-Clause */
/* Picture of focus curves: each measure over z, scaled by itself. */
#ifndef AF_CLI_CURVEPLOT_H
#define AF_CLI_CURVEPLOT_H
#include "maps/curve.h"

/*
 * Draw the measures in `measures` (1 << enum af_sharp) into `path`, .png or .svg; z, or the slice
 * where it is not known. -1 with AF_EUSAGE, AF_ESYS (cli/plot.h).
 */
int af_curveplot_write(const char *path, const struct af_curve *c, unsigned measures,
                       struct af_err *err);

#endif
