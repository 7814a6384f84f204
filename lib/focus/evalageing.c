/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/evalageing.h"

#include "base/memory.h"
#include "base/table.h"
#include <math.h>
#include <stdlib.h>

static const double beyond = 3; // standard errors

static int add_row(struct af_eval_moves *m, const struct af_table_in *in, const int col[6],
                   struct af_err *err)
{
    struct af_eval_move v = {.sigma_um = NAN, .bias_um = NAN};
    const char *time;
    double before, after;

    if (af_table_get_real(in, col[0], &v.moved_um, err) ||
        af_table_get_real(in, col[1], &before, err) || af_table_get_real(in, col[2], &after, err) ||
        (col[3] >= 0 && af_table_get_real(in, col[3], &v.sigma_um, err)) ||
        (col[5] >= 0 && af_table_get_real(in, col[5], &v.bias_um, err)))
        return -1;
    time = af_table_get_text(in, col[4]);
    v.change_um = after - before;
    if (isnan(v.moved_um) || isnan(v.change_um))
        return 0;
    if (af_grow((void **)&m->move, &m->room, m->n + 1, sizeof(v), err) ||
        (time && !(v.time = af_strdup(time, err))))
        return -1;
    m->move[m->n++] = v;
    return 0;
}

int af_eval_moves_read(struct af_eval_moves *m, FILE *fp, const char *name, struct af_err *err)
{
    struct af_table_in in = {0};
    int col[6], got = 0, ret = -1;

    if (af_table_open(&in, fp, name, err) || (col[0] = af_table_need(&in, "moved_um", err)) < 0 ||
        (col[1] = af_table_need(&in, "before_um", err)) < 0 ||
        (col[2] = af_table_need(&in, "after_um", err)) < 0)
        goto done;
    col[3] = af_table_find(&in, "sigma_um");
    col[4] = af_table_find(&in, "time");
    col[5] = af_table_find(&in, "bias_um");
    while ((got = af_table_next(&in, err)) == 1)
        if (add_row(m, &in, col, err))
            goto done;
    ret = got;
done:
    af_table_release(&in);
    return ret;
}

void af_eval_moves_release(struct af_eval_moves *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->move[i].time);
    free(m->move);
    *m = (struct af_eval_moves){0};
}

const char *af_eval_age_word(enum af_eval_verdict v)
{
    return v == AF_EVAL_STALE ? "stale" : "ok";
}

/* Straight line through the changes over the ways. */
static void fit(const struct af_eval_move *v, size_t n, struct af_eval_age *a)
{
    double x = 0, y = 0, xx = 0, xy = 0, squares = 0, promised = 0;
    size_t known = 0;

    for (size_t i = 0; i < n; i++) {
        x += v[i].moved_um / (double)n;
        y += v[i].change_um / (double)n;
        promised += isnan(v[i].sigma_um) ? 0 : v[i].sigma_um * v[i].sigma_um;
        known += !isnan(v[i].sigma_um);
    }
    for (size_t i = 0; i < n; i++) {
        xx += (v[i].moved_um - x) * (v[i].moved_um - x);
        xy += (v[i].moved_um - x) * (v[i].change_um - y);
    }
    a->slope = xx > 0 ? xy / xx : (double)NAN;
    a->offset_um = y - (xx > 0 ? a->slope : 1) * x;
    for (size_t i = 0; i < n; i++) {
        double e = v[i].change_um - a->offset_um - (xx > 0 ? a->slope : 1) * v[i].moved_um;

        squares += e * e;
    }
    squares /= (double)(n - 2);
    a->scatter_um = sqrt(squares);
    if (known)
        squares = fmax(squares, promised / (double)known);
    a->slope_err = xx > 0 ? sqrt(squares / xx) : (double)NAN;
    a->offset_err_um = sqrt(squares * (1 / (double)n + (xx > 0 ? x * x / xx : 0)));
}

/* Mean of the known biases among n moves; how many are known. */
static size_t mean_bias(const struct af_eval_move *v, size_t n, double *mean)
{
    double sum = 0;
    size_t known = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i].bias_um)) {
            sum += v[i].bias_um;
            known++;
        }
    *mean = sum / (double)known;
    return known;
}

/* Variance of a bias, from the steps between successive ones: what ages adds little to it. */
static double bias_variance(const struct af_eval_move *v, size_t n)
{
    double squares = 0, before = NAN;
    size_t steps = 0;

    for (size_t i = 0; i < n; i++) {
        double bias = v[i].bias_um;

        if (isnan(bias))
            continue;
        if (!isnan(before)) {
            squares += (bias - before) * (bias - before);
            steps++;
        }
        before = bias;
    }
    return squares / (2 * (double)steps);
}

/* The change of the bias from the first half window of n moves to their last. */
static void compare(const struct af_eval_move *v, size_t n, size_t half, struct af_eval_age *a)
{
    double then, now;
    size_t nthen = mean_bias(v, half, &then), nnow = mean_bias(v + n - half, half, &now);

    a->bias_um = a->bias_err_um = NAN;
    if (nthen > 1 && nnow > 1) {
        a->bias_um = now - then;
        a->bias_err_um = sqrt(bias_variance(v, n) * (1 / (double)nthen + 1 / (double)nnow));
    }
}

static enum af_eval_verdict judge(const struct af_eval_age *a, const struct af_eval_age *first,
                                  const struct af_eval_ageing *rule)
{
    bool scatter = a->scatter_um > first->scatter_um + rule->tolerance_um;
    bool slope = fabs(a->slope - 1) > rule->tolerance_slope + beyond * a->slope_err;
    bool offset = fabs(a->offset_um) > rule->tolerance_um + beyond * a->offset_err_um;
    bool bias = fabs(a->bias_um) > rule->tolerance_bias_um + beyond * a->bias_err_um;

    return slope || offset || scatter || bias ? AF_EVAL_STALE : AF_EVAL_FRESH;
}

int af_eval_ageing(const struct af_eval_moves *m, const struct af_eval_ageing *rule,
                   struct af_eval_age **age, size_t *n, struct af_err *err)
{
    *age = NULL;
    *n = 0;
    if (m->n < rule->window || rule->window < 3)
        return af_fail(err, AF_ENOFOCUS, "%zu moves: %zu are needed to judge by", m->n,
                       rule->window);
    *age = af_calloc(m->n - rule->window + 1, sizeof(**age), err);
    if (!*age)
        return -1;
    for (size_t end = rule->window; end <= m->n; end++) {
        struct af_eval_age *a = &(*age)[(*n)++];

        a->time = m->move[end - 1].time;
        a->moves = rule->window;
        fit(m->move + end - rule->window, rule->window, a);
        compare(m->move, end, rule->window / 2, a);
        a->verdict = judge(a, *age, rule);
    }
    return 0;
}

const char *af_eval_stale_since(const struct af_eval_age *age, size_t n)
{
    while (n > 1 && age[n - 2].verdict == AF_EVAL_STALE)
        n--;
    return n && age[n - 1].time ? age[n - 1].time : "an unknown time";
}
