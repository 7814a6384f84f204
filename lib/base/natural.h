/* SPDX-License-Identifier: BSD-2-Clause */
/* Natural order of names: k-9mm before k-10mm. */
#ifndef AF_BASE_NATURAL_H
#define AF_BASE_NATURAL_H
#include <stddef.h>

/*
 * Compare as strcmp does, but runs of digits by value; equal values by fewer
 * leading zeros first, so that the order is total. Signs are not read: a minus may be a hyphen.
 */
int af_natural_compare(const char *a, const char *b);

/* Sort n names in place. */
void af_natural_sort(const char **names, size_t n);

#endif
