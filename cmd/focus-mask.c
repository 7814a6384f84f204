/* SPDX-License-Identifier: BSD-2-Clause */
/* focus-mask: which pixels of each slice are in focus, from score maps. */
#include "base/table.h"
#include "cli/cli.h"
#include "cli/maskmatch.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/canvas.h"
#include "image/png.h"
#include "image/stackwrite.h"
#include "maps/height.h"
#include "maps/mask.h"
#include "maps/maskrun.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "focus-mask"

struct opts {
    int rule;                   // enum af_mask_rule
    double tolerance, most_err; // slices
    double threshold;           // of rule ref; NaN: the reference slice's own
    int64_t ref, fill, sweep;   // -1: the last slice; by rule; px
    bool least;
    const char *output, *compare, *overlay, *over;
    int64_t slice; // of the overlay; -1: that with the most in focus
    bool no_header, quiet;
    struct af_stackopts stack;
    const char *const *paths;
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "compare", AF_OPT_FILE, offsetof(struct opts, compare), "MASK",
     "print IoU, Dice, precision, recall against it"},
    {0, "fill", AF_OPT_INT, offsetof(struct opts, fill), "PX",
     "fill holes of up to PX pixels [0; ref: all]", NULL, 0, 1e15},
    {0, "least", AF_OPT_FLAG, offsetof(struct opts, least), NULL,
     "focus is where scores are smallest"},
    {0, "max-error", AF_OPT_REAL, offsetof(struct opts, most_err), "SLICES",
     "rule fit: standard error of a depth to use [0.5]", NULL, 1e-6, 1e9},
    {0, "min-size", AF_OPT_INT, offsetof(struct opts, sweep), "PX",
     "remove parts of less than PX pixels [0]", NULL, 0, 1e15},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write the masks there, as OME-TIFF"},
    {0, "over", AF_OPT_FILE, offsetof(struct opts, over), "STACK",
     "slices that the overlay is drawn on"},
    {0, "overlay", AF_OPT_FILE, offsetof(struct opts, overlay), "FILE",
     "draw one mask over its slice, as a PNG"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings"},
    {0, "ref", AF_OPT_INT, offsetof(struct opts, ref), "N",
     "rule ref: slice of the threshold [the last]", NULL, 0, 1e9},
    {0, "rule", AF_OPT_CHOICE, offsetof(struct opts, rule), "NAME",
     "fit, peak, ref, stack, slice [fit]", AF_MASK_RULES, 0, 0},
    {0, "slice", AF_OPT_INT, offsetof(struct opts, slice), "N",
     "that the overlay shows [most in focus]", NULL, 0, 1e9},
    {0, "threshold", AF_OPT_REAL, offsetof(struct opts, threshold), "SCORE",
     "rule ref: instead of that slice's own", NULL, -1e300, 1e300},
    {0, "tolerance", AF_OPT_REAL, offsetof(struct opts, tolerance), "SLICES",
     "rules fit and peak: farthest from focus [1]", NULL, 0, 1e9},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[MAP | --join FILE...]",
    "Mask what is in focus in each slice of a stack, by its score maps.",
    options,
};

static int check_files(const struct opts *o)
{
    const char *const out[] = {o->output, o->overlay};
    const char *const in[] = {o->compare, o->over};

    for (int i = 0; i < 2; i++) {
        if (!out[i])
            continue;
        if (af_stackopts_is_input(out[i], o->paths, o->npaths))
            return af_cli_usage(&tool, "'%s' is the map itself", out[i]);
        for (int k = 0; k < 2; k++)
            if (in[k] && af_stackopts_is_input(out[i], &in[k], 1))
                return af_cli_usage(&tool, "'%s' is read, too", out[i]);
    }
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.tolerance = 1,
                       .most_err = AF_HEIGHT_MOST_ERR,
                       .threshold = NAN,
                       .ref = -1,
                       .fill = -1,
                       .slice = -1,
                       .stack = AF_STACKOPTS_INIT};
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0)
        return status;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files are not one stack; --join makes them one", o->npaths);
    if (!o->output && !o->compare && !o->overlay)
        return af_cli_usage(&tool, "one of --output, --compare or --overlay is needed");
    if (!isnan(o->threshold) && (o->rule != AF_MASK_REF || o->ref >= 0))
        return af_cli_usage(&tool, "--threshold is of --rule ref, and excludes --ref");
    if (!o->overlay != !o->over)
        return af_cli_usage(&tool, "--overlay and --over need each other");
    if (o->output && !strcmp(o->output, "-") && (o->compare || isatty(STDOUT_FILENO)))
        return af_cli_usage(&tool, "masks do not go onto standard output with a table or a "
                                   "terminal; name a file with -o");
    return check_files(o);
}

/* Where the masks go. */
struct sink {
    const struct opts *o;
    struct af_stack *maps, *over;
    struct af_stack_writer *writer;
    struct af_maskmatch match;
    struct af_image img;   // of what the overlay lies over
    struct af_image shown; // the mask for the overlay
    size_t slice, most;    // its slice and pixels
};

static int write_mask(struct sink *k, size_t i, const struct af_image *mask, struct af_err *err)
{
    const struct af_stack_info *in = af_stack_info(k->maps);
    const double shrink = (double)in->w / (double)mask->w;
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;

    meta.nplanes = in->nplanes;
    meta.px_um = in->px_um * shrink;
    meta.py_um = in->py_um * shrink;
    meta.dz_um = in->dz_um;
    meta.date = in->date;
    meta.channel_name = "mask";
    if (!k->writer && af_stack_writer_open(&k->writer, k->o->output, &meta, err))
        return -1;
    return af_stack_writer_add(k->writer, mask, af_stack_plane(k->maps, i), err);
}

