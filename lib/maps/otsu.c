/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/otsu.h"

enum { BINS = 256 };

void af_otsu_add(struct af_otsu *o, double v, uint64_t weight)
{
    double at = (v - o->lo) / (o->hi - o->lo) * BINS;

    o->bin[at < BINS ? at > 0 ? (int)at : 0 : BINS - 1] += weight;
}

static double center(const struct af_otsu *o, int i)
{
    return o->lo + (o->hi - o->lo) * (i + 0.5) / BINS;
}

double af_otsu_threshold(const struct af_otsu *o)
{
    double n = 0, sum = 0, below = 0, part = 0, best = -1, at = o->lo;

    if (!(o->hi > o->lo))
        return o->lo;
    for (int i = 0; i < BINS; i++) {
        n += (double)o->bin[i];
        sum += (double)o->bin[i] * center(o, i);
    }
    for (int i = 0; i + 1 < BINS; i++) {
        double d, between;

        below += (double)o->bin[i];
        part += (double)o->bin[i] * center(o, i);
        if (below == 0 || below == n)
            continue;
        d = part / below - (sum - part) / (n - below);
        between = below * (n - below) * d * d;
        if (between > best) {
            best = between;
            at = center(o, i);
        }
    }
    return at;
}
