/* SPDX-License-Identifier: BSD-2-Clause */
/* Position lists of Micro-Manager: what its stage position dialog saves and loads. */
#ifndef AF_PLATE_POSLIST_H
#define AF_PLATE_POSLIST_H
#include "plate/plate.h"
#include "plate/sites.h"
#include <jansson.h>

/* Is this a position list, of version 2 (a property map) or 1.4? */
bool af_poslist_is(const json_t *root);

/*
 * Positions into p: name is the label; x and y are those of the stage with two axes, z that of the
 * default z stage, or of the first stage with one axis where no default is named. Grid
 * coordinates become row and col where they tell the positions apart.
 * -1 with AF_EDATA ("LIST: position 3: no stage with two axes"), AF_ESYS.
 */
int af_poslist_read(struct af_plate *p, const json_t *root, const char *name, struct af_err *err);

/*
 * Write sites as a list of version 2, names as `A1` or, where wells have several fields, `A1-f2`.
 * xy_stage, z_stage: names of the devices in Micro-Manager. Where z is unknown no z stage is set.
 * -1 with AF_ESYS. Write errors stay in fp.
 */
int af_poslist_write(const struct af_site *sites, size_t n, const char *xy_stage,
                     const char *z_stage, FILE *fp, struct af_err *err);

#endif
