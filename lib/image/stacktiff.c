/* SPDX-License-Identifier: BSD-2-Clause */
/* What the pages of a TIFF file, and of those it names, mean together. */
#include "image/stackparts.h"

#include "base/memory.h"
#include "image/imagej.h"
#include "image/ome.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks may place a plane more than once, up to so many times on average if there are max_planes.
 */
enum { PLACED_MOST = 256 };

/* ------------------------------------------------- sets of several files */

/* Path of a file in the folder of `beside`; NULL with AF_ESYS, or AF_EDATA where the name leaves
 * the folder. */
static char *sibling(const char *beside, const char *file, struct af_err *err)
{
    const char *slash = strrchr(beside, '/');

    if (strchr(file, '/') || !*file) {
        af_fail(err, AF_EDATA, "%s: names '%s' as a part, which is outside its folder", beside,
                file);
        return NULL;
    }
    return af_format(err, "%.*s%s", slash ? (int)(slash - beside + 1) : 0, beside, file);
}

/* Does a block lie in the file that was opened? A file that was renamed is known by its UUID, or by
 * being the only one. */
static bool is_own(const struct af_stack *st, const struct af_ome *ome,
                   const struct af_ome_block *b, bool only)
{
    const char *slash = strrchr(st->name, '/'), *base = slash ? slash + 1 : st->name;

    if (!b->file && !b->uuid)
        return true;
    if (b->uuid && ome->uuid && strcmp(b->uuid, ome->uuid) == 0)
        return true;
    if (b->file && strcmp(b->file, base) == 0)
        return true;
    return only;
}

/* Do all blocks of all images name the same file, and none lie in the one at hand unnamed? */
static bool one_file(const struct af_ome *ome)
{
    const char *file = NULL;
    bool unnamed = false;

    for (size_t i = 0; i < ome->nimages; i++)
        for (size_t b = 0; b < ome->image[i].nblocks; b++) {
            const char *f = ome->image[i].block[b].file;

            if (f && file && strcmp(f, file) != 0)
                return false;
            unnamed |= !f;
            file = f ? f : file;
        }
    return !(file && unnamed);
}

/*
 * Index of the file that a block lies in, 0 the one opened, SIZE_MAX absent.
 * -1 with AF_ESYS.
 */
static int find_file(struct af_stack *st, const struct af_ome *ome, const struct af_ome_block *b,
                     bool only, size_t *index, struct af_err *err)
{
    struct af_err why = {AF_OK, ""};
    char *path;
    int ret = 0;

    *index = 0;
    if (is_own(st, ome, b, only))
        return 0;
    *index = SIZE_MAX;
    if (!b->file || strcmp(st->name, "-") == 0)
        return 0;
    if (!(path = sibling(st->name, b->file, &why))) {
        if (why.kind == AF_ESYS)
            return af_fail(err, AF_ESYS, "%s", why.text);
        af_stack_warn(st, "%s", why.text);
        return 0;
    }
    for (size_t i = 1; i < st->nfiles && *index == SIZE_MAX; i++)
        if (strcmp(st->file[i].path, path) == 0)
            *index = i;
    if (*index == SIZE_MAX && access(path, R_OK) == 0)
        ret = af_stack_add_file(st, path, AF_FILE_TIFF, index, err);
    free(path);
    return ret;
}

/* ------------------------------------------------------------ OME-XML */

/* An image's planes being found. */
struct layout {
    struct af_stack_place *where; // [n], in dimension order; file SIZE_MAX: not there
    size_t n;
    size_t absent; // planes in files that are not there
    size_t placed; // by all blocks so far
    bool only;     // all blocks lie in one file
};

/* Fill `where` from one block. */
static int place_block(struct af_stack *st, const struct af_ome *ome, const struct af_ome_image *im,
                       const struct af_ome_block *b, struct layout *l, struct af_err *err)
{
    size_t at = af_ome_index(im, b->c, b->t, b->z), file, count = b->count;

    if (find_file(st, ome, b, l->only, &file, err))
        return -1;
    if (!count)
        count = file == 0 && b->ifd < af_tiff_npages(st->tiff) ? af_tiff_npages(st->tiff) - b->ifd
                                                               : l->n;
    count = count < l->n - at ? count : l->n - at;
    l->placed += count;
    if (l->placed / PLACED_MOST > st->o.max_planes)
        return af_fail(err, AF_EDATA,
                       "%s: its OME-XML puts planes into the same places again and again",
                       st->name);
    for (size_t k = 0; k < count; k++) {
        if (file == SIZE_MAX)
            l->absent++;
        else if (file > 0 || b->ifd + k < af_tiff_npages(st->tiff))
            l->where[at + k] = (struct af_stack_place){file, b->ifd + k, 0};
    }
    return 0;
}

