/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures of single beads. */
#ifndef AF_CLI_PSFPICTURE_H
#define AF_CLI_PSFPICTURE_H
#include "base/err.h"
#include "cli/psfset.h"

/*
 * Every bead, at most AF_PSF_MONTAGE of them, brightest first: from above in its brightest plane,
 * below it the cut along z, in proportion, each from its least to its largest count; number, and
 * what is wrong with it. PNG. -1 with AF_EDATA (no bead), AF_EUSAGE (no .png), AF_ESYS.
 */
enum { AF_PSF_MONTAGE = 120 };
int af_psfpicture_montage(const char *path, const struct af_psfset *s, struct af_err *err);

#endif
