/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/eval.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

/* A row of a part. */
struct item {
    double bin, residual_um, sigma_um; // bin: its number; residual NaN: not trusted
    size_t stack;
};

static int by_bin(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;

    if (a->bin != b->bin)
        return a->bin < b->bin ? -1 : 1;
    return a->stack < b->stack ? -1 : a->stack > b->stack;
}

/* The rows of a part, by bin and stack; the caller frees. */
static struct item *pick(const struct af_evaltable *t, const struct af_eval_part *part, size_t *n,
                         struct af_err *err)
{
    struct item *item;

    if (part->range_um / part->bin_um > AF_EVAL_MOST_BINS) {
        af_fail(err, AF_EUSAGE, "bins of %g um over %g um are too many", part->bin_um,
                part->range_um);
        return NULL;
    }
    item = af_calloc(t->n, sizeof(*item), err);
    if (!item)
        return NULL;
    *n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct af_eval_row *r = &t->row[i];

        if ((part->day == AF_EVAL_ALL_DAYS || part->day == r->day) &&
            fabs(r->true_um) <= part->range_um)
            item[(*n)++] = (struct item){round(r->true_um / part->bin_um) + 0.0, // no -0
                                         r->defocus_um - r->true_um, r->sigma_um, r->stack};
    }
    qsort(item, *n, sizeof(*item), by_bin);
    return item;
}

static double deviation(size_t n, double sum, double squares)
{
    double m = sum / (double)n;

    return n < 2 ? NAN : sqrt(fmax(0, squares - (double)n * m * m) / (double)(n - 1));
}

/* One bin: items of it, by stack. Returns how many. */
static size_t sum_bin(const struct item *item, size_t n, double bin_um, struct af_eval_bin *b)
{
    double sum = 0, squares = 0, stack_sum = 0, means = 0, mean_squares = 0;
    size_t i, of_stack = 0;

    *b = (struct af_eval_bin){.true_um = item[0].bin * bin_um};
    for (i = 0; i < n && item[i].bin == item[0].bin; i++) {
        double e = item[i].residual_um;

        b->frames++;
        if (!isnan(e)) {
            b->trusted++;
            of_stack++;
            sum += e;
            stack_sum += e;
            squares += e * e;
        }
        if (of_stack &&
            (i + 1 == n || item[i + 1].bin != item[0].bin || item[i + 1].stack != item[i].stack)) {
            double m = stack_sum / (double)of_stack;

            b->stacks++;
            means += m;
            mean_squares += m * m;
            stack_sum = 0;
            of_stack = 0;
        }
    }
    b->mean_um = b->trusted ? sum / (double)b->trusted : NAN;
    b->rmse_um = b->trusted ? sqrt(squares / (double)b->trusted) : NAN;
    b->sd_um = deviation(b->stacks, means, mean_squares);
    return i;
}

int af_eval_bins(const struct af_evaltable *t, const struct af_eval_part *part,
                 struct af_eval_bin **bin, size_t *n, struct af_err *err)
{
    size_t nitems = 0, room = 0;
    struct item *item = pick(t, part, &nitems, err);
    int ret = -1;

    *bin = NULL;
    *n = 0;
    if (!item)
        return -1;
    for (size_t i = 0; i < nitems; (*n)++) {
        if (af_grow((void **)bin, &room, *n + 1, sizeof(**bin), err))
            goto done;
        i += sum_bin(item + i, nitems - i, part->bin_um, *bin + *n);
    }
    ret = 0;
done:
    if (ret) {
        free(*bin);
        *bin = NULL;
        *n = 0;
    }
    free(item);
    return ret;
}

static int ascending(const void *va, const void *vb)
{
    double a = *(const double *)va, b = *(const double *)vb;

    return a < b ? -1 : a > b;
}

/* Smallest value that at least 95 % are not above; x comes out sorted. */
static double quantile_95(double *x, size_t n)
{
    qsort(x, n, sizeof(*x), ascending);
    return x[(size_t)ceil(0.95 * (double)n) - 1];
}

static int by_stack(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;

    return a->stack < b->stack ? -1 : a->stack > b->stack;
}

/* Means and shares over the items. size: [n], overwritten. */
static void sum_part(struct item *item, size_t n, double *size, struct af_eval_error *e)
{
    double sum = 0, squares = 0;
    size_t known = 0, one = 0, two = 0;

    qsort(item, n, sizeof(*item), by_stack);
    for (size_t i = 0; i < n; i++) {
        double r = item[i].residual_um;

        e->stacks += i == 0 || item[i].stack != item[i - 1].stack;
        if (isnan(r))
            continue;
        size[e->trusted++] = fabs(r);
        sum += r;
        squares += r * r;
        if (isnan(item[i].sigma_um))
            continue;
        known++;
        one += fabs(r) <= item[i].sigma_um;
        two += fabs(r) <= 2 * item[i].sigma_um;
    }
    e->within_1 = known ? (double)one / (double)known : NAN;
    e->within_2 = known ? (double)two / (double)known : NAN;
    if (!e->trusted)
        return;
    e->bias_um = sum / (double)e->trusted;
    e->rmse_um = sqrt(squares / (double)e->trusted);
    e->sd_um = deviation(e->trusted, sum, squares);
    e->p95_um = quantile_95(size, e->trusted);
}

