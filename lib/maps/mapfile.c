/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/mapfile.h"

#include "base/memory.h"
#include "base/number.h"
#include "image/ome.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[4] = {"map_width_px", "map_height_px", "map_cell_px", "map_overlap"};

void af_mapfile_put(struct af_mapfile_keys *k, const struct af_mapfile_geometry *g)
{
    const double value[4] = {(double)g->w, (double)g->h, (double)g->cell, g->overlap};

    for (int i = 0; i < 4; i++) {
        snprintf(k->text[i], sizeof(k->text[i]), "%.9g", value[i]);
        k->key[i] = (struct af_keyvalue){names[i], k->text[i]};
    }
}

static bool fits(const struct af_stack_info *info, const struct af_mapfile_geometry *g)
{
    return (info->w == g->w && info->h == g->h) ||
           (info->w == (g->w - 1) / g->cell + 1 && info->h == (g->h - 1) / g->cell + 1);
}

int af_mapfile_geometry(const struct af_stack *st, struct af_mapfile_geometry *g,
                        struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(st);
    const char *xml = af_stack_ome(st);
    struct af_ome ome = {0};
    double v[4] = {0};
    int found = 0;

    *g = (struct af_mapfile_geometry){info->w, info->h, 1, 1};
    if (xml && af_ome_parse(&ome, xml, strlen(xml), info->name, AF_STACK_MAX_PLANES, err)) {
        af_ome_release(&ome);
        return -1;
    }
    for (int i = 0; xml && i < 4; i++) {
        const char *text = af_ome_value(&ome, names[i]);

        found += text && !af_parse_real(text, &v[i], NULL) && v[i] >= 1 && v[i] < 1e9;
    }
    af_ome_release(&ome);
    if (found == 4)
        *g = (struct af_mapfile_geometry){(size_t)v[0], (size_t)v[1], (size_t)v[2], v[3]};
    if (!fits(info, g))
        return af_fail(err, AF_EDATA, "%s: maps of %zux%zu px, but for slices of %zux%zu px",
                       info->name, info->w, info->h, g->w, g->h);
    return 0;
}

int af_mapfile_read(struct af_stack *st, size_t i, const struct af_mapfile_geometry *g,
                    struct af_image *img, float *out, struct af_err *err)
{
    const struct af_stack_info *info = af_stack_info(st);
    const size_t nx = (g->w - 1) / g->cell + 1, ny = (g->h - 1) / g->cell + 1;
    const size_t step = info->w == nx && info->h == ny ? 1 : g->cell;
    double *row;

    if (af_stack_read(st, i, img, err))
        return -1;
    if (img->w != info->w || img->h != info->h)
        return af_fail(err, AF_EDATA, "%s: plane %zu: %zux%zu px, plane 0 is %zux%zu", info->name,
                       i, img->w, img->h, info->w, info->h);
    if (!(row = af_calloc(img->w, sizeof(*row), err)))
        return -1;
    for (size_t y = 0; y < ny; y++) {
        af_image_row_f64(img, y * step, row);
        for (size_t x = 0; x < nx; x++)
            out[y * nx + x] = (float)row[x * step];
    }
    free(row);
    return 0;
}
