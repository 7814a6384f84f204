/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/date.h"

#include <string.h>

/* Does s begin as the form does, 'd' for a digit? */
static bool has_form(const char *s, const char *form)
{
    for (; *form; s++, form++)
        if (*form == 'd' ? *s < '0' || *s > '9' : *s != *form)
            return false;
    return true;
}

static int two_digits(const char *s)
{
    return 10 * (s[0] - '0') + s[1] - '0';
}

bool af_begins_with_day(const char *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;

    if (!has_form(s, "dddd-dd-dd"))
        return false;
    year = 100 * two_digits(s) + two_digits(s + 2);
    month = two_digits(s + 5);
    day = two_digits(s + 8);
    if (!year || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] ||
           (month == 2 && day == 29 && year % 4 == 0 && (year % 100 || year % 400 == 0));
}

static bool is_zone(const char *s)
{
    if (!*s || !strcmp(s, "Z"))
        return true;
    return (*s == '+' || *s == '-') && has_form(s + 1, "dd:dd") && !s[6] &&
           (two_digits(s + 1) <= 13 ? two_digits(s + 4) <= 59 : !strcmp(s + 1, "14:00"));
}

bool af_is_date_time(const char *s)
{
    if (!af_begins_with_day(s) || !has_form(s + 10, "Tdd:dd:dd") || two_digits(s + 11) > 23 ||
        two_digits(s + 14) > 59 || two_digits(s + 17) > 59)
        return false;
    s += 19;
    if (has_form(s, ".d"))
        s += 1 + strspn(s + 1, "0123456789");
    return is_zone(s);
}
