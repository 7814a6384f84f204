/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/table.h"
#include "base/memory.h"
#include "base/number.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20, COLUMNS_MAX = 4096 };

/* ---- writing ---- */

/* Everything goes through here, so that tabs and cells keep in step. */
static void put(struct af_table_out *t, const char *s)
{
    assert(t->col < t->ncols);
    if (t->col++)
        putc('\t', t->fp);
    fputs(s, t->fp);
}

void af_table_begin(struct af_table_out *t, FILE *fp, const char *const *names, size_t ncols,
                    bool header)
{
    *t = (struct af_table_out){.fp = fp, .ncols = ncols};
    if (!header)
        return;
    for (size_t i = 0; i < ncols; i++)
        put(t, names[i]);
    af_table_end_row(t);
}

void af_table_text(struct af_table_out *t, const char *s)
{
    if (!s || !strcmp(s, "NA")) {
        put(t, s ? "\\NA" : "NA");
        return;
    }
    put(t, "");
    for (; *s; s++)
        switch (*s) {
        case '\\': fputs("\\\\", t->fp); break;
        case '\t': fputs("\\t", t->fp); break;
        case '\n': fputs("\\n", t->fp); break;
        case '\r': fputs("\\r", t->fp); break;
        default: putc(*s, t->fp);
        }
}

void af_table_real(struct af_table_out *t, double v)
{
    char s[32] = "NA";

    if (isfinite(v))
        snprintf(s, sizeof(s), "%.9g", v);
    put(t, s);
}

void af_table_int(struct af_table_out *t, int64_t v)
{
    char s[32];

    snprintf(s, sizeof(s), "%" PRId64, v);
    put(t, s);
}

void af_table_na(struct af_table_out *t)
{
    put(t, "NA");
}

void af_table_raw(struct af_table_out *t, const char *cell)
{
    put(t, cell);
}

void af_table_end_row(struct af_table_out *t)
{
    assert(t->col == t->ncols);
    t->col = 0;
    putc('\n', t->fp);
}

/* ---- reading ---- */

/* getc that a signal does not end. */
static int next_char(FILE *fp)
{
    int c;

    while ((c = getc(fp)) == EOF && ferror(fp) && errno == EINTR)
        clearerr(fp);
    return c;
}

static int keep_char(char **buf, size_t *cap, size_t n, char c, struct af_err *err)
{
    void *p = *buf;

    if (n >= *cap && af_grow(&p, cap, n ? n + 1 : 256, 1, err))
        return -1;
    *buf = p;
    (*buf)[n] = c;
    return 0;
}

/*
 * Next line into *buf, its end (LF or CR LF) cut off; the last line may lack it.
 * 1, 0 at the end, or -1. Choice: not getline(3), which reads /dev/zero until
 * memory is gone.
 */
static int read_any_line(struct af_table_in *t, char **buf, size_t *cap, struct af_err *err)
{
    size_t n = 0;
    int c;

    while ((c = next_char(t->fp)) != EOF && c != '\n') {
        if (!c)
            return af_fail(err, AF_EDATA, "%s: line %zu: NUL byte, not a text table", t->name,
                           t->line_no + 1);
        if (n >= LINE_MAX_BYTES)
            return af_fail(err, AF_EDATA, "%s: line %zu is longer than 1 MiB", t->name,
                           t->line_no + 1);
        if (keep_char(buf, cap, n++, (char)c, err))
            return -1;
    }
    if (c == EOF && ferror(t->fp))
        return af_fail_errno(err, "%s", t->name);
    if (c == EOF && !n)
        return 0;
    t->line_no++;
    if (n && (*buf)[n - 1] == '\r')
        n--;
    return keep_char(buf, cap, n, '\0', err) ? -1 : 1;
}

/* The same, blank lines passed. */
static int read_line(struct af_table_in *t, char **buf, size_t *cap, struct af_err *err)
{
    int got;

    while ((got = read_any_line(t, buf, cap, err)) > 0 && !**buf)
        ;
    return got;
}

/* Cut a line at its tabs into at most max cells; returns how many there are. */
static size_t split(char *line, const char **cell, size_t max)
{
    size_t n = 0;

    for (char *s = line; s; n++) {
        char *tab = strchr(s, '\t');

        if (n < max)
            cell[n] = s;
        if (tab && n < max)
            *tab = '\0';
        s = tab ? tab + 1 : NULL;
    }
    return n;
}

