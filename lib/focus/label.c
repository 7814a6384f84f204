/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/label.h"

#include "base/memory.h"
#include "signal/robust.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 3,               // planes that the fit needs on each side of its centre
    NPLANES = 2 * SIDE + 1, // so the shortest stack
    ROUNDS = 40,            // re-centrings
    NCHORDS = 7,
};
static const double NOISE_SHARE =
                        0.025, // of a profile that shows a line; real ones have up to 0.014
    DEPTH = 0.1,               // of the minimum: four times what NOISE_SHARE can feign
    PROMINENCE = 0.25,         // of the whole curve's height: shallower dips are no minima
    SIMILAR = 0.25,            // of the whole curve's height: minima closer than that are alike
    BASE_FLOOR = 0.3,          // of the coarse curve's height: zero defocus lies in its lowest part
    CURVATURE_ERRORS = 5, SETTLED_UM = 0.001,
                    WIDEST = 1.5,       // half windows: from there on a V is no parabola any more
    CHORD_LOW = 0.05, CHORD_HIGH = 0.3, // of the coarse V's depth
    CHORD_SCATTER = 0.5;                // of the distance of planes

struct curve {
    size_t n;
    const double *z;               // [n] um, rising or falling
    double *fine, *coarse, *noise; // [n]
    double *scratch;               // [n]
    size_t *minimum;               // [n / 2 + 1] planes
    double height, coarse_low, coarse_height;
    double sigma; // of the fine score from plane to plane
};

static int refuse(struct af_label *l, const char *reason)
{
    *l = (struct af_label){.quality = reason, .z0_um = NAN, .z0_err_um = NAN};
    return 0;
}

static const char *check_z(const double *z, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(z[i]))
            return AF_LABEL_NO_Z;
    for (size_t i = 2; i < n; i++)
        if (!((z[i] - z[i - 1]) * (z[1] - z[0]) > 0))
            return AF_LABEL_Z_ORDER;
    if (n < NPLANES)
        return AF_LABEL_FEW;
    return NULL;
}

static double height(const double *f, size_t n, double *low)
{
    double high = f[0];

    *low = f[0];
    for (size_t i = 1; i < n; i++) {
        high = fmax(high, f[i]);
        *low = fmin(*low, f[i]);
    }
    return high - *low;
}

/*
 * Standard deviation of a plane's score, from what a straight line between
 * its neighbours misses; the median, so that the bend at focus counts little.
 */
static double score_sigma(const struct curve *c)
{
    for (size_t i = 1; i + 1 < c->n; i++) {
        double t = (c->z[i] - c->z[i - 1]) / (c->z[i + 1] - c->z[i - 1]);
        double miss = c->fine[i] - (1 - t) * c->fine[i - 1] - t * c->fine[i + 1];
        c->scratch[i - 1] = fabs(miss) / sqrt(1 + (1 - t) * (1 - t) + t * t);
    }
    return 1.4826 * af_median(c->scratch, c->n - 2);
}

/* What the scores of n planes of white noise range over, about, and two more standard deviations.
 */
static double noise_depth(const struct curve *c)
{
    return c->sigma * (2 * sqrt(2 * log((double)c->n)) + 2);
}

/* Middle value of the coarse score at plane i and its neighbours. */
static double coarse_at(const struct curve *c, size_t i)
{
    double three[3] = {c->coarse[i ? i - 1 : 0], c->coarse[i], c->coarse[i + 1 < c->n ? i + 1 : i]};

    return af_median(three, 3);
}

/* < 0: minimum a is the better one; > 0: b; 0: they are alike. */
static int compare(const struct curve *c, size_t a, size_t b)
{
    double coarse = coarse_at(c, a) - coarse_at(c, b), fine = c->fine[a] - c->fine[b];

    if (fabs(coarse) > SIMILAR * c->coarse_height)
        return coarse < 0 ? -1 : 1;
    return fabs(fine) <= SIMILAR * c->height ? 0 : fine < 0 ? -1 : 1;
}

/*
 * Walk down and up the fine curve. A minimum is complete where the curve has risen by `rise`, or
 * ends. at: [n / 2 + 1] the plane of each; returns how many there are.
 */
