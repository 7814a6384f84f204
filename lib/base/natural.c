/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/natural.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compare the numbers at *a and *b by value, and pass them; *zeros: who has more zeros in front. */
static int compare_numbers(const char **a, const char **b, int *zeros)
{
    size_t za = strspn(*a, "0"), zb = strspn(*b, "0"), na, nb;
    int c;

    na = strspn(*a + za, "0123456789");
    nb = strspn(*b + zb, "0123456789");
    c = na != nb ? (na > nb) - (na < nb) : memcmp(*a + za, *b + zb, na);
    if (!*zeros)
        *zeros = (za > zb) - (za < zb);
    *a += za + na;
    *b += zb + nb;
    return c;
}

/*
 * Zeros decide last, when all values are equal: then names with equal values
 * have the same pieces, and the order is that of (values, zeros), a total one.
 */
int af_natural_compare(const char *a, const char *b)
{
    int zeros = 0, c;

    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            if ((c = compare_numbers(&a, &b, &zeros)))
                return c;
        } else if (*a == *b) {
            a++;
            b++;
        } else {
            break;
        }
    }
    c = (unsigned char)*a - (unsigned char)*b;
    return c ? c : zeros;
}

static int compare_pointers(const void *a, const void *b)
{
    return af_natural_compare(*(const char *const *)a, *(const char *const *)b);
}

void af_natural_sort(const char **names, size_t n)
{
    if (n)
        qsort(names, n, sizeof(*names), compare_pointers);
}

bool af_name_ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n > m && !strcmp(name + n - m, suffix);
}
