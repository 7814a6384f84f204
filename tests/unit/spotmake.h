/* SPDX-License-Identifier: BSD-2-Clause */
/* Noise-free pictures of the simulated laser spot, for tests. */
#ifndef TEST_SPOTMAKE_H
#define TEST_SPOTMAKE_H
#include "optics/spot.h"
#include <math.h>
#include <stdlib.h>

struct spotmaker {
    struct af_sim_params p;
    struct af_alignment a;
    struct af_spot spot;
    size_t w, h;
    float *light;           // [h][w] electrons
    double *rows, *columns; // [h], [w] sums
};

/* options in the words of aftools-sim(5) on top of a preset; alignment at the day's beginning. */
static void spot_begin(struct spotmaker *m, const char *options)
{
    struct af_err err = {0};

    *m = (struct spotmaker){0};
    af_sim_params_preset(&m->p, AF_PRESET_PAPER);
    if (af_sim_params_set(&m->p, options, &err))
        fail_msg("%s", err.text);
    af_alignment_at(&m->p, 0, &m->a);
    m->w = (size_t)m->p.width;
    m->h = (size_t)m->p.height;
    assert_int_equal(af_spot_init(&m->spot, &m->p, &err), 0);
    m->light = calloc(m->w * m->h, sizeof *m->light);
    m->rows = calloc(m->h, sizeof *m->rows);
    m->columns = calloc(m->w, sizeof *m->columns);
    assert_true(m->light && m->rows && m->columns);
}

static void spot_end(struct spotmaker *m)
{
    af_spot_release(&m->spot);
    free(m->light);
    free(m->rows);
    free(m->columns);
}

/* One electron's worth of light at defocus z, and its profiles. Returns what the sensor gets. */
static double spot_at(struct spotmaker *m, double z_um)
{
    struct af_err err = {0};
    double sum = 0;

    assert_int_equal(af_spot_light(&m->spot, &m->a, z_um, 1, m->light, &err), 0);
    for (size_t y = 0; y < m->h; y++)
        m->rows[y] = 0;
    for (size_t x = 0; x < m->w; x++)
        m->columns[x] = 0;
    for (size_t y = 0; y < m->h; y++)
        for (size_t x = 0; x < m->w; x++) {
            double v = m->light[y * m->w + x];
            m->rows[y] += v;
            m->columns[x] += v;
            sum += v;
        }
    return sum;
}

/* Width of a profile, px: of the box that is as high as the profile on average over itself. */
static inline double effective_width(const double *p, size_t n)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += p[i];
        squares += p[i] * p[i];
    }
    return sum * sum / squares;
}

static inline double rms_width(const double *p, size_t n)
{
    double sum = 0, mean = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += p[i];
        mean += p[i] * (double)i;
    }
    mean /= sum;
    for (size_t i = 0; i < n; i++)
        squares += p[i] * ((double)i - mean) * ((double)i - mean);
    return sqrt(squares / sum);
}

#endif