/* Which image: the one asked for, or the first that has a plane in the file opened. */
static int choose_image(struct af_stack *st, const struct af_ome *ome, size_t *choice,
                        struct af_err *err)
{
    *choice = 0;
    if (st->o.series > ome->nimages)
        return af_fail(err, AF_EUSAGE, "%s: has %zu image%s, no image %zu", st->name, ome->nimages,
                       ome->nimages == 1 ? "" : "s", st->o.series);
    if (st->o.series) {
        *choice = st->o.series - 1;
        return 0;
    }
    for (size_t i = 0; i < ome->nimages; i++)
        for (size_t b = 0; b < ome->image[i].nblocks; b++)
            if (is_own(st, ome, &ome->image[i].block[b], false)) {
                *choice = i;
                return 0;
            }
    return 0;
}

/* Is any image about the file that was opened? */
static bool about_this(const struct af_stack *st, const struct af_ome *ome)
{
    bool only = one_file(ome);

    for (size_t i = 0; i < ome->nimages; i++) {
        if (!ome->image[i].nblocks)
            return true;
        for (size_t b = 0; b < ome->image[i].nblocks; b++)
            if (is_own(st, ome, &ome->image[i].block[b], only))
                return true;
    }
    return false;
}

static bool wanted(const struct af_stack *st, const struct af_plane *p)
{
    return (!st->o.channel || p->c == st->o.channel - 1) && (!st->o.time || p->t == st->o.time - 1);
}

/* z of the planes by the first source that has it; sets st->info.z_source. */
static void ome_z(struct af_stack *st, const struct af_ome_image *im, bool private_z, bool page_z)
{
    if (im->has_z && !im->z_relative)
        st->info.z_source = AF_Z_POSITION;
    else if (private_z)
        st->info.z_source = AF_Z_MICROMANAGER;
    else if (page_z)
        st->info.z_source = AF_Z_PAGE;
    else if (im->has_z)
        st->info.z_source = AF_Z_POSITION;
    else if (!isnan(im->dz_um) && im->nz > 1)
        st->info.z_source = AF_Z_SPACING;
    if (st->info.z_source == AF_Z_POSITION && im->z_relative)
        af_stack_warn(st, "%s: PositionZ has no unit of length, taken as um", st->name);
}

static double or_else(double a, double b)
{
    return isnan(a) ? b : a;
}

static void merge_plane(struct af_plane *p, const struct af_plane *page, enum af_z_source source,
                        double dz_um)
{
    if (source == AF_Z_MICROMANAGER || source == AF_Z_PAGE)
        p->z_um = page->z_um;
    else if (source == AF_Z_SPACING)
        p->z_um = dz_um * (double)p->z;
    p->x_um = or_else(p->x_um, page->x_um);
    p->y_um = or_else(p->y_um, page->y_um);
    p->exposure_ms = or_else(p->exposure_ms, page->exposure_ms);
    p->time_s = or_else(p->time_s, page->time_s);
}

static const struct af_tiff_page *own_page(const struct af_stack *st,
                                           const struct af_stack_place *at)
{
    return at->file == 0 ? af_tiff_page(st->tiff, at->page) : NULL;
}

static int keep_planes(struct af_stack *st, const struct af_ome_image *im,
                       const struct af_stack_place *where, struct af_err *err)
{
    size_t n = im->nc * im->nt * im->nz;
    bool private_z = false, page_z = false;

    for (size_t i = 0; i < n; i++) {
        const struct af_tiff_page *page =
            where[i].file == SIZE_MAX ? NULL : own_page(st, &where[i]);

        if (page && !isnan(page->plane.z_um))
            *(page->micromanager ? &private_z : &page_z) = true;
    }
    ome_z(st, im, private_z, page_z);
    for (size_t i = 0; i < n; i++) {
        const struct af_plane unknown = AF_PLANE_UNKNOWN;
        struct af_plane p = im->plane[i];

        if (!wanted(st, &p))
            continue;
        if (where[i].file == SIZE_MAX) {
            st->info.missing++;
            continue;
        }
        merge_plane(&p, own_page(st, &where[i]) ? &own_page(st, &where[i])->plane : &unknown,
                    st->info.z_source, im->dz_um);
        if (af_stack_add_plane(st, &p, where[i], err))
            return -1;
    }
    return 0;
}

static int from_image(struct af_stack *st, const struct af_ome *ome, const struct af_ome_image *im,
                      struct af_err *err)
{
    struct layout l = {.n = im->nc * im->nt * im->nz, .only = one_file(ome)};
    int ret = -1;

