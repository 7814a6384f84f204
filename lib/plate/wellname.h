/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of wells: A1 is row 0, column 0; rows go on after Z with AA. */
#ifndef AF_PLATE_WELLNAME_H
#define AF_PLATE_WELLNAME_H
#include "base/err.h"
#include "plate/plate.h"

enum { AF_WELL_ROWS = 702, AF_WELL_COLS = 9999 }; // A .. ZZ

/* "H12" or "h012". Returns 0, or -1 where it is no such name. */
int af_wellname_parse(const char *name, int *row, int *col);

/* The name of row < AF_WELL_ROWS, col < AF_WELL_COLS. */
void af_wellname_format(int row, int col, char name[AF_WELL_NAME]);

/*
 * Which wells "A1:D6,H12" means: chosen[i] for well i. A range is the rectangle between its
 * corners, whatever their order, less what the plate does not have. Names that are not
 * letter and number are taken whole.
 * -1 with AF_EUSAGE: a well that the plate has not, a range without one, an empty piece.
 */
int af_wells_choose(const struct af_plate *p, const char *text, bool *chosen, struct af_err *err);

#endif
