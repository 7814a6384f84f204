/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/trustparts.h"

#include "base/memory.h"
#include "base/random.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIMS = AF_TRUST_DIMS,
    HALF = AF_TRUST_DIMS / 2,
    CELL = 8, // px of the input in a cell of the small picture
    SIDE = AF_FRAME_SIDE / CELL,
    CELLS = AF_TRUST_CELLS,
    TRIANGLE = DIMS * (DIMS + 1) / 2,
};

static const double margin_range = 0.025; // of half the range

/* ---------------------------------------------------------- signatures */

/* Sums of n values with random signs in HALF places; the same for all frames. */
static void sketch(struct af_random *r, const double *v, size_t n, double out[HALF])
{
    memset(out, 0, HALF * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        uint64_t u = af_random_u64(r);

        out[(u >> 1) % HALF] += u & 1 ? v[i] : -v[i];
    }
}

void af_trust_cells(const float *input, double cell[CELLS])
{
    memset(cell, 0, CELLS * sizeof(*cell));
    for (size_t y = 0; y < AF_FRAME_SIDE; y++)
        for (size_t x = 0; x < AF_FRAME_SIDE; x++)
            cell[y / CELL * SIDE + x / CELL] += (double)input[y * AF_FRAME_SIDE + x];
}

static void sketch_picture(const float *input, double out[HALF])
{
    double cell[CELLS];
    struct af_random r;

    af_trust_cells(input, cell);
    af_random_init(&r, 1, "trust picture");
    sketch(&r, cell, CELLS, out);
}

/* Roots, for a few features are far larger than the rest. They come from ReLU6: none is negative.
 */
static void sketch_features(const float *feature, size_t n, double out[HALF])
{
    double root[64], part[HALF];
    struct af_random r;

    memset(out, 0, HALF * sizeof(*out));
    af_random_init(&r, 1, "trust features");
    for (size_t at = 0; at < n; at += 64) {
        size_t m = n - at < 64 ? n - at : 64;

        for (size_t i = 0; i < m; i++)
            root[i] = sqrt(fmax(0, (double)feature[at + i]));
        sketch(&r, root, m, part);
        for (size_t d = 0; d < HALF; d++)
            out[d] += part[d];
    }
}

void af_trust_sign(const struct af_trust_frame *f, size_t nfeature, double s[DIMS])
{
    sketch_picture(f->input, s);
    sketch_features(f->feature, nfeature, s + HALF);
}

/* ------------------------------------------------------ along the knots */

/* Knots below and above y, and the share of the upper one. */
double af_trust_between(const struct af_trust *t, double y, size_t *lower, size_t *upper)
{
    size_t k = 0;

    while (k < t->nknots && t->at_um[k] <= y)
        k++;
    *lower = k ? k - 1 : 0;
    *upper = k < t->nknots ? k : t->nknots - 1;
    if (*lower == *upper)
        return 0;
    return (y - t->at_um[*lower]) / (t->at_um[*upper] - t->at_um[*lower]);
}

static double sigma_at(const struct af_trust *t, double y)
{
    size_t a, b;
    double u = af_trust_between(t, y, &a, &b);

    return (1 - u) * t->sigma_um[a] + u * t->sigma_um[b];
}

double af_trust_distance(const struct af_trust *t, double y, const double s[DIMS])
{
    double d[DIMS], square = 0;
    size_t a, b;
    double u = af_trust_between(t, y, &a, &b);

    for (size_t i = 0; i < DIMS; i++)
        d[i] = s[i] - (1 - u) * t->centre[a][i] - u * t->centre[b][i];
    for (size_t i = 0; i < DIMS; i++) {
        double v = 0;

        for (size_t k = 0; k <= i; k++)
            v += t->whiten[i][k] * d[k];
        square += v * v;
    }
    return sqrt(square / DIMS);
}

double af_trust_likeness(const struct af_trust *t, double y, const double cell[CELLS])
{
    double p[CELLS], mean = 0, along = 0, square = 0;
    size_t a, b;
    double u = af_trust_between(t, y, &a, &b);

    for (size_t i = 0; i < CELLS; i++) {
        p[i] = (1 - u) * t->picture[a][i] + u * t->picture[b][i];
        mean += p[i] / CELLS;
    }
    for (size_t i = 0; i < CELLS; i++) {
        along += cell[i] * (p[i] - mean);
        square += (p[i] - mean) * (p[i] - mean);
    }
    return square > 0 ? along / square : INFINITY;
}

