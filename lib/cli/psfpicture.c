/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/psfpicture.h"

#include "base/memory.h"
#include "base/natural.h"
#include "image/canvas.h"
#include "image/png.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, GAP = 6, LABEL = 14, COLUMNS = 15, TALLEST = 160 }; // px

/* Where a bead is in the set. */
struct seat {
    const struct af_psffile *file;
    size_t bead;
};

/* Height of the cut along z, px: in proportion to its width. */
static long cut_height(const struct af_psffile *f)
{
    const struct af_psf_picture *p = &f->run.picture[0];
    double z = fabs(f->run.z_um[p->n - 1] - f->run.z_um[0]) * (double)p->n / (double)(p->n - 1);
    double h = z / ((double)p->w * f->run.px_um) * SIDE;

    return (long)fmin(fmax(h, 8), TALLEST);
}

/* v[h][w] drawn wide x tall at x, y, each pixel as many as it takes. */
static int draw(struct af_canvas *c, long x, long y, size_t wide, size_t tall, const float *v,
                size_t w, size_t h, struct af_err *err)
{
    float *big = af_calloc(wide * tall, sizeof *big, err);
    struct af_scale scale = {.map = AF_MAP_MAGMA};
    int ret = -1;

    if (!big || af_scale_fit(&scale, v, w * h, 0, err))
        goto done;
    for (size_t j = 0; j < tall; j++)
        for (size_t i = 0; i < wide; i++)
            big[j * wide + i] = v[j * h / tall * w + i * w / wide];
    af_canvas_values(c, x, y, big, wide, tall, &scale);
    ret = 0;
done:
    free(big);
    return ret;
}

static int draw_bead(struct af_canvas *c, long x, long y, long cut, struct seat s, bool named,
                     struct af_err *err)
{
    const struct af_psf_picture *p = &s.file->run.picture[s.bead];
    const char *quality = s.file->run.bead[s.bead].quality;
    bool ok = !strcmp(quality, AF_PSF_OK);
    char text[96];

    if (draw(c, x, y, SIDE, SIDE, p->xy, p->w, p->h, err) ||
        draw(c, x, y + SIDE + 2, SIDE, (size_t)cut, p->xz, p->w, p->n, err))
        return -1;
    snprintf(text, sizeof text, "%.4s%s%zu %s", named ? s.file->well : "", named ? " " : "", s.bead,
             ok ? "" : quality);
    af_canvas_text(c, x, y + SIDE + cut + 5, 1, ok ? 0x000000 : 0xb40426, text);
    return 0;
}

int af_psfpicture_montage(const char *path, const struct af_psfset *set, struct af_err *err)
{
    struct seat seat[AF_PSF_MONTAGE];
    struct af_canvas canvas = {0};
    size_t n = 0;
    long cut = 0, cols, rows;
    int ret = -1;

    if (!af_name_ends_in(path, ".png"))
        return af_fail(err, AF_EUSAGE, "%s: a montage is named .png", path);
    for (size_t i = 0; i < set->n; i++)
        for (size_t b = 0; b < set->file[i].run.nbeads && n < AF_PSF_MONTAGE; b++) {
            cut = cut_height(&set->file[i]) > cut ? cut_height(&set->file[i]) : cut;
            seat[n++] = (struct seat){&set->file[i], b};
        }
    if (!n)
        return af_fail(err, AF_EDATA, "%s: no bead was found", path);
    cols = n < COLUMNS ? (long)n : COLUMNS;
    rows = ((long)n + cols - 1) / cols;
    long wide = SIDE + GAP, tall = SIDE + 2 + cut + LABEL + GAP;
    if (af_canvas_init(&canvas, (size_t)(cols * wide + GAP), (size_t)(rows * tall + GAP), err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (draw_bead(&canvas, GAP + (long)i % cols * wide, GAP + (long)i / cols * tall,
                      cut_height(seat[i].file), seat[i], set->n > 1, err))
            goto done;
    ret = af_png_save(path, canvas.rgb, (size_t)canvas.w, (size_t)canvas.h, 3, NULL, err);
done:
    af_canvas_release(&canvas);
    return ret;
}
