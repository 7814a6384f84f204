/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/lens.h"

#include "base/memory.h"
#include "optics/matmul.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 12 }; // pairs of rows, y and -y, in the second product

/* Distance of the i-th place of the upper half from the middle of n places. */
static double upper(size_t n, size_t i)
{
    return (double)i + (n % 2 ? 0 : 0.5);
}

/*
 * cos and sin of step x_j u_l into table[j * sj + l * sl]. Each row by rotation, set right
 * every 64 samples: errors stay below 1e-13.
 */
static void fill(float *cosine, float *sine, size_t n, size_t m, double step, size_t sj, size_t sl)
{
    for (size_t j = 0; j < (n + 1) / 2; j++) {
        double a = step * upper(n, j), ca = cos(a), sa = sin(a), c = 0, s = 0;
        for (size_t l = 0; l < m / 2; l++) {
            if (l % 64 == 0) {
                c = cos(a * upper(m, l));
                s = sin(a * upper(m, l));
            }
            cosine[j * sj + l * sl] = (float)c;
            sine[j * sj + l * sl] = (float)s;
            double next = c * ca - s * sa;
            s = s * ca + c * sa;
            c = next;
        }
    }
}

int af_lens_init(struct af_lens *l, size_t nx, size_t ny, size_t mx, size_t my, double step_x,
                 double step_y, struct af_err *err)
{
    assert(mx % 2 == 0 && my % 2 == 0);
    *l = (struct af_lens){.nx = nx, .ny = ny, .mx = mx, .my = my};
    l->step_x = step_x;
    l->step_y = step_y;
    l->half_mx = mx / 2;
    l->half_my = my / 2;
    l->half_nx = af_round_up((nx + 1) / 2, AF_MATMUL_COLUMNS);
    l->half_ny = af_round_up((ny + 1) / 2, AF_MATMUL_ROWS);
    l->wide = af_round_up(2 * mx, AF_MATMUL_COLUMNS);
    struct {
        float **p;
        size_t rows, columns;
    } want[] = {
        {&l->cos_x, l->half_mx, l->half_nx}, {&l->sin_x, l->half_mx, l->half_nx},
        {&l->cos_y, l->half_ny, l->half_my}, {&l->sin_y, l->half_ny, l->half_my},
        {&l->even, l->half_my, l->wide},     {&l->odd, l->half_my, l->wide},
        {&l->u, l->half_ny, l->wide},        {&l->v, l->half_ny, l->wide},
        {&l->rows, 8 * AT_ONCE, l->half_mx}, {&l->c, 4 * AT_ONCE, l->half_nx},
        {&l->s, 4 * AT_ONCE, l->half_nx},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!(*want[i].p = af_calloc(want[i].rows * want[i].columns, sizeof(float), err))) {
            af_lens_release(l);
            return -1;
        }
    fill(l->cos_x, l->sin_x, nx, mx, step_x, 1, l->half_nx);
    fill(l->cos_y, l->sin_y, ny, my, step_y, l->half_my, 1);
    return 0;
}

void af_lens_release(struct af_lens *l)
{
    float *all[] = {l->cos_x, l->sin_x, l->cos_y, l->sin_y, l->even, l->odd,
                    l->u,     l->v,     l->rows,  l->c,     l->s};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    *l = (struct af_lens){0};
}

/* Even and odd parts along y, and the product with cosines and sines of y. */
static void transform_y(struct af_lens *l, const float *re, const float *im)
{
    for (size_t k = 0; k < l->half_my; k++) {
        const float *part[] = {re, im};
        for (size_t p = 0; p < 2; p++) {
            const float *up = part[p] + (l->half_my + k) * l->mx;
            const float *down = part[p] + (l->half_my - 1 - k) * l->mx;
            float *even = l->even + k * l->wide + p * l->mx, *odd = l->odd + (even - l->even);
            for (size_t i = 0; i < l->mx; i++) {
                even[i] = up[i] + down[i];
                odd[i] = up[i] - down[i];
            }
        }
    }
    af_matmul(l->cos_y, l->even, l->u, l->half_ny, l->wide, l->half_my);
    af_matmul(l->sin_y, l->odd, l->v, l->half_ny, l->wide, l->half_my);
}

