/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/robust.h"

#include <assert.h>
#include <math.h>

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

/* Hoare's selection, pivot the median of three. */
void af_select(double *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;

    assert(k < n);
    while (low < high) {
        size_t i = low, j = high, mid = low + (high - low) / 2;
        if (x[mid] < x[low])
            swap(&x[mid], &x[low]);
        if (x[high] < x[low])
            swap(&x[high], &x[low]);
        if (x[high] < x[mid])
            swap(&x[high], &x[mid]);
        double pivot = x[mid];
        for (;;) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&x[i++], &x[j--]);
        }
        /* Now all up to j are at most the pivot, all from j + 1 on at least. */
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

double af_median(double *x, size_t n)
{
    size_t mid = n / 2;

    af_select(x, n, mid);
    if (n % 2)
        return x[mid];
    double below = x[0];
    for (size_t i = 1; i < mid; i++)
        below = fmax(below, x[i]);
    return below + (x[mid] - below) / 2;
}

double af_mad_sigma(double *x, size_t n)
{
    double median = af_median(x, n);

    for (size_t i = 0; i < n; i++)
        x[i] = fabs(x[i] - median);
    return 1.4826022185056018 * af_median(x, n); // 1 / the normal quantile of 3/4
}

double af_mean_lowest(double *x, size_t n, double fraction)
{
    size_t count = (size_t)lround(fraction * (double)n);
    double sum = 0;

    count = count < 1 ? 1 : count > n ? n : count;
    af_select(x, n, count - 1);
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    return sum / (double)count;
}