static size_t list_minima(const struct curve *c, size_t *at)
{
    const size_t none = SIZE_MAX; // until a plane with a line comes
    double rise = fmax(PROMINENCE * c->height, noise_depth(c));
    size_t low = none, high = none, count = 0;

    for (size_t i = 0; i < c->n; i++) {
        bool lit = c->noise[i] <= NOISE_SHARE;
        if (high == none) { // walking down
            if (lit && (low == none || c->fine[i] < c->fine[low]))
                low = i;
            if (low != none && c->fine[i] > c->fine[low] + rise) {
                at[count++] = low;
                high = i;
            }
        } else {
            if (c->fine[i] > c->fine[high])
                high = i;
            if (c->fine[i] < c->fine[high] - rise) {
                low = lit ? i : none;
                high = none;
            }
        }
    }
    if (high == none && low != none)
        at[count++] = low;
    return count;
}

/*
 * The minimum that is better than each of the others. Being alike does not carry over: of three,
 * the first and the last can differ while both are like the second, so the winner of one round
 * has to stand a second one against all.
 */
static const char *find_minimum(const struct curve *c, size_t *best)
{
    size_t count = list_minima(c, c->minimum), winner = 0;

    if (!count)
        return AF_LABEL_NOISE;
    for (size_t i = 1; i < count; i++)
        if (compare(c, c->minimum[i], c->minimum[winner]) < 0)
            winner = i;
    *best = c->minimum[winner];
    for (size_t i = 0; i < count; i++)
        if (i != winner && compare(c, *best, c->minimum[i]) >= 0)
            return AF_LABEL_TWO_MINIMA;
    return NULL;
}

static const char *check_depth(const struct curve *c, size_t best)
{
    double left = 0, right = 0;

    for (size_t i = 0; i < best; i++)
        left = fmax(left, c->fine[i] - c->fine[best]);
    for (size_t i = best + 1; i < c->n; i++)
        right = fmax(right, c->fine[i] - c->fine[best]);
    if (fmax(left, right) < DEPTH * c->fine[best])
        return AF_LABEL_FLAT;
    if (fmax(left, right) < noise_depth(c))
        return AF_LABEL_NOISE;
    if (best < SIDE || best + SIDE >= c->n ||
        fmin(left, right) < fmax(DEPTH * c->fine[best], noise_depth(c)))
        return AF_LABEL_EDGE;
    if (coarse_at(c, best) > c->coarse_low + BASE_FLOOR * c->coarse_height)
        return AF_LABEL_EDGE;
    return NULL;
}

/* Planes before z0, in their order, and from which on they lie behind it. */
static size_t count_before(const struct curve *c, double z0, size_t *behind)
{
    bool rising = c->z[c->n - 1] > c->z[0];
    size_t n = 0;

    while (n < c->n && (rising ? c->z[n] < z0 : c->z[n] > z0))
        n++;
    *behind = n < c->n && c->z[n] == z0 ? n + 1 : n;
    return n;
}

/* The half window: what was asked for, or up to the third plane on both sides. NaN: too near an
 * end. */
static double half_window(const struct curve *c, double z0, double asked)
{
    size_t behind, before = count_before(c, z0, &behind);

    if (before < SIDE || c->n - behind < SIDE)
        return NAN;
    return fmax(asked, fmax(fabs(c->z[before - SIDE] - z0), fabs(c->z[behind + SIDE - 1] - z0)));
}

/* Fit the planes within z0 +/- half, and to the third on either side. The reason why not, or NULL.
 */
static const char *fit_at(const struct curve *c, double z0, double half, struct af_label *l)
{
    size_t behind, before = count_before(c, z0, &behind), from = before, to = behind;

    if (before < SIDE || c->n - behind < SIDE)
        return AF_LABEL_EDGE;
    while (from > 0 && (before - from < SIDE || fabs(c->z[from - 1] - z0) <= half))
        from--;
    while (to < c->n && (to - behind < SIDE || fabs(c->z[to] - z0) <= half))
        to++;
    for (size_t i = from; i < to; i++)
        if (!(c->noise[i] <= NOISE_SHARE))
            return AF_LABEL_NOISE;
    l->nfit = to - from;
    l->from_um = fmin(c->z[from], c->z[to - 1]);
    l->to_um = fmax(c->z[from], c->z[to - 1]);
    if (af_parabola_fit(c->z + from, c->fine + from, l->nfit, &l->fit, NULL) ||
        !(l->fit.curvature > CURVATURE_ERRORS * l->fit.curvature_err))
        return AF_LABEL_NOISE;
    return l->fit.vertex >= l->from_um && l->fit.vertex <= l->to_um ? NULL : AF_LABEL_NOISE;
}

