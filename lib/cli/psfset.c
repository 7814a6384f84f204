/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/psfset.h"

#include "plate/wellname.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 32, COLS = 48 }; // of the largest plate

void af_psffile_release(struct af_psffile *f)
{
    af_psfrun_release(&f->run);
    free(f->shift);
    *f = (struct af_psffile){0};
}

void af_psfset_release(struct af_psfset *s)
{
    for (size_t i = 0; i < s->n; i++)
        af_psffile_release(&s->file[i]);
    free(s->file);
    *s = (struct af_psfset){0};
}

void af_well_of_file(const char *path, char well[AF_WELL_NAME])
{
    const char *slash = strrchr(path, '/'), *s = slash ? slash + 1 : path;
    char piece[8];
    int row, col;

    well[0] = '\0';
    while (*s) {
        size_t n = 0;

        while (isalnum((unsigned char)s[n]))
            n++;
        if (n > 1 && n < sizeof piece) {
            memcpy(piece, s, n);
            piece[n] = '\0';
            if (af_wellname_parse(piece, &row, &col) == 0 && row < ROWS && col < COLS &&
                (row < 16 || row >= 26)) {
                af_wellname_format(row, col, well);
                return;
            }
        }
        s += n ? n : 1;
    }
}
