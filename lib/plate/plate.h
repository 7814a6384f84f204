/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the wells of a plate are. */
#ifndef AF_PLATE_PLATE_H
#define AF_PLATE_PLATE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { AF_WELL_NAME = 64 }; // bytes, with the NUL

/*
 * Micrometres. Of a plate: from the A1 corner of its foot, x to the right, y towards the last row.
 * Of a list of positions: as the stage counts.
 */
struct af_well {
    char name[AF_WELL_NAME];
    int row, col;      // from 0; -1: it has none
    double x_um, y_um; // its centre
    double z_um;       // NaN: unknown
};

/* All-zero is the empty state. Wells are in reading order: row after row, or as listed. */
struct af_plate {
    struct af_well *well;
    size_t n, room;
    double well_w_um, well_h_um; // clear width of the smallest well; NaN: unknown
    bool listed;                 // stage positions, which no plate stands behind
};

/*
 * A plate of 6, 12, 24, 48, 96, 384 or 1536 wells.
 *
 * Source: 96, 384 and 1536 by ANSI/SLAS 4-2004, on the foot of ANSI/SLAS 1-2004, 127.76 x 85.48 mm:
 * the wells lie symmetric on it. No standard places fewer wells: 6, 12, 24, 48 are Corning's 3516,
 * 3513, 3524, 3548 after their drawings, on which most makers agree to 0.2 mm.
 * -1 with AF_EUSAGE (another number), AF_ESYS.
 */
int af_plate_standard(struct af_plate *p, int nwells, struct af_err *err);

/* rows x cols wells; -1 with AF_EUSAGE (none, or more than 702 rows or 10^5 wells), AF_ESYS. */
int af_plate_grid(struct af_plate *p, int rows, int cols, double a1_x_um, double a1_y_um,
                  double pitch_x_um, double pitch_y_um, struct af_err *err);

/*
 * Read a plate from fp; what it is tells its beginning:
 *
 *   labware definition of Opentrons, schema 2 or 3 (JSON): every well, y turned to point down
 *   position list of Micro-Manager 2 or 1.4 (JSON): listed
 *   table of ours: columns well, x_um, y_um, and z_um, row, col where there are
 *   comma-separated list of plate formats, as Squid's sample_formats.csv, of which `format` is one
 *
 * name: for messages. format: NULL where none was given.
 * -1 with AF_EDATA: none of these, no well, repeated names, positions that are no numbers;
 * AF_EUSAGE: no such format; AF_ESYS.
 */
int af_plate_read(struct af_plate *p, FILE *fp, const char *name, const char *format,
                  struct af_err *err);
void af_plate_release(struct af_plate *p);

/* Append a well. -1 with AF_ESYS; AF_EDATA: the name is empty or too long, x or y not
 * finite or beyond 1 km. */
int af_plate_add(struct af_plate *p, const struct af_well *w, const char *name, struct af_err *err);

/*
 * In reading order and without two of a name, as the readers leave it. -1 with AF_EDATA, AF_ESYS.
 */
int af_plate_finish(struct af_plate *p, const char *name, struct af_err *err);

/* Index of the well of that name ("a01" is A1), or n. */
size_t af_plate_find(const struct af_plate *p, const char *name);

/* Distance of neighbours along a row, or of rows where there is one column; NaN: one well. */
double af_plate_pitch_um(const struct af_plate *p);

#endif
