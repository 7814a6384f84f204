/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/driver.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct af_driver *const drivers[] = {
    &af_driver_sim, &af_driver_tango, &af_driver_asi,   &af_driver_prior,
    &af_driver_pi,  &af_driver_zaber, &af_driver_gcode,
};

const struct af_driver *af_driver_find(const char *scheme)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
        if (strcmp(drivers[i]->scheme, scheme) == 0)
            return drivers[i];
    return NULL;
}

const char *af_driver_schemes(void)
{
    return "sim: tango: asi: prior: pi: zaber: gcode:";
}

int af_drive_ask(struct af_drive *d, const char *request, char *line, size_t cap,
                 struct af_err *err)
{
    int got = af_port_discard(d->port, false, 10, err);

    if (got < 0 || af_port_send(d->port, request, err))
        return -1;
    got = af_port_line(d->port, line, cap, d->reply_ms, err);
    return got > 0 ? 0 : got < 0 ? -1 : AF_AGAIN;
}

/* Is one of "Version|v" in the line? */
static bool has_word(const char *line, const char *words)
{
    char word[40];
    size_t n;

    for (; *words; words += n + (words[n] == '|')) {
        n = strcspn(words, "|");
        snprintf(word, sizeof(word), "%.*s", (int)n, words);
        if (strstr(line, word))
            return true;
    }
    return false;
}

int af_drive_resync(struct af_drive *d, const char *wake, const char *request, const char *words,
                    char *line, size_t cap, struct af_err *err)
{
    char heard[81] = "";
    double end_s;
    int got;

    if (*wake && af_port_send(d->port, wake, err))
        return -1;
    if (af_port_discard(d->port, true, 50, err) < 0 || af_port_send(d->port, request, err))
        return -1;
    end_s = af_port_now_s(d->port) + 2;
    while ((got = af_port_line(d->port, line, cap, 4 * d->reply_ms, err)) > 0 &&
           !has_word(line, words) && af_port_now_s(d->port) < end_s)
        snprintf(heard, sizeof(heard), "%.80s", line);
    if (got < 0)
        return -1;
    if (got == 0) // silence, or a stranger who says something else
        return *heard ? af_drive_garbled(d, heard, err) : AF_AGAIN;
    if (!has_word(line, words))
        return af_drive_garbled(d, line, err);
    return af_port_discard(d->port, false, 50, err) < 0 ? -1 : 0;
}

int af_drive_garbled(const struct af_drive *d, const char *line, struct af_err *err)
{
    af_fail(err, AF_EDEVICE, "%s: cannot understand '%.80s'", d->uri->text, line);
    return AF_AGAIN;
}

static void complain(const struct af_drive *d, struct af_err *err, const char *fmt, va_list ap)
{
    char text[300];

    vsnprintf(text, sizeof(text), fmt, ap);
    af_fail(err, AF_EDEVICE, "%s: %s", d->uri->text, text);
}

int af_drive_refused(const struct af_drive *d, struct af_err *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(d, err, fmt, ap);
    va_end(ap);
    return -1;
}

int af_drive_fault(const struct af_drive *d, struct af_err *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(d, err, fmt, ap);
    va_end(ap);
    return AF_FAULT;
}

/* Length of "-12.5" at s, 0 where there is none. */
static size_t decimal(const char *s, bool fraction)
{
    static const char digits[] = "0123456789";
    size_t sign = *s == '-' || *s == '+', n = strspn(s + sign, digits), more = 0;

    if (fraction && s[sign + n] == '.')
        more = 1 + strspn(s + sign + n + 1, digits);
    return n + more == 0 || more == 1 ? 0 : sign + n + more; // "12." may be half a number
}

static bool ends_blank(const char *s)
{
    return s[strspn(s, " ")] == '\0';
}

bool af_drive_number(const char *s, double *v)
{
    size_t n;

    s += strspn(s, " ");
    n = decimal(s, true);
    if (!n || n > 24 || !ends_blank(s + n))
        return false;
    *v = strtod(s, NULL);
    return true;
}

bool af_drive_leading(const char *s, double *v, const char **end)
{
    size_t n;

    s += strspn(s, " ");
    n = decimal(s, true);
    if (!n || n > 24)
        return false;
    *v = strtod(s, NULL);
    *end = s + n;
    return **end != 'e' && **end != 'E' && **end != 'x' && **end != '.';
}

bool af_drive_integer(const char *s, long *v)
{
    size_t n;

    s += strspn(s, " ");
    n = decimal(s, false);
    if (!n || n > 12 || !ends_blank(s + n))
        return false;
    *v = strtol(s, NULL, 10);
    return true;
}
