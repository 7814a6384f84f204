/* SPDX-License-Identifier: BSD-2-Clause */
/* z from the name of a file: `k-300mm.png` by the pattern `k-%fmm`. */
#ifndef AF_IMAGE_ZNAME_H
#define AF_IMAGE_ZNAME_H
#include "base/err.h"

/*
 * Read z out of the name of `path`, its folder left off.
 *
 *   %f       a number, sign and decimals allowed: -1.5, 300, +.25
 *   %d       a whole number, sign allowed
 *   {unit}   directly after %f or %d: the unit, which does not stand in the name: `z%f{mm}`
 *   %*       any text, also none, as short as it can be
 *   %%       a percent sign
 *   others   themselves
 *
 * Without {unit}, one of nm um mm m (micro sign allowed) that follows the number in the pattern is
 * its unit, directly or after one of `_- `, when no letter or digit follows it: `k-%fmm`,
 * `pos_%d_um`. Where there is neither, z is in micrometres. There is one number in a pattern.
 *
 * The pattern meets the whole name, or the name up to its suffix, which begins with a dot and
 * a letter: `z%f` reads -1.5 from z-1.5.bmp and from z-1.5.ome.tif, and `z%d` reads
 * neither. A number is as long as it can be and does not begin inside another one: a `-` before
 * digits is its sign, unless the pattern itself has the hyphen, as `k-%f`.
 *
 * Returns 0, or -1 with AF_EUSAGE (the pattern is wrong) or AF_EDATA (the name does not meet it);
 * *z_um is untouched then.
 */
int af_zname_parse(const char *pattern, const char *path, double *z_um, struct af_err *err);

#endif
