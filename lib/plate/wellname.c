/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/wellname.h"

#include <ctype.h>
#include <string.h>

int af_wellname_parse(const char *name, int *row, int *col)
{
    int r = 0, c = 0, n = 0;

    for (; isalpha((unsigned char)*name); name++) {
        if (++n > 2)
            return -1;
        r = 26 * r + toupper((unsigned char)*name) - 'A' + 1;
    }
    if (!n || !*name)
        return -1;
    for (; isdigit((unsigned char)*name); name++) {
        c = 10 * c + *name - '0';
        if (c > AF_WELL_COLS)
            return -1;
    }
    if (*name || !c)
        return -1;
    *row = r - 1;
    *col = c - 1;
    return 0;
}

void af_wellname_format(int row, int col, char name[AF_WELL_NAME])
{
    if (row < 26)
        snprintf(name, AF_WELL_NAME, "%c%d", 'A' + row, col + 1);
    else
        snprintf(name, AF_WELL_NAME, "%c%c%d", 'A' + row / 26 - 1, 'A' + row % 26, col + 1);
}

static bool between(int v, int a, int b)
{
    return a < b ? v >= a && v <= b : v >= b && v <= a;
}

/* "A1:D6"; how many wells it means, or -1 where it is no range. */
static long choose_range(const struct af_plate *p, const char *from, const char *to, bool *chosen)
{
    int row[2], col[2];
    long n = 0;

    if (af_wellname_parse(from, &row[0], &col[0]) || af_wellname_parse(to, &row[1], &col[1]))
        return -1;
    for (size_t i = 0; i < p->n; i++) {
        const struct af_well *w = &p->well[i];

        if (w->row < 0 || !between(w->row, row[0], row[1]) || !between(w->col, col[0], col[1]))
            continue;
        chosen[i] = true;
        n++;
    }
    return n;
}

int af_wells_choose(const struct af_plate *p, const char *text, bool *chosen, struct af_err *err)
{
    char piece[2 * AF_WELL_NAME];
    size_t len, i;

    memset(chosen, 0, p->n * sizeof *chosen);
    for (;; text += len + 1) {
        len = strcspn(text, ",");
        if (!len || len >= sizeof piece)
            return af_fail(err, AF_EUSAGE, "'%.40s': %s", text,
                           len ? "too long for a well" : "a well is missing");
        memcpy(piece, text, len);
        piece[len] = '\0';
        if ((i = af_plate_find(p, piece)) < p->n) {
            chosen[i] = true;
        } else {
            char *colon = strchr(piece, ':');
            long n = -1;

            if (colon) {
                *colon = '\0';
                n = choose_range(p, piece, colon + 1, chosen);
                *colon = ':';
            }
            if (n <= 0)
                return af_fail(err, AF_EUSAGE, "'%s' is not on the plate", piece);
        }
        if (!text[len])
            return 0;
    }
}
