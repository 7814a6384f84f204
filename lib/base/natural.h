/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of files: their natural order, k-9mm before k-10mm, and how they end. */
#ifndef AF_BASE_NATURAL_H
#define AF_BASE_NATURAL_H
#include <stdbool.h>
#include <stddef.h>

/*
 * Compare as strcmp does, but runs of digits by value; equal values by fewer
 * leading zeros first, so that the order is total. Signs are not read: a minus may be a hyphen.
 */
int af_natural_compare(const char *a, const char *b);

/* Sort n names in place. */
void af_natural_sort(const char **names, size_t n);

/* Does a name end in `suffix`, behind something else? ".png" alone has no suffix. */
bool af_name_ends_in(const char *name, const char *suffix);

#endif
