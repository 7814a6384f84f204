/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stackcopy.h"

#include "base/outfile.h"
#include "image/pgm.h"
#include "image/stackwrite.h"
#include <string.h>

static struct af_stack_meta meta_of(const struct af_stack_info *in, const struct af_stack_copy *o)
{
    const char *slash = strrchr(in->name, '/');
    struct af_stack_meta m = AF_STACK_META_UNKNOWN;

    m.nplanes = in->nplanes == SIZE_MAX ? 0 : in->nplanes;
    m.px_um = isnan(o->pixel_um) ? in->px_um : o->pixel_um;
    m.py_um = isnan(o->pixel_um) ? in->py_um : o->pixel_um;
    m.dz_um = in->dz_um;
    m.date = in->date;
    m.image_name = slash ? slash + 1 : in->name;
    m.bigtiff = o->bigtiff;
    return m;
}

/* Each plane of the stack to put(); 0 at the end. */
static int each_plane(struct af_stack *st, const struct af_stack_copy *o,
                      int (*put)(void *to, const struct af_image *, const struct af_plane *,
                                 struct af_err *),
                      void *to, struct af_err *err)
{
    struct af_image img = {0};
    size_t i = 0, done = 0;
    int more;

    while ((more = af_stack_next(st, &img, &i, err)) == 1) {
        more = put(to, &img, af_stack_plane(st, i), err);
        if (!more && o->step && o->step(o->step_ctx, ++done))
            more = af_fail(err, AF_ESYS, "%s: interrupted", af_stack_info(st)->name);
        if (more)
            break;
    }
    /* Ctrl-C also ends whoever feeds us: that end is no end of the stack. */
    if (!more && o->step && o->step(o->step_ctx, done))
        more = af_fail(err, AF_ESYS, "%s: interrupted", af_stack_info(st)->name);
    af_image_release(&img);
    return more;
}

static int put_ome(void *to, const struct af_image *img, const struct af_plane *p,
                   struct af_err *err)
{
    return af_stack_writer_add(to, img, p, err);
}

struct pgm {
    FILE *fp;
    const char *name;
};

static int put_pgm(void *to, const struct af_image *img, const struct af_plane *p,
                   struct af_err *err)
{
    const struct pgm *out = to;
    struct af_err why = {AF_OK, ""};

    if (af_pgm_write(out->fp, img, p, &why) == 0)
        return 0;
    return why.kind == AF_ESYS ? af_fail_errno(err, "%s", out->name)
                               : af_fail(err, why.kind, "%s: %s", out->name, why.text);
}

/* Is the stack read from what the writer would begin anew? */
static int check_source(const struct af_stack *st, const char *path, struct af_err *err)
{
    const char *last = NULL;
    size_t own;

    for (size_t i = 0; i == 0 || af_stack_plane(st, i); i++) {
        const char *file = af_stack_plane_file(st, i, &own);
        int taken = file == last ? 0 : af_stack_writer_takes(path, file, err);

        if (taken < 0)
            return -1;
        if (taken)
            return af_fail(err, AF_EUSAGE,
                           "%s: writing %s would overwrite it; give one of them another name", file,
                           path);
        last = file;
    }
    return 0;
}

int af_stack_copy_ome(struct af_stack *st, const char *path, const struct af_stack_copy *o,
                      struct af_err *err)
{
    const struct af_stack_meta meta = meta_of(af_stack_info(st), o);
    struct af_stack_writer *w;

    if (check_source(st, path, err) || af_stack_writer_open(&w, path, &meta, err))
        return -1;
    if (each_plane(st, o, put_ome, w, err)) {
        af_stack_writer_discard(w, false);
        return -1;
    }
    return af_stack_writer_commit(w, err);
}

int af_stack_copy_pgm(struct af_stack *st, const char *path, const struct af_stack_copy *o,
                      struct af_err *err)
{
    struct af_outfile f = {0};
    struct pgm out = {stdout, "standard output"};

    if (strcmp(path, "-") == 0)
        return each_plane(st, o, put_pgm, &out, err);
    if (af_outfile_open(&f, path, err))
        return -1;
    out = (struct pgm){f.fp, path};
    if (each_plane(st, o, put_pgm, &out, err)) {
        af_outfile_discard(&f);
        return -1;
    }
    return af_outfile_commit(&f, err);
}
