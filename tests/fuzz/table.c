/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables: read with all getters; rows written from their cells are the same again. */
#include "base/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A text written and read is the text. */
static void write_and_read(const char *s)
{
    const char *name = "x", *again;
    struct af_table_out out;
    struct af_table_in in;
    struct af_err err = {AF_OK, ""};
    char *text = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&text, &n);

    if (!fp)
        abort();
    af_table_begin(&out, fp, &name, 1, true);
    af_table_text(&out, s);
    af_table_end_row(&out);
    if (fclose(fp) || !(fp = fmemopen(text, n, "r")) || af_table_open(&in, fp, "again", &err))
        abort();
    if (!s || *s) { // a row of one empty cell is a blank line
        if (af_table_next(&in, &err) != 1)
            abort();
        again = af_table_get_text(&in, 0);
        if (!s != !again || (s && strcmp(s, again) != 0))
            abort();
    }
    af_table_release(&in);
    fclose(fp);
    free(text);
}

static void use_row(struct af_table_in *t)
{
    struct af_err err;
    double v;

    for (size_t c = 0; c < t->ncols && c < 64; c++) {
        if (af_table_find(t, t->column[c]) != (int)c)
            abort();
        af_table_get_real(t, (int)c, &v, &err);
        write_and_read(af_table_get_text(t, (int)c));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *fp = n ? fmemopen((void *)data, n, "r") : NULL;
    struct af_table_in t = {0};
    struct af_err err = {AF_OK, ""};

    if (!fp)
        return 0;
    if (af_table_open(&t, fp, "fuzz", &err) == 0)
        for (int row = 0; row < 32 && af_table_next(&t, &err) == 1; row++)
            use_row(&t);
    else if (err.kind == AF_OK)
        abort();
    af_table_release(&t);
    fclose(fp);
    return 0;
}
