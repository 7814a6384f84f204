/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-focus-stack -o STACK --truth MASK: a focal stack of known heights, and which of its pixels
 * are within a slice of focus.
 *
 * Slice k is the texture blurred by a Gaussian of 0.5 px + 0.9 px for each slice that the surface
 * is away, times the lamp, with photon and reading noise, 8 bits. Around the object, where there
 * is one, is light and noise and nothing in focus.
 */
#include "stackmake.h"

#include "base/memory.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/option.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROG "make-focus-stack"

enum surface { DOME, ROUGH, TILTED };
enum texture { WHITE, SPOTS, CELLS, CLOUDS, FIBRES };

struct opts {
    int surface, texture;
    int64_t side, slices, seed;
    double lamp;  // of the first slice; that of the last is 1
    double noise; // times that of a usual camera
    double contrast;
    double grain; // of the texture: times its usual size
    bool bare; // light alone around the object
    const char *output, *truth;
};

static const struct af_option options[] = {
    {0, "bare", AF_OPT_FLAG, offsetof(struct opts, bare), NULL, "nothing around the object"},
    {0, "contrast", AF_OPT_REAL, offsetof(struct opts, contrast), "C", "[0.35]", NULL, 0, 1},
    {0, "grain", AF_OPT_REAL, offsetof(struct opts, grain), "TIMES", "size of the texture [1]",
     NULL, 0.1, 10},
    {0, "lamp", AF_OPT_REAL, offsetof(struct opts, lamp), "SHARE", "of the first slice [0.55]",
     NULL, 0.01, 1},
    {0, "noise", AF_OPT_REAL, offsetof(struct opts, noise), "TIMES", "[1]", NULL, 0, 100},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "stack"},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "[1]"},
    {0, "side", AF_OPT_INT, offsetof(struct opts, side), "PX", "[256]", NULL, 8, 4096},
    {0, "slices", AF_OPT_INT, offsetof(struct opts, slices), "N", "[20]", NULL, 6, 1000},
    {0, "surface", AF_OPT_CHOICE, offsetof(struct opts, surface), "NAME", "[dome]",
     "dome|rough|tilted"},
    {0, "texture", AF_OPT_CHOICE, offsetof(struct opts, texture), "NAME", "[white]",
     "white|spots|cells|clouds|fibres"},
    {0, "truth", AF_OPT_FILE, offsetof(struct opts, truth), "FILE", "masks"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make a focal stack of known heights for tests.",
                                    options};

/* A scene, [n][n] each. */
struct scene {
    size_t n;
    double *height; // slices
    bool *inside;
    double *texture; // mean 0, variance 1
    double **level;  // [nlevels] the texture ever more blurred, a third of a slice apart
    size_t nlevels;
    const struct opts *o;
    struct af_random r;
};

static double *zeros(size_t n)
{
    struct af_err err;
    double *v = af_calloc(n, sizeof(*v), &err);

    if (!v) {
        af_cli_fail(PROG, &err);
        exit(1);
    }
    return v;
}

/* Gaussian blur in place; borders repeated. */
static void blur(double *v, size_t n, double sigma)
{
    const long r = (long)ceil(3.5 * sigma), m = (long)n;
    double *k = zeros((size_t)(2 * r + 1)), *line = zeros(n + 2 * (size_t)r), sum = 0;

    for (long i = -r; i <= r; i++)
        sum += k[i + r] = exp(-(double)(i * i) / (2 * sigma * sigma));
    for (long i = 0; i <= 2 * r; i++)
        k[i] /= sum;
    for (int axis = 0; axis < 2; axis++)
        for (long j = 0; j < m; j++) {
            const long first = axis ? j : j * m, step = axis ? m : 1;

            for (long i = -r; i < m + r; i++)
                line[i + r] = v[first + (i < 0 ? 0 : i >= m ? m - 1 : i) * step];
            for (long i = 0; i < m; i++) {
                double s = 0;

                for (long d = 0; d <= 2 * r; d++)
                    s += k[d] * line[i + d];
                v[first + i * step] = s;
            }
        }
    free(line);
    free(k);
}

