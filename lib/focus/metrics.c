/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/metrics.h"

#include "signal/robust.h"
#include <math.h>
#include <string.h>

enum { SIDE = AF_FRAME_SIDE, NBRIGHT = 16 };

static const double base_share = 0.1; // of the values that make the base
static const double threshold = 0.1;  // of the peak, below which noise would widen the spot
static const double rounding = 1e-6;  // of an input whose r.m.s. is 1, which is float

int af_metrics_init(struct af_metrics *m, struct af_err *err)
{
    *m = (struct af_metrics){.spectrum = {.n = 0}};
    return af_spectrum_init(&m->spectrum, SIDE, err);
}

void af_metrics_release(struct af_metrics *m)
{
    af_spectrum_release(&m->spectrum);
}

/* SPREAD and HIGHEST. */
static void measure_spectrum(struct af_spectrum *s, const double *p, double *out)
{
    double power[SIDE], mean = 0, sum = 0, squares = 0, high = 0;

    for (size_t i = 0; i < SIDE; i++)
        mean += p[i] / SIDE;
    for (size_t i = 0; i < SIDE; i++)
        power[i] = p[i] - mean;
    af_spectrum_power(s, power, power);
    for (size_t k = 1; k < SIDE; k++) {
        sum += power[k];
        squares += power[k] * power[k];
        high += k > SIDE / 4 && k < SIDE - SIDE / 4 ? power[k] : 0;
    }
    /* Parseval: the squared norm is sum / SIDE, the mean power of the scaled profile 1. */
    out[AF_METRIC_SPREAD] = sqrt(fmax(0, squares * SIDE / (sum * sum) - 1));
    out[AF_METRIC_HIGHEST] = high / sum;
}

static void measure_profile(struct af_spectrum *s, const double *p, double *out)
{
    double v[SIDE], base, peak = 0, all = 0, sum = 0, first = 0, second = 0;

    memcpy(v, p, sizeof(v));
    base = af_mean_lowest(v, SIDE, base_share);
    for (size_t i = 0; i < SIDE; i++) {
        all += p[i] - base;
        peak = fmax(peak, p[i] - base);
    }
    if (peak < rounding)
        return;
    for (size_t i = 0; i < SIDE; i++) {
        double q = p[i] - base;

        if (q < threshold * peak)
            continue;
        sum += q;
        first += q * (double)i;
        second += q * (double)i * (double)i;
    }
    first /= sum;
    out[AF_METRIC_CENTRE] = first;
    out[AF_METRIC_WIDTH] = sqrt(fmax(0, second / sum - first * first));
    out[AF_METRIC_EXTENT] = fmax(0, all / peak);
    out[AF_METRIC_PEAK] = peak;
    measure_spectrum(s, p, out);
}

static double slant(const float *x, const double *out, double base, double peak)
{
    const double *along_y = out + AF_METRIC_ALONG_Y, *along_x = out + AF_METRIC_ALONG_X;
    double sum = 0, both = 0;
    double widths = along_y[AF_METRIC_WIDTH] * along_x[AF_METRIC_WIDTH];

    for (size_t y = 0; y < SIDE; y++)
        for (size_t i = 0; i < SIDE; i++) {
            double q = (double)x[y * SIDE + i] - base;

            if (q < threshold * peak)
                continue;
            sum += q;
            both += q * ((double)y - along_y[AF_METRIC_CENTRE]) *
                    ((double)i - along_x[AF_METRIC_CENTRE]);
        }
    return sum > 0 && widths > 0 ? fmax(0, 1 + both / sum / widths) : 1;
}

static void measure_picture(const float *x, double *out)
{
    double v[SIDE * SIDE], mean = 0, fourth = 0, bright = 0, base;
    size_t n = SIDE * SIDE;

    for (size_t i = 0; i < n; i++) {
        double square = (double)x[i] * (double)x[i];

        v[i] = (double)x[i];
        mean += v[i] / (double)n;
        fourth += square * square / (double)n;
    }
    base = af_mean_lowest(v, n, base_share);
    af_select(v, n, n - NBRIGHT);
    for (size_t i = n - NBRIGHT; i < n; i++)
        bright += v[i] / NBRIGHT;
    out[AF_METRIC_SUM] = fmax(0, mean - base);
    out[AF_METRIC_BRIGHTEST] = fmax(0, bright - base);
    out[AF_METRIC_FOURTH] = fourth;
    out[AF_METRIC_SLANT] = slant(x, out, base, bright - base);
}

void af_metrics_run(struct af_metrics *m, const float *x, double out[AF_METRICS])
{
    double rows[SIDE] = {0}, columns[SIDE] = {0};

    memset(out, 0, AF_METRICS * sizeof(*out));
    for (size_t y = 0; y < SIDE; y++)
        for (size_t i = 0; i < SIDE; i++) {
            rows[y] += (double)x[y * SIDE + i] / SIDE;
            columns[i] += (double)x[y * SIDE + i] / SIDE;
        }
    measure_profile(&m->spectrum, rows, out + AF_METRIC_ALONG_Y);
    measure_profile(&m->spectrum, columns, out + AF_METRIC_ALONG_X);
    if (out[AF_METRIC_ALONG_Y + AF_METRIC_PEAK] > 0 || out[AF_METRIC_ALONG_X + AF_METRIC_PEAK] > 0)
        measure_picture(x, out);
}