static bool is_alike(const struct af_trust *t, double y, const float *input)
{
    double cell[CELLS];
    size_t a, b;

    if (!t->pictured)
        return true;
    af_trust_between(t, y, &a, &b);
    af_trust_cells(input, cell);
    return af_trust_likeness(t, y, cell) >= fmin(t->floor[a], t->floor[b]);
}

/* ------------------------------------------------------------- judging */

const char *af_trust_word(enum af_trust_reason r)
{
    static const char *const word[AF_TRUST_NREASONS] = {"ok",   "dark",  "bright",     "saturated",
                                                        "flat", "range", "unfamiliar", "unusable"};

    return word[r];
}

static enum af_trust_reason judge(const struct af_trust *t, const struct af_trust_frame *f,
                                  size_t nfeature)
{
    const struct af_frame_facts *x = f->facts;
    double half = (t->to_um - t->from_um) / 2, s[DIMS];

    if (x->saturated >= 1 || (t->known && x->saturated > t->max_saturated))
        return AF_TRUST_SATURATED;
    if (!(x->norm > 0))
        return AF_TRUST_DARK;
    if (af_frame_is_blank(x))
        return AF_TRUST_FLAT;
    if (!isfinite(f->defocus_um))
        return AF_TRUST_RANGE;
    if (!t->known)
        return AF_TRUST_OK;
    if (x->max - x->min < t->min_contrast || x->sum < t->min_sum)
        return AF_TRUST_DARK;
    if (x->sum > t->max_sum)
        return AF_TRUST_BRIGHT;
    if (f->defocus_um < t->from_um - fmax(3 * sigma_at(t, t->from_um), margin_range * half) ||
        f->defocus_um > t->to_um + fmax(3 * sigma_at(t, t->to_um), margin_range * half))
        return AF_TRUST_RANGE;
    af_trust_sign(f, nfeature, s);
    if (af_trust_distance(t, f->defocus_um, s) > t->limit || !is_alike(t, f->defocus_um, f->input))
        return AF_TRUST_UNFAMILIAR;
    return AF_TRUST_OK;
}

enum af_trust_reason af_trust_judge(const struct af_trust *t, const struct af_trust_frame *f,
                                    size_t nfeature, double *sigma_um)
{
    enum af_trust_reason r = judge(t, f, nfeature);

    *sigma_um = r == AF_TRUST_OK && t->known ? sigma_at(t, f->defocus_um) : (double)NAN;
    return r;
}

/* --------------------------------------------------------------- notes */

/* What is written: lists of numbers, each under its key. */
enum list { RANGE, LIMITS, KNOTS, SIGMA, CENTRE, WHITEN, PICTURE, FLOOR, LISTS };
static const char *const key[LISTS] = {"trust_range_um", "trust_limits", "trust_knots_um",
                                       "trust_sigma_um", "trust_centre", "trust_whiten",
                                       "trust_picture",  "trust_floor"};
static const char check_key[] = "trust_check";
enum { LONGEST = AF_TRUST_KNOTS * CELLS };

/* The places of a list in t, in the order of the text; how many. */
static size_t places(struct af_trust *t, enum list list, double *at[LONGEST])
{
    double *const few[2][5] = {
        {&t->from_um, &t->to_um},
        {&t->min_contrast, &t->max_saturated, &t->min_sum, &t->max_sum, &t->limit}};
    size_t n = 0;

    if (list == RANGE || list == LIMITS)
        for (n = 0; n < 5 && few[list][n]; n++)
            at[n] = few[list][n];
    for (size_t k = 0; list == KNOTS && k < t->nknots; k++)
        at[n++] = &t->at_um[k];
    for (size_t k = 0; list == SIGMA && k < t->nknots; k++)
        at[n++] = &t->sigma_um[k];
    for (size_t k = 0; list == CENTRE && k < t->nknots * DIMS; k++)
        at[n++] = &t->centre[k / DIMS][k % DIMS];
    for (size_t i = 0; list == WHITEN && i < DIMS; i++)
        for (size_t k = 0; k <= i; k++)
            at[n++] = &t->whiten[i][k];
    for (size_t k = 0; list == PICTURE && k < t->nknots * CELLS; k++)
        at[n++] = &t->picture[k / CELLS][k % CELLS];
    for (size_t k = 0; list == FLOOR && k < t->nknots; k++)
        at[n++] = &t->floor[k];
    return n;
}