static void standardise(double *v, size_t n)
{
    double mean = 0, var = 0;

    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var += (v[i] - mean) * (v[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        v[i] = (v[i] - mean) / (var > 0 ? sqrt(var) : 1);
}

static double *field(size_t n, double sigma, struct af_random *r)
{
    double *v = zeros(n * n);

    for (size_t i = 0; i < n * n; i++)
        v[i] = af_random_normal(r);
    blur(v, n, sigma);
    standardise(v, n * n);
    return v;
}

/* Straight lines of random places and directions. */
static void draw_fibres(double *v, size_t n, struct af_random *r)
{
    for (size_t i = 0; i < n * n / 700 + 1; i++) {
        double x = af_random_uniform(r) * (double)n, y = af_random_uniform(r) * (double)n;
        double a = 6.283185307179586 * af_random_uniform(r), bright = 0.5 + af_random_uniform(r);

        for (int k = 0; k < 60; k++, x += cos(a), y += sin(a))
            if (x >= 0 && y >= 0 && x < (double)n && y < (double)n)
                v[(size_t)y * n + (size_t)x] = bright;
    }
}

static double *make_texture(size_t n, enum texture kind, double grain, struct af_random *r)
{
    static const double smooth[] = {[WHITE] = 1, [SPOTS] = 1.2, [CELLS] = 0.8, [FIBRES] = 0.8};
    double *v = kind == CELLS ? field(n, 4 * grain, r) : zeros(n * n);

    for (size_t i = 0; i < n * n; i++)
        if (kind == WHITE)
            v[i] = af_random_normal(r);
        else if (kind == CELLS) // walls where a smooth field is near 0
            v[i] = fabs(v[i]) < 0.3;
    for (size_t i = 0; kind == SPOTS && i < n * n / 150; i++)
        v[af_random_below(r, n * n)] += 0.5 + af_random_uniform(r);
    if (kind == FIBRES)
        draw_fibres(v, n, r);
    for (double s = 1; kind == CLOUDS && s <= 16; s *= 2) { // octaves of equal variance
        double *f = field(n, s * grain, r);

        for (size_t i = 0; i < n * n; i++)
            v[i] += f[i];
        free(f);
    }
    if (kind != CLOUDS)
        blur(v, n, smooth[kind] * grain);
    standardise(v, n * n);
    return v;
}

static void make_heights(const struct opts *o, struct scene *s, struct af_random *r)
{
    const double n = (double)s->n, low = 2.3, span = (double)o->slices - 5.3;
    const double cx = n * (0.4 + 0.2 * af_random_uniform(r));
    const double cy = n * (0.4 + 0.2 * af_random_uniform(r));
    const double radius = n * (0.36 + 0.08 * af_random_uniform(r));
    const double turn = 6.283185307179586 * af_random_uniform(r);
    double *rough = field(s->n, n / 12, r);

    for (size_t i = 0; i < s->n * s->n; i++) {
        const double x = (double)(i % s->n), y = (double)(i / s->n);
        const double d = hypot(x - cx, y - cy) / radius;
        const double along = ((x - n / 2) * cos(turn) + (y - n / 2) * sin(turn)) / n;
        const double level = o->surface == DOME    ? (d < 1 ? 1 - d * d : 0)
                             : o->surface == ROUGH ? 0.5 + rough[i] / 5
                                                   : 0.5 + along / 1.5;

        s->inside[i] = d < 1 || !o->bare;
        s->height[i] = low + span * fmin(fmax(level, 0), 1);
    }
    free(rough);
}

static double lamp_at(const struct opts *o, size_t slice)
{
    return o->lamp + (1 - o->lamp) * (double)slice / (double)(o->slices - 1);
}

/* One slice from the two nearest of the levels. */
static void expose(void *ctx, size_t slice, struct af_image *img, struct af_plane *plane)
{
    struct scene *s = ctx;
    uint8_t *p = img->data;

    plane->z_um = 2 * (double)slice;
    for (size_t i = 0; i < s->n * s->n; i++) {
        const double at = fmin(3 * fabs((double)slice - s->height[i]), (double)s->nlevels - 1.001);
        const size_t l = (size_t)at;
        double v = s->level[l][i] + (at - (double)l) * (s->level[l + 1][i] - s->level[l][i]);

        v *= lamp_at(s->o, slice);
        v += s->o->noise * af_random_normal(&s->r) * sqrt(0.3 * v + 4);
        p[i] = (uint8_t)fmin(fmax(v + 0.5, 0), 255);
    }
}

/* Which pixels of a slice are within one of focus. */
static void tell_truth(void *ctx, size_t slice, struct af_image *img, struct af_plane *plane)
{
    const struct scene *s = ctx;
    uint8_t *p = img->data;

    plane->z_um = 2 * (double)slice;
    for (size_t i = 0; i < s->n * s->n; i++)
        p[i] = s->inside[i] && fabs(s->height[i] - (double)slice) <= 1 ? 255 : 0;
}

static double **make_levels(const struct opts *o, const struct scene *s, size_t nlevels)
{
    double **level = calloc(nlevels, sizeof(*level)), was = 0;

    if (!level)
        exit(1);
    for (size_t l = 0; l < nlevels; l++) {
        const double sigma = 0.5 + 0.3 * (double)l;

        level[l] = zeros(s->n * s->n);
        for (size_t i = 0; i < s->n * s->n; i++)
            level[l][i] = l ? level[l - 1][i]
                          : !s->inside[i]
                              ? 60
                              : 100 * (1 + o->contrast * fmin(fmax(s->texture[i], -2.5), 2.5));
        blur(level[l], s->n, sqrt(sigma * sigma - was * was));
        was = sigma;
    }
    return level;
}

static int write_both(const struct opts *o, struct scene *s, struct af_err *err)
{
    struct stackmake m = {.meta = AF_STACK_META_UNKNOWN,
                          .w = s->n,
                          .h = s->n,
                          .type = AF_U8,
                          .draw = expose,
                          .ctx = s};
    int ret;

    m.meta.nplanes = (size_t)o->slices;
    m.meta.px_um = m.meta.py_um = 0.5;
    s->nlevels = 3 * m.meta.nplanes + 1;
    s->level = make_levels(o, s, s->nlevels);
    ret = stackmake(&m, o->output, err);
    m.draw = tell_truth;
    if (!ret)
        ret = stackmake(&m, o->truth, err);
    for (size_t l = 0; l < s->nlevels; l++)
        free(s->level[l]);
    free(s->level);
    return ret;
}

int main(int argc, char **argv)
{
    struct opts o = {.side = 256,
                     .slices = 20,
                     .seed = 1,
                     .lamp = 0.55,
                     .noise = 1,
                     .contrast = 0.35,
                     .grain = 1};
    struct af_err err = {AF_OK, ""};
    struct scene s = {.o = &o};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status >= 0)
        return status;
    if (!o.output || !o.truth)
        return af_cli_usage(&tool, "--output and --truth are needed");
    s.n = (size_t)o.side;
    s.height = zeros(s.n * s.n);
    s.inside = calloc(s.n * s.n, sizeof(bool));
    if (!s.inside)
        return 1;
    af_random_init(&s.r, (uint64_t)o.seed, PROG);
    make_heights(&o, &s, &s.r);
    s.texture = make_texture(s.n, (enum texture)o.texture, o.grain, &s.r);
    status = write_both(&o, &s, &err) ? af_cli_fail(PROG, &err) : 0;
    free(s.texture);
    free(s.inside);
    free(s.height);
    return status;
}