    if (!(l.where = af_calloc(l.n, sizeof(*l.where), err)))
        return -1;
    for (size_t i = 0; i < l.n; i++) {
        bool there = !im->nblocks && i < af_tiff_npages(st->tiff);

        l.where[i] = (struct af_stack_place){there ? 0 : SIZE_MAX, i, 0};
    }
    for (size_t b = 0; b < im->nblocks; b++)
        if (place_block(st, ome, im, &im->block[b], &l, err))
            goto done;
    st->info.format = "OME-TIFF";
    st->info.nc = im->nc;
    st->info.nt = im->nt;
    st->info.nz = im->nz;
    st->bits = im->bits;
    st->info.px_um = im->px_um;
    st->info.py_um = im->py_um;
    st->info.dz_um = im->dz_um;
    if (keep_planes(st, im, l.where, err))
        goto done;
    if (im->date && !(st->date = af_strdup(im->date, err)))
        goto done;
    ret = st->info.missing ? af_stack_lack(st, err, "%s: %zu of the %zu planes it promises are %s",
                                           st->name, st->info.missing, l.n,
                                           l.absent ? "in files that are absent" : "not there")
                           : 0;
done:
    free(l.where);
    return ret;
}

static int read_metadata_file(const struct af_stack *st, const char *file, char **text, size_t *n,
                              struct af_err *err)
{
    char *path = sibling(st->name, file, err);
    FILE *fp = path ? fopen(path, "rb") : NULL;
    size_t room = 0, got = 0;
    int ret = -1;

    *text = NULL;
    *n = 0;
    if (path && !fp)
        af_fail_errno(err, "%s: the OME-XML of %s", path, st->name);
    while (fp && *n <= AF_OME_MAX) {
        if (af_grow((void **)text, &room, *n + 65536, 1, err))
            break;
        got = fread(*text + *n, 1, room - *n, fp);
        *n += got;
        if (got)
            continue;
        ret = ferror(fp) ? af_fail_errno(err, "%s", path) : 0;
        break;
    }
    if (fp)
        fclose(fp);
    free(path);
    return ret;
}

/* Parse the description, or the file that it names instead. */
static int parse_ome(const struct af_stack *st, struct af_ome *ome, struct af_err *err)
{
    char *text, *file, *uuid;
    size_t n;
    int ret;

    if (af_ome_parse(ome, st->ome, strlen(st->ome), st->name, st->o.max_planes, err))
        return -1;
    if (!ome->metadata_file || ome->nimages)
        return 0;
    file = ome->metadata_file;
    uuid = ome->uuid; // that of this file
    ome->metadata_file = ome->uuid = NULL;
    af_ome_release(ome);
    ret = read_metadata_file(st, file, &text, &n, err) ||
          af_ome_parse(ome, text, n, file, st->o.max_planes, err);
    free(text);
    free(file);
    free(ome->uuid);
    ome->uuid = uuid;
    if (!ret && !ome->nimages)
        ret = af_fail(err, AF_EDATA, "%s: OME-XML without an Image", st->name);
    return ret ? -1 : 0;
}

/* 1: done; 0: not OME, or broken beyond use, which is said; -1: AF_ESYS, AF_EUSAGE. */
static int from_ome(struct af_stack *st, struct af_err *err)
{
    struct af_err why = {AF_OK, ""};
    struct af_ome ome = {0};
    size_t choice;
    int ret = -1;

    if (!af_ome_is(af_tiff_description(st->tiff)))
        return 0;
    if (!(st->ome = af_strdup(af_tiff_description(st->tiff), err)))
        return -1;
    if (parse_ome(st, &ome, &why)) {
        if (why.kind == AF_ESYS) {
            af_fail(err, AF_ESYS, "%s", why.text);
        } else {
            af_stack_warn(st, "%s; read as plain TIFF", why.text);
            ret = 0;
        }
    } else if (!st->o.series && !about_this(st, &ome)) {
        af_stack_warn(st,
                      "%s: its OME-XML is about other files (has it been renamed?); "
                      "read as plain TIFF",
                      st->name);
        ret = 0;
    } else if (choose_image(st, &ome, &choice, err) == 0 &&
               from_image(st, &ome, &ome.image[choice], err) == 0) {
        ret = 1;
    }
    af_ome_release(&ome);
    return ret;
}

/* --------------------------------------------------- other kinds of TIFF */

