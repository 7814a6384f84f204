/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nearest-template: the plainest look-up there is, to compare others with. Each frame of the table
 * --val gets the defocus of the most similar frame of the other tables, corrected by a parabola
 * through its distances to that frame and to the two beside it in the same stack. A table as
 * af-predict writes it goes to stdout.
 *
 * Source: the comparison of the reference study of the optics, "nearest template plus parabola".
 */
#include "base/memory.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "focus/dataset.h"
#include "signal/parabola.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PROG "nearest-template"

struct opts {
    const char *val;
};

static const struct af_option options[] = {
    {0, "val", AF_OPT_TEXT, offsetof(struct opts, val), "TABLE", "labels of the frames to look up"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "TABLE...", "Look defocus up in labelled frames.",
                                    options};

static double distance(const float *a, const float *b)
{
    float part[16] = {0}, sum = 0;

    for (size_t i = 0; i < AF_FRAME_PX; i += 16)
        for (size_t k = 0; k < 16; k++)
            part[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
    for (size_t k = 0; k < 16; k++)
        sum += part[k];
    return (double)sum;
}

/* x against template[ntrain][AF_FRAME_PX]; far: [ntrain] scratch. */
static double look_up(const struct af_dataset *d, const float *template, const float *x,
                      double *far)
{
    const struct af_labelled_plane *p = d->labels.plane;
    struct af_parabola fit;
    size_t best = 0;

    for (size_t i = 0; i < d->ntrain; i++) {
        far[i] = distance(x, template + i * AF_FRAME_PX);
        best = far[i] < far[best] ? i : best;
    }
    double at = p[d->train[best]].defocus_um;
    if (best == 0 || best + 1 == d->ntrain ||
        p[d->train[best - 1]].file != p[d->train[best + 1]].file)
        return at;
    double z[3];
    for (size_t k = 0; k < 3; k++)
        z[k] = p[d->train[best + k - 1]].defocus_um;
    if (af_parabola_fit(z, far + best - 1, 3, &fit, NULL) || !(fit.curvature > 0) ||
        fit.vertex < fmin(z[0], z[2]) || fit.vertex > fmax(z[0], z[2]))
        return at;
    return fit.vertex;
}

static int run(const struct af_dataset *d, struct af_err *err)
{
    static const char *const columns[] = {"file", "plane", "defocus_um", "trust", "true_um"};
    float *template = af_calloc(d->ntrain, AF_FRAME_PX * sizeof *template, err), x[AF_FRAME_PX];
    double *far = template ? af_calloc(d->ntrain, sizeof *far, err) : NULL;
    struct af_table_out t;

    for (size_t i = 0; far && i < d->ntrain; i++)
        af_dataset_image(d, d->train[i], 0, 0, template + i * AF_FRAME_PX);
    if (far)
        af_table_begin(&t, stdout, columns, 5, true);
    for (size_t i = 0; far && i < d->nval; i++) {
        const struct af_labelled_plane *p = &d->labels.plane[d->val[i]];
        af_dataset_image(d, d->val[i], 0, 0, x);
        af_table_text(&t, d->labels.file[p->file].name);
        af_table_int(&t, (int64_t)p->plane);
        af_table_real(&t, look_up(d, template, x, far));
        af_table_text(&t, "ok");
        af_table_real(&t, p->defocus_um);
        af_table_end_row(&t);
    }
    int ret = far ? 0 : -1;
    free(far);
    free(template);
    return ret;
}

int main(int argc, char **argv)
{
    struct opts o = {NULL};
    struct af_dataset d = {0};
    struct af_err err = {AF_OK, ""};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status >= 0)
        return status;
    if (operand == argc || !o.val)
        return af_cli_usage(&tool, "labels of templates, and --val, are needed");
    struct af_dataset_opts opts = {.tables = (const char *const *)argv + operand,
                                   .ntables = (size_t)(argc - operand),
                                   .val = o.val};
    status = af_dataset_read(&d, &opts, &err) || run(&d, &err) ? af_cli_fail(PROG, &err) : 0;
    af_dataset_release(&d);
    return status;
}
