/* SPDX-License-Identifier: BSD-2-Clause */
/* What fitting and judging share; for lib/focus/trust*.c alone. */
#ifndef AF_FOCUS_TRUSTPARTS_H
#define AF_FOCUS_TRUSTPARTS_H
#include "focus/trust.h"

/* The signature of a frame. */
void af_trust_sign(const struct af_trust_frame *f, size_t nfeature, double s[AF_TRUST_DIMS]);

/* The small picture of an input, sums of 8x8 px. */
void af_trust_cells(const float *input, double cell[AF_TRUST_CELLS]);

/* Of such a picture, its mean taken off or not, to the usual one at y; infinite where flat. */
double af_trust_likeness(const struct af_trust *t, double y, const double cell[AF_TRUST_CELLS]);

/* Knots below and above y (the same beyond the ends), and the share of the upper one. */
double af_trust_between(const struct af_trust *t, double y, size_t *lower, size_t *upper);

/* Of signature s from the usual one at y. */
double af_trust_distance(const struct af_trust *t, double y, const double s[AF_TRUST_DIMS]);

#endif