static int from_imagej(struct af_stack *st, const struct af_imagej *ij, struct af_err *err)
{
    size_t pages = af_tiff_npages(st->tiff), n = ij->nc * ij->nz * ij->nt;

    if (pages == 1 && n > 1) {
        if (n > st->o.max_planes)
            return af_fail(err, AF_EDATA, "%s: more than %zu planes", st->name, st->o.max_planes);
        if (af_tiff_unroll(st->tiff, n, err))
            return -1;
        pages = n;
    }
    st->info.format = "ImageJ TIFF";
    st->info.nc = ij->nc;
    st->info.nt = ij->nt;
    st->info.nz = ij->nz;
    st->info.dz_um = fabs(ij->spacing_um);
    st->info.z_source = isnan(ij->spacing_um) || ij->nz == 1 ? AF_Z_NONE : AF_Z_IMAGEJ;
    if (pages < n) {
        st->info.missing = n - pages;
        if (af_stack_lack(st, err, "%s: %zu of the %zu planes it promises are not there", st->name,
                          n - pages, n))
            return -1;
    }
    for (size_t i = 0; i < pages; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;

        p.c = i % ij->nc;
        p.z = i / ij->nc % ij->nz;
        p.t = i / ij->nc / ij->nz;
        if (st->info.z_source == AF_Z_IMAGEJ)
            p.z_um = ij->spacing_um * (double)p.z;
        if (wanted(st, &p) && af_stack_add_plane(st, &p, (struct af_stack_place){0, i, 0}, err))
            return -1;
    }
    return 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Pages in their order, thumbnails left out; Micro-Manager's and our own pages say their z. */
static int from_pages(struct af_stack *st, struct af_err *err)
{
    bool any_z = false, micromanager = false;

    st->info.format = "TIFF";
    for (size_t i = 0; i < af_tiff_npages(st->tiff); i++) {
        const struct af_tiff_page *page = af_tiff_page(st->tiff, i);
        struct af_plane p = page->plane;

        if (page->reduced && af_tiff_npages(st->tiff) > 1)
            continue;
        if (!page->micromanager)
            p.z = i;
        micromanager |= page->micromanager;
        any_z |= !isnan(p.z_um); // that of the last may be cut off
        st->info.nc = larger(st->info.nc, p.c + 1);
        st->info.nt = larger(st->info.nt, p.t + 1);
        st->info.nz = larger(st->info.nz, p.z + 1);
        if (wanted(st, &p) && af_stack_add_plane(st, &p, (struct af_stack_place){0, i, 0}, err))
            return -1;
    }
    if (micromanager)
        st->info.format = "Micro-Manager TIFF";
    if (any_z)
        st->info.z_source = micromanager ? AF_Z_MICROMANAGER : AF_Z_PAGE;
    return 0;
}

static int fail_empty(const struct af_stack *st, struct af_err *err)
{
    if (st->o.channel > st->info.nc)
        return af_fail(err, AF_EUSAGE, "%s: has %zu channel%s, no channel %zu", st->name,
                       st->info.nc, st->info.nc == 1 ? "" : "s", st->o.channel);
    if (st->o.time > st->info.nt)
        return af_fail(err, AF_EUSAGE, "%s: has %zu time%s, no time %zu", st->name, st->info.nt,
                       st->info.nt == 1 ? "" : "s", st->o.time);
    return af_fail(err, AF_EDATA, "%s: no plane that is there", st->name);
}

int af_stack_from_tiff(struct af_stack *st, struct af_err *err)
{
    const char *damage = af_tiff_damage(st->tiff), *date = af_tiff_date(st->tiff);
    struct af_imagej ij;
    int done = from_ome(st, err);

    if (done < 0)
        return -1;
    if (!done) {
        if (st->o.series > 1)
            return af_fail(err, AF_EUSAGE, "%s: has 1 image, no image %zu", st->name, st->o.series);
        if (af_imagej_parse(af_tiff_description(st->tiff), &ij) ? from_imagej(st, &ij, err)
                                                                : from_pages(st, err))
            return -1;
        st->info.px_um = st->info.py_um = af_tiff_pixel_um(st->tiff);
    }
    if (damage) {
        st->info.missing += !st->info.missing;
        if (af_stack_lack(st, err, "%s: cut short behind page %zu: %s", st->name,
                          af_tiff_npages(st->tiff) - 1, damage))
            return -1;
    }
    if (!st->date && date && !(st->date = af_strdup(date, err)))
        return -1;
    if (!st->nplanes)
        return fail_empty(st, err);
    if (!st->bits)
        st->bits = af_tiff_page(st->tiff, 0)->depth;
    if (af_tiff_page(st->tiff, 0)->extra && !af_tiff_page(st->tiff, 0)->refuse &&
        !af_tiff_page(st->tiff, 0)->colour)
        af_stack_warn(st, "%s: samples beside gray, such as alpha, are left out", st->name);
    return 0;
}