/*
 * How far the vertex follows the window, per um that this is shifted: 0 for a
 * parabola, more where the curve is not one. Noise that moves the vertex moves the window after it,
 * and so on: re-centring makes the error 1 / (1 - this) times as large.
 */
static double vertex_follows(const struct curve *c, double z0, double half)
{
    struct af_label before, after;
    double shift = half / 4;

    if (fit_at(c, z0 - shift, half, &before) || fit_at(c, z0 + shift, half, &after))
        return 0;
    return fmin(0.9, fmax(0, (after.fit.vertex - before.fit.vertex) / (2 * shift)));
}

/* Where to begin: the vertex of the three lowest planes; the lowest plane itself may lie well
 * beside it. */
static double first_guess(const struct curve *c, size_t best)
{
    struct af_parabola p;

    if (af_parabola_fit(c->z + best - 1, c->fine + best - 1, 3, &p, NULL))
        return c->z[best];
    return p.vertex; // within half a step of the lowest
}

/*
 * Re-centre until the vertex stays. Where it hops between two centres, as one plane more or less
 * comes into the window, zero is between them and half the hop is part of the error.
 */
static const char *refine(const struct curve *c, size_t best, double asked, struct af_label *l)
{
    double z0 = first_guess(c, best), last = NAN, half = half_window(c, z0, asked);

    if (isnan(half))
        return AF_LABEL_EDGE;
    for (int round = 0; round < ROUNDS; round++) {
        const char *reason = fit_at(c, z0, half, l);
        if (reason)
            return reason;
        double vertex = l->fit.vertex, err = l->fit.vertex_err;
        if (fabs(vertex - z0) < SETTLED_UM || fabs(vertex - last) < SETTLED_UM) {
            l->z0_um = fabs(vertex - z0) < SETTLED_UM ? vertex : (vertex + z0) / 2;
            l->z0_err_um = hypot(err / (1 - vertex_follows(c, z0, half)), l->z0_um - vertex);
            return NULL;
        }
        last = z0;
        z0 = vertex;
    }
    return AF_LABEL_NOISE;
}

/* z where the coarse curve first reaches `level` on the way from plane i, in steps of +1 or -1, and
 * the plane behind. NaN: it never does. */
static double crossing(const struct curve *c, size_t i, int step, double level, size_t *end)
{
    size_t last = step < 0 ? 0 : c->n - 1;

    while (i != last && c->coarse[i] < level)
        i = step < 0 ? i - 1 : i + 1;
    *end = i;
    if (c->coarse[i] < level)
        return NAN;
    size_t before = step < 0 ? i + 1 : i - 1;
    double t = (level - c->coarse[before]) / (c->coarse[i] - c->coarse[before]);
    return c->z[before] + t * (c->z[i] - c->z[before]);
}

/*
 * Planes so far apart that the bend at focus falls between them: zero is the middle of the chords
 * of the coarse V, whose flanks are nearly straight. Its error is how far the middles scatter.
 */
