/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates as ISO 8601 writes them. */
#ifndef AF_BASE_DATE_H
#define AF_BASE_DATE_H
#include <stdbool.h>

/* Does s begin with a day of the calendar: 2026-11-21? */
bool af_begins_with_day(const char *s);

/*
 * Is s a day and a time, as 2026-11-21T10:00:00, 2026-11-21T10:00:00.25Z or
 * 2026-11-21T10:00:00+01:00, and nothing else? Source: dateTime of XML Schema part 2, without its
 * years of more digits and its hour 24.
 */
bool af_is_date_time(const char *s);

#endif