/*
 * FNV-1a of all texts, 16 hexadecimal digits. A digit that is lost on the way, as jansson loses one
 * where it gets no memory, would still make a number.
 */
static void check_sum(const struct af_nn_notes *notes, char out[17])
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int l = 0; l < LISTS; l++) {
        const char *text = af_nn_notes_get(notes, key[l]);

        for (; text && *text; text++)
            h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    }
    snprintf(out, 17, "%016" PRIx64, h);
}

int af_trust_write(const struct af_trust *trust, struct af_nn_notes *notes, struct af_err *err)
{
    enum { ROOM = 16 }; // bytes a number takes at most
    struct af_trust t = *trust;
    double *at[LONGEST];
    char *text = af_calloc(LONGEST, ROOM, err);
    int ret = text ? 0 : -1;

    for (int l = 0; l < (t.pictured ? LISTS : PICTURE) && ret == 0 && t.known; l++) {
        size_t n = places(&t, (enum list)l, at), used = 0;

        for (size_t i = 0; i < n; i++)
            used += (size_t)snprintf(text + used, ROOM, i ? " %.7g" : "%.7g", *at[i]);
        ret = af_nn_notes_set(notes, key[l], text, err);
    }
    if (ret == 0 && t.known) {
        check_sum(notes, text);
        ret = af_nn_notes_set(notes, check_key, text, err);
    }
    free(text);
    return ret;
}

/* Numbers of a text between blanks; how many there are, at most `most` + 1. 0 where one is none. */
static size_t numbers(const char *text, double *v, size_t most)
{
    size_t n = 0;
    char *end;

    for (const char *p = text; *p; p = end) {
        double x = strtod(p, &end);

        if (end == p || !isfinite(x) || (*end && *end != ' '))
            return 0;
        if (n == most)
            return n + 1;
        v[n++] = x;
    }
    return n;
}

static bool makes_sense(const struct af_trust *t)
{
    for (size_t k = 0; k < t->nknots; k++)
        if (t->sigma_um[k] < 0 || (k && !(t->at_um[k] > t->at_um[k - 1])))
            return false;
    return t->from_um < t->to_um;
}

int af_trust_read(struct af_trust *t, const struct af_nn_notes *notes, struct af_err *err)
{
    double v[LONGEST], *at[LONGEST];
    const char *check = af_nn_notes_get(notes, check_key);
    int found = check != NULL;
    char sum[17];

    *t = (struct af_trust){.known = false};
    for (int l = 0; l < LISTS; l++)
        found += af_nn_notes_get(notes, key[l]) != NULL;
    if (!found)
        return 0;
    t->pictured = af_nn_notes_get(notes, key[PICTURE]) || af_nn_notes_get(notes, key[FLOOR]);
    for (int l = 0; l < (t->pictured ? LISTS : PICTURE); l++) {
        const char *text = af_nn_notes_get(notes, key[l]);
        size_t n = text ? numbers(text, v, LONGEST) : 0;

        if (l == KNOTS && n <= AF_TRUST_KNOTS)
            t->nknots = n;
        if (n == 0 || n != places(t, (enum list)l, at))
            return af_fail(err, AF_EDATA, "%s: %s", key[l], text ? "damaged" : "missing");
        for (size_t i = 0; i < n; i++)
            *at[i] = v[i];
    }
    if (!makes_sense(t))
        return af_fail(err, AF_EDATA, "%s: damaged", key[KNOTS]);
    check_sum(notes, sum);
    if (!check || strcmp(check, sum) != 0)
        return af_fail(err, AF_EDATA, "%s: %s", check_key, check ? "damaged" : "missing");
    t->known = true;
    return 0;
}