static const char *halve_chords(const struct curve *c, size_t best, struct af_label *l)
{
    double middle[NCHORDS], sum = 0, squares = 0;
    size_t low = best, from = best, to = best;

    for (size_t i = best - 1; i <= best + 1; i++)
        low = c->coarse[i] < c->coarse[low] ? i : low;
    double depth = c->coarse_low + c->coarse_height - c->coarse[low];
    for (int k = 0; k < NCHORDS; k++) {
        double share = CHORD_LOW + k * (CHORD_HIGH - CHORD_LOW) / (NCHORDS - 1);
        double level = c->coarse[low] + share * depth;
        middle[k] = (crossing(c, low, -1, level, &from) + crossing(c, low, 1, level, &to)) / 2;
        sum += middle[k];
    }
    if (!isfinite(sum))
        return AF_LABEL_EDGE; // a flank ends below the highest chord
    for (size_t i = from; i <= to; i++)
        if (!(c->noise[i] <= NOISE_SHARE))
            return AF_LABEL_NOISE;
    *l = (struct af_label){.z0_um = sum / NCHORDS,
                           .nfit = to - from + 1,
                           .from_um = fmin(c->z[from], c->z[to]),
                           .to_um = fmax(c->z[from], c->z[to])};
    l->fit.vertex = l->fit.value = l->fit.curvature = NAN;
    for (int k = 0; k < NCHORDS; k++)
        squares += (middle[k] - l->z0_um) * (middle[k] - l->z0_um);
    l->z0_err_um = sqrt(squares / (NCHORDS - 1));
    double step = (l->to_um - l->from_um) / (double)(l->nfit - 1);
    return l->z0_err_um < CHORD_SCATTER * step ? NULL : AF_LABEL_NOISE; // no V with straight flanks
}

/* Zero near the minimum `best`: by chords where the planes lie far apart and the V is clean and
 * whole. */
static const char *settle(const struct curve *c, size_t best, double asked, struct af_label *l)
{
    double half = half_window(c, first_guess(c, best), asked);

    if (half > WIDEST * asked && !halve_chords(c, best, l))
        return NULL;
    return refine(c, best, asked, l);
}

static int find(struct curve *c, const struct af_label_opts *o, struct af_label *l)
{
    double low, asked = o->half_window_um > 0 ? o->half_window_um : AF_LABEL_HALF_WINDOW_UM;
    size_t best = 0;
    const char *reason;

    c->height = height(c->fine, c->n, &low);
    c->coarse_height = height(c->coarse, c->n, &c->coarse_low);
    c->sigma = score_sigma(c);
    if ((reason = find_minimum(c, &best)) || (reason = check_depth(c, best)) ||
        (reason = settle(c, best, asked, l)))
        return refuse(l, reason);
    l->quality = AF_LABEL_OK;
    return 0;
}

int af_label_find(const double *z_um, const struct af_scores *scores, size_t n,
                  const struct af_label_opts *o, struct af_label *l, struct af_err *err)
{
    const char *reason = check_z(z_um, n);

    for (size_t i = 0; !reason && i < n; i++)
        if (isnan(scores[i].of[AF_L2]))
            reason = scores[i].of[AF_LITERAL] > 0 ? AF_LABEL_FLAT : AF_LABEL_DARK;
    if (reason)
        return refuse(l, reason);

    double *memory = af_calloc(n, 4 * sizeof *memory, err);
    size_t *minimum = memory ? af_calloc(n / 2 + 1, sizeof *minimum, err) : NULL;
    if (!minimum) {
        free(memory);
        return -1;
    }
    struct curve c = {.n = n,
                      .z = z_um,
                      .fine = memory,
                      .coarse = memory + n,
                      .noise = memory + 2 * n,
                      .scratch = memory + 3 * n,
                      .minimum = minimum};
    for (size_t i = 0; i < n; i++) {
        c.fine[i] = scores[i].of[o->measure];
        c.coarse[i] = scores[i].of[o->measure == AF_LITERAL ? AF_LITERAL : AF_BASE];
        c.noise[i] = scores[i].noise;
    }
    find(&c, o, l);
    free(minimum);
    free(memory);
    return 0;
}

const char *af_label_reason(const char *quality)
{
    static const struct {
        const char *quality, *reason;
    } table[] = {
        {AF_LABEL_OK, "zero defocus was found"},
        {AF_LABEL_NO_Z, "z is unknown; --dz or --z-from-name can give it"},
        {AF_LABEL_Z_ORDER, "z neither rises nor falls from plane to plane"},
        {AF_LABEL_FEW, "fewer than seven planes"},
        {AF_LABEL_DARK, "a plane is black"},
        {AF_LABEL_FLAT, "the score hardly varies with z"},
        {AF_LABEL_NOISE, "no line above the noise, or no clear minimum"},
        {AF_LABEL_EDGE, "the minimum lies at an end of the stack, or beyond"},
        {AF_LABEL_TWO_MINIMA, "two minima, and nothing to choose by"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(quality, table[i].quality))
            return table[i].reason;
    return quality;
}
