/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double value;
};

/* Micro is u, U+00B5, U+03BC, the Latin-1 byte, or ImageJ's escape; so is the Angstrom sign. */
static const struct unit length_um[] = {
    {"um", 1},         {"nm", 1e-3},      {"mm", 1e3},     {"m", 1e6},
    {"\xc2\xb5m", 1},  {"\xce\xbcm", 1},  {"\xb5m", 1},    {"\\u00B5m", 1},
    {"micron", 1},     {"microns", 1},    {"cm", 1e4},     {"dm", 1e5},
    {"km", 1e9},       {"pm", 1e-6},      {"fm", 1e-9},    {"Angstrom", 1e-4},
    {"\xc3\x85", 1e-4}, {"\xe2\x84\xab", 1e-4}, {"\xc5", 1e-4}, {"in", 25400},
    {"inch", 25400},   {"ft", 304800},    {"mil", 25.4},   {"thou", 25.4},
    {NULL, 0},
};

static const struct unit time_ms[] = {
    {"ms", 1},           {"s", 1e3},          {"min", 6e4},      {"h", 3.6e6},
    {"us", 1e-3},        {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3}, {"\xb5s", 1e-3},
    {"\\u00B5s", 1e-3},  {"ns", 1e-6},        {"ps", 1e-9},      {"sec", 1e3},
    {NULL, 0},
};

static double find_unit(const struct unit *u, const char *name)
{
    for (; u->name; u++)
        if (!strcmp(u->name, name))
            return u->value;
    return 0;
}

double af_unit_um(const char *unit)
{
    return find_unit(length_um, unit);
}

double af_unit_ms(const char *unit)
{
    return find_unit(time_ms, unit);
}

/*
 * Length of the decimal number that s begins with, 0 if there is none. strtod
 * alone would take blanks, "nan", "infinity" and hexadecimal.
 */
static size_t decimal_length(const char *s)
{
    static const char digits[] = "0123456789";
    size_t n = *s == '+' || *s == '-', ndigits = strspn(s + n, digits), e;

    n += ndigits;
    if (s[n] == '.') {
        size_t fraction = strspn(s + n + 1, digits);

        ndigits += fraction;
        n += 1 + fraction;
    }
    if (!ndigits)
        return 0;
    if (s[n] == 'e' || s[n] == 'E') {
        e = n + 1 + (s[n + 1] == '+' || s[n + 1] == '-');
        if (strspn(s + e, digits))
            n = e + strspn(s + e, digits);
    }
    return n;
}

/* A number and, where `units` is given, one of them or nothing. */
static int parse(const char *s, const struct unit *units, const char *what, double *out,
                 struct af_err *err)
{
    size_t n = decimal_length(s);
    double scale = 1, v;

    if (n && units && s[n])
        scale = find_unit(units, s + n);
    if (!n || !scale || (!units && s[n]))
        return af_fail(err, AF_EUSAGE, "'%.80s' is not a %s", s, what);
    v = strtod(s, NULL) * scale;
    if (!isfinite(v))
        return af_fail(err, AF_EUSAGE, "'%.80s' is too large", s);
    *out = v;
    return 0;
}

int af_parse_real(const char *s, double *out, struct af_err *err)
{
    return parse(s, NULL, "number", out, err);
}

int af_parse_length_um(const char *s, double *um, struct af_err *err)
{
    return parse(s, length_um, "length (as 50nm, 2um, 0.3mm)", um, err);
}

int af_parse_time_ms(const char *s, double *ms, struct af_err *err)
{
    return parse(s, time_ms, "time (as 10ms, 2s, 5min)", ms, err);
}

int af_parse_int(const char *s, int64_t *out, struct af_err *err)
{
    size_t sign = *s == '+' || *s == '-', n = strspn(s + sign, "0123456789");
    intmax_t v;

    if (!n || s[sign + n])
        return af_fail(err, AF_EUSAGE, "'%.80s' is not a whole number", s);
    errno = 0;
    v = strtoimax(s, NULL, 10);
    if (errno || v < INT64_MIN || v > INT64_MAX)
        return af_fail(err, AF_EUSAGE, "'%.80s' is too large", s);
    *out = v;
    return 0;
}