/*
 * Row y_j (sign +1) or -y_j of the half transformed field, E = u + sign i v, into even and odd
 * parts along x: two rows, real and imaginary, of each.
 */
static void split_row(const struct af_lens *l, size_t j, float sign, float *even, float *odd)
{
    const float *u = l->u + j * l->wide, *v = l->v + j * l->wide;
    size_t h = l->half_mx;

    for (size_t k = 0; k < h; k++) {
        size_t up = h + k, down = h - 1 - k;
        float re_up = u[up] - sign * v[l->mx + up], im_up = u[l->mx + up] + sign * v[up];
        float re_down = u[down] - sign * v[l->mx + down],
              im_down = u[l->mx + down] + sign * v[down];
        even[k] = re_up + re_down;
        even[h + k] = im_up + im_down;
        odd[k] = re_up - re_down;
        odd[h + k] = im_up - im_down;
    }
}

/* One row of intensities from cosine and sine sums, each [2][half_nx], real and imaginary. */
static void finish_row(const struct af_lens *l, size_t y, const float *c, const float *s,
                       float scale, const struct af_lens_second *second, float *out)
{
    size_t n = l->nx, middle = n / 2, h = l->half_nx;
    float a = second ? second->coherent : 0, b = second ? second->incoherent : 0;

    for (size_t i = 0; i < (n + 1) / 2; i++) {
        float right_re = c[i] - s[h + i], right_im = c[h + i] + s[i];
        float left_re = c[i] + s[h + i], left_im = c[h + i] - s[i];
        size_t right = middle + i, left = n - 1 - right;
        if (second) {
            float yr = second->y_re[y], yi = second->y_im[y];
            float xr = second->x_re[right], xi = second->x_im[right];
            float re = xr * yr - xi * yi, im = xr * yi + xi * yr;
            right_re += a * re;
            right_im += a * im;
            xr = second->x_re[left], xi = second->x_im[left];
            re = xr * yr - xi * yi, im = xr * yi + xi * yr;
            left_re += a * re;
            left_im += a * im;
        }
        out[right] = scale * (right_re * right_re + right_im * right_im + b);
        out[left] = scale * (left_re * left_re + left_im * left_im + b);
    }
}

void af_lens_intensity(struct af_lens *l, const float *re, const float *im, double scale,
                       const struct af_lens_second *second, float *out)
{
    size_t half = (l->ny + 1) / 2, block = 2 * l->half_mx, pair = 2 * l->half_nx;

    transform_y(l, re, im);
    float *even = l->rows, *odd = l->rows + 4 * AT_ONCE * l->half_mx;
    for (size_t first = 0; first < half; first += AT_ONCE) {
        size_t n = half - first < AT_ONCE ? half - first : AT_ONCE;
        for (size_t j = 0; j < n; j++) {
            split_row(l, first + j, 1, even + 2 * j * block, odd + 2 * j * block);
            split_row(l, first + j, -1, even + (2 * j + 1) * block, odd + (2 * j + 1) * block);
        }
        af_matmul(even, l->cos_x, l->c, 4 * AT_ONCE, l->half_nx, l->half_mx);
        af_matmul(odd, l->sin_x, l->s, 4 * AT_ONCE, l->half_nx, l->half_mx);
        for (size_t j = 0; j < n; j++) {
            size_t below = l->ny / 2 + first + j, above = l->ny - 1 - below;
            finish_row(l, below, l->c + 2 * j * pair, l->s + 2 * j * pair, (float)scale, second,
                       out + below * l->nx);
            finish_row(l, above, l->c + (2 * j + 1) * pair, l->s + (2 * j + 1) * pair, (float)scale,
                       second, out + above * l->nx);
        }
    }
}
