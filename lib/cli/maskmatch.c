/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/maskmatch.h"

#include "cli/stackopts.h"

int af_maskmatch_open(struct af_maskmatch *m, const char *path, const struct af_stack *of, FILE *fp,
                      bool header, const struct af_stack_opts *so, struct af_err *err)
{
    static const char *const columns[] = {"file",      "slice",  "iou",     "dice",
                                          "precision", "recall", "mask_px", "truth_px"};

    *m = (struct af_maskmatch){.path = path, .name = af_stack_info(of)->name};
    if (af_stackopts_open_beside(&m->truth, path, of, so, err))
        return -1;
    af_table_begin(&m->table, fp, columns, sizeof(columns) / sizeof(*columns), header);
    return 0;
}

void af_maskmatch_release(struct af_maskmatch *m)
{
    af_stack_close(m->truth);
    af_image_release(&m->plane);
    *m = (struct af_maskmatch){.truth = NULL};
}

static void put(struct af_maskmatch *m, bool whole, size_t slice, const struct af_mask_match *v)
{
    struct af_table_out *t = &m->table;

    af_table_text(t, m->name);
    if (whole)
        af_table_na(t);
    else
        af_table_int(t, (int64_t)slice);
    af_table_real(t, af_mask_iou(v));
    af_table_real(t, af_mask_dice(v));
    af_table_real(t, af_mask_precision(v));
    af_table_real(t, af_mask_recall(v));
    af_table_int(t, (int64_t)(v->both + v->only));
    af_table_int(t, (int64_t)(v->both + v->missed));
    af_table_end_row(t);
}

int af_maskmatch_plane(struct af_maskmatch *m, size_t i, const struct af_image *mask,
                       struct af_err *err)
{
    struct af_err why = {AF_OK, ""};
    struct af_mask_match v;

    if (af_stack_read(m->truth, i, &m->plane, err))
        return -1;
    if (af_mask_match(&v, mask, &m->plane, &why))
        return af_fail(err, why.kind, "%s: plane %zu: %s", m->path, i, why.text);
    put(m, false, i, &v);
    m->all.both += v.both;
    m->all.only += v.only;
    m->all.missed += v.missed;
    return 0;
}

void af_maskmatch_end(struct af_maskmatch *m)
{
    put(m, true, 0, &m->all);
}
