/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 79, BAR = 20 };

static const double REDRAW_S = 0.1, LOG_S = 30;

double af_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void af_progress_begin(struct af_progress *p, FILE *fp, const char *prog, const char *unit,
                       size_t total)
{
    const char *term = getenv("TERM");

    *p = (struct af_progress){.fp = fp, .prog = prog, .unit = unit, .total = total};
    if (!fp)
        return;
    p->terminal = isatty(fileno(fp)) && term && strcmp(term, "dumb");
    if (total == 1 && !p->terminal)
        p->fp = NULL;
    p->start_s = af_now_s();
    p->drawn_s = p->terminal ? p->start_s - REDRAW_S : p->start_s;
}

/* Append to a line of the terminal; a full one stays as it is. Names may hold anything. */
static size_t append(char *line, size_t n, const char *s)
{
    for (; *s && n < COLUMNS; s++)
        line[n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
    line[n] = '\0';
    return n;
}

/* "0:42" or "2:03:05" */
static void format_left(char *s, size_t cap, double seconds)
{
    unsigned long t = (unsigned long)(seconds + 0.5);

    if (t >= 3600)
        snprintf(s, cap, "%lu:%02lu:%02lu left", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(s, cap, "%lu:%02lu left", t / 60, t % 60);
}

static void draw(const struct af_progress *p, double now, const char *item)
{
    double elapsed_s = now - p->start_s, rate = elapsed_s > 0 ? (double)p->done / elapsed_s : 0;
    char line[COLUMNS + 1], part[64];
    size_t n = append(line, 0, p->prog);

    if (p->total) {
        size_t full = (size_t)((double)BAR * (double)p->done / (double)p->total);

        n = append(line, n, " [");
        for (size_t i = 0; i < BAR; i++)
            n = append(line, n, i < full ? "#" : ".");
        snprintf(part, sizeof(part), "] %zu/%zu", p->done, p->total);
    } else {
        snprintf(part, sizeof(part), " %zu", p->done);
    }
    n = append(line, n, part);
    if (rate > 0) {
        snprintf(part, sizeof(part), "  %.3g %s/s  ", rate, p->unit);
        n = append(line, n, part);
    }
    if (rate > 0 && p->total > p->done && (double)(p->total - p->done) / rate < 1e7) {
        format_left(part, sizeof(part), (double)(p->total - p->done) / rate);
        n = append(line, n, part);
    }
    if (item) {
        n = append(line, n, "  ");
        append(line, n, item);
    }
    fprintf(p->fp, "\r%s\033[K", line);
    fflush(p->fp);
}

static void log_line(const struct af_progress *p, const char *item)
{
    fprintf(p->fp, "%s: %zu", p->prog, p->done);
    if (p->total)
        fprintf(p->fp, "/%zu", p->total);
    putc(' ', p->fp);
    for (const char *s = item ? item : p->unit; *s; s++)
        putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, p->fp);
    putc('\n', p->fp);
    fflush(p->fp);
}

void af_progress_step(struct af_progress *p, size_t done, const char *item)
{
    double now;

    p->done = done;
    if (!p->fp)
        return;
    now = af_now_s();
    if (p->terminal && now - p->drawn_s >= REDRAW_S)
        draw(p, now, item);
    else if (!p->terminal && (item || now - p->drawn_s >= LOG_S))
        log_line(p, item);
    else
        return;
    p->drawn_s = now;
}

void af_progress_wipe(struct af_progress *p)
{
    if (!p->fp || !p->terminal)
        return;
    fputs("\r\033[K", p->fp);
    fflush(p->fp);
    p->drawn_s = 0;
}

void af_progress_end(struct af_progress *p)
{
    double elapsed_s = af_now_s() - p->start_s;

    if (p->fp && !p->terminal && p->done > 0 && elapsed_s > 0)
        fprintf(p->fp, "%s: %zu %s in %.3g s, %.3g %s/s\n", p->prog, p->done, p->unit, elapsed_s,
                (double)p->done / elapsed_s, p->unit);
    af_progress_wipe(p);
    p->fp = NULL;
}
