/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/measure.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "maps/formulas.inc"

const struct af_reach af_sum_reach[AF_NSUMS] = {
    [AF_SUM_BX] = {2, 0},  [AF_SUM_BY] = {2, 2}, [AF_SUM_DX] = {1, 0}, [AF_SUM_DY] = {0, 1},
    [AF_SUM_DYX] = {1, 1}, [AF_SUM_DD] = {1, 1}, [AF_SUM_P1] = {0, 1}, [AF_SUM_P2] = {0, 2},
};

#define BIT(s) (1u << AF_SUM_##s)

static const struct {
    const char *name;
    unsigned sums[2]; // by enum af_sharp_def
    int degree[2];
} measure[AF_NSHARPS] = {
    [AF_SHARP_STD] = {"std", {BIT(F) | BIT(FF), BIT(F) | BIT(FF)}, {1, 1}},
    [AF_SHARP_VARIANCE] = {"variance", {BIT(F) | BIT(FF), BIT(F) | BIT(FF)}, {2, 2}},
    [AF_SHARP_BRENNER] = {"brenner", {BIT(BX), BIT(BY)}, {2, 2}},
    [AF_SHARP_TENENGRAD] = {"tenengrad", {BIT(T), BIT(T)}, {2, 1}},
    [AF_SHARP_LAPLACIAN] = {"laplacian", {BIT(ML), BIT(L) | BIT(LL)}, {1, 2}},
    [AF_SHARP_SMD] = {"smd", {BIT(DX) | BIT(DY), BIT(DYX)}, {1, 1}},
    [AF_SHARP_SMD2] = {"smd2", {BIT(DD), BIT(DD)}, {2, 2}},
    [AF_SHARP_VOLLATH] = {"vollath", {BIT(P1) | BIT(P2), BIT(P1) | BIT(F)}, {2, 2}},
    [AF_SHARP_VOLLATH5] = {"vollath5", {BIT(P1) | BIT(F), BIT(P1) | BIT(F)}, {2, 2}},
    [AF_SHARP_ENTROPY] = {"entropy", {0, 0}, {0, 0}},
};

const char *af_sharp_name(enum af_sharp m)
{
    return measure[m].name;
}

/* The measure whose name is the n characters at s, or AF_NSHARPS. */
static int find(const char *s, size_t n)
{
    int m = 0;

    while (m < AF_NSHARPS && (strlen(measure[m].name) != n || memcmp(measure[m].name, s, n)))
        m++;
    return m;
}

int af_sharp_parse(const char *list, unsigned *mask, struct af_err *err)
{
    unsigned found = 0;

    for (const char *s = list;; s++) {
        size_t n = strcspn(s, ",");
        int m = find(s, n);

        if (n == 3 && !memcmp(s, "all", 3))
            found |= AF_SHARP_ALL;
        else if (m < AF_NSHARPS)
            found |= 1u << m;
        else
            return af_fail(err, AF_EUSAGE, "'%.*s' is not a focus measure", (int)n, s);
        s += n;
        if (!*s)
            break;
    }
    *mask = found;
    return 0;
}

unsigned af_sharp_sums(unsigned mask, enum af_sharp_def def)
{
    unsigned sums = 0;

    for (int m = 0; m < AF_NSHARPS; m++)
        if (mask >> m & 1)
            sums |= measure[m].sums[def];
    return sums;
}

int af_sharp_degree(enum af_sharp m, enum af_sharp_def def)
{
    return measure[m].degree[def];
}

double af_sharp_score(enum af_sharp m, enum af_sharp_def def, uint64_t n, const uint64_t *sum)
{
    const uint64_t *s[AF_NSUMS];

    for (int k = 0; k < AF_NSUMS; k++)
        s[k] = sum + k;
    return score_of(m, def, n, s, 0, false);
}

double af_sharp_score_real(enum af_sharp m, enum af_sharp_def def, const double *s)
{
    double n = s[AF_SUM_N], mean = s[AF_SUM_C] / n, var;

    if (!(n > 0))
        return NAN;
    var = fmax(0, s[AF_SUM_FF] / n - mean * mean);
    switch (m) {
    case AF_SHARP_STD: return sqrt(var);
    case AF_SHARP_VARIANCE: return var;
    case AF_SHARP_BRENNER: return def ? s[AF_SUM_BY] / (255. * 255) : s[AF_SUM_BX];
    case AF_SHARP_TENENGRAD: return def ? sqrt(s[AF_SUM_T] / 32) / 255 : s[AF_SUM_T];
    case AF_SHARP_LAPLACIAN:
        mean = s[AF_SUM_L] / n;
        return def ? fmax(0, s[AF_SUM_LL] / n - mean * mean) : s[AF_SUM_ML];
    case AF_SHARP_SMD: return def ? 2 * s[AF_SUM_DYX] / 255 : s[AF_SUM_DX] + s[AF_SUM_DY];
    case AF_SHARP_SMD2: return s[AF_SUM_DD] / (def ? 255. * 255 : 1);
    case AF_SHARP_VOLLATH: return s[AF_SUM_P1] - s[def ? AF_SUM_F : AF_SUM_P2];
    case AF_SHARP_VOLLATH5: return s[AF_SUM_P1] - s[AF_SUM_F] * s[AF_SUM_F] / n;
    default: return NAN;
    }
}

/* Score of noise alone; of std and the code's tenengrad its square. */
static double noise_score(enum af_sharp m, enum af_sharp_def def, double sigma, double wide,
                          double high)
{
    const double pi = acos(-1), var = sigma * sigma, n = wide * high;
    const double apart = 2 * sigma / sqrt(pi); // E |a - b|
    const double narrow = fmax(0, wide - 1), low = fmax(0, high - 1);

    switch (m) {
    case AF_SHARP_STD:
    case AF_SHARP_VARIANCE: return var * (n - 1) / n;
    case AF_SHARP_BRENNER:
        return def ? 2 * var * fmax(0, wide - 2) * fmax(0, high - 2) / (255. * 255)
                   : 2 * var * fmax(0, wide - 2) * high;
    case AF_SHARP_TENENGRAD: // each Sobel kernel has squares that add up to 12
        return def ? 24 * var * n / 32 / (255. * 255) : 24 * var * n;
    case AF_SHARP_LAPLACIAN: // of the code: a normal of variance 20, its negative half made 0
        return def ? 20 * var * (0.5 - 0.5 / pi) : 2 * sqrt(6) * sigma * sqrt(2 / pi) * n;
    case AF_SHARP_SMD:
        return def ? 2 * apart * narrow * low / 255 : apart * (narrow * high + wide * low);
    case AF_SHARP_SMD2: // E |u v| of two normals with correlation 1/2, each of variance 2
        return 4 / pi * var * (sqrt(0.75) + 0.5 * asin(0.5)) * narrow * low /
               (def ? 255. * 255 : 1);
    default: return 0;
    }
}

double af_sharp_above_noise(enum af_sharp m, enum af_sharp_def def, double score, double sigma,
                            double wide, double high)
{
    const double floor = noise_score(m, def, sigma, wide, high);

    if (!(sigma > 0) || m >= AF_SHARP_VOLLATH)
        return score;
    if (m == AF_SHARP_STD || (m == AF_SHARP_TENENGRAD && def == AF_DEF_CODE))
        return sqrt(fmax(0, score * score - floor));
    return fmax(0, score - floor);
}
