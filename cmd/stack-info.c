/* SPDX-License-Identifier: BSD-2-Clause */
/* stack-info: what lies in a stack, a table row per plane. */
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "image/stack.h"
#include "image/verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROG "stack-info"

struct opts {
    bool no_header, ome, quiet, verbose, verify;
    struct af_stackopts stack;
    const char *const *paths; // operands, or "-"
    size_t npaths;
};

static const struct af_option options[] = {
    AF_STACKOPTS_ROWS(struct opts, stack),
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "ome", AF_OPT_FLAG, offsetof(struct opts, ome), NULL, "print the OME-XML instead"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings"},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say what kind of stack it is, on stderr"},
    {0, "verify", AF_OPT_FLAG, offsetof(struct opts, verify), NULL,
     "print what is wrong instead; status 1 if anything"},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[STACK... | --join FILE...]",
    "Show what lies in image stacks, a table row per plane.",
    options,
};

static const char *const plane_columns[] = {"file",        "plane",  "z_um",  "x_um",     "y_um",
                                            "exposure_ms", "time_s", "width", "height",   "bits",
                                            "min",         "max",    "mean",  "saturated"};
static const char *const verify_columns[] = {"file", "plane", "problem", "detail"};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.stack = AF_STACKOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (o->ome && o->verify)
        return af_cli_usage(&tool, "--ome and --verify exclude each other");
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    return -1;
}

static int print_planes(struct af_stack *st, struct af_table_out *t, struct af_err *err)
{
    struct af_image img = {0};
    struct af_image_stats s;
    size_t i, own;
    int more;

    while ((more = af_stack_next(st, &img, &i, err)) == 1) {
        const struct af_plane *p = af_stack_plane(st, i);

        af_image_measure(&img, &s);
        af_table_text(t, af_stack_plane_file(st, i, &own));
        af_table_int(t, (int64_t)own);
        af_table_real(t, p->z_um);
        af_table_real(t, p->x_um);
        af_table_real(t, p->y_um);
        af_table_real(t, p->exposure_ms);
        af_table_real(t, p->time_s);
        af_table_int(t, (int64_t)img.w);
        af_table_int(t, (int64_t)img.h);
        af_table_int(t, img.bits);
        af_table_real(t, s.min);
        af_table_real(t, s.max);
        af_table_real(t, s.mean);
        af_table_int(t, (int64_t)s.saturated);
        af_table_end_row(t);
        if (!af_stack_info(st)->seekable && fflush(t->fp)) { // a live pipe stays live
            more = af_fail_errno(err, "standard output");
            break;
        }
    }
    af_image_release(&img);
    return more;
}

struct verify_ctx {
    struct af_table_out *t;
    const struct af_stack *st;
};

static void print_problem(void *ctx, size_t plane, const char *problem, const char *detail)
{
    const struct verify_ctx *v = ctx;
    size_t own;

    if (plane == SIZE_MAX) {
        af_table_text(v->t, af_stack_info(v->st)->name);
        af_table_na(v->t);
    } else {
        af_table_text(v->t, af_stack_plane_file(v->st, plane, &own));
        af_table_int(v->t, (int64_t)own);
    }
    af_table_text(v->t, problem);
    af_table_text(v->t, detail);
    af_table_end_row(v->t);
}

static int print_ome(const struct af_stack *st, struct af_err *err)
{
    const char *xml = af_stack_ome(st);

    if (!xml)
        return af_fail(err, AF_EDATA, "%s: has no OME-XML", af_stack_info(st)->name);
    fputs(xml, stdout);
    if (*xml && xml[strlen(xml) - 1] != '\n')
        putchar('\n');
    return 0;
}

static void say_kind(const struct af_stack_info *in)
{
    fprintf(stderr, "%s: %s: %s", PROG, in->name, in->format);
    if (in->nplanes != SIZE_MAX)
        fprintf(stderr, ", %zu plane%s (C %zu, T %zu, Z %zu) of %zux%zu px, %s of %u bit%s",
                in->nplanes, in->nplanes == 1 ? "" : "s", in->nc, in->nt, in->nz, in->w, in->h,
                af_sample_name(in->type), in->bits, in->bits == 1 ? "" : "s");
    fprintf(stderr, ", z %s%s\n", in->z_source == AF_Z_NONE ? "" : "from ",
            af_stack_z_source(in->z_source));
}

/* One stack; the status it ends with. */
static int show(const struct opts *o, const struct af_stack_opts *so, const char *const *paths,
                size_t n, struct af_table_out *t)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack *st = NULL;
    long found = 0;
    int bad;

    bad = af_stack_open(&st, paths, n, so, &err);
    if (!bad && o->verbose)
        say_kind(af_stack_info(st));
    if (!bad && o->ome) {
        bad = print_ome(st, &err);
    } else if (!bad && o->verify) {
        struct verify_ctx v = {t, st};

        found = af_stack_verify(st, print_problem, &v, &err);
        bad = found < 0;
    } else if (!bad) {
        bad = print_planes(st, t, &err);
    }
    af_stack_close(st);
    if (bad)
        return af_cli_fail(PROG, &err);
    return found ? 1 : 0;
}

static int run(const struct opts *o)
{
    struct af_err err = {AF_OK, ""};
    struct af_stack_opts so;
    struct af_table_out t;
    int status = 0;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &so, &err))
        return af_cli_fail(PROG, &err);
    if (o->verify)
        af_table_begin(&t, stdout, verify_columns, COUNT(verify_columns), !o->no_header);
    else if (!o->ome)
        af_table_begin(&t, stdout, plane_columns, COUNT(plane_columns), !o->no_header);
    if (o->stack.join)
        return show(o, &so, o->paths, o->npaths, &t);
    for (size_t i = 0; i < o->npaths; i++)
        status = af_cli_worst(status, show(o, &so, &o->paths[i], 1, &t));
    return status;
}

int main(int argc, char **argv)
{
    struct opts o;
    int status = parse_args(argc, argv, &o);

    if (status < 0)
        status = run(&o);
    return af_cli_close_stdout(PROG, status);
}
