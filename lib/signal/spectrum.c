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

/* w[k] = exp(-2 pi i k / n), k < m; NULL with AF_ESYS. */
static struct af_complex *roots(size_t m, size_t n, struct af_err *err)
{
    struct af_complex *w = af_calloc(m, sizeof *w, err);

    for (size_t k = 0; w && k < m; k++) {
        double phase = -2 * PI * (double)k / (double)n;
        w[k] = (struct af_complex){cos(phase), sin(phase)};
    }
    return w;
}

int af_spectrum_init(struct af_spectrum *s, size_t n, struct af_err *err)
{
    *s = (struct af_spectrum){.n = n, .m = n % 2 ? n : n / 2};
    size_t largest = factorise(s->m, s->factor);
    if (!(s->twiddle = roots(s->m, s->m, err)) || !(s->half = roots(s->m, n, err)) ||
        !(s->out = af_calloc(s->m, sizeof *s->out, err)) ||
        !(s->part = af_calloc(largest, sizeof *s->part, err))) {
        af_spectrum_release(s);
        return -1;
    }
    return 0;
}

void af_spectrum_release(struct af_spectrum *s)
{
    free(s->twiddle);
    free(s->half);
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

/*
 * The transform of the prime number of values a, part[1], ..., part[p - 1], to out[0], out[m], ....
 * Values q and p - q have conjugate factors: their sum and difference take real ones.
 */
static void join_prime(const struct af_spectrum *s, struct af_complex a, struct af_complex *out,
                       size_t p, size_t m, size_t stride)
{
    struct af_complex *part = s->part, total = a;

    for (size_t q = 1; q <= p / 2; q++) {
        struct af_complex sum = add(part[q], part[p - q]), diff = sub(part[q], part[p - q]);
        total = add(total, sum);
        part[q] = sum;
        part[p - q] = diff;
    }
    out[0] = total;
    for (size_t k = 1; k <= p / 2; k++) {
        struct af_complex even = a, odd = {0, 0};
        size_t step = k * m * stride, at = 0;
        for (size_t q = 1; q <= p / 2; q++) {
            at += step;
            at -= at >= s->m ? s->m : 0;
            struct af_complex w = s->twiddle[at];
            even.re += w.re * part[q].re;
            even.im += w.re * part[q].im;
            odd.re += w.im * part[p - q].re;
            odd.im += w.im * part[p - q].im;
        }
        out[k * m] = (struct af_complex){even.re - odd.im, even.im + odd.re};
        out[(p - k) * m] = (struct af_complex){even.re + odd.im, even.im - odd.re};
    }
}

/* p transforms of length m become one of p m; p is prime. */
static void join(const struct af_spectrum *s, struct af_complex *out, size_t p, size_t m,
                 size_t stride)
{
    for (size_t u = 0; u < m; u++) {
        struct af_complex a = out[u], b;
        for (size_t q = 1; q < p; q++)
            s->part[q] = mul(out[u + q * m], s->twiddle[q * u * stride]);
        if (p > 2) {
            join_prime(s, a, out + u, p, m, stride);
        } else if (p == 2) {
            b = s->part[1];
            out[u] = add(a, b);
            out[u + m] = sub(a, b);
        }
    }
}

/*
 * out: the transform of in[0], in[stride], ..., m / stride values, which are pairs of
 * neighbours as real and imaginary part where n is even. Decimation in time.
 */
static void transform(const struct af_spectrum *s, struct af_complex *out, const double *in,
                      size_t stride, const size_t *factor)
{
    size_t p = *factor, m = s->m / stride / p, step = s->m < s->n ? 2 : 1;

    for (size_t q = 0; q < p; q++) {
        const double *first = in + q * stride * step;
        if (m == 1)
            out[q] = (struct af_complex){first[0], step == 2 ? first[1] : 0};
        else
            transform(s, out + q * m, first, stride * p, factor + 1);
    }
    if (p == 4)
        join4(s, out, m, stride);
    else
        join(s, out, p, m, stride);
}

/*
 * F_k of the whole from Z, the transform of even values plus i times odd ones:
 * even = (Z_k + conj Z_m-k) / 2, odd = (Z_k - conj Z_m-k) / 2i, F_k = even + exp(-2 pi i k / n)
 * odd.
 */
static struct af_complex unpack(const struct af_spectrum *s, size_t k)
{
    struct af_complex z = s->out[k], back = s->out[k ? s->m - k : 0];
    struct af_complex even = {(z.re + back.re) / 2, (z.im - back.im) / 2};
    struct af_complex odd = {(z.im + back.im) / 2, (back.re - z.re) / 2};

    return add(even, mul(s->half[k], odd));
}

void af_spectrum_power(struct af_spectrum *s, const double *x, double *power)
{
    transform(s, s->out, x, 1, s->factor);
    for (size_t k = 0; k < s->m; k++) {
        struct af_complex f = s->m < s->n ? unpack(s, k) : s->out[k];
        power[k] = f.re * f.re + f.im * f.im;
        if (s->m < s->n && k > 0)
            power[s->n - k] = power[k];
    }
    if (s->m < s->n) {
        double middle = s->out[0].re - s->out[0].im;
        power[s->m] = middle * middle;
    }
}
