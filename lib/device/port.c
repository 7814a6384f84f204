/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/port.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A signal that came between two looks is noticed after so long. */
#define SLICE_MS 20.0

int af_port_new(struct af_port **port, const struct af_port_ops *ops, void *ctx, const char *name,
                struct af_err *err)
{
    struct af_port *p = af_calloc(1, sizeof(*p), err);

    *port = NULL;
    if (!p || !(p->name = af_strdup(name, err))) {
        free(p);
        if (ops->close)
            ops->close(ctx);
        return -1;
    }
    p->ops = ops;
    p->ctx = ctx;
    *port = p;
    return 0;
}

void af_port_close(struct af_port *p)
{
    if (!p)
        return;
    if (p->ops->close)
        p->ops->close(p->ctx);
    free(p->name);
    free(p);
}

double af_port_now_s(struct af_port *p)
{
    return p->ops->now_s(p->ctx);
}

void af_port_sleep(struct af_port *p, double ms)
{
    p->ops->sleep(p->ctx, ms);
}

int af_port_send(struct af_port *p, const char *text, struct af_err *err)
{
    return p->ops->send(p->ctx, text, strlen(text), 1000, err);
}

static bool is_end(char c)
{
    return c == '\r' || c == '\n';
}

/* Take a line out of the buffer; false where none is whole. */
static bool take_line(struct af_port *p, char *line, size_t cap)
{
    size_t skip = 0, n;
    bool fits;

    while (skip < p->n && is_end(p->buf[skip]))
        skip++;
    for (n = skip; n < p->n && !is_end(p->buf[n]); n++)
        ;
    if (n == p->n) { // no end yet
        if (skip == 0 && p->n == sizeof(p->buf))
            p->n = 0; // endless noise
        memmove(p->buf, p->buf + skip, p->n - (p->n ? skip : 0));
        p->n -= p->n ? skip : 0;
        return false;
    }
    fits = n - skip < cap;
    for (size_t i = skip; i < n && fits; i++)
        line[i - skip] = p->buf[i] >= ' ' && p->buf[i] <= '~' ? p->buf[i] : '?';
    if (fits)
        line[n - skip] = '\0';
    while (n < p->n && is_end(p->buf[n]))
        n++;
    memmove(p->buf, p->buf + n, p->n - n);
    p->n -= n;
    return fits;
}

static bool is_stopped(const struct af_port *p)
{
    return p->stopped && p->stopped(p->stopped_ctx);
}

int af_port_line(struct af_port *p, char *line, size_t cap, double timeout_ms, struct af_err *err)
{
    double end_s = af_port_now_s(p) + timeout_ms / 1e3, left_ms;
    long n;

    while (!take_line(p, line, cap)) {
        left_ms = (end_s - af_port_now_s(p)) * 1e3;
        if (is_stopped(p))
            return af_fail(err, AF_ESYS, "%s: stopped", p->name), 0;
        if (!(left_ms > 0))
            return af_fail(err, AF_EDEVICE, "%s: no answer in %g ms", p->name, timeout_ms), 0;
        n = p->ops->receive(p->ctx, p->buf + p->n, sizeof(p->buf) - p->n,
                            left_ms < SLICE_MS ? left_ms : SLICE_MS, err);
        if (n < 0)
            return -1;
        p->n += (size_t)n;
    }
    return 1;
}

/* The LF of a CR LF may come late: it is no stray input. */
static bool holds_text(const char *p, size_t n)
{
    while (n && is_end(p[n - 1]))
        n--;
    return n > 0;
}

int af_port_discard(struct af_port *p, bool always, double quiet_ms, struct af_err *err)
{
    double end_s = af_port_now_s(p) + 1;
    bool any = holds_text(p->buf, p->n);
    long n = p->ops->receive(p->ctx, p->buf, sizeof(p->buf), 0, err);

    any = any || (n > 0 && holds_text(p->buf, (size_t)n));
    p->n = 0;
    while (n >= 0 && (always || any) && af_port_now_s(p) < end_s)
        if ((n = p->ops->receive(p->ctx, p->buf, sizeof(p->buf), quiet_ms, err)) == 0)
            break;
    return n < 0 ? -1 : any;
}
