/* SPDX-License-Identifier: BSD-2-Clause */
/* Several files as one stack, and where z comes from. */
#include "image/stackparts.h"

#include "base/memory.h"
#include "base/natural.h"
#include "image/zname.h"
#include <stdlib.h>
#include <string.h>

/* Take the planes of one more file; what is true of the whole comes from the first. */
static int join_file(struct af_stack *st, const char *path, struct af_err *err)
{
    struct af_stack_opts one = st->o;
    struct af_stack *part = NULL;
    size_t file;
    int ret = -1;

    one.join = false;
    one.set_z = false;
    one.z_name = NULL;
    if (strcmp(path, "-") == 0)
        return af_fail(err, AF_EUSAGE, "--join: stdin cannot be one of several files");
    if (af_stack_open(&part, &path, 1, &one, err))
        return -1;
    if (part->nfiles > 1 || !part->info.seekable) {
        af_fail(err, AF_EUSAGE, "%s: --join: %s cannot be a part of a stack", path,
                part->nfiles > 1 ? "a set of several files" : "a stream");
        goto done;
    }
    if (af_stack_add_file(st, path, part->file[0].format, &file, err))
        goto done;
    for (size_t i = 0; i < part->nplanes; i++) {
        struct af_plane p = part->plane[i];
        struct af_stack_place at = part->place[i];

        p.z = st->nplanes;
        at.file = file;
        if (af_stack_add_plane(st, &p, at, err))
            goto done;
        st->place[st->nplanes - 1].index = i;
    }
    if (file == 0) {
        st->info = part->info;
        st->bits = part->bits;
        st->date = part->date;
        st->first = part->first;
        part->date = NULL;
        part->first = (struct af_image){0};
    } else {
        st->info.missing += part->info.missing;
        if (part->info.z_source != st->info.z_source)
            st->info.z_source = AF_Z_NONE;
    }
    ret = 0;
done:
    af_stack_close(part);
    return ret;
}

int af_stack_join(struct af_stack *st, const char *const *paths, size_t n, struct af_err *err)
{
    const char **sorted = af_calloc(n, sizeof(*sorted), err);
    int ret = -1;

    if (!sorted)
        return -1;
    for (size_t i = 0; i < n; i++)
        sorted[i] = paths[i];
    af_natural_sort(sorted, n);
    for (size_t i = 0; i < n; i++)
        if (join_file(st, sorted[i], err))
            goto done;
    st->joined = true;
    st->info.nz = st->nplanes;
    st->info.nc = st->info.nt = 1;
    /* An index counts within its own file: it says nothing across files. */
    if (st->info.z_source == AF_Z_SPACING || st->info.z_source == AF_Z_IMAGEJ)
        st->info.z_source = AF_Z_NONE;
    ret = 0;
done:
    free(sorted);
    return ret;
}

int af_stack_given_z(struct af_stack *st, size_t i, struct af_err *err)
{
    struct af_plane *p = &st->plane[i];

    if (st->o.set_z) {
        bool by_index = st->info.nz > 1 && st->info.nz < st->nplanes;

        p->z_um = st->o.z0_um + st->o.dz_um * (double)(by_index ? p->z : i);
        st->info.z_source = AF_Z_GIVEN;
    } else if (st->o.z_name) {
        if (af_zname_parse(st->o.z_name, st->file[st->place[i].file].path, &p->z_um, err))
            return -1;
        st->info.z_source = AF_Z_NAME;
    }
    return 0;
}

/* A plane on its way to its place in order of z. */
struct placed {
    struct af_plane plane;
    struct af_stack_place place;
    size_t index;
};

static int by_z(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;

    if (p->plane.z_um != q->plane.z_um)
        return p->plane.z_um < q->plane.z_um ? -1 : 1;
    return p->index < q->index ? -1 : 1;
}

/* Names in natural order are not in order of z where z is signed: z-1.0 comes before z-2.0. */
static int sort_by_z(struct af_stack *st, struct af_err *err)
{
    struct placed *v = af_calloc(st->nplanes, sizeof(*v), err);

    if (!v)
        return -1;
    for (size_t i = 0; i < st->nplanes; i++)
        v[i] = (struct placed){st->plane[i], st->place[i], i};
    qsort(v, st->nplanes, sizeof(*v), by_z);
    for (size_t i = 0; i < st->nplanes; i++) {
        st->plane[i] = v[i].plane;
        st->place[i] = v[i].place;
    }
    free(v);
    return 0;
}

int af_stack_settle_z(struct af_stack *st, struct af_err *err)
{
    for (size_t i = 0; i < st->nplanes; i++) {
        if (af_stack_given_z(st, i, err))
            return -1;
        if (st->info.z_source == AF_Z_NONE)
            st->plane[i].z_um = NAN;
    }
    if (st->o.set_z)
        st->info.dz_um = fabs(st->o.dz_um);
    if (st->info.z_source >= AF_Z_MICROMANAGER && !st->fp)
        af_stack_warn(st, "%s: z from %s", st->name, af_stack_z_source(st->info.z_source));
    return st->o.join && st->o.z_name ? sort_by_z(st, err) : 0;
}
