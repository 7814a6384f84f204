/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of psf-eval: one page for people, or one object for programs. */
#ifndef AF_CLI_PSFREPORT_H
#define AF_CLI_PSFREPORT_H
#include "base/err.h"
#include "cli/psfset.h"

/*
 * path: .html, a page that needs nothing else: optics, widths against theory, focus over the field,
 * a row for each file; or .json, the same numbers and every bead. -1 with AF_EUSAGE (another name),
 * AF_ESYS.
 */
int af_psfreport_write(const char *path, const struct af_psfset *s, const struct af_optics *o,
                       struct af_err *err);

#endif
