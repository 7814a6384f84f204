/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/zname.h"
#include "base/number.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER = 32 }; // characters of a number

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of the unit that s begins with, um in *um; 0 where there is none. */
static size_t leading_unit(const char *s, double *um)
{
    static const char *const unit[] = {"nm", "um", "\xc2\xb5m", "\xce\xbcm", "mm", "m"};
    size_t n;

    for (size_t i = 0; i < sizeof(unit) / sizeof(*unit); i++) {
        n = strlen(unit[i]);
        if (!strncmp(s, unit[i], n) && !is_letter(s[n]) && !is_digit(s[n])) {
            *um = af_unit_um(unit[i]);
            return n;
        }
    }
    return 0;
}

/*
 * What stands behind %f: {unit}, or a unit that is part of the name. Returns the length
 * of {unit}.
 */
static int read_unit(const char *pattern, const char *after, double *um, struct af_err *err)
{
    const char *end;
    char unit[16];
    size_t n;

    *um = 1;
    if (*after != '{') {
        if (*after && strchr("_- ", *after))
            after++;
        leading_unit(after, um);
        return 0;
    }
    end = strchr(after, '}');
    n = end ? (size_t)(end - after) - 1 : 0;
    if (n && n < sizeof(unit)) {
        memcpy(unit, after + 1, n);
        unit[n] = '\0';
        *um = af_unit_um(unit);
    }
    if (!n || n >= sizeof(unit) || !(*um > 0))
        return af_fail(err, AF_EUSAGE, "pattern '%s': {} needs a unit of length, such as {mm}",
                       pattern);
    return (int)n + 2;
}

/* The pattern is right, and its unit is *um. */
static int check_pattern(const char *pattern, double *um, struct af_err *err)
{
    int nnumbers = 0;

    for (const char *p = pattern; *p; p++) {
        if (*p == '/')
            return af_fail(err, AF_EUSAGE, "pattern '%s': is for names, without folder", pattern);
        if (*p != '%')
            continue;
        p++;
        if (*p == 'f' || *p == 'd') {
            int n = read_unit(pattern, p + 1, um, err);
            if (n < 0)
                return -1;
            p += n;
            nnumbers++;
        } else if (*p != '*' && *p != '%') {
            return af_fail(err, AF_EUSAGE, "pattern '%s': %%f, %%d, %%* or %%%% is needed after %%",
                           pattern);
        }
    }
    if (nnumbers != 1)
        return af_fail(err, AF_EUSAGE, "pattern '%s': needs one %%f or %%d, has %d", pattern,
                       nnumbers);
    return 0;
}

/* Length of the number at s, 0 if there is none. start: of the name, to look back from s. */
static size_t number_length(const char *start, const char *s, bool decimals)
{
    const char *p = s + (*s == '-' || *s == '+'), *digits = p;
    bool any;

    if (s > start && is_digit(s[-1]) && (is_digit(*s) || *s == '.'))
        return 0;
    if (s > start + 1 && s[-1] == '.' && is_digit(s[-2]) && is_digit(*s))
        return 0;
    while (is_digit(*p))
        p++;
    any = p > digits;
    if (decimals && *p == '.' && is_digit(p[1])) {
        for (p++; is_digit(*p); p++)
            any = true;
    }
    return any ? (size_t)(p - s) : 0;
}

static bool is_suffix(const char *s)
{
    return !*s || (s[0] == '.' && is_letter(s[1]));
}

/*
 * Match as for file names with one kind of star: when a later part fails, only the last
 * star need take one character more. *number: where it was found; its length is returned,
 * 0: no match.
 */
static size_t match(const char *pattern, const char *name, const char **number)
{
    const char *p = pattern, *s = name, *star_p = NULL, *star_s = NULL;
    size_t len = 0;

    for (;;) {
        size_t step = 0;
        if (!*p && is_suffix(s))
            return len;
        if (p[0] == '%' && p[1] == '*') {
            star_p = p += 2;
            star_s = s;
            continue;
        }
        if (p[0] == '%' && p[1] != '%') {
            if ((step = number_length(name, s, p[1] == 'f'))) {
                *number = s;
                len = step;
                p += 2;
                if (*p == '{')
                    p = strchr(p, '}') + 1;
            }
        } else if (*p && *s == *p) {
            step = 1;
            p += p[0] == '%' ? 2 : 1;
        }
        s += step;
        if (step)
            continue;
        if (!star_p || !*star_s)
            return 0;
        s = ++star_s;
        p = star_p;
    }
}

int af_zname_parse(const char *pattern, const char *path, double *z_um, struct af_err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *number = NULL;
    char text[MAX_NUMBER + 1];
    double um = 1;
    size_t n;

    if (check_pattern(pattern, &um, err))
        return -1;
    n = match(pattern, name, &number);
    if (!n)
        return af_fail(err, AF_EDATA, "%s: name does not meet the pattern '%s'", path, pattern);
    if (n > MAX_NUMBER)
        return af_fail(err, AF_EDATA, "%s: the number in the name is too long", path);
    memcpy(text, number, n);
    text[n] = '\0';
    *z_um = strtod(text, NULL) * um; // digits, sign and point only: strtod takes all of it
    return 0;
}
