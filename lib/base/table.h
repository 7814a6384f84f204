/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables: tab-separated text under one header line, columns found by name.
 *
 * `NA` is missing. Numbers are written with %.9g in the C locale. In a text
 * cell, backslash, tab, newline and carriage return are written \\ \t \n \r,
 * and a text that reads NA is written \NA, so that a row is a line and a name a
 * name whatever a file is called. Lines may end in CR LF.
 */
#ifndef AF_BASE_TABLE_H
#define AF_BASE_TABLE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- writing: begin, then cells from left to right, end after each row ---- */

struct af_table_out {
    FILE *fp;     // borrowed
    size_t ncols; // cells a row has
    size_t col;   // next cell
};

/*
 * Write the header line (unless !header) of `ncols` names. fp is borrowed. Write
 * errors stay in fp (ferror) until af_cli_close_stdout() or af_outfile_commit()
 * reports them.
 */
void af_table_begin(struct af_table_out *t, FILE *fp, const char *const *names, size_t ncols,
                    bool header);
void af_table_text(struct af_table_out *t, const char *s);   // NULL: NA
void af_table_real(struct af_table_out *t, double v);        // not finite: NA
void af_table_int(struct af_table_out *t, int64_t v);
void af_table_na(struct af_table_out *t);
void af_table_raw(struct af_table_out *t, const char *cell); // as a table read had it
void af_table_end_row(struct af_table_out *t);               // asserts that the row is full

/* ---- reading: open, then next until it returns 0 ---- */

struct af_table_in {
    const char *name;   // for messages; borrowed
    FILE *fp;           // borrowed
    size_t line_no;     // of the row just read, from 1
    size_t ncols;
    const char **column; // [ncols] names of the header line
    const char **cell;   // [ncols] raw cells of the row just read, until the next call
    char *header, *line; // storage of the two above
    size_t header_cap, line_cap;
};

/*
 * Read the header. Returns 0, or -1 with AF_EDATA: no header, an empty or repeated
 * name, NUL bytes, a line over 1 MiB, more than 4096 columns; AF_ESYS: read error,
 * memory. Release in any case.
 */
int af_table_open(struct af_table_in *t, FILE *fp, const char *name, struct af_err *err);
void af_table_release(struct af_table_in *t); // does not close fp

/*
 * Next row; blank lines are passed. 1: a row, 0: the end, -1: AF_EDATA (cells
 * missing or too many, and what af_table_open() refuses) or AF_ESYS.
 */
int af_table_next(struct af_table_in *t, struct af_err *err);

/* Index of a column, or -1 where there is none; af_table_need: with AF_EDATA. */
int af_table_find(const struct af_table_in *t, const char *name);
int af_table_need(const struct af_table_in *t, const char *name, struct af_err *err);

/*
 * The cell as a number; NA gives NaN. Returns 0, or -1 with AF_EDATA
 * ("labels.tsv: line 7: z_um: 'x' is not a number").
 */
int af_table_get_real(const struct af_table_in *t, int col, double *v, struct af_err *err);

/*
 * The cell as text, unescaped in place (so ask once); NULL for "NA", and for col -1, a column
 * that is not there. Borrowed until the next row.
 */
const char *af_table_get_text(const struct af_table_in *t, int col);

#endif