int af_eval_error(const struct af_evaltable *t, const struct af_eval_part *part,
                  struct af_eval_error *e, struct af_err *err)
{
    struct af_eval_bin *bin = NULL;
    size_t n = 0, nbins;
    struct item *item = pick(t, part, &n, err);
    double *size = item ? af_calloc(n, sizeof(*size), err) : NULL;
    int ret = -1;

    *e = (struct af_eval_error){.frames = n,
                                .bias_um = NAN,
                                .sd_um = NAN,
                                .rmse_um = NAN,
                                .p95_um = NAN,
                                .worst_um = NAN,
                                .worst_at = NAN};
    if (!size || af_eval_bins(t, part, &bin, &nbins, err))
        goto done;
    sum_part(item, n, size, e);
    for (size_t i = 0; i < nbins; i++)
        if (!isnan(bin[i].mean_um) && !(fabs(bin[i].mean_um) <= e->worst_um)) {
            e->worst_um = fabs(bin[i].mean_um);
            e->worst_at = bin[i].true_um;
        }
    ret = 0;
done:
    free(bin);
    free(size);
    free(item);
    return ret;
}

static int by_sigma(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;

    return a->sigma_um < b->sigma_um ? -1 : a->sigma_um > b->sigma_um;
}

int af_eval_promises(const struct af_evaltable *t, const struct af_eval_part *part,
                     struct af_eval_promise *promise, size_t *n, struct af_err *err)
{
    size_t nitems = 0, known = 0;
    struct item *item = pick(t, part, &nitems, err);

    *n = 0;
    if (!item)
        return -1;
    for (size_t i = 0; i < nitems; i++)
        if (!isnan(item[i].residual_um) && !isnan(item[i].sigma_um))
            item[known++] = item[i];
    qsort(item, known, sizeof(*item), by_sigma);
    for (size_t k = 0; k < AF_EVAL_PROMISES; k++) {
        size_t from = k * known / AF_EVAL_PROMISES, to = (k + 1) * known / AF_EVAL_PROMISES;
        struct af_eval_promise p = {.frames = to - from};

        if (from == to)
            continue;
        for (size_t i = from; i < to; i++) {
            double r = item[i].residual_um, s = item[i].sigma_um;

            p.sigma_um += s * s;
            p.rmse_um += r * r;
            p.within_1 += fabs(r) <= s;
            p.within_2 += fabs(r) <= 2 * s;
        }
        p.sigma_um = sqrt(p.sigma_um / (double)p.frames);
        p.rmse_um = sqrt(p.rmse_um / (double)p.frames);
        p.within_1 /= (double)p.frames;
        p.within_2 /= (double)p.frames;
        promise[(*n)++] = p;
    }
    free(item);
    return 0;
}

static int by_cell(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;

    if (a->bin != b->bin)
        return a->bin < b->bin ? -1 : 1;
    return a->residual_um < b->residual_um ? -1 : a->residual_um > b->residual_um;
}

int af_eval_histogram(const struct af_evaltable *t, const struct af_eval_part *part,
                      double residual_bin_um, struct af_eval_cell **cell, size_t *n,
                      struct af_err *err)
{
    size_t nitems = 0, known = 0, room = 0;
    struct item *item = pick(t, part, &nitems, err);
    int ret = -1;

    *cell = NULL;
    *n = 0;
    if (!item)
        return -1;
    for (size_t i = 0; i < nitems; i++)
        if (!isnan(item[i].residual_um)) {
            item[known] = item[i];
            item[known].residual_um = round(item[known].residual_um / residual_bin_um) + 0.0;
            known++;
        }
    qsort(item, known, sizeof(*item), by_cell);
    for (size_t i = 0; i < known; i++) {
        if (!i || by_cell(&item[i - 1], &item[i]) != 0) {
            if (af_grow((void **)cell, &room, *n + 1, sizeof(**cell), err))
                goto done;
            (*cell)[(*n)++] = (struct af_eval_cell){item[i].bin * part->bin_um,
                                                    item[i].residual_um * residual_bin_um, 0};
        }
        (*cell)[*n - 1].frames++;
    }
    ret = 0;
done:
    if (ret) {
        free(*cell);
        *cell = NULL;
        *n = 0;
    }
    free(item);
    return ret;
}

double af_eval_reach(const struct af_evaltable *t)
{
    double reach = 0;

    for (size_t i = 0; i < t->n; i++)
        reach = fmax(reach, fabs(t->row[i].true_um));
    return reach;
}