static int check_names(const struct af_table_in *t, struct af_err *err)
{
    for (size_t i = 0; i < t->ncols; i++) {
        if (!*t->column[i])
            return af_fail(err, AF_EDATA, "%s: column %zu has no name", t->name, i + 1);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(t->column[k], t->column[i]))
                return af_fail(err, AF_EDATA, "%s: column '%.80s' is there twice", t->name,
                               t->column[i]);
    }
    return 0;
}

int af_table_open(struct af_table_in *t, FILE *fp, const char *name, struct af_err *err)
{
    static const char bom[] = "\xef\xbb\xbf"; // what spreadsheets put in front
    char *line;
    int got;

    *t = (struct af_table_in){.fp = fp, .name = name};
    if ((got = read_line(t, &t->header, &t->header_cap, err)) < 0)
        return -1;
    line = t->header;
    if (got && !strncmp(line, bom, strlen(bom)))
        line += strlen(bom);
    if (!got || !*line)
        return af_fail(err, AF_EDATA, "%s: no header line", name);
    t->ncols = split(line, NULL, 0);
    if (t->ncols > COLUMNS_MAX)
        return af_fail(err, AF_EDATA, "%s: %zu columns, at most %d are read", name, t->ncols,
                       COLUMNS_MAX);
    t->column = af_calloc(t->ncols, sizeof(*t->column), err);
    t->cell = af_calloc(t->ncols, sizeof(*t->cell), err);
    if (!t->column || !t->cell)
        return -1;
    split(line, t->column, t->ncols);
    return check_names(t, err);
}

void af_table_release(struct af_table_in *t)
{
    free(t->column);
    free(t->cell);
    free(t->header);
    free(t->line);
    *t = (struct af_table_in){0};
}

int af_table_next(struct af_table_in *t, struct af_err *err)
{
    int got = read_line(t, &t->line, &t->line_cap, err);
    size_t n;

    if (got <= 0)
        return got;
    n = split(t->line, t->cell, t->ncols);
    if (n != t->ncols)
        return af_fail(err, AF_EDATA, "%s: line %zu has %zu cells, the header has %zu", t->name,
                       t->line_no, n, t->ncols);
    return 1;
}

int af_table_find(const struct af_table_in *t, const char *name)
{
    for (size_t i = 0; i < t->ncols; i++)
        if (!strcmp(t->column[i], name))
            return (int)i;
    return -1;
}

int af_table_need(const struct af_table_in *t, const char *name, struct af_err *err)
{
    int col = af_table_find(t, name);

    return col >= 0 ? col : af_fail(err, AF_EDATA, "%s: no column '%s'", t->name, name);
}

int af_table_get_real(const struct af_table_in *t, int col, double *v, struct af_err *err)
{
    struct af_err why;

    assert(col >= 0 && (size_t)col < t->ncols);
    if (!strcmp(t->cell[col], "NA")) {
        *v = NAN;
        return 0;
    }
    if (!af_parse_real(t->cell[col], v, &why))
        return 0;
    return af_fail(err, AF_EDATA, "%s: line %zu: %.80s: %s", t->name, t->line_no, t->column[col],
                   why.text);
}

/* \\ \t \n \r in place; any other backslash stands for itself, as in a foreign table. */
static void unescape(char *s)
{
    static const char letter[] = "\\tnr", meaning[] = "\\\t\n\r";
    char *to = s;

    for (; *s; s++) {
        const char *l = *s == '\\' && s[1] ? strchr(letter, s[1]) : NULL;

        *to++ = l ? meaning[l - letter] : *s;
        s += l != NULL;
    }
    *to = '\0';
}

const char *af_table_get_text(const struct af_table_in *t, int col)
{
    char *cell;

    if (col < 0)
        return NULL;
    assert((size_t)col < t->ncols);
    cell = t->line + (t->cell[col] - t->line);
    if (!strcmp(cell, "NA"))
        return NULL;
    if (!strcmp(cell, "\\NA"))
        return cell + 1;
    unescape(cell);
    return cell;
}