/* Keep the mask that the overlay shows. */
static int keep_mask(struct sink *k, size_t i, const struct af_image *mask, struct af_err *err)
{
    const uint8_t *p = mask->data;
    size_t n = 0;

    for (size_t x = 0; x < mask->w * mask->h; x++)
        n += p[x] != 0;
    if (k->o->slice >= 0 ? i != (size_t)k->o->slice : k->shown.data && n <= k->most)
        return 0;
    if (af_image_resize(&k->shown, mask->w, mask->h, AF_U8, err))
        return -1;
    memcpy(k->shown.data, mask->data, mask->w * mask->h);
    k->slice = i;
    k->most = n;
    return 0;
}

static int put(void *ctx, size_t i, const struct af_image *mask, struct af_err *err)
{
    struct sink *k = ctx;

    if ((k->o->output && write_mask(k, i, mask, err)) ||
        (k->match.truth && af_maskmatch_plane(&k->match, i, mask, err)) ||
        (k->over && keep_mask(k, i, mask, err)))
        return -1;
    return af_cli_stopped() ? af_fail(err, AF_ESYS, "interrupted") : 0;
}

/* ------------------------------------------------------------------ overlay */

/* The slice in gray, what is in focus tinted, its outline bright. */
static void tint(struct af_canvas *c, const struct af_image *mask)
{
    const uint8_t *m = mask->data;
    const long w = c->w, h = c->h;

    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            uint8_t *p = c->rgb + 3 * (y * w + x);
            const bool on = m[y * w + x];
            const bool edge =
                on && (x == 0 || y == 0 || x + 1 == w || y + 1 == h || !m[y * w + x - 1] ||
                       !m[y * w + x + 1] || !m[(y - 1) * w + x] || !m[(y + 1) * w + x]);

            if (edge)
                p[0] = 255, p[1] = 170, p[2] = 0;
            else if (on)
                p[0] = (uint8_t)(p[0] * 3 / 4 + 63), p[2] = (uint8_t)(p[2] * 3 / 4);
        }
}

static int draw_overlay(struct sink *k, struct af_err *err)
{
    const size_t n = k->shown.w * k->shown.h;
    struct af_scale scale = {.map = AF_MAP_GRAY};
    struct af_canvas canvas = {0};
    struct af_image gray = {0};
    int ret = -1;

    if (!k->shown.data)
        return af_fail(err, AF_EUSAGE, "--slice: no slice %d", (int)k->o->slice);
    if (af_stack_read(k->over, k->slice, &k->img, err))
        return -1;
    if (k->img.w != k->shown.w || k->img.h != k->shown.h)
        return af_fail(err, AF_EDATA, "%s: %zux%zu px, the mask is %zux%zu", k->o->over, k->img.w,
                       k->img.h, k->shown.w, k->shown.h);
    if (af_image_resize(&gray, k->img.w, k->img.h, AF_F32, err))
        goto done;
    for (size_t y = 0; y < gray.h; y++)
        for (size_t x = 0; x < gray.w; x++) {
            const size_t at = (y * gray.w + x) * af_sample_size(k->img.type);
            double v;

            af_sample_to_f64((char *)k->img.data + at, k->img.type, 1, &v);
            ((float *)gray.data)[y * gray.w + x] = (float)v;
        }
    if (af_scale_fit(&scale, gray.data, n, 0.1, err) ||
        af_canvas_init(&canvas, gray.w, gray.h, err))
        goto done;
    af_canvas_values(&canvas, 0, 0, gray.data, gray.w, gray.h, &scale);
    tint(&canvas, &k->shown);
    ret = af_png_save(k->o->overlay, canvas.rgb, gray.w, gray.h, 3, "focus-mask", err);
done:
    af_canvas_release(&canvas);
    af_image_release(&gray);
    return ret;
}

/* ---------------------------------------------------------------------- run */

static int finish(struct sink *k, struct af_err *err)
{
    struct af_stack_writer *w = k->writer;

    if (k->match.truth)
        af_maskmatch_end(&k->match);
    if (k->over && draw_overlay(k, err))
        return -1;
    k->writer = NULL;
    return w ? af_stack_writer_commit(w, err) : 0;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    const struct af_mask_opts mo = {
        .rule = (enum af_mask_rule)o->rule,
        .tolerance = o->tolerance,
        .most_err = o->most_err,
        .ref = o->ref,
        .fixed = !isnan(o->threshold),
        .threshold = o->threshold,
        .least = o->least,
        .fill = o->fill >= 0             ? (size_t)o->fill
                : o->rule == AF_MASK_REF ? SIZE_MAX
                                         : 0,
        .sweep = (size_t)o->sweep,
    };
    struct sink k = {.o = o};
    struct af_stack_opts so;
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err))
        return -1;
    so.whole = true;
    if (af_stack_open(&k.maps, o->paths, o->npaths, &so, err))
        return -1;
    if ((o->over && af_stackopts_open_beside(&k.over, o->over, k.maps, &so, err)) ||
        (o->compare &&
         af_maskmatch_open(&k.match, o->compare, k.maps, out, !o->no_header, &so, err)))
        goto done;
    af_cli_catch_signals();
    if (af_maskrun(k.maps, &mo, put, &k, err))
        goto done;
    ret = finish(&k, err);
done:
    af_stack_writer_discard(k.writer, false);
    af_image_release(&k.shown);
    af_image_release(&k.img);
    af_stack_close(k.over);
    af_maskmatch_release(&k.match);
    af_stack_close(k.maps);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, stdout, &err);
    return af_cli_end(PROG, status, &err);
}
