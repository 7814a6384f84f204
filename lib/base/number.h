/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as people type them: whole, in range, with units. */
#ifndef AF_BASE_NUMBER_H
#define AF_BASE_NUMBER_H
#include "base/err.h"
#include <stdint.h>

/*
 * All parsers take the whole text or fail: AF_EUSAGE, "'12x' is not a number".
 * NaN, infinity, hexadecimal and blanks are refused. *out is untouched on failure.
 */
int af_parse_real(const char *s, double *out, struct af_err *err);
int af_parse_int(const char *s, int64_t *out, struct af_err *err);

/* A length: `50nm`, `0.3mm`, `2um`, `1e-4m`, `-7` (bare means micrometres). */
int af_parse_length_um(const char *s, double *um, struct af_err *err);

/* A time: `10ms`, `2s`, `5min`, `1h`, `250us` (bare means milliseconds). */
int af_parse_time_ms(const char *s, double *ms, struct af_err *err);

/*
 * Micrometres in one `unit`: km m dm cm mm um nm pm fm Angstrom in (inch) ft mil,
 * in the spellings of the command line and of OME-XML (U+00B5 and U+03BC
 * micro, U+00C5 Angstrom, in UTF-8). 0 where the unit is none of length,
 * as OME's "reference frame" and "pixel".
 */
double af_unit_um(const char *unit);

/* Milliseconds in one `unit` of time: h min s ms us (also with micro) ns ps; 0 if unknown. */
double af_unit_ms(const char *unit);

#endif
