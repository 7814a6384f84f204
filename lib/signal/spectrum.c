/* SPDX-License-Identifier: BSD-2-Clause */
#include "signal/spectrum.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

/* Factors of n, 4s first; returns the largest. */
static size_t factorise(size_t n, size_t factor[64])
{
    size_t count = 0, largest = 1;

    for (size_t p = 4; n > 1; p = p == 4 ? 2 : p == 2 ? 3 : p + 2) {
        if (p > 4 && p * p > n)
            p = n;
        for (; n % p == 0; n /= p) {
            factor[count++] = p;
            largest = p > largest ? p : largest;
        }
    }
    factor[count] = 1;
    return largest;
}

int af_spectrum_init(struct af_spectrum *s, size_t n, struct af_err *err)
{
    *s = (struct af_spectrum){.n = n};
    size_t largest = factorise(n, s->factor);
    s->twiddle = af_calloc(n, sizeof *s->twiddle, err);
    s->out = s->twiddle ? af_calloc(n, sizeof *s->out, err) : NULL;
    s->part = s->out ? af_calloc(largest, sizeof *s->part, err) : NULL;
    if (!s->part) {
        af_spectrum_release(s);
        return -1;
    }
    for (size_t k = 0; k < n; k++) {
        double phase = -2 * PI * (double)k / (double)n;
        s->twiddle[k] = (struct af_complex){cos(phase), sin(phase)};
    }
    return 0;
}

void af_spectrum_release(struct af_spectrum *s)
{
    free(s->twiddle);
    free(s->out);
    free(s->part);
    *s = (struct af_spectrum){0};
}

static struct af_complex add(struct af_complex a, struct af_complex b)
{
    return (struct af_complex){a.re + b.re, a.im + b.im};
}

static struct af_complex sub(struct af_complex a, struct af_complex b)
{
    return (struct af_complex){a.re - b.re, a.im - b.im};
}

static struct af_complex mul(struct af_complex a, struct af_complex b)
{
    return (struct af_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* Four transforms of length m at out, out + m, ... become one of 4 m. */
static void join4(const struct af_spectrum *s, struct af_complex *out, size_t m, size_t stride)
{
    const struct af_complex *w = s->twiddle;

    for (size_t u = 0; u < m; u++) {
        struct af_complex a = out[u], b = mul(out[u + m], w[u * stride]);
        struct af_complex c = mul(out[u + 2 * m], w[2 * u * stride]),
                          d = mul(out[u + 3 * m], w[3 * u * stride]);
        struct af_complex sum = add(a, c), diff = sub(a, c), odd = add(b, d), turn = sub(b, d);
        out[u] = add(sum, odd);
        out[u + m] = (struct af_complex){diff.re + turn.im, diff.im - turn.re};
        out[u + 2 * m] = sub(sum, odd);
        out[u + 3 * m] = (struct af_complex){diff.re - turn.im, diff.im + turn.re};
    }
}

/* p transforms of length m become one of p m, by the definition of the transform. */
static void join(const struct af_spectrum *s, struct af_complex *out, size_t p, size_t m,
                 size_t stride)
{
    const struct af_complex *w = s->twiddle;

    for (size_t u = 0; u < m; u++) {
        for (size_t q = 0; q < p; q++)
            s->part[q] = mul(out[u + q * m], w[q * u * stride]);
        for (size_t k = 0; k < p; k++) {
            struct af_complex sum = s->part[0];
            size_t step = k * m * stride, at = 0;
            for (size_t q = 1; q < p; q++) {
                at += step;
                at -= at >= s->n ? s->n : 0;
                sum = add(sum, mul(s->part[q], w[at]));
            }
            out[u + k * m] = sum;
        }
    }
}

/* out: the transform of in[0], in[stride], ..., n / stride values. Decimation in time. */
static void transform(const struct af_spectrum *s, struct af_complex *out, const double *in,
                      size_t stride, const size_t *factor)
{
    size_t p = *factor, m = s->n / stride / p;

    for (size_t q = 0; q < p; q++) {
        if (m == 1)
            out[q] = (struct af_complex){in[q * stride], 0};
        else
            transform(s, out + q * m, in + q * stride, stride * p, factor + 1);
    }
    if (p == 4)
        join4(s, out, m, stride);
    else
        join(s, out, p, m, stride);
}

void af_spectrum_power(struct af_spectrum *s, const double *x, double *power)
{
    transform(s, s->out, x, 1, s->factor);
    for (size_t k = 0; k < s->n; k++)
        power[k] = s->out[k].re * s->out[k].re + s->out[k].im * s->out[k].im;
}
