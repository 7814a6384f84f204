/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks of any counts: what is found is measured, and a bead that is ok has numbers. */
#include "psf/field.h"
#include "psf/find.h"
#include "psf/pair.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 24, PLANES = 12, BEADS = 8, HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Counts from bytes: each of data stands for one voxel, or for a float where `wide`. */
struct stack {
    size_t w, h, n;
    double z_um[PLANES];
    float v[PLANES * SIDE * SIDE];
};

static void fill(struct stack *s, const uint8_t *data, size_t n)
{
    uint8_t kind = data[0];
    double scale = pow(10, (kind & 15) - 7);
    size_t total;

    s->w = 3 + data[1] % (SIDE - 2);
    s->h = 3 + data[2] % (SIDE - 2);
    s->n = 5 + data[3] % (PLANES - 4);
    total = s->w * s->h * s->n;
    data += HEAD;
    n -= HEAD;
    for (size_t k = 0; k < s->n; k++)
        s->z_um[k] = 0.3 * (double)k * (kind & 16 ? -1 : 1);
    for (size_t i = 0; i < total; i++) {
        float v = (float)(scale * data[i % n]);

        if (kind & 32 && i % 3 == 0 && n >= 4)
            memcpy(&v, data + i % (n - 3), sizeof v);
        s->v[i] = isfinite(v) ? v : 0;
    }
}

/* Planes k .. k + n - 1 as floats, or, four at once, as counts of 16 bits. */
static int add(const struct stack *s, struct af_psf_finder *f, size_t k, size_t n, bool counts)
{
    struct af_image img[AF_PSF_ATONCE] = {{0}};
    struct af_err err;
    int bad;

    for (size_t j = 0; j < n; j++) {
        if (af_image_resize(&img[j], s->w, s->h, counts ? AF_U16 : AF_F32, &err))
            abort();
        for (size_t i = 0; i < s->w * s->h; i++) {
            float v = s->v[(k + j) * s->w * s->h + i];

            if (counts)
                ((uint16_t *)img[j].data)[i] = (uint16_t)fminf(fmaxf(v, 0), 65535);
            else
                ((float *)img[j].data)[i] = v;
        }
    }
    bad = af_psf_finder_add(f, img, n, &err);
    for (size_t j = 0; j < n; j++)
        af_image_release(&img[j]);
    return bad;
}

static int find(const struct stack *s, struct af_psf_finder *f, bool counts,
                struct af_psf_spot **spots, size_t *nspots)
{
    size_t step = counts ? AF_PSF_ATONCE : 1;
    struct af_err err;

    if (af_psf_finder_init(f, s->w, s->h, 1.7, 1, &err))
        abort();
    for (size_t k = 0; k < s->n; k += step)
        if (add(s, f, k, s->n - k < step ? s->n - k : step, counts))
            return -1;
    return af_psf_finder_spots(f, 2, spots, nspots, &err);
}

static void check(const struct af_psf *p)
{
    if (strcmp(p->quality, AF_PSF_OK))
        return;
    if (!isfinite(p->x_um) || !isfinite(p->y_um) || !isfinite(p->z_um) || !(p->fwhm_min_um > 0) ||
        !(p->fwhm_max_um >= p->fwhm_min_um) || !(p->fwhm_z_um > 0) || !(p->snr > 0))
        abort();
}

static void measure(const struct stack *s, const struct af_psf_spot *spots, size_t n, bool fit_3d)
{
    struct af_box box = {s->w, s->h, s->n, s->v, s->z_um, 0, 0, 0.1, 0.1};
    struct af_psf_opts o = {0.4, 0.9, 0.1, NAN, 5, INFINITY, 1, fit_3d};
    float mask[SIDE * SIDE];
    struct af_psf bead[BEADS];
    struct af_psf_shift shift[BEADS];
    struct af_field field;
    struct af_err err;
    size_t kept = 0;

    for (size_t i = 0; i < s->w * s->h; i++)
        mask[i] = 1;
    for (size_t i = 0; i < n && i < BEADS; i++) {
        struct af_psf_seed seed = {spots[i].x, spots[i].y, spots[i].plane, spots[i].contrast, NULL};

        if (af_psf_measure(&box, mask, &seed, &o, &bead[kept], &err))
            abort();
        if (!bead[kept].quality)
            continue;
        check(&bead[kept++]);
    }
    if (af_field_fit(&field, bead, kept, &err) || field.nok > kept)
        abort();
    af_psf_pair(bead, kept, bead, kept, shift);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct af_psf_finder f = {0};
    struct af_psf_spot *spots = NULL;
    struct stack s;
    size_t nspots = 0;

    if (n < HEAD + 16)
        return 0;
    fill(&s, data, n);
    if (find(&s, &f, data[0] & 128, &spots, &nspots) == 0)
        measure(&s, spots, nspots, data[0] & 64);
    free(spots);
    af_psf_finder_release(&f);
    return 0;
}
