/* SPDX-License-Identifier: BSD-2-Clause */
/* stack-copy: any stack in, OME-TIFF or a PGM stream out. */
#include "base/progress.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/stackcopy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROG "stack-copy"

enum { FORMAT_OME, FORMAT_PGM };

struct opts {
    bool bigtiff, quiet;
    int format; // FORMAT_OME or FORMAT_PGM
    const char *output;
    double pixel_um; // NaN: as the input says
    struct af_stackopts stack;
    const char *const *paths; // operands, or "-"
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "bigtiff", AF_OPT_FLAG, offsetof(struct opts, bigtiff), NULL,
     "write BigTIFF also below 3.9 GB"},
    {0, "format", AF_OPT_CHOICE, offsetof(struct opts, format), "ome|pgm",
     "OME-TIFF or a PGM stream [ome]", "ome|pgm"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write there, - is stdout [-]"},
    {0, "pixel", AF_OPT_LENGTH, offsetof(struct opts, pixel_um), "LENGTH",
     "pixel size in the sample [from the file]", NULL, 1e-6, 1e6},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings, no progress"},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK | --join FILE...]",
    "Copy a stack of any kind to OME-TIFF, or to a stream of PGM frames.",
    options,
};

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.output = "-", .pixel_um = NAN, .stack = AF_STACKOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->bigtiff && o->format == FORMAT_PGM)
        return af_cli_usage(&tool, "--bigtiff and --format pgm exclude each other");
    if (o->npaths > 1 && !o->stack.join)
        return af_cli_usage(&tool, "%zu files are not one stack; --join makes them one", o->npaths);
    if (af_stackopts_misleads(o->output, o->format == FORMAT_PGM ? ".pgm" : ".tif"))
        return af_cli_usage(&tool, "--output: '%s': what is written is %s", o->output,
                            o->format == FORMAT_PGM ? "PGM" : "OME-TIFF; see --format");
    if (strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "not writing an image to a terminal; name a file with -o");
    return -1;
}

static int step(void *ctx, size_t done)
{
    af_progress_step(ctx, done, NULL);
    return af_cli_stopped();
}

/* What is written has one channel and one time: several become one run of planes. */
static void warn_of_mixture(const struct opts *o, const struct af_stack_info *in)
{
    if (o->quiet || o->format == FORMAT_PGM)
        return;
    if (in->nc > 1 && !o->stack.channel)
        af_cli_warn(PROG, "%s: %zu channels become planes of one; --channel picks one", in->name,
                    in->nc);
    if (in->nt > 1 && !o->stack.time)
        af_cli_warn(PROG, "%s: %zu times become planes of one; --time picks one", in->name, in->nt);
}

static int run(const struct opts *o, struct af_err *err)
{
    struct af_progress progress = {0};
    struct af_stack_copy copy = {
        .bigtiff = o->bigtiff, .pixel_um = o->pixel_um, .step = step, .step_ctx = &progress};
    struct af_stack_opts so;
    struct af_stack *st = NULL;
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, err) ||
        af_stack_open(&st, o->paths, o->npaths, &so, err))
        return -1;
    warn_of_mixture(o, af_stack_info(st));
    af_cli_catch_signals();
    af_progress_begin(&progress, o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG, "planes",
                      af_stack_info(st)->nplanes == SIZE_MAX ? 0 : af_stack_info(st)->nplanes);
    ret = o->format == FORMAT_PGM ? af_stack_copy_pgm(st, o->output, &copy, err)
                                  : af_stack_copy_ome(st, o->output, &copy, err);
    af_progress_end(&progress);
    af_stack_close(st);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, &err);
    return af_cli_end(PROG, status, &err);
}
