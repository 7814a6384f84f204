/* SPDX-License-Identifier: BSD-2-Clause */
/* Label tables, as af-label writes them: which planes of which files, and their defocus. */
#ifndef AF_FOCUS_LABELTABLE_H
#define AF_FOCUS_LABELTABLE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct af_labelled_plane {
    size_t file;  // index into file[]
    size_t plane; // in that file, from 0
    double defocus_um;
    size_t order; // of its row in the tables
};

struct af_labelled_file {
    char *name;
    char *day;            // "NA" where it is unknown
    const char *table;    // where it was first named; borrowed
    size_t line;          // there
    double z0_um;         // of its stack; NaN: unknown
    size_t from, n;       // its planes, once sorted: plane[from .. from + n - 1]
    size_t stack;         // the stack it is part of
    bool validates, both; // named in a table to validate with; in one to train with too
};

/* All-zero is the empty state. */
struct af_labeltable {
    struct af_labelled_file *file; // in the order they are named
    struct af_labelled_plane *plane;
    size_t nfiles, nplanes, nstacks;
    size_t not_ok;   // rows whose quality is not ok, or without a defocus; they are left out
    size_t repeated; // rows that named a plane again; the first counts
    size_t file_cap, plane_cap;
    size_t *bucket; // file names by hash: index + 1
    size_t nbuckets;
};

/*
 * Add the rows of a table. Columns: file, plane, defocus_um; day, quality, z0_um where there
 * are. name is borrowed, for messages. validates: the files shall validate, not train; where tables
 * disagree over a file, it validates. -1 with AF_EDATA (also a stack from standard input, which
 * nobody can read again) or AF_ESYS.
 */
int af_labeltable_read(struct af_labeltable *t, FILE *fp, const char *name, bool validates,
                       struct af_err *err);

/*
 * After the last table: sort planes by file and plane, drop the repeated, find the stacks.
 * Choice: a file is a stack; but files of a single plane that follow each other in a table with
 * the same day and zero are one, as af-label --join writes them.
 */
void af_labeltable_sort(struct af_labeltable *t);

/* Once sorted: the plane of a file, called as the tables call it; NULL where they do not. */
const struct af_labelled_plane *af_labeltable_find(const struct af_labeltable *t, const char *file,
                                                   size_t plane);

void af_labeltable_release(struct af_labeltable *t);

#endif
